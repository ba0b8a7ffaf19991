"""Discovery in this service: as a hotspot it announces itself, as a client it seeks one.

Without a socket, as the engine: datagrams come in with the time, and what has to leave is
fetched after the commit.  Both ends are always there, for the mode may change at run time;
only one of them is at work.
"""

import platform
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from adapters.net.announcing import Announcing, Offer
from adapters.net.beacon import Sip
from adapters.net.intake import Intake
from adapters.net.leaving import Leaving, Place
from adapters.net.seeking import Card, Seeking
from adapters.sip.directory import Directory
from adapters.sip.surroundings import Surroundings
from core.events.decided import (
    UplinkChanged,
    UplinkCleared,
    UplinkConnected,
    UplinkLeft,
    UplinkLost,
)
from core.events.turn import Turn
from core.machines.switchboard import kind_of
from service.config import Hotspot

MODEL = "siphotspot"
UPLINK_MOVES = (UplinkConnected, UplinkChanged, UplinkLost, UplinkLeft, UplinkCleared)


class Discovery:
    """``sip`` is where our phones register, and where a hotspot reaches us as its client.

    Of the sockets, which it does not know, it is told for the owner: their ``problem``, as it
    is now, and ``errors``, what they could not send or receive, by name.
    """

    def __init__(self, around: Surroundings, hotspot: Hotspot, sip: Sip) -> None:
        self.sip = sip
        self.problem = ""
        self.due: int | None = None
        self.due_is_known = False
        self.errors: Callable[[], Counter[str]] = Counter
        self.is_client = hotspot.mode == "client"
        self.announcing = Announcing(around, offer_of(hotspot, sip))
        self.seeking = Seeking(
            around,
            Card(hotspot.name if self.is_client else platform.node()[:64] or MODEL, MODEL, sip),
            hotspot.port,
            group_of(hotspot),
            key_of(hotspot),
        )

    @property
    def intake(self) -> Intake:
        return self.seeking.intake if self.is_client else self.announcing.intake

    def start(self, hotspot: Hotspot, at: int) -> None:
        """The log has been read, and the settings are as the owner left them."""
        self.due_is_known = False
        self.is_client = hotspot.mode == "client"
        self.set_up(hotspot)
        if self.is_client:
            self.seeking.start(at)
        else:
            self.seeking.close(at)
            self.announcing.start(at)

    def change(self, hotspot: Hotspot, at: int) -> None:
        """The owner's settings as they are now (S24)."""
        self.due_is_known = False
        self.set_up(hotspot)
        was, self.is_client = self.is_client, hotspot.mode == "client"
        if self.is_client and not was:
            self.seeking.start(at)
        elif was and not self.is_client:
            self.seeking.close(at)

    def moved(self, at: int) -> None:
        """The interfaces of this machine are others, or have other addresses."""
        self.due_is_known = False
        end = self.seeking if self.is_client else self.announcing
        end.moved(at)

    def notice(self, at: int) -> str:
        """What its owner should know: why it cannot work, or that a client hears nothing."""
        return self.problem or self.seeking.notice(at)

    def set_up(self, hotspot: Hotspot) -> None:
        self.announcing.change_offer(offer_of(hotspot, self.sip))
        self.announcing.refresh()
        self.announcing.tell_what_is_lent()
        self.seeking.port, self.seeking.group = hotspot.port, group_of(hotspot)
        self.seeking.intake.key = key_of(hotspot)

    def completed(self, directory: Directory) -> Directory:
        """With the clients that joined; as a client, with what is lent to us and nothing else.

        Its own lines sign off with their own passwords.
        """
        if not self.is_client:
            return replace(directory, joined=self.announcing.phones)
        lines = dict(self.seeking.lines)
        own = directory.own and replace(directory.own, lines=tuple(lines))
        return replace(directory, phones={}, lines=lines, own_lines=directory.lines, own=own)

    def carry_out(self, turn: Turn) -> None:
        """Called for every turn but those of calls."""
        self.due_is_known = False
        self.announcing.carry_out(turn)
        self.seeking.carry_out(turn)

    def receive(self, data: bytes, source: Place, interface: int, at: int) -> None:
        """Anything from the wire.  Raises nothing, whatever it is."""
        self.due_is_known = False
        end = self.seeking if self.is_client else self.announcing
        end.receive(data, source, interface, at)

    def handle_timers(self, at: int) -> None:
        self.due_is_known = False
        self.announcing.handle_timers(at)
        self.seeking.handle_timers(at)

    def next_deadline(self) -> int | None:
        """In Unix nanoseconds.  Asked after every datagram of a call, so it is kept."""
        if not self.due_is_known:
            due = (self.announcing.next_deadline(), self.seeking.next_deadline())
            self.due = min((one for one in due if one is not None), default=None)
            self.due_is_known = True
        return self.due

    def is_waiting(self) -> bool:
        """Whether something has to leave."""
        return bool(self.announcing.outbox or self.seeking.outbox)

    def take_out(self) -> list[Leaving]:
        return self.announcing.take_out() + self.seeking.take_out()


def offer_of(hotspot: Hotspot, sip: Sip) -> Offer:
    return Offer(hotspot.name, sip, hotspot.join, key_of(hotspot), hotspot.max_clients)


def key_of(hotspot: Hotspot) -> bytes | None:
    if hotspot.join != "key" or hotspot.join_key is None:
        return None
    return hotspot.join_key.reveal().encode()


def group_of(hotspot: Hotspot) -> str:
    """What is listened to, in words."""
    where = f"multicast {hotspot.address}" if hotspot.monitor == "multicast" else "broadcast"
    return f"{where} port {hotspot.port}" + (
        f" on {hotspot.interface}" if hotspot.interface else ""
    )


def is_move(turn: Turn) -> bool:
    """Whether our lines are others after this turn."""
    is_uplink = kind_of(turn.originator_id) == "uplink"
    return is_uplink and any(isinstance(entry, UPLINK_MOVES) for entry in turn.did)
