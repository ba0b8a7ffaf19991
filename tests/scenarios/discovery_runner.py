"""Plays the scenarios of ``discovery/``: the bare machines, and discovery in earnest.

What is said by discovery goes as bytes through ``Announcing`` (we are the hotspot) or
``Seeking`` (we are the client); SIP is done as ``bare_runner`` does it.  What repeats
itself unasked need not be written: beacons, solicits, and whatever is said once more
because nobody answered.
"""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from adapters.net.announcing import Announcing, Offer
from adapters.net.beacon import (
    Beacon,
    Datagram,
    Deny,
    Goodbye,
    Grant,
    Join,
    Label,
    Leave,
    Sip,
    Solicit,
    Welcome,
    decode,
    encode,
)
from adapters.net.leaving import Leaving
from adapters.net.seeking import Card, Seeking
from adapters.sip.directory import Directory, LineEntry
from adapters.sip.identifiers import Identifiers
from adapters.sip.surroundings import Surroundings
from core.events.base import Order
from core.events.discovered import ClientAdmitted
from core.events.facts import Account
from core.events.observed import RegisterArrived, SettingChanged
from core.events.orders import DenyClient, DismissClient, SendJoin, SendLeave, WelcomeClient
from core.machines import hotspot
from core.machines.switchboard import kind_of, name_of
from tests.scenarios.bare_runner import Played
from tests.scenarios.parties import sends
from tests.scenarios.steps import Arrow, Given, Scenario, how_often

PORT = 16360
SAID = ("BEACON", "JOIN", "WELCOME", "DENY", "LEAVE", "GOODBYE")
HOTSPOTS = ("den", "barn")
HOUSE = Sip("udp", "192.0.2.1", 5060)
BY_DISCOVERY = (WelcomeClient, DenyClient, DismissClient, SendJoin, SendLeave)
KEY = b"the key of the house" * 2


