"""The whole service on a stage: an engine, a log in memory, one line, three phones, no clock.

A test feeds bytes as the network would and reads what left.  Time stands still unless it is
told to ``wait``; then every deadline on the way is kept, as the shell keeps it.
"""

from collections.abc import Iterable
from typing import Any, cast

from eventsourcing.persistence import OperationalError
from msgspec.structs import replace

from adapters.net.relay import Counts, Relay
from adapters.net.relay_ports import RelayError
from adapters.sip.digest import authorization, read_challenge
from adapters.sip.message import Flow, Request, Response, parse, request_bytes, response_to
from adapters.sip.surroundings import SECOND_NS
from adapters.store import sqlite
from core.events.log import Log
from core.events.turn import Turn
from service.config import Config, HostPort, Hotspot, Line, Media, Phone, Secret
from service.engine import RIDE_NS, Engine
from tests.sip.messages import OFFER

HERE = "127.0.0.1:5060"
SECRET = b"a secret of thirty-two octets...."
BEGAN = 1_700_000_000 * SECOND_NS
PHONES = ("a", "b", "c")  # Their aliases are 1, 2 and 3.
SERVER = Flow("udp", HERE, "127.0.0.2", 5060)
STRANGER = Flow("udp", HERE, "127.0.0.66", 5060)

CONFIG = Config(
    hotspot=Hotspot(ring_timeout=20),
    media=Media(mode="direct"),
    lines=(
        Line(
            number=1,
            server=HostPort("127.0.0.2"),
            user="4212",
            password=Secret("secret4212"),
            domain="provider.test",
        ),
    ),
    phones=tuple(Phone(user=user, password=Secret(f"p{user}")) for user in PHONES),
)

Headers = Iterable[tuple[str, str]]


def flow_of(phone: str) -> Flow:
    return Flow("udp", HERE, f"127.0.0.{11 + PHONES.index(phone)}", 5060)


class StubbornLog(Log):
    """One whose disk is full as long as ``is_full``."""

    is_full = False
    tried = 0

    def append(self, turns: Iterable[Turn]) -> list[int]:
        self.tried += 1
        if self.is_full:
            raise OperationalError("no space is left for it")
        return [*super().append([*turns])]


