"""The client's end of discovery: it finds a hotspot, joins it and stays (design section 7).

The same four calls as ``announcing``.  What the uplink's machine orders comes back by
``carry_out``; asking again for what nobody answered, renewing in time and counting the
time to live is done here and is not in the log, and neither are the passwords of the
lines: after a restart the client joins again and is told them anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.net.beacon import (
    Beacon,
    Deny,
    Dropped,
    Goodbye,
    Join,
    Leave,
    Sip,
    Solicit,
    Welcome,
)
from adapters.net.borrowed import Borrowed
from adapters.net.following import PATIENCE_NS, Asking, Following
from adapters.net.found import Hotspots
from adapters.net.intake import Intake
from adapters.net.leaving import NO_MAC, Leaving, Outbox, Place, place, spelled
from adapters.sip.surroundings import SECOND_NS, Surroundings
from core.events.base import Decision, Observed
from core.events.decided import (
    JoinBegan,
    JoinFailed,
    UplinkChanged,
    UplinkCleared,
    UplinkConnected,
    UplinkLeft,
    UplinkLost,
)
from core.events.discovered import (
    ClientModeEnded,
    DenyArrived,
    GoodbyeArrived,
    JoinUnanswered,
    UplinkTimedOut,
    UserConnected,
    UserDisconnected,
    WelcomeArrived,
)
from core.events.facts import Lent
from core.events.orders import SendJoin, SendLeave
from core.events.turn import Turn
from core.machines.switchboard import kind_of, name_of
from core.machines.uplink import Phase, Uplink, is_of_the_past

SOLICIT_AFTER_S = (1, 1, 2)  # After the first, each after the one before.
SOLICIT_EVERY_S = 10
LEAVE_AGAIN_NS = (SECOND_NS * 3 // 10, SECOND_NS)
TTL_S = 60  # Until a welcome says how long it is.
RECORDED_MAX = 64  # Hotspots of which the log knows without our having joined them.

APART = (Phase.ABSENT, Phase.FOUND, Phase.LOST, Phase.CLEARED)
TOGETHER = (Phase.JOINING, Phase.CONNECTED)


@dataclass(frozen=True)
class Card:
    """What a client says of itself.  The MAC is that of the interface used where it is zero."""

    name: str
    model: str
    sip: Sip  # Where it can be called; a wildcard stands for the interface that is used.
    mac: bytes = NO_MAC


class Seeking:
    """``lines`` are the entries of what is lent, for ``Directory.lines``.

    ``group`` says what it listens to, for the notice; ``port`` is where hotspots are joined.
    """

    def __init__(
        self, around: Surroundings, card: Card, port: int, group: str, key: bytes | None = None
    ) -> None:
        self.around = around
        self.card = card
        self.port = port
        self.group = group
        self.id = bytes.fromhex(around.identifiers.derived("client", octets=16))
        self.intake = Intake(key)
        self.found = Hotspots()
        self.borrowed = Borrowed(around)
        self.lines = self.borrowed.lines
        self.outbox = Outbox()
        self.later: list[tuple[int, Leaving, str]] = []  # Due when, and to which hotspot.
        self.is_on = False
        self.current = ""  # The hotspot that is being joined or is connected.
        self.following = Following(self.found, self.uplink)
        self.asking = Asking()
        self.renew_at: int | None = None
        self.until: int | None = None  # The end of its time to live.
        self.ttl_s = TTL_S
        self.solicited = 0
        self.solicit_at: int | None = None
        self.silent_since = 0  # When we began to listen, or heard a beacon last.

    def uplink(self, hotspot: str) -> Uplink:
        state: Uplink = self.around.house.board.state(f"uplink:{hotspot}")
        return state

    def hear(self, seen: Observed, hotspot: str) -> None:
        self.around.house.hear(seen, self.around.at, f"uplink:{hotspot}")

    def uplinks(self) -> Iterator[tuple[str, Uplink]]:
        for stream, state in [*self.around.house.board.states.items()]:
            if kind_of(stream) == "uplink":
                yield name_of(stream), state

    # -- Four calls ----------------------------------------------------------------------------

    def start(self, at: int) -> None:
        """The log has been read, or this device has just become a client."""
        self.around.at = at
        self.is_on = True
        self.silent_since = at
        self.be_alone(at)
        since = self.around.house.since
        known = [(since.get(f"uplink:{name}", 0), name) for name, state in self.uplinks()]
        self.following.chosen = max(((at, name) for at, name in known if at), default=(0, ""))[1]
        for hotspot, state in self.uplinks():
            if state.phase in TOGETHER:
                self.current = self.following.chosen = hotspot
                if state.phase is Phase.CONNECTED:
                    self.borrowed.hold(state.lines)
                    self.until = at + self.ttl_s * SECOND_NS
                self.ask(at)

    def close(self, at: int) -> None:
        """This device is no client any more, or never was in this run."""
        self.around.at = at
        for hotspot, state in self.uplinks():
            if state.phase in TOGETHER:
                self.hear(ClientModeEnded(), hotspot)
        self.found.clear()
        self.solicit_at = None
        self.is_on = False

    def receive(self, data: bytes, source: Place, interface: int, at: int) -> None:
        """Anything from the wire.  Raises nothing, whatever it is."""
        self.around.at = at
        if not self.is_on:
            return
        try:
            datagram = self.intake.take(data, source[0], at)
        except Dropped:
            return
        match datagram:
            case Beacon():
                self.beacon(datagram, source, interface, at)
            case Welcome(client=self.id) if self.is_ours(datagram.hotspot, source):
                self.welcomed(datagram, at)
            case Deny(client=self.id) if self.is_ours(datagram.hotspot, source):
                self.following.denied(self.current, at, datagram.reason)
                self.hear(DenyArrived(reason=datagram.reason), self.current)
            case Goodbye():
                self.goodbye(datagram, source)

    def handle_timers(self, at: int) -> None:
        self.around.at = at
        self.outbox.extend(leaving for due, leaving, _ in self.later if due <= at)
        self.later = [each for each in self.later if each[0] > at]
        self.found.expire(at)
        if self.until is not None and self.until <= at:
            self.hear(UplinkTimedOut(), self.current)
        if self.renew_at is not None and self.renew_at <= at:
            self.ask(at)
        self.ask_again(at)
        if self.solicit_at is not None and self.solicit_at <= at:
            self.solicit(at)

    def next_deadline(self) -> int | None:
        """In Unix nanoseconds."""
        due = [self.until, self.renew_at, self.asking.next_deadline(), self.solicit_at]
        due += [self.found.next_deadline(), *(due for due, *_ in self.later)]
        return min((one for one in due if one is not None), default=None)

    def moved(self, at: int) -> None:
        """Our interfaces are others: the hotspot hears at once where we are."""
        self.around.at = at
        if self.current:
            self.ask(at)
        elif self.is_on:
            self.solicited, self.solicit_at = 0, at

    def take_out(self) -> list[Leaving]:
        return self.outbox.take_out()

    # -- The user --------------------------------------------------------------------------------

    def disconnect(self, at: int) -> None:
        """Raises ``ValueError`` where there is nothing to disconnect."""
        self.around.at = at
        hotspot = self.current or self.following.chosen
        if not hotspot:
            raise ValueError("no hotspot is connected")
        self.hear(UserDisconnected(), hotspot)

    def connect(self, name: str, at: int) -> None:
        """By its id or its address; raises ``ValueError`` where no such hotspot is heard."""
        self.around.at = at
        hotspot = self.found.named(name)
        if hotspot == self.current:
            return
        if self.current:
            self.hear(UserDisconnected(), self.current)
        self.following.welcomed(hotspot)
        self.following.chosen = hotspot
        found = self.found[hotspot]
        self.hear(found.seen(fits=False), hotspot)
        self.hear(UserConnected(), hotspot)
        if found.is_past:  # Now it counts.
            self.hear(found.seen(fits=False), hotspot)

    def notice(self, at: int) -> str:
        """What the user should know where nothing is found; else nothing."""
        if not self.is_on or self.found or at - self.silent_since < PATIENCE_NS:
            return ""
        return (
            f"no hotspot is heard on {self.group}; one that is switched on there has the same "
            f"monitor type, address and port{self.intake.dropped_in_words()}"
        )

    def heard(self) -> list[dict[str, object]]:
        """One row a hotspot that is heard, for the user (S17)."""
        since = self.around.house.since
        rows = []
        for hotspot, found in self.found.items():
            row = found.row(self.uplink(hotspot).phase.value, since.get(f"uplink:{hotspot}", 0))
            rows.append({**row, "why": self.following.why(hotspot)})
        return rows

    # -- Turns become datagrams ------------------------------------------------------------------

    def carry_out(self, turn: Turn) -> None:
        """Called for every turn; those of uplinks are for us."""
        if kind_of(turn.originator_id) == "uplink":
            for entry in turn.did:
                self.carry_out_of(name_of(turn.originator_id), entry, turn.at)

    def carry_out_of(self, hotspot: str, entry: Decision, at: int) -> None:
        match entry:
            case JoinBegan():
                self.current = hotspot
            case SendJoin():
                self.later = [each for each in self.later if each[2] != hotspot]  # It stays.
                self.ask(at)
            case SendLeave():
                leaving = self.toward(hotspot, Leave(self.id, bytes.fromhex(hotspot)))
                self.outbox += leaving
                self.later += [(at + ns, one, hotspot) for ns in LEAVE_AGAIN_NS for one in leaving]
            case UplinkConnected(lines=lines) | UplinkChanged(lines=lines):
                self.following.chosen = hotspot
                self.solicit_at = None
                self.borrowed.hold(lines)
            case JoinFailed() | UplinkLost() | UplinkLeft() | UplinkCleared():
                if hotspot == self.current:
                    self.be_alone(at)

    def be_alone(self, at: int) -> None:
        self.current = ""
        self.intake.limits.known = frozenset()
        self.borrowed.give_back()
        self.asking.stop()
        self.renew_at = self.until = None
        self.following.alone_since = at
        self.solicited = 0
        self.solicit_at = at if self.is_on else None

    # -- Hotspots are heard ----------------------------------------------------------------------

    def beacon(self, beacon: Beacon, source: Place, interface: int, at: int) -> None:
        hotspot = beacon.hotspot.hex()
        state = self.uplink(hotspot)
        if is_of_the_past(state, beacon.epoch):
            self.intake.drops["past"] += 1
            self.found.insist(beacon, source, interface, at)
            return
        wanted = self.current or self.following.chosen
        if why := self.found.take(beacon, source, interface, at, wanted):
            self.intake.drops[why] += 1
            return
        self.silent_since = at
        fits = not self.current and self.following.fits(hotspot, at)
        if self.is_news(hotspot, state, fits):
            self.hear(self.found[hotspot].seen(fits), hotspot)

    def is_news(self, hotspot: str, state: Uplink, fits: bool) -> bool:
        """A hotspot that is not followed is in the log once, and in the list while it is heard."""
        if state.phase in APART:
            return fits or (state.phase is Phase.ABSENT and len([*self.uplinks()]) < RECORDED_MAX)
        if state.phase not in TOGETHER or state.beacon is None:
            return False
        beacon = self.found[hotspot].beacon
        known = state.welcome.epoch if state.welcome else state.epoch
        return beacon.epoch > known or spelled(beacon.sip) != state.beacon.sip

    # -- Asking to join, and to stay -------------------------------------------------------------

    def ask(self, at: int) -> None:
        """Again and again until it is answered or there is no use in it."""
        self.renew_at = None
        self.intake.limits.known = frozenset((self.where(self.current)[0],))
        self.asking.begin(at)
        self.ask_again(at)

    def ask_again(self, at: int) -> None:
        while self.asking.is_due(at):
            if self.asking.is_in_vain():
                self.unanswered(at)
            else:
                self.send_join()

    def unanswered(self, at: int) -> None:
        self.asking.stop()
        if self.uplink(self.current).phase is Phase.CONNECTED:
            self.renew_at = at + self.ttl_s * SECOND_NS // 3
        else:
            self.hear(JoinUnanswered(), self.current)

    def send_join(self) -> None:
        hotspot, card = bytes.fromhex(self.current), self.card
        alias = self.uplink(self.current).alias or None
        join = Join(self.id, hotspot, card.mac, card.name, card.model, card.sip, alias)
        self.outbox += self.toward(self.current, join)

    def toward(self, hotspot: str, datagram: Join | Leave) -> list[Leaving]:
        """At the port of discovery, and where it speaks from another also there.

        It does where a second hotspot of its machine has that port.
        """
        host, port = self.where(hotspot)
        found = self.found.get(hotspot)
        index = found.interface if found else 0
        return [Leaving(datagram, (host, each), index) for each in dict.fromkeys((self.port, port))]

    def where(self, hotspot: str) -> Place:
        """From where it was heard."""
        found, known = self.found.get(hotspot), self.uplink(hotspot).beacon
        if found is not None:
            return found.source
        assert known is not None, "nothing is sent to a hotspot that was never heard"
        return place(known.source)

    def solicit(self, at: int) -> None:
        self.outbox.append(Leaving(Solicit(self.id)))
        self.solicited += 1
        quick = self.solicited <= len(SOLICIT_AFTER_S)
        after_s = SOLICIT_AFTER_S[self.solicited - 1] if quick else SOLICIT_EVERY_S
        self.solicit_at = at + after_s * SECOND_NS

    # -- What the hotspot answers ----------------------------------------------------------------

    def is_ours(self, hotspot: bytes, source: Place) -> bool:
        """From the hotspot that we asked, and from where we asked it."""
        if hotspot.hex() == self.current and self.where(self.current)[0] == source[0]:
            return True
        self.intake.drops["unasked"] += 1
        return False

    def welcomed(self, welcome: Welcome, at: int) -> None:
        hotspot, state = self.current, self.uplink(self.current)
        if is_of_the_past(state, welcome.epoch):
            self.intake.drops["past"] += 1
            return
        lines = [Lent(line=str(g.number), user=g.user, domain=g.domain) for g in welcome.lines]
        seen = WelcomeArrived(
            epoch=welcome.epoch, alias=welcome.alias, display=welcome.display, lines=tuple(lines)
        )
        is_first = self.borrowed.learn(welcome, self.intake.key)
        self.following.welcomed(hotspot)
        self.asking.stop()
        self.ttl_s = welcome.ttl
        self.until = at + self.ttl_s * SECOND_NS
        self.renew_at = at + self.ttl_s * SECOND_NS // 3
        if state.phase is Phase.JOINING or state.welcome != seen:
            self.hear(seen, hotspot)
        elif is_first:
            self.borrowed.take_up(state.lines)

    def goodbye(self, goodbye: Goodbye, source: Place) -> None:
        hotspot = goodbye.hotspot.hex()
        is_known = hotspot in self.found or hotspot == self.current
        if not is_known or self.where(hotspot)[0] != source[0]:
            self.intake.drops["unasked"] += 1
        elif is_of_the_past(self.uplink(hotspot), goodbye.epoch):
            self.intake.drops["past"] += 1
        else:
            self.found.pop(hotspot, None)
            if hotspot == self.current:
                self.hear(GoodbyeArrived(epoch=goodbye.epoch, reason=goodbye.reason), hotspot)
