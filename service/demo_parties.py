"""Small SIP user agents for the demo: a phone of the house, and a caller of the world.

They are on the other side of the wire from the service, so they share with it how a message
is spelled and how a digest is reckoned, and nothing else.
"""

import secrets
import socket
from collections.abc import Callable
from typing import NamedTuple

import trio

from adapters.sip.address import address, uri
from adapters.sip.build import Headers
from adapters.sip.digest import authorization, read_challenge
from adapters.sip.message import Malformed, Request, Response, parse, request_bytes, response_to
from service.demo_telling import PATIENCE_S, Missing, Teller

HOST = "127.0.0.1"
T1_S = 0.5
LARGEST_DATAGRAM = 65_535

Place = tuple[str, int]
Heard = Request | Response


class Talk:
    """One dialog as its party keeps it (RFC 3261 12)."""

    def __init__(self, local: str, remote: str, call_id: str, target: str, next_hop: Place) -> None:
        self.local = local
        self.remote = remote
        self.call_id = call_id
        self.target = target
        self.next_hop = next_hop
        self.routes: list[str] = []
        self.cseq = 0


class Sent(NamedTuple):
    """An INVITE of ours: what its CANCEL and the ACK to its refusal repeat."""

    talk: Talk
    branch: str
    uri: str
    cseq: int


def new_branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"


def place_of(value: str) -> Place:
    """Where a URI, or an address with one, leads; on loopback there are no names."""
    place = uri(address(value).uri)
    return place.host, place.port or 5060


def summary(message: Heard) -> str:
    """The start line, and what tells this message from others of its kind."""
    if isinstance(message, Response):
        return f"{message.code} {message.reason} ({message.cseq} {message.method})"
    reason = message.first("reason")
    more = f"  Reason: {reason}" if reason else ""
    return f"{message.method} {message.uri} (CSeq {message.cseq}){more}"


class Agent:
    """One UDP socket, everything it heard, and whoever waits for something of it.

    What is repeated is answered as before and heard once: nobody who waits has to know that
    datagrams may come twice.
    """

    def __init__(self, name: str, tell: Teller) -> None:
        self.name = name
        self.tell = tell
        self.socket = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.here = ""
        self.inbox: list[Heard] = []
        self.news = trio.Event()

    async def open(self) -> None:
        await self.socket.bind((HOST, 0))
        self.here = f"{HOST}:{self.socket.getsockname()[1]}"

    async def run(self) -> None:
        while True:
            data, source = await self.socket.recvfrom(LARGEST_DATAGRAM)
            try:
                message = parse(data)
            except Malformed:
                self.tell.happened(self.name, "got what is no SIP message")
                continue
            await self.receive(message, source)

    async def receive(self, message: Heard, source: Place) -> None:
        self.hear(message)

    def hear(self, message: Heard) -> None:
        self.inbox.append(message)
        self.news.set()
        self.news = trio.Event()

    async def send(self, data: bytes, to: Place, tell: bool = True) -> None:
        if tell:
            self.tell.message(self.name, "->", summary(parse(data)))
        await self.socket.sendto(data, to)

    async def expect(self, what: str, fits: Callable[[Heard], bool]) -> Heard:
        """The first that fits of what was heard and not yet asked for, or ``Missing``."""
        with trio.move_on_after(PATIENCE_S):
            while True:
                for message in self.inbox:
                    if fits(message):
                        self.inbox.remove(message)
                        return message
                await self.news.wait()
        raise Missing(f"{self.name} got no {what}")

    async def request(self, method: str) -> Request:
        found = await self.expect(method, lambda m: isinstance(m, Request) and m.method == method)
        assert isinstance(found, Request)
        return found

    async def response(self, what: str, fits: Callable[[Response], bool]) -> Response:
        found = await self.expect(what, lambda m: isinstance(m, Response) and fits(m))
        assert isinstance(found, Response)
        return found


