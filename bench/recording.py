"""Forked calls as a recording: what came in, when, to an engine with a clock of its own.

``record`` plays the line's server, three phones and callers against the engine and keeps
their datagrams.  The engine is given the same secret, dice and times when the recording is
played, so it says the same tags and nonces again and the recording stays right.
"""

import gc
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack

from adapters.sip.build import Headers, request_bytes, response_to
from adapters.sip.digest import authorization, read_challenge
from adapters.sip.message import Flow, Request, Response, parse
from adapters.store import sqlite
from service.config import load
from service.engine import Datagrams, Engine

US, SERVER = "127.30.0.1:5060", "127.30.0.2:5060"
PHONES = {"a": "127.30.0.11", "b": "127.30.0.12", "c": "127.30.0.13"}
BEGAN = 1_800_000_000_000_000_000
MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
SETTINGS = f"""
[sip]
listen = ["udp:{US}"]
[media]
mode = "direct"
[[line]]
number = 1
server = "{SERVER}"
user = "4212"
password = "secret4212"
domain = "provider.test"
""" + "".join(f'[[phone]]\nuser = "{user}"\npassword = "p{user}"\n' for user in PHONES)
SDP = """v=0\r
o=- 1 1 IN IP4 {0}\r
s=-\r
c=IN IP4 {0}\r
t=0 0\r
m=audio 20000 RTP/AVP 8 0\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
"""

Step = tuple[int, Flow, bytes]


def flow_to(host: str) -> Flow:
    return Flow("udp", US, host, 5060)


@contextmanager
def engine() -> Iterator[Engine]:
    """As the service builds it, with a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "siphotspot.toml")
        settings.write_text(SETTINGS)
        with sqlite.writer(Path(folder, "log.sqlite3")) as log:
            built = Engine(
                log,
                b"recorded" * 4,
                load(settings),
                here=lambda flow: flow.local,
                local=lambda transport, host: US,
                dice=lambda: 0.5,
            )
            built.around.ways[SERVER] = ((SERVER.partition(":")[0], 5060),)
            yield built


def begin(engine: Engine) -> Datagrams:
    engine.start(BEGAN)
    return engine.flush(BEGAN)


def step(engine: Engine, at: int, flow: Flow, data: bytes) -> Datagrams:
    """One turn of the service's loop: timers that are due, one datagram, record, send."""
    due = engine.next_deadline()
    out: Datagrams = []
    if due is not None and due <= at:
        engine.handle_timers(at)
        out = engine.flush(at)
    engine.receive([(data, flow)], at)
    return out + engine.flush(at)


# -- Playing it -----------------------------------------------------------------------


def play(path: Path, calls: int) -> int:
    """The registrations and so many calls.  Returns how many datagrams left."""
    steps, ends, sent = msgpack.unpackb(path.read_bytes())
    with engine() as played:
        count = len(begin(played))
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        for at, flow, data in steps[: ends[calls]]:
            count += len(step(played, at, Flow(*flow), data))
    if count != sent[calls]:
        raise SystemExit(f"{count} datagrams left where {sent[calls]} did when it was recorded")
    return count


# -- Making it ------------------------------------------------------------------------


def record(path: Path, calls: int) -> None:
    with engine() as recorded:
        players = Players(recorded)
        players.register()
        ends, sent = [len(players.steps)], [players.sent]
        for number in range(1, calls + 1):
            players.at = BEGAN + number * SECOND
            players.call(number)
            ends.append(len(players.steps))
            sent.append(players.sent)
    path.write_bytes(msgpack.packb((players.steps, ends, sent)))


