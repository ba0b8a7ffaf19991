"""What the media relay has to know of a call, taken from the call's own turns.

In direct mode there is no relay and SDP passes as it is.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from adapters.sip.sdp import streams
from core.events import joined, observed
from core.events.base import Observed
from core.events.decided import CallAnswered, CallEnded, CallTransferred
from core.events.facts import Media
from core.events.turn import Turn
from core.machines.passing import ASK

Side = Literal["caller", "leg"]
CALLER: Side = "caller"
LEG: Side = "leg"
TOLD_IN = frozenset((  # What may say where somebody sends from.
    observed.InviteArrived, joined.PickupArrived, observed.CallerAcked, observed.LegProgressed,
    observed.LegAnswered, observed.RequestArrived, observed.RequestAnswered, observed.RequestAcked,
))  # fmt: skip
MOVES = frozenset((CallAnswered, CallTransferred, CallEnded))
ACROSS: dict[Side, Side] = {CALLER: LEG, LEG: CALLER}


class Relay(Protocol):
    """As ``adapters.net.relay`` has it; this layer opens no sockets."""

    def open(self, call: str, streams: int) -> tuple[tuple[int, ...], tuple[int, ...]]: ...
    def reopen(self, call: str, caller_ports: Sequence[int], leg_ports: Sequence[int]) -> None: ...
    def expect(
        self, call: str, side: Side, n: int, host: str, rtp_port: int, rtcp_port: int
    ) -> None: ...
    def hold(self, call: str, on: bool) -> None: ...


class MediaDesk:
    """``relay`` is None where there is none.  ``closing`` lists the calls that have no more use
    of it.  Whether new calls go through it may change; those that do already stay with it.
    """

    def __init__(self, relay: Relay | None = None) -> None:
        self.relay = relay
        self.takes_new = True  # Not in direct mode.
        self.relayed: dict[str, dict[str, Side]] = {}  # By call: where each of its parties is.
        self.offers: dict[str, dict[str, bytes]] = {}  # By call and leg of a transfer.
        self.counts: dict[str, int] = {}  # How many streams it was given ports for.
        self.closing: list[str] = []

    def open(self, call: str, offer: bytes, is_wanted: bool) -> Media:
        """Ports for as many streams as the offer has; where it comes later, for one."""
        if self.relay is None or not self.takes_new or not is_wanted:
            return Media()
        count = len(streams(offer)) if offer else 1
        toward_caller, toward_legs = self.relay.open(call, max(1, count))
        self.relay_through(call, toward_legs)
        return Media(toward_caller=toward_caller, toward_legs=toward_legs)

    def reopen(self, call: str, media: Media) -> None:
        if self.relay is not None and media.toward_legs:
            self.relay.reopen(call, media.toward_caller, media.toward_legs)
            self.relay_through(call, media.toward_legs)

    def relay_through(self, call: str, ports: Sequence[int]) -> None:
        self.relayed[call], self.offers[call] = {"caller": CALLER}, {}
        self.counts[call] = len(ports)

    def follow(self, turn: Turn) -> None:
        call = turn.originator_id
        if self.relay is None or call not in self.relayed:
            return
        if type(turn.seen) in TOLD_IN:
            self.learn(call, turn.seen)
        for entry in turn.did:
            if type(entry) not in MOVES:
                continue
            if isinstance(entry, CallAnswered):
                self.relayed[call][entry.by] = LEG
                self.relay.hold(call, on=False)
            elif isinstance(entry, CallTransferred):
                self.replace(call, entry.by, entry.to, turn.seen)
            else:
                del self.relayed[call], self.offers[call], self.counts[call]
                self.closing.append(call)

    def learn(self, call: str, seen: Observed) -> None:
        places = self.relayed[call]
        has_winner = len(places) > 1
        match seen:
            case observed.InviteArrived(offer=offer):
                self.expect(call, CALLER, offer)
            case joined.PickupArrived(offer=offer):
                self.expect(call, LEG, offer)
            case observed.CallerAcked(answer=answer):
                self.expect(call, CALLER, answer)
            case observed.LegAnswered(leg=leg, answer=offer) if has_winner:
                self.offers[call][leg] = offer
            case observed.RequestAnswered(by=leg, number=number, body=offer) if number == ASK:
                self.offers[call][leg] = offer
            case observed.LegProgressed(answer=answer) | observed.LegAnswered(answer=answer):
                if not has_winner:
                    self.expect(call, LEG, answer)
            case observed.RequestArrived(by=by, body=body) if by in places:
                self.expect(call, places[by], body)
            case observed.RequestAnswered(by=by, body=body, code=code) if by in places:
                if code < 300:
                    self.expect(call, ACROSS[places[by]], body)
            case observed.RequestAcked(by=by, body=body) if by in places:
                self.expect(call, places[by], body)

    def replace(self, call: str, by: str, to: str, seen: Observed) -> None:
        """Another one is in the place of this party, and the other side has answered its offer."""
        places = self.relayed[call]
        side = places[to] = places.pop(by)
        self.expect(call, side, self.offers[call].pop(to, b""))
        if isinstance(seen, observed.RequestAnswered):
            self.expect(call, ACROSS[side], seen.body)

    def expect(self, call: str, side: Side, body: bytes) -> None:
        if not body or self.relay is None:
            return
        described = streams(body)[: self.counts[call]]
        for n, stream in enumerate(described):
            self.relay.expect(call, side, n, stream.host, stream.port, stream.rtcp_port)
        has_winner = len(self.relayed[call]) > 1
        self.relay.hold(call, on=not has_winner or any(one.held for one in described))
