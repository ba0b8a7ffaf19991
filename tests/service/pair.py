"""A hotspot and a client, both the whole service with a phone, on a network without a wire.

Bytes go from one to the other at once, and time moves only while a test waits.  What is sent
to the group is heard by whoever listens to the same one, what is sent to one by nobody else.
The server of the account wants every REGISTER proven, and keeps what else it is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from adapters.net.beacon import Beacon, Datagram, Goodbye, Sip, encode
from adapters.net.leaving import Leaving, Place
from adapters.sip.message import Flow, Request, parse, request_bytes, response_to
from adapters.sip.own_phone import LOCAL
from adapters.sip.surroundings import SECOND_NS
from adapters.store import sqlite
from core.events.log import Log
from core.machines.line import Line, Phase
from service import status
from service.config import Config, HostPort, Hotspot, Media, Secret
from service.config import Line as Account
from service.engine import RIDE_NS, Engine
from service.ether import Where
from tests.phone.exchange import OFFER, Phone
from tests.sip.stage import BEGAN, CONFIG

HOTSPOT, CLIENT, SERVER = "127.0.0.1", "127.0.0.21", "127.0.0.2"
CLIENT_PORT = 40_000
CHALLENGE = 'Digest realm="provider.test", nonce="n", qop="auth", algorithm=MD5'
OWN_LINE = Account(
    number=1,
    server=HostPort(SERVER),
    user="4299",
    password=Secret("secret4299"),
    domain="provider.test",
)
FOLLOWER = Config(hotspot=Hotspot(mode="client"), media=Media(mode="direct"), lines=(OWN_LINE,))


class Side:
    """One device."""

    def __init__(self, host: str, config: Config) -> None:
        self.host = host
        self.config = config
        self.log = Log(sqlite.settings())
        self.mac = host.encode()[-6:]

    def begin(self, at: int) -> None:
        secret = self.host.encode().ljust(32)
        self.phone = Phone()
        self.engine = Engine(
            self.log,
            secret,
            self.config,
            lambda _: self.here,
            lambda *_: self.here,
            lambda: 0.5,
            has_phone=True,
        )
        self.engine.loud = True
        self.engine.around.ways[SERVER] = ((SERVER, 5060),)
        self.engine.discover(Sip("udp", "0.0.0.0", 5060))
        self.engine.start(at)

    @property
    def here(self) -> str:
        return f"{self.host}:5060"

    @property
    def group(self) -> Where:
        """What it listens to, whichever end of it it is."""
        return Where.of(self.engine.config.hotspot)._replace(role="")

    @property
    def place(self) -> Place:
        hotspot = self.engine.config.hotspot
        return self.host, CLIENT_PORT if hotspot.mode == "client" else hotspot.port

    def line(self, number: int = 1) -> Line:
        line: Line = self.engine.house.board.state(f"line:{number}")
        return line

    def calls(self) -> list[str]:
        return [str(call.state) for call in self.phone.agent.calls.values()]


class Pair:
    def __init__(self, hotspot: Config = CONFIG, client: Config = FOLLOWER) -> None:
        self.hotspot, self.client = Side(HOTSPOT, hotspot), Side(CLIENT, client)
        self.sides = [self.hotspot, self.client]
        self.at = BEGAN
        self.calling = ""  # Who calls the account.
        self.asked: list[tuple[str, Request]] = []  # What the server was asked, and by whom.
        for side in self.sides:
            side.begin(self.at)

    # -- The clock and the wire ------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        until = self.at + int(seconds * SECOND_NS)
        self.settle()
        while True:
            due = [each.engine.next_deadline() for each in self.sides]
            known = [each for each in due if each is not None and each <= until]
            if not known:
                break
            self.at = max(self.at, min(known))
            for side in self.sides:
                side.engine.handle_timers(self.at)
            self.settle()
        self.at = until

    def settle(self) -> None:
        """Until nobody has anything to say."""
        while any(self.pass_on(side) for side in self.sides):
            pass

    def pass_on(self, side: Side) -> bool:
        engine, agent = side.engine, side.phone.agent
        leaving = engine.flush(self.at)
        for flow, data in leaving:
            if flow == LOCAL:
                agent.receive(data)
            else:
                self.carry(side, flow.host, data)
        found = engine.take_leaving()
        for each in found:
            self.carry_discovery(side, each)
        said = agent.take_out()
        engine.receive([(data, LOCAL) for data in said], self.at)
        return bool(leaving or found or said)

    def carry(self, side: Side, host: str, data: bytes) -> None:
        if host == SERVER:
            self.serve(side, data)
        for other in self.sides:
            if other.host == host:
                way = Flow("udp", f"{host}:5060", side.host, 5060)
                other.engine.receive([(data, way)], self.at)

    def carry_discovery(self, side: Side, leaving: Leaving) -> None:
        discovery = side.engine.discovery
        assert discovery is not None
        data = leaving.spelled(discovery.intake.key, side.host, side.mac, self.at)
        for other in self.sides:
            is_meant = leaving.to == other.place
            if other is not side and (is_meant or (not leaving.to and other.group == side.group)):
                other.engine.receive_discovery(data, side.place, 1, self.at)

    def restart(self, side: Side, at_once: bool = False) -> None:
        """Killed and started; ``at_once``: before anything that waited was recorded."""
        if not at_once:
            side.engine.flush(self.at + RIDE_NS)
        side.begin(self.at)

    # -- The server --------------------------------------------------------------------------------

    def serve(self, side: Side, data: bytes) -> None:
        message = parse(data)
        if not isinstance(message, Request):
            if message.method == "INVITE" and message.code == 200:
                self.say(said_by_caller("ACK", self.calling, to=message.first("to")), side)
            return
        self.asked.append((side.host, message))
        if message.method == "REGISTER":
            is_proven = bool(message.all("authorization"))
            expires = [("Expires", message.first("expires"))]
            more = expires if is_proven else [("WWW-Authenticate", CHALLENGE)]
            self.answer(message, side, 200 if is_proven else 401, more)
        elif message.method == "BYE":
            self.answer(message, side, 200)

    def answer(
        self, asked: Request, side: Side, code: int, more: Any = (), body: bytes = b""
    ) -> None:
        kind = "application/sdp" if body else ""
        said = response_to(asked, code, to_tag="st", headers=[*more], body=body, content_type=kind)
        self.say(said, side)

    def say(self, data: bytes, side: Side) -> None:
        side.engine.receive([(data, Flow("udp", f"{side.host}:5060", SERVER, 5060))], self.at)

    def ring(self, number: str = "7000") -> None:
        """A call to the account."""
        self.calling = number
        self.say(said_by_caller("INVITE", number, OFFER), self.hotspot)
        self.wait(0.1)

    def registrations(self, side: Side) -> list[tuple[str, str]]:
        """User and Expires of every proven REGISTER that reached the server."""
        return [
            (asked.first("to").partition("sip:")[2].partition("@")[0], asked.first("expires"))
            for host, asked in self.asked
            if host == side.host and asked.method == "REGISTER" and asked.all("authorization")
        ]

    # -- Anybody ---------------------------------------------------------------------------------

    def hear(self, datagram: Datagram, host: str, key: bytes | None = None) -> None:
        """To the client what hotspots say, to the hotspot what clients say; from wherever."""
        to = self.client if isinstance(datagram, Beacon | Goodbye) else self.hotspot
        data = encode(datagram, key, self.at)
        to.engine.receive_discovery(data, (host, CLIENT_PORT), 1, self.at)
        self.wait(0.1)

    def ids(self) -> tuple[bytes, bytes]:
        """Of the client and of the hotspot."""
        hotspot, client = self.hotspot.engine.discovery, self.client.engine.discovery
        assert hotspot is not None
        assert client is not None
        return client.seeking.id, hotspot.announcing.id

    # -- Owners ----------------------------------------------------------------------------------

    def set(self, side: Side, key: str, value: object) -> None:
        side.engine.change(key, value, self.at)
        self.settle()

    def status(self, side: Side) -> dict[str, Any]:
        return status.report(side.engine, self.at)

    def is_served(self) -> bool:
        return self.client.line().phase is Phase.REGISTERED and self.row()["state"] == "connected"

    def row(self) -> dict[str, Any]:
        """The one discovered client, as the owner of the hotspot sees it."""
        (row,) = (row for row in self.status(self.hotspot)["clients"] if len(row["user"]) == 32)
        found: dict[str, Any] = row
        return found

    def heard(self) -> dict[str, Any]:
        """The one hotspot that the client hears."""
        (row,) = self.status(self.client)["hotspots"]
        found: dict[str, Any] = row
        return found


def said_by_caller(method: str, number: str, body: bytes = b"", to: str = "") -> bytes:
    headers = [
        ("Via", f"SIP/2.0/UDP {SERVER}:5060;branch=z9hG4bK{method}{number}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:{number}@provider.test>;tag=f{number}"),
        ("To", to or "<sip:4212@provider.test>"),
        ("Call-ID", f"from-{number}"),
        ("CSeq", f"1 {method}"),
        ("Contact", f"<sip:{number}@{SERVER}:5060>"),
    ]
    kind = "application/sdp" if body else ""
    return request_bytes(method, f"sip:4212@{HOTSPOT}:5060", headers, body, kind)


def with_hotspot(config: Config, **words: Any) -> Config:
    return replace(config, hotspot=replace(config.hotspot, **words))


@contextmanager
def pair_of(hotspot: Config = CONFIG, client: Config = FOLLOWER) -> Iterator[Pair]:
    pair = Pair(hotspot, client)
    yield pair
    for side in pair.sides:
        assert not side.engine.house.faults, side.engine.house.faults
        side.log.close()