class Players:
    """The server, the phones and the callers, all of them exact and in a fixed order."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.at = BEGAN
        self.steps: list[Step] = []
        self.sent = 0

    def says(self, host: str, data: bytes) -> dict[str, Request | Response]:
        """Hand it in; what leaves, by whom it is for and what it is."""
        self.at += MILLISECOND
        flow = flow_to(host)
        self.steps.append((self.at, flow, data))
        return self.heard(step(self.engine, self.at, flow, data))

    def heard(self, out: Datagrams) -> dict[str, Request | Response]:
        self.sent += len(out)
        found: dict[str, Request | Response] = {}
        for flow, data in out:
            message = parse(data)
            what = str(message.code) if isinstance(message, Response) else message.method
            found[f"{flow.host} {what}"] = message
        return found

    # -- Registrations ----------------------------------------------------------------

    def register(self) -> None:
        server = SERVER.partition(":")[0]
        asked = self.heard(begin(self.engine))[f"{server} REGISTER"]
        assert isinstance(asked, Request)
        challenge = 'Digest realm="provider.test", nonce="recorded", algorithm=MD5, qop="auth"'
        data = response_to(asked, 401, to_tag="server", headers=[("WWW-Authenticate", challenge)])
        asked = self.says(server, data)[f"{server} REGISTER"]
        assert isinstance(asked, Request)
        contact = f"{asked.first('contact')};expires=3600"
        self.says(server, response_to(asked, 200, to_tag="server", headers=[("Contact", contact)]))
        for user, host in PHONES.items():
            self.register_phone(user, host)

    def register_phone(self, user: str, host: str) -> None:
        domain = US.partition(":")[0]
        challenged = self.says(host, self.registering(user, host, 1, []))[f"{host} 401"]
        challenge = read_challenge(challenged.all("www-authenticate"))
        assert challenge is not None
        proof = authorization(
            challenge, "REGISTER", f"sip:{domain}", user, f"p{user}", 1, "recorded"
        )
        done = self.says(host, self.registering(user, host, 2, [("Authorization", proof)]))
        assert f"{host} 200" in done

    def registering(self, user: str, host: str, cseq: int, more: Headers) -> bytes:
        domain = US.partition(":")[0]
        headers: Headers = [
            ("Via", f"SIP/2.0/UDP {host}:5060;branch=z9hG4bK-{user}-{cseq}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{user}@{domain}>;tag=1r1"),
            ("To", f"<sip:{user}@{domain}>"),
            ("Call-ID", f"registration-{user}@{host}"),
            ("CSeq", f"{cseq} REGISTER"),
            ("Contact", f"<sip:{user}@{host}:5060;transport=UDP>"),
            ("Expires", "3600"),
            *more,
        ]
        return request_bytes("REGISTER", f"sip:{domain}", headers)

    # -- A call -------------------------------------------------------------------------

    def call(self, number: int) -> None:
        server = SERVER.partition(":")[0]
        out = self.says(server, self.caller(number, "INVITE", 1, "sip:4212@" + US, ""))
        rung = {user: out[f"{host} INVITE"] for user, host in PHONES.items()}
        for code in (100, 180):
            for user in PHONES:
                self.phone(user, rung[user], code, number)
        out = self.phone("b", rung["b"], 200, number)
        answer = out[f"{server} 200"]
        for user in "ac":
            self.phone(user, out[f"{PHONES[user]} CANCEL"], 200, number)
        for user in "ac":
            self.phone(user, rung[user], 487, number)
        target = answer.first("contact").strip("<>")
        tag = f";tag={answer.to_tag}"
        self.says(server, self.caller(number, "ACK", 1, target, tag))
        out = self.says(server, self.caller(number, "BYE", 2, target, tag))
        self.phone("b", out[f"{PHONES['b']} BYE"], 200, number)

    def caller(self, number: int, method: str, cseq: int, target: str, tag: str) -> bytes:
        server = SERVER.partition(":")[0]
        headers = [
            ("Via", f"SIP/2.0/UDP {SERVER};branch=z9hG4bK-{number}-{method}"),
            ("Via", f"SIP/2.0/UDP 127.30.0.21:5060;branch=z9hG4bK-caller-{number}-{method}"),
            ("Max-Forwards", "69"),
            ("From", f"<sip:7000@provider.test>;tag=1c{number}"),
            ("To", f"<sip:4212@provider.test>{tag}"),
            ("Call-ID", f"{number}-recorded@127.30.0.21"),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", "<sip:7000@127.30.0.21:5060;transport=UDP>"),
        ]
        if method != "INVITE":
            return request_bytes(method, target, headers)
        headers.append(("Record-Route", f"<sip:{server};lr;ftag=1c{number}>"))
        body = SDP.format("127.30.0.21").encode()
        return request_bytes(method, target, headers, body, "application/sdp")

    def phone(
        self, user: str, asked: Request | Response, code: int, number: int
    ) -> dict[str, Request | Response]:
        assert isinstance(asked, Request)
        host = PHONES[user]
        tag = "" if code == 100 else f"{user}{number}"
        speaks = asked.method == "INVITE" and 100 < code < 300
        headers = [("Contact", f"<sip:{user}@{host}:5060;transport=UDP>")] if speaks else []
        body = SDP.format(host).encode() if speaks and code == 200 else b""
        kind = "application/sdp" if body else ""
        data = response_to(asked, code, to_tag=tag, headers=headers, body=body, content_type=kind)
        return self.says(host, data)
