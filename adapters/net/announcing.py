"""The hotspot's end of discovery: it is heard, and takes clients in (design section 7).

Four calls, as the shell makes them: ``receive`` what came, ``handle_timers`` when
``next_deadline`` has come, and ``take_out`` what has to leave, once the turns that caused
it are recorded.  What a client's link decides comes back by ``carry_out``.

That a client lives on is known here and is not in the log: one that says again what it
said before is answered again, like a repeated request by its transaction.  After a restart
each has a whole time to live to be heard of.
"""

from dataclasses import dataclass, field

from adapters.net.beacon import (
    DISPLAY_MAX,
    Beacon,
    Datagram,
    Deny,
    Dropped,
    Goodbye,
    Grant,
    Join,
    Label,
    Leave,
    Sip,
    Solicit,
    Welcome,
    fitted,
)
from adapters.net.changes import Changes
from adapters.net.guests import Guests
from adapters.net.intake import Intake
from adapters.net.leaving import Leaving, Outbox, Place, place, spelled
from adapters.net.signature import derive_password
from adapters.sip.directory import LineEntry
from adapters.sip.sockets import host_and_port
from adapters.sip.surroundings import SECOND_NS, Surroundings
from core.events.base import Decision
from core.events.decided import (
    DeactivationBegan,
    HotspotEnabled,
    LinkCleared,
    LinkConnected,
    LinkLeft,
    LinkLost,
)
from core.events.discovered import (
    ClientAdmitted,
    ClientMet,
    JoinArrived,
    LeaveArrived,
    LinkTimedOut,
)
from core.events.observed import ClientRemoved
from core.events.orders import DenyClient, DismissClient, WelcomeClient
from core.events.turn import Turn
from core.machines.client_link import Link
from core.machines.hotspot import ANY, STREAM, Hotspot
from core.machines.switchboard import kind_of, name_of

