"""A phone, and the other end of its one way: a peer that says exactly what it is told to."""

from collections.abc import Callable
from itertools import count

from adapters.phone.agent import Agent
from adapters.phone.phone_call import (
    CallChanged,
    DigitHeard,
    DigitsDialled,
    Happening,
    PhoneCall,
    TermsAgreed,
    TransferEnded,
)
from adapters.sip.identifiers import DialogNames
from adapters.sip.message import Request, Response, parse, request_bytes, response_to

DOMAIN = "127.0.0.1"
HERE = "exchange.invalid:5060"
Headers = list[tuple[str, str]]

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n"
    b"m=audio 9000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
HOLDING = OFFER + b"a=sendonly\r\n"


def names_from(prefix: str) -> Callable[[], DialogNames]:
    numbers = count(1)

    def new_names() -> DialogNames:
        n = next(numbers)
        return DialogNames(f"{prefix}-call-{n}", f"{prefix}-tag-{n}", f"z9hG4bK{prefix}{n}")

    return new_names


class Phone:
    """An agent and all it told."""

    def __init__(self, user: str = "0", name: str = "") -> None:
        self.happened: list[Happening] = []
        self.asked: list[tuple[str, str | None]] = []
        self.agent = Agent(
            names_from(f"phone{user}"), self.media_for, self.happened.append, user=user, name=name
        )

    def media_for(self, call: str, remote_host: str | None) -> tuple[str, int]:
        self.asked.append((call, remote_host))
        return "127.0.0.1", 4000 + 2 * int(call)

    def call(self, call: str = "1") -> PhoneCall:
        return self.agent.calls[call]

    def terms(self) -> list[TermsAgreed]:
        return [one for one in self.happened if isinstance(one, TermsAgreed)]

    def told(
        self, kind: type[DigitHeard] | type[DigitsDialled] | type[TransferEnded]
    ) -> list[Happening]:
        return [one for one in self.happened if isinstance(one, kind)]

    def states(self, call: str = "1") -> list[str]:
        return [
            str(one.call.state)
            for one in self.happened
            if isinstance(one, CallChanged) and one.call.id == call
        ]


class Peer:
    """Says to a phone what the test tells it to, and keeps what the phone said."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.heard: list[Request | Response] = []
        self.cseq = 10
        self.branches = count(1)
        self.invite: Request | None = None  # Ours, or the phone's, that opened the dialog.
        self.local = self.remote = self.call_id = ""

    def listen(self) -> list[Request | Response]:
        """What has come since the last time."""
        new = [parse(data) for data in self.phone.agent.take_out()]
        self.heard += new
        return new

    def said(self) -> list[str]:
        """The same, in words."""
        return [
            f"{one.code} {one.method}" if isinstance(one, Response) else one.method
            for one in self.listen()
        ]

    # -- We call the phone ---------------------------------------------------------------

    def call(
        self,
        body: bytes = OFFER,
        caller: str = "<sip:5@127.0.0.1>",
        more: Headers | None = None,
        call_id: str = "peer-call",
    ) -> Request:
        self.local, self.remote = f"{caller};tag=peer", "<sip:0@127.0.0.1>"
        self.call_id = call_id
        self.invite = self.request("INVITE", body=body, more=more)
        return self.invite

    def request(
        self,
        method: str,
        body: bytes = b"",
        more: Headers | None = None,
        cseq: int = 0,
        branch: str = "",
        content_type: str = "application/sdp",
    ) -> Request:
        if not cseq:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or f"z9hG4bKpeer{next(self.branches)}"
        headers = [
            ("Via", f"SIP/2.0/LOCAL {HERE};branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:peer@{HERE}>"),
            *(more or []),
        ]
        data = request_bytes(method, f"sip:0@{DOMAIN}", headers, body, content_type)
        self.phone.agent.receive(data)
        request = parse(data)
        assert isinstance(request, Request)
        return request

    def cancel(self, reason: str = "") -> None:
        assert self.invite is not None
        more = [("Reason", reason)] if reason else []
        self.request("CANCEL", more=more, cseq=self.invite.cseq, branch=self.invite.via.branch)

    def ack(self, body: bytes = b"") -> None:
        """For the last 2xx that was heard."""
        answer = self.last_response()
        self.remote = answer.first("to")
        self.request("ACK", body=body, cseq=answer.cseq)

    def connect(self, body: bytes = OFFER) -> None:
        """A call that the phone answers."""
        self.call(body)
        self.phone.agent.answer(next(reversed(self.phone.agent.calls)))
        self.listen()
        self.ack()

    # -- The phone calls us --------------------------------------------------------------

    def take_invite(self) -> Request:
        [invite] = [one for one in self.listen() if isinstance(one, Request)]
        assert invite.method == "INVITE"
        if not invite.to_tag:
            self.invite, self.call_id = invite, invite.call_id
            self.local, self.remote = f"{invite.first('to')};tag=peer", invite.first("from")
        return invite

    def respond(
        self, request: Request | None, code: int, body: bytes = b"", more: Headers | None = None
    ) -> None:
        assert request is not None
        headers = [("Contact", f"<sip:peer@{HERE}>"), *(more or [])]
        data = response_to(request, code, to_tag="peer", headers=headers, body=body)
        self.phone.agent.receive(data)

    def last_response(self) -> Response:
        return next(one for one in reversed(self.heard) if isinstance(one, Response))

    def last_request(self, method: str) -> Request:
        return next(
            one for one in reversed(self.heard) if isinstance(one, Request) and one.method == method
        )

    def be_called(self, body: bytes = OFFER) -> None:
        """A call of the phone's that we answer."""
        self.phone.agent.call("5")
        self.respond(self.take_invite(), 200, body)
        assert self.said() == ["ACK"]