class Phone(Agent):
    """Registers, calls, rings, answers; a BYE and a CANCEL it answers by itself."""

    def __init__(self, name: str, user: str, password: str, tell: Teller) -> None:
        super().__init__(name, tell)
        self.user = user
        self.password = password
        self.answers: dict[tuple[str, str], bytes] = {}  # By branch and method.
        self.tags: dict[str, str] = {}  # Ours, by Call-ID.
        self.ringing: dict[str, tuple[Request, Place]] = {}  # INVITEs by branch.
        self.heard: set[tuple[str, str, int]] = set()  # Responses by branch, method and code.
        self.invites: dict[tuple[str, int], Sent] = {}  # By Call-ID and CSeq.
        self.acks: dict[tuple[str, int], tuple[bytes, Place]] = {}

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.here}>"

    # -- What comes ----------------------------------------------------------------------------

    async def receive(self, message: Heard, source: Place) -> None:
        if isinstance(message, Response):
            await self.receive_response(message)
            return
        key = message.via.branch, message.method
        if key in self.answers:
            if self.answers[key]:
                await self.send(self.answers[key], source, tell=False)
            return
        self.answers[key] = b""
        self.tell.message(self.name, "<-", summary(message))
        if message.method == "INVITE":
            self.ringing[message.via.branch] = message, source
        elif message.method == "CANCEL":
            await self.respond(message, source, 200)
            ringing = self.ringing.get(message.via.branch)
            if ringing is not None:
                await self.respond(*ringing, 487)
        elif message.method != "ACK":
            await self.respond(message, source, 200)
        self.hear(message)

    async def receive_response(self, response: Response) -> None:
        asked = response.call_id, response.cseq
        key = response.via.branch, response.method, response.code
        if key in self.heard:
            if response.method == "INVITE" and asked in self.acks:
                await self.send(*self.acks[asked], tell=False)
            return
        self.heard.add(key)
        if response.code > 100:
            self.tell.message(self.name, "<-", summary(response))
        if response.method == "INVITE" and response.code >= 300 and asked in self.invites:
            await self.ack_refusal(self.invites[asked], response)
        self.hear(response)

    async def respond(self, request: Request, source: Place, code: int, body: bytes = b"") -> None:
        tag = self.tags.setdefault(request.call_id, secrets.token_hex(4))
        headers = [("Contact", self.contact)] if request.method == "INVITE" and code < 300 else []
        data = response_to(request, code, to_tag=tag, headers=headers, body=body)
        self.answers[request.via.branch, request.method] = data
        await self.send(data, source)

    # -- Whom somebody calls -------------------------------------------------------------------

    async def answer_with(self, invite: Request, code: int, body: bytes = b"") -> None:
        """180, 200 or a refusal, to an INVITE that came."""
        _, source = self.ringing[invite.via.branch]
        await self.respond(invite, source, code, body)

    def talk_of(self, invite: Request) -> Talk:
        """The dialog from the side of who was called (RFC 3261 12.1.1)."""
        _, source = self.ringing[invite.via.branch]
        local = f"{invite.first('to')};tag={self.tags[invite.call_id]}"
        target = address(invite.first("contact")).uri
        talk = Talk(local, invite.first("from"), invite.call_id, target, source)
        talk.routes = invite.listed("record-route")
        return talk

    # -- Who asks ------------------------------------------------------------------------------

    async def register(self, registrar: Place) -> list[int]:
        """A REGISTER without and then with a digest (RFC 3261 10.2, 22.2): what it got."""
        domain = f"{registrar[0]}:{registrar[1]}"
        record = f"<sip:{self.user}@{domain}>"
        talk = self.new_talk(record, record, f"sip:{domain}", registrar)
        more = [("Contact", self.contact), ("Expires", "300")]
        response = await self.ask(talk, "REGISTER", more)
        if response.code != 401:
            return [response.code]
        proof = self.proof(response, "REGISTER", talk.target)
        return [401, (await self.ask(talk, "REGISTER", [*more, proof])).code]

    def new_talk(self, local: str, remote: str, target: str, next_hop: Place) -> Talk:
        tagged = f"{local};tag={secrets.token_hex(4)}"
        return Talk(tagged, remote, f"{secrets.token_hex(8)}@{HOST}", target, next_hop)

    def proof(self, response: Response, method: str, target: str) -> tuple[str, str]:
        """The Authorization that answers this challenge."""
        name = "proxy-authenticate" if response.code == 407 else "www-authenticate"
        challenge = read_challenge(response.all(name))
        if challenge is None:
            raise Missing(f"{self.name} cannot answer the challenge of a {response.code}")
        cnonce = secrets.token_hex(8)
        value = authorization(challenge, method, target, self.user, self.password, 1, cnonce)
        return "Proxy-Authorization" if response.code == 407 else "Authorization", value

    async def ask(self, talk: Talk, method: str, more: Headers = ()) -> Response:
        """A request that is no INVITE, repeated until its final answer comes (17.1.2)."""
        talk.cseq += 1
        branch = new_branch()
        data = self.spelled(talk, method, talk.cseq, branch, more)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.repeat, data, talk.next_hop)
            response = await self.response(
                f"answer to its {method}",
                lambda heard: heard.via.branch == branch and heard.code >= 200,
            )
            nursery.cancel_scope.cancel()
        return response

    async def repeat(self, data: bytes, to: Place) -> None:
        await self.send(data, to)
        while True:
            await trio.sleep(T1_S)
            await self.send(data, to, tell=False)

    def spelled(
        self,
        talk: Talk,
        method: str,
        cseq: int,
        branch: str,
        more: Headers = (),
        body: bytes = b"",
    ) -> bytes:
        headers = [
            ("Via", f"SIP/2.0/UDP {self.here};rport;branch={branch}"),
            *(("Route", route) for route in talk.routes),
            ("Max-Forwards", "70"),
            ("From", talk.local),
            ("To", talk.remote),
            ("Call-ID", talk.call_id),
            ("CSeq", f"{cseq} {method}"),
            *more,
        ]
        return request_bytes(method, talk.target, headers, body)

    # -- A call of ours ------------------------------------------------------------------------

    async def call(self, target: str, domain: str, next_hop: Place, body: bytes) -> Talk:
        """An INVITE, and once more with a digest, since everybody here wants one."""
        talk = self.new_talk(f"<sip:{self.user}@{domain}>", f"<{target}>", target, next_hop)
        await self.invite(talk, [], body)
        refused = await self.hears(talk, 407)
        await self.invite(talk, [self.proof(refused, "INVITE", target)], body)
        return talk

    async def invite(self, talk: Talk, more: Headers, body: bytes) -> None:
        talk.cseq += 1
        branch = new_branch()
        self.invites[talk.call_id, talk.cseq] = Sent(talk, branch, talk.target, talk.cseq)
        more = [("Contact", self.contact), *more]
        await self.send(self.spelled(talk, "INVITE", talk.cseq, branch, more, body), talk.next_hop)

    async def hears(self, talk: Talk, code: int) -> Response:
        return await self.response(
            f"{code} to its INVITE",
            lambda heard: (
                heard.call_id == talk.call_id and heard.method == "INVITE" and heard.code == code
            ),
        )

    async def ack_refusal(self, sent: Sent, response: Response) -> None:
        """RFC 3261 17.1.1.3: the branch of the INVITE, the To of the answer."""
        headers = [
            ("Via", f"SIP/2.0/UDP {self.here};rport;branch={sent.branch}"),
            ("Max-Forwards", "70"),
            ("From", sent.talk.local),
            ("To", response.first("to")),
            ("Call-ID", sent.talk.call_id),
            ("CSeq", f"{sent.cseq} ACK"),
        ]
        data = request_bytes("ACK", sent.uri, headers)
        self.acks[response.call_id, response.cseq] = data, sent.talk.next_hop
        await self.send(data, sent.talk.next_hop)

    async def acknowledge(self, talk: Talk, response: Response) -> None:
        """A 2xx makes the dialog, and its ACK is a transaction of its own (13.2.2.4)."""
        talk.remote = response.first("to")
        talk.target = address(response.first("contact")).uri
        talk.routes = [*reversed(response.listed("record-route"))]
        data = self.spelled(talk, "ACK", response.cseq, new_branch())
        self.acks[response.call_id, response.cseq] = data, talk.next_hop
        await self.send(data, talk.next_hop)

    async def cancel(self, talk: Talk) -> None:
        """RFC 3261 9.1; the 487 is for the INVITE."""
        sent = self.invites[talk.call_id, talk.cseq]
        data = self.spelled(talk, "CANCEL", sent.cseq, sent.branch)
        await self.send(data, talk.next_hop)