class Found(Played):
    """A scenario with clients that find the hotspot, or with us as one of them."""

    def __init__(self, scenario: Scenario, store: Path) -> None:
        super().__init__(scenario, store)
        self.offer = Offer(name="SIP Hotspot", sip=HOUSE)
        self.hosts: dict[str, str] = {}  # By address: who spoke from there last.
        self.is_client = False
        self.is_waiting = False  # Time goes by: what leaves now may be a repetition.
        self.begin()

    def begin(self) -> None:
        """A new house, so new adapters around it."""
        self.around = Surroundings(
            self.living, Identifiers(b"a secret"), Directory(), str, lambda *_: "", lambda: 0.5
        )
        self.announcing = Announcing(self.around, self.offer)
        self.seeking = Seeking(self.around, Card("Desk", "T1", HOUSE), PORT, "224.0.2.0:16360")
        self.living.listeners += [self.announcing.carry_out, self.seeking.carry_out]
        self.know_the_lines()

    def know_the_lines(self) -> None:
        numbers = {name_of(stream) for stream in self.cast.lines.values()}
        lines = {number: LineEntry(number, Account(), str) for number in numbers}
        self.around.directory = Directory(lines=lines, joined=self.announcing.phones)

    @property
    def ends(self) -> tuple[Announcing, Seeking]:
        return self.announcing, self.seeking

    @property
    def end(self) -> Announcing | Seeking:
        return self.seeking if self.is_client else self.announcing

    # -- Who is who ----------------------------------------------------------------------------

    def member(self, phone: str) -> str:
        return id_of(phone).hex() if phone in self.guests() else phone

    def guests(self) -> set[str]:
        arrows = (step for step in self.scenario.steps if isinstance(step, Arrow))
        return {arrow.src for arrow in arrows if arrow.method == "JOIN"}

    def stream(self, stream: str) -> str:
        """As the house knows it: clients and hotspots by their ids."""
        kind, name = kind_of(stream), name_of(stream)
        if kind == "uplink" and name in HOTSPOTS:
            return f"uplink:{id_of(name).hex()}"
        return f"link:{self.member(name)}" if kind == "link" else stream

    def state(self, stream: str) -> Any:
        return super().state(self.stream(stream))

    def as_arrows(self, stream: str, order: Order) -> list[Arrow]:
        """By SIP; what is ordered by discovery leaves as datagrams."""
        if isinstance(order, BY_DISCOVERY):
            return []
        party = next((guest for guest in self.guests() if self.member(guest) in stream), "")
        return super().as_arrows(f"link:{party}" if party else stream, order)

    # -- The givens and the owner ----------------------------------------------------------------

    def give(self, given: Given) -> None:
        match given.what, given.state:
            case "client", _:
                self.become("client")
                self.cast.lines = {"1": "line:1", "2": "line:2"}
            case "join", join:
                key = KEY if join == "key" else None
                self.offer = Offer(self.offer.name, HOUSE, join, key, self.offer.max_clients)
                self.announcing.change_offer(self.offer)
            case "clients", most:
                self.offer = Offer(self.offer.name, HOUSE, max_clients=int(most))
                self.announcing.change_offer(self.offer)
            case _:
                super().give(given)
                self.know_the_lines()

    def operate(self, does: str, about: str) -> None:
        match does:
            case "admits":
                seen = ClientAdmitted(client=self.member(about))
                self.see(seen, hotspot.STREAM)
            case "bars":
                self.announcing.admit(self.member(about), admitted=False, at=self.now)
                self.record()
            case "makes this device a client" | "makes this device a hotspot":
                self.become(does.rpartition(" ")[2])
            case "disconnects":
                self.seeking.disconnect(self.now)
                self.record()
            case "connects":
                self.seeking.connect(host_of(about), self.now)
                self.record()
            case _:
                super().operate(does, about)

    def become(self, mode: str) -> None:
        members = self.living.board.members()
        word = SettingChanged(key=hotspot.MODE, value=f'"{mode}"', members=members)
        self.see(word, hotspot.STREAM)
        self.is_client = mode == "client"
        if self.is_client:
            self.seeking.start(self.now)
        else:
            self.seeking.close(self.now)
        self.record()

    def serve(self, does: str) -> None:
        super().serve(does)
        if self.house is not None:
            self.begin()
            self.end.start(self.now)
            self.record()

    # -- What is said ------------------------------------------------------------------------------

    def arrives(self, arrow: Arrow) -> None:
        if arrow.method not in SAID:
            self.arrives_by_sip(arrow)
            return
        self.tell(f"{arrow} {arrow.fate}")
        key = KEY if "key" in arrow.args else None
        data = encode(self.datagram(arrow), key, self.now)
        source = (arrow.args.get("host", host_of(arrow.src)), PORT)
        self.hosts[source[0]] = arrow.src
        for _ in range(how_often(arrow)):
            self.end.receive(data, source, 1, self.now)
        self.record()

    def arrives_by_sip(self, arrow: Arrow) -> None:
        self.tell(f"{arrow} {arrow.fate}")
        for _ in range(how_often(arrow)):
            stream, seen = self.cast.observe(arrow, self.living)
            if isinstance(seen, RegisterArrived) and arrow.src in self.guests():
                seen = replace(seen, line=arrow.args.get("line", "1"))
            self.see(seen, self.stream(stream))

    def datagram(self, arrow: Arrow) -> Datagram:
        args, who = arrow.args, id_of(arrow.src)
        house, us = self.announcing.id, self.seeking.id
        epoch, alias = int(args.get("epoch", 1)), int(args.get("alias", 0))
        numbers = [int(number) for number in args.get("lines", "1").split(",")]
        match arrow.method:
            case "JOIN":
                at = Sip("udp", args.get("host", host_of(arrow.src)), 5060)
                return Join(who, house, bytes(6), args.get("name", ""), "", at, alias or None)
            case "LEAVE":
                return Leave(who, house)
            case "BEACON":
                labels = tuple(Label(number, "", "") for number in numbers)
                at = Sip("udp", args.get("host", host_of(arrow.src)), 5060)
                return Beacon(who, arrow.src, epoch, 1, at, labels, 60)
            case "WELCOME":
                lines = tuple(Grant(n, f"us.{n}", f"epoch{epoch}", "den") for n in numbers)
                return Welcome(us, who, epoch, alias, args.get("display", ""), lines, 60)
            case "DENY":
                return Deny(us, who, args["reason"])
        return Goodbye(who, epoch, "deactivated")

    # -- What leaves -----------------------------------------------------------------------------

    def record(self) -> None:
        super().record()
        for leaving in [leaving for end in self.ends for leaving in end.take_out()]:
            if arrow := self.as_arrow(leaving):
                self.outbox.append(arrow)

    def as_arrow(self, leaving: Leaving) -> Arrow | None:
        """As it comes out of the codec again."""
        key = self.announcing.offer.key
        data = leaving.spelled(key, "192.0.2.1", bytes(6), self.now)
        datagram = decode(data, key if leaving.signed else None, self.now)
        to = self.hosts[leaving.to[0]] if leaving.to else "group"
        match datagram:
            case Beacon() | Solicit():
                return None
            case Goodbye() if to == "group" and self.is_waiting:
                return None
            case Join() if self.seeking.asking.times > 1:
                return None
            case Leave() if self.is_waiting:
                return None
            case Join(alias=alias):
                return sends(to, "JOIN", {"alias": str(alias)} if alias else {})
            case Welcome(alias=alias, display=display, lines=lines):
                granted = ",".join(str(grant.number) for grant in lines)
                args = {"alias": str(alias), "lines": granted, "display": display.replace(" ", "_")}
                return sends(to, "WELCOME", args)
            case Deny(reason=reason):
                return sends(to, "DENY", {"reason": reason})
            case Goodbye(epoch=epoch):
                return sends(to, "GOODBYE", {"epoch": str(epoch)})
        return sends(to, "LEAVE")

    # -- Time ------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        due = [super().next_due(), *(end.next_deadline() for end in self.ends)]
        return min((one for one in due if one is not None), default=None)

    def expire(self) -> None:
        super().expire()
        self.is_waiting = True
        for end in self.ends:
            end.handle_timers(self.now)
        self.record()
        self.is_waiting = False


def id_of(party: str) -> bytes:
    return party.encode().ljust(16, b".")


def host_of(party: str) -> str:
    if party in HOTSPOTS:
        return f"192.0.2.{200 + HOTSPOTS.index(party)}"
    return f"192.0.2.{ord(party)}"