class FakeRelay:
    """The relay without its sockets: which ports it gave, and what it was told."""

    silence_s = 30.0
    inside = "127.0.0.9"

    def __init__(self, ports: int = 100) -> None:
        self.left = ports
        self.expected: list[tuple[str, int, str, int]] = []
        self.held: list[bool] = []
        self.reopened: list[tuple[int, ...]] = []
        self.closed: list[str] = []

    def open(self, call: str, streams: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if self.left < 2 * streams:
            raise RelayError("no port is left")
        self.left -= 2 * streams
        return tuple(range(20_000, 20_000 + 2 * streams, 2)), tuple(
            range(30_000, 30_000 + 2 * streams, 2)
        )

    def reopen(self, call: str, caller_ports: Iterable[int], leg_ports: Iterable[int]) -> None:
        if not self.left:
            raise RelayError("another program has them")
        self.reopened += [tuple(caller_ports), tuple(leg_ports)]

    def expect(
        self, call: str, side: str, n: int, host: str, rtp_port: int, rtcp_port: int
    ) -> None:
        self.expected.append((side, n, host, rtp_port))

    def hold(self, call: str, on: bool) -> None:
        self.held.append(on)

    def clock(self) -> float:
        return 0.0

    def silent(self, now: float) -> list[tuple[str, str]]:
        return []

    def close(self, call: str) -> Counts:
        self.closed.append(call)
        return Counts(from_caller=1, from_leg=2)


class Stage:
    def __init__(
        self, config: Config = CONFIG, log: StubbornLog | None = None, has_phone: bool = False
    ) -> None:
        self.config = config
        self.has_phone = has_phone
        self.log = log or StubbornLog(sqlite.settings())
        self.at = BEGAN
        self.branches = 0
        self.left: list[tuple[Flow, bytes]] = []  # Everything that ever left.
        self.relay: FakeRelay | None = None
        self.begin()

    def begin(self) -> None:
        self.engine = Engine(
            self.log,
            SECRET,
            self.config,
            lambda flow: HERE,
            lambda *_: HERE,
            lambda: 0.5,
            cast(Relay, self.relay) if self.relay else None,
            self.has_phone,
        )
        self.engine.loud = True
        self.engine.around.ways["127.0.0.2"] = (("127.0.0.2", 5060),)
        self.engine.start(self.at)
        self.fresh: list[tuple[Flow, bytes]] = []
        self.flush()

    def restart(self, after_s: float = 0.1, at_once: bool = False) -> "Stage":
        """The process dies; another one begins from its log.

        It has recorded what it heard, unless it dies ``at_once``: then turns that waited for
        company are lost.
        """
        if not at_once:
            self.engine.flush(self.at + RIDE_NS)
        self.at += int(after_s * SECOND_NS)
        self.begin()
        return self

    def give_relay(self, relay: FakeRelay) -> None:
        self.relay = relay
        self.config = replace(self.config, media=Media(mode="relay"))
        self.begin()

    def close(self) -> None:
        self.log.close()

    # -- The wire and the clock ------------------------------------------------------------

    def flush(self) -> None:
        out = self.engine.flush(self.at)
        self.left += out
        self.fresh += out

    def feed(self, data: bytes, flow: Flow) -> list[bytes]:
        """What came, and everything that left because of it."""
        self.fresh = []
        self.engine.receive([(data, flow)], self.at)
        self.flush()
        return [data for _, data in self.fresh]

    def wait(self, seconds: float) -> list[bytes]:
        self.fresh = []
        until = self.at + int(seconds * SECOND_NS)
        for _ in range(10_000):
            due = self.engine.next_deadline()
            if due is None or due > until:
                break
            self.at = max(self.at, due)
            self.engine.handle_timers(self.at)
            self.flush()
        else:
            raise AssertionError("there is no end of deadlines")
        self.at = until
        return [data for _, data in self.fresh]

    def to(self, flow: Flow) -> list[bytes]:
        """What has just left toward somebody."""
        return [data for where, data in self.fresh if where == flow]

    # -- What people say -------------------------------------------------------------------

    def request(
        self,
        method: str,
        uri: str = "sip:127.0.0.1",
        *,
        user: str = "a",
        call_id: str = "one",
        cseq: int = 1,
        to: str = "",
        branch: str = "",
        more: Headers = (),
        body: bytes = b"",
    ) -> bytes:
        """As the phone of this name would say it; the server says what is no phone's."""
        self.branches += 1
        host = flow_of(user).host if user in PHONES else "127.0.0.2"
        headers = [
            ("Via", f"SIP/2.0/UDP {host}:5060;branch={branch or f'z9hG4bK-{self.branches}'}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{user}@127.0.0.1>;tag=t{user}"),
            ("To", to or f"<{uri}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            *more,
        ]
        named = {name.lower() for name, _ in more}
        headers = [h for i, h in enumerate(headers) if i > 5 or h[0].lower() not in named]
        if method in ("INVITE", "REGISTER") and "contact" not in named:
            headers.append(("Contact", f"<sip:{user}@{host}:5060>"))
        return request_bytes(method, uri, headers, body)

    def proven(self, method: str, uri: str = "sip:127.0.0.1", **said: Any) -> list[bytes]:
        """Asked once without and once with the phone's password."""
        user = str(said.get("user", "a"))
        password = str(said.pop("password", f"p{user}"))
        more = [*said.pop("more", ())]
        if method == "REGISTER":
            said.setdefault("to", f"<sip:{user}@127.0.0.1>")
        flow = flow_of(user) if user in PHONES else STRANGER
        first = self.request(method, uri, more=more, **said)
        asked = responses(self.feed(first, flow))[0]
        if method == "INVITE":
            ack = {"branch": parse(first).via.branch}
            self.feed(self.request("ACK", uri, **{**said, **ack, "body": b""}), flow)
        more.append(credentials(asked, method, uri, user, password))
        said["cseq"] = int(str(said.get("cseq", 1))) + 1
        return self.feed(self.request(method, uri, more=more, **said), flow)

    def register(self, *users: str) -> None:
        for user in users or PHONES:
            assert codes(self.proven("REGISTER", user=user, call_id=f"reg-{user}")) == [200]

    def register_line(self) -> None:
        """The server has been asked by now, and says yes."""
        asked = next(data for _, data in self.left if data.startswith(b"REGISTER"))
        self.feed(answer(asked, 200, [("Expires", "3600")]), SERVER)

    def ring(self) -> list[Request]:
        """A call from the server to the account: the INVITEs of the phones, by address."""
        self.register_line()
        self.register()
        self.invite = self.request(
            "INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", body=OFFER
        )
        self.feed(self.invite, SERVER)
        return [request(data) for flow, data in sorted(self.fresh) if data.startswith(b"INVITE")]

    def answered(self) -> tuple[Response, list[Request]]:
        """Phone b has answered and the caller has acknowledged: our 200, and the INVITEs."""
        invites = self.ring()
        self.feed(answer(invites[1], 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), flow_of("b"))
        ours = next(r for r in responses(self.to(SERVER)) if r.code == 200)
        self.acked = self.request(
            "ACK", "sip:4212@127.0.0.1", user="7000", call_id="call", to=ours.first("to")
        )
        self.feed(self.acked, SERVER)
        return ours, invites


def answer(
    asked: bytes | Request, code: int, headers: Headers = (), body: bytes = b"", tag: str = "tt"
) -> bytes:
    asked = request(asked) if isinstance(asked, bytes) else asked
    kind = "application/sdp" if body else ""
    return response_to(asked, code, to_tag=tag, headers=[*headers], body=body, content_type=kind)


def credentials(
    asked: Response, method: str, uri: str, user: str, password: str
) -> tuple[str, str]:
    proxy = asked.code == 407
    challenge = read_challenge(asked.all("proxy-authenticate" if proxy else "www-authenticate"))
    assert challenge is not None
    value = authorization(challenge, method, uri, user, password, 1, "cnonce")
    return "Proxy-Authorization" if proxy else "Authorization", value


def request(data: bytes) -> Request:
    read = parse(data)
    assert isinstance(read, Request)
    return read


def response(data: bytes) -> Response:
    read = parse(data)
    assert isinstance(read, Response)
    return read


def responses(out: Iterable[bytes]) -> list[Response]:
    return [response(data) for data in out if data.startswith(b"SIP/2.0 ")]


def codes(out: Iterable[bytes]) -> list[int]:
    return [each.code for each in responses(out)]


def methods(out: Iterable[bytes]) -> list[str]:
    return [request(data).method for data in out if not data.startswith(b"SIP/2.0 ")]