BEACON_EVERY_NS = 5 * SECOND_NS
BEACON_APART_NS = SECOND_NS // 5  # However many solicit.
GOODBYE_AGAIN_NS = (SECOND_NS * 3 // 10, SECOND_NS)
STRANGERS_MAX = 64  # Clients that were denied and never welcomed: so many are on record.

UNREAD = {"version": "version", "unsigned": "key", "signature": "key", "stale": "key"}
"""What is answered to a join that was dropped, by the reason for that."""


@dataclass(frozen=True)
class Offer:
    """What the owner says of the hotspot.  It may be replaced at any time."""

    name: str
    sip: Sip  # Where clients register; a wildcard stands for the interface that is used.
    join: str = "open"  # or "key", "approve"
    key: bytes | None = field(default=None, repr=False)
    max_clients: int = 64
    ttl_s: int = 60


class Announcing:
    """``phones`` are the entries of those who have joined, for ``Directory.joined``."""

    def __init__(self, around: Surroundings, offer: Offer) -> None:
        self.around = around
        self.id = bytes.fromhex(around.identifiers.derived("hotspot", octets=16))
        self.intake = Intake()
        self.guests = Guests(around, self.password)
        self.phones = self.guests.phones
        self.outbox = Outbox()
        self.alive: dict[str, int] = {}  # By stream: until when, if it says nothing.
        self.changes = Changes()
        self.strangers: set[str] = set()
        self.interface = 0  # By which came what is being received.
        self.farewells: list[tuple[int, Leaving]] = []
        self.seq = 0
        self.lent: list[str] = []  # As the clients were told: the name, and the lines.
        self.beacon_at: int | None = None
        self.beacon_was = -BEACON_APART_NS
        self.change_offer(offer)

    @property
    def hotspot(self) -> Hotspot:
        return self.around.house.board.hotspot

    def link(self, stream: str) -> Link:
        state: Link = self.around.house.board.state(stream)
        return state

    def change_offer(self, offer: Offer) -> None:
        self.offer = offer
        self.intake.key = offer.key

    def refresh(self) -> None:
        """Whenever a client came or went, or a line was shared or not."""
        self.guests.refresh()
        self.intake.limits.known = frozenset(self.guests.hosts)

    def tell_what_is_lent(self) -> None:
        """Every client hears at once where other lines are lent, or by another name (S12, S24)."""
        lent = [self.offer.name, *(entry.number for entry in self.guests.shared())]
        was, self.lent = self.lent, lent
        if was and was != lent and self.hotspot.is_serving():
            for stream, link in [*self.around.house.board.states.items()]:
                if kind_of(stream) == "link" and link.joined and link.client is not None:
                    self.welcome(stream, place(link.client.source))

    # -- Four calls ----------------------------------------------------------------------------

    def start(self, at: int) -> None:
        """The log has been read: whoever is in it has a whole time to live."""
        for stream, link in self.around.house.board.states.items():
            if kind_of(stream) == "link" and link.joined:
                self.alive[stream] = at + self.offer.ttl_s * SECOND_NS
            elif kind_of(stream) == "link" and link.denied and link.client is None:
                self.strangers.add(stream)
        self.refresh()
        if self.hotspot.is_serving():
            self.beacon_at = at
        elif self.hotspot.epoch:
            self.say_goodbye(at)  # The last run may not have come to it.

    def receive(self, data: bytes, source: Place, interface: int, at: int) -> None:
        """Anything from the wire.  Raises nothing, whatever it is."""
        self.around.at = at
        self.interface = interface
        try:
            self.heard(self.intake.take(data, source[0], at), source, at)
        except Dropped as dropped:
            self.deny_unread(dropped, source)
        self.interface = 0

    def heard(self, datagram: Datagram, source: Place, at: int) -> None:
        match datagram:
            case Solicit() if self.hotspot.is_serving():
                self.beacon_at = max(at, self.beacon_was + BEACON_APART_NS)
                self.handle_beacon(at)
            case Join(hotspot=self.id):
                self.asked_to_join(datagram, source, at)
            case Leave(hotspot=self.id):
                self.left(datagram, source, at)

    def handle_timers(self, at: int) -> None:
        self.around.at = at
        for stream in [stream for stream, until in self.alive.items() if until <= at]:
            del self.alive[stream]
            self.around.house.hear(LinkTimedOut(), at, stream)
        for held, source in self.changes.take_due(at):
            self.heard(held, source, at)
        self.handle_beacon(at)
        self.outbox.extend(leaving for due, leaving in self.farewells if due <= at)
        self.farewells = [(due, leaving) for due, leaving in self.farewells if due > at]

    def next_deadline(self) -> int | None:
        """In Unix nanoseconds."""
        due = [*self.alive.values(), *(due for due, _ in self.farewells), *self.changes.due()]
        if self.beacon_at is not None:
            due.append(self.beacon_at)
        return min(due, default=None)

    def take_out(self) -> list[Leaving]:
        return self.outbox.take_out()

    def moved(self, at: int) -> None:
        """Our interfaces are others: whoever is there hears at once where we are."""
        if self.hotspot.is_serving():
            self.beacon_at = at

    # -- The owner -----------------------------------------------------------------------------

    def admit(self, client: str, admitted: bool, at: int) -> None:
        """The owner's word on a client, by its id in hexadecimal, where ``join`` is approve."""
        self.around.at = at
        self.around.house.hear(ClientAdmitted(client=client, admitted=admitted), at, STREAM)
        if not admitted and self.link(f"link:{client}").joined and self.offer.join == "approve":
            self.around.house.hear(ClientRemoved(), at, f"link:{client}")

    # -- Turns become datagrams ------------------------------------------------------------------

    def carry_out(self, turn: Turn) -> None:
        """Called for every turn; those of links and of the hotspot are for us."""
        stream = turn.originator_id
        if stream == STREAM:
            for entry in turn.did:
                if isinstance(entry, HotspotEnabled):
                    self.beacon_at = turn.at
                elif isinstance(entry, DeactivationBegan):
                    self.beacon_at = None
                    self.say_goodbye(turn.at)
        elif kind_of(stream) == "link":
            if isinstance(turn.seen, ClientRemoved):
                self.strangers.discard(stream)
            for entry in turn.did:
                self.carry_out_of(stream, turn, entry)

    def carry_out_of(self, stream: str, turn: Turn, entry: Decision) -> None:
        source = turn.seen.source if isinstance(turn.seen, JoinArrived) else ""
        match entry:
            case LinkConnected():
                self.strangers.discard(stream)
            case WelcomeClient():
                self.lives_on(stream, turn.at)
                self.changes.happened(stream, turn.at)
                self.welcome(stream, place(source))
                self.refresh()
            case DenyClient(reason=reason):
                self.deny(stream, reason, place(source))
                if self.link(stream).client is None:
                    self.strangers.add(stream)
            case DismissClient(reason=word):
                self.dismiss(stream, word)
            case LinkLost() | LinkLeft() | LinkCleared():
                self.alive.pop(stream, None)
                self.changes.forget(stream)
                if isinstance(entry, LinkLeft):
                    self.changes.happened(stream, turn.at)
                self.refresh()

    # -- The beacon and the goodbye --------------------------------------------------------------

    def handle_beacon(self, at: int) -> None:
        if self.beacon_at is None or self.beacon_at > at:
            return
        hotspot, offer = self.hotspot, self.offer
        labels = [
            Label(int(entry.number), entry.display_name or f"Line {entry.number}", entry.prefix)
            for entry in self.guests.shared()
        ]
        beacon = Beacon(
            self.id, offer.name, hotspot.epoch, self.seq, offer.sip, tuple(labels), offer.ttl_s
        )
        self.outbox.append(Leaving(beacon))
        self.seq += 1
        self.beacon_was = at
        self.beacon_at = at + BEACON_EVERY_NS

    def say_goodbye(self, at: int) -> None:
        """Three times, since nobody acknowledges it."""
        leaving = Leaving(Goodbye(self.id, self.hotspot.epoch, "deactivated"))
        self.outbox.append(leaving)
        self.farewells += [(at + after, leaving) for after in GOODBYE_AGAIN_NS]

    def dismiss(self, stream: str, word: str) -> None:
        """A goodbye ends the activation for a client; one that was not admitted may be yet."""
        client = self.link(stream).client
        assert client is not None
        if word == "removed" and self.offer.join == "approve":
            self.deny(stream, "approve", place(client.source))
        else:
            self.send(Goodbye(self.id, self.hotspot.epoch, word), place(client.source))

    # -- A client joins and leaves -----------------------------------------------------------------

    def asked_to_join(self, join: Join, source: Place, at: int) -> None:
        client = join.client.hex()
        stream = f"link:{client}"
        if client in self.around.directory.phones:
            self.intake.drops["name-of-a-phone"] += 1
            return
        refusal, has_left = self.refusal(client), not self.link(stream).joined
        self.changes.release(stream)
        if not refusal and has_left and self.changes.holds(stream, join, source, at):
            return
        if not refusal:
            self.meet(client, join.alias or ANY, at)
        seen = JoinArrived(
            source=host_and_port(*source),
            mac=join.mac.hex(":"),
            name=join.name,
            model=join.model,
            sip=spelled(join.sip),
            alias=self.hotspot.aliases.get(client, 0),
            refusal=refusal,
        )
        if refusal:
            self.refuse(stream, seen, source)
        elif self.says_nothing_new(stream, seen, at):
            self.lives_on(stream, at)
            self.welcome(stream, source)
        else:
            self.around.house.hear(seen, at, stream)

    def refusal(self, client: str) -> str:
        hotspot, offer = self.hotspot, self.offer
        others = len(self.alive.keys() - {f"link:{client}"})
        if not hotspot.is_serving():
            return "closed"
        if offer.join == "approve" and client not in hotspot.admitted:
            return "approve"
        if others >= offer.max_clients or not hotspot.has_room_for(client):
            return "full"
        return ""

    def meet(self, client: str, wanted: int, at: int) -> None:
        """It has its number before it joins, so that its link is told of it."""
        hotspot = self.hotspot
        wanted = ANY if self.changes.are_too_soon(f"link:{client}", at) else wanted
        is_free = wanted != ANY and wanted not in hotspot.aliases.values()
        if client not in hotspot.aliases or client not in hotspot.guests or is_free:
            self.around.house.hear(ClientMet(client=client, alias=wanted), at, STREAM)

    def refuse(self, stream: str, seen: JoinArrived, source: Place) -> None:
        link = self.link(stream)
        is_new = link.client is None and stream not in self.strangers
        if link.denied and not link.joined and link.denied.refusal == seen.refusal:
            self.deny(stream, seen.refusal, source)
        elif is_new and len(self.strangers) >= STRANGERS_MAX:
            self.intake.drops["too-many-strangers"] += 1
            self.deny(stream, seen.refusal, source)
        else:
            self.around.house.hear(seen, self.around.at, stream)

    def says_nothing_new(self, stream: str, seen: JoinArrived, at: int) -> bool:
        link = self.link(stream)
        if not link.joined or link.client is None:
            return False
        same_number = link.client.alias == seen.alias
        return link.client == seen or (same_number and self.changes.are_too_soon(stream, at))

    def left(self, leave: Leave, source: Place, at: int) -> None:
        stream = f"link:{leave.client.hex()}"
        link = self.link(stream)
        if link.client is None or not (link.joined or stream in self.changes.held):
            return
        if place(link.client.source)[0] != source[0]:
            self.intake.drops["leave-from-elsewhere"] += 1
        elif not self.changes.holds(stream, leave, source, at) and link.joined:
            self.around.house.hear(LeaveArrived(), at, stream)

    # -- What a client is told -------------------------------------------------------------------

    def lives_on(self, stream: str, at: int) -> None:
        self.alive[stream] = at + self.offer.ttl_s * SECOND_NS

    def welcome(self, stream: str, to: Place) -> None:
        client, hotspot = name_of(stream), self.hotspot
        alias = hotspot.aliases[client]
        suffix = f" {alias}"
        welcome = Welcome(
            bytes.fromhex(client),
            self.id,
            hotspot.epoch,
            alias,
            fitted(self.offer.name, DISPLAY_MAX - len(suffix)) + suffix,
            tuple(self.grant(client, entry) for entry in self.guests.shared()),
            self.offer.ttl_s,
        )
        self.send(welcome, to)

    def grant(self, client: str, entry: LineEntry) -> Grant:
        number, realm = entry.number, self.around.directory.realm
        password = "" if self.offer.key else self.password(client, number)
        return Grant(int(number), f"{client}.{number}", password, realm)

    def password(self, client: str, number: str) -> str:
        """Of this activation; it is recorded nowhere."""
        epoch, key = self.hotspot.epoch, self.offer.key
        if key is not None:
            return derive_password(key, bytes.fromhex(client), self.id, epoch, int(number))
        derived = self.around.identifiers.derived
        return derived("password", client, str(epoch), number, octets=16)

    def deny(self, stream: str, reason: str, to: Place) -> None:
        self.send(Deny(bytes.fromhex(name_of(stream)), self.id, reason), to)
        if reason == "closed":
            self.send(Goodbye(self.id, self.hotspot.epoch, "closed"), to)

    def deny_unread(self, dropped: Dropped, source: Place) -> None:
        """A join in another version, or without the signature that we want."""
        reason = UNREAD.get(dropped.reason)
        if not reason or dropped.client is None or dropped.hotspot != self.id:
            return
        if not self.link(f"link:{dropped.client.hex()}").joined:  # Else it was somebody else.
            deny = Deny(dropped.client, self.id, reason)
            self.outbox.append(Leaving(deny, source, self.interface, signed=False))

    def send(self, datagram: Welcome | Deny | Goodbye, to: Place) -> None:
        self.outbox.append(Leaving(datagram, to, self.interface))
