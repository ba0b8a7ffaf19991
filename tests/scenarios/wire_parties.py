"""The parties of a scenario as SIP user agents: what they keep of a dialog, and how they spell.

Each has an address of its own; callers from outside are behind the account's registrar, as
they are behind a real one.  A message of the hotspot is known by its Call-ID again.
"""

from dataclasses import dataclass, field, replace

from adapters.sip.digest import authorization, is_right, read_challenge, read_credentials
from adapters.sip.message import Flow, Request, Response, parse, request_bytes, response_to
from adapters.sip.own_phone import LOCAL
from tests.scenarios.steps import Arrow, fits

HERE = "127.0.7.1:5060"
HOUSE = "127.0.7.1"
HOSTS = {"registrar": "127.0.7.2", "server": "127.0.7.2", "backup": "127.0.7.3", "0": "127.0.0.1"}
BODIES = ("offer", "answer", "body")
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns={said}\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 9000 RTP/AVP 8\r\n"
)

Headers = list[tuple[str, str]]


def host_of(party: str) -> str:
    if party.startswith("caller"):
        return HOSTS["registrar"]
    if party in HOSTS:
        return HOSTS[party]
    device = int(party[2:] or 1)
    return f"127.0.7.{30 * device + ord(party[0]) - ord('A')}"


def flow_of(party: str) -> Flow:
    return LOCAL if party == "0" else Flow("udp", HERE, host_of(party), 5060)


def party_at(host: str) -> str:
    """The phone's device, or the server, at this address."""
    last = int(host.rpartition(".")[2])
    if last < 30:
        return next(name for name, at in HOSTS.items() if at == host)
    device, letter = divmod(last, 30)
    return chr(ord("A") + letter) + (f".{device}" if device > 1 else "")


def body_of(arrow: Arrow) -> tuple[bytes, str]:
    """The word of the scenario as a body, and its type."""
    key = next((key for key in BODIES if key in arrow.args), "")
    if not key:
        return b"", ""
    said = f"{key}={arrow.args[key]}"
    if key == "body":
        return said.encode(), "text/plain"
    return SDP.format(host=host_of(arrow.src), said=said).encode(), "application/sdp"


def said_in(body: bytes) -> dict[str, str]:
    for line in body.decode().splitlines():
        key, _, word = line.removeprefix("s=").partition("=")
        if key in BODIES:
            return {key: word}
    return {}


def args_of(message: Request | Response) -> dict[str, str]:
    """What a scenario may say of a message of the hotspot's."""
    args = said_in(message.body)
    if reason := message.first("reason"):
        args["Reason"] = reason
    if least := message.first("min-expires"):
        args["min-expires"] = least
    if isinstance(message, Request):
        if message.method == "NOTIFY":
            args["status"] = message.body.split()[1].decode()
        if message.method == "REGISTER":
            args["expires"] = message.first("expires")
        for value in [*message.all("authorization"), *message.all("proxy-authorization")]:
            assert is_right(read_credentials(value), read_method(message), "secret"), value
            args["credentials"] = "yes"
    return args


def read_method(request: Request) -> str:
    """The ACK of an INVITE repeats its credentials (RFC 3261 13.2.2.4)."""
    return "INVITE" if request.method == "ACK" else request.method


@dataclass
class Dialog:
    """One dialog with the hotspot, as the other end of it sees it."""

    party: str
    call: int
    call_id: str
    local: str
    remote: str
    target: str
    tag: str = ""
    opened_by_us: bool = False
    invite: Request | None = None  # The INVITE of either side that opens it.
    cseq: int = 100
    heard: int = 0  # The CSeq of the hotspot's last request.
    pending: list[Request] = field(default_factory=list)  # Asked by the hotspot.
    acked: set[int] = field(default_factory=set)  # Those that may not be repeated any more.
    unacked: list[int] = field(default_factory=list)  # Answers of the hotspot to our re-INVITEs.
    forks: dict[str, "Dialog"] = field(default_factory=dict)  # Other branches, by their tag.

    def forked(self, tag: str) -> str:
        """The tag of another branch of this party, which answers the same INVITE."""
        local = f"{self.local.partition(';tag=')[0]};tag={tag}"
        heard = self.invite.cseq if self.invite else 0
        self.forks.setdefault(tag, replace(self, local=local, tag=tag, heard=heard))
        return tag


class Spelling:
    """Every message of every party; branches are counted, so that a run is the same each time."""

    def __init__(self) -> None:
        self.branches = 0

    def branch(self) -> str:
        self.branches += 1
        return f"z9hG4bK-scenario-{self.branches}"

    def request(
        self,
        dialog: Dialog,
        method: str,
        cseq: int,
        more: Headers,
        body: tuple[bytes, str] = (b"", ""),
        branch: str = "",
    ) -> bytes:
        host = host_of(dialog.party)
        headers = [
            ("Via", f"SIP/2.0/UDP {host}:5060;rport;branch={branch or self.branch()}"),
            ("Max-Forwards", "70"),
            ("From", dialog.local),
            ("To", dialog.remote),
            ("Call-ID", dialog.call_id),
            ("CSeq", f"{cseq} {method}"),
            *more,
        ]
        if method in ("INVITE", "UPDATE"):
            headers.append(("Contact", f"<sip:{dialog.party}@{host}:5060>"))
        return request_bytes(method, dialog.target, headers, *body)

    def register(self, arrow: Arrow, cseq: int, more: Headers) -> bytes:
        device, args = arrow.src, arrow.args
        asks = args.get("contact", device)
        contact = "*" if asks == "*" else f"<sip:{device[0]}@{host_of(device)}:5060>"
        headers = [
            ("Via", f"SIP/2.0/UDP {host_of(device)}:5060;rport;branch={self.branch()}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{device[0]}@{HOUSE}>;tag=r"),
            ("To", f"<sip:{device[0]}@{HOUSE}>"),
            ("Call-ID", args.get("call-id", f"register-{device}")),
            ("CSeq", f"{cseq} REGISTER"),
            *([] if asks == "none" else [("Contact", contact)]),
            ("Expires", args.get("expires", "3600")),
            *more,
        ]
        return request_bytes("REGISTER", f"sip:{HOUSE}", headers)


def refusal_ack(invite: Request, response: Response) -> bytes:
    """The ACK to a refusal belongs to the INVITE's own transaction (RFC 3261 17.1.1.3)."""
    headers = [
        ("Via", invite.first("via")),
        ("Max-Forwards", "70"),
        ("From", invite.first("from")),
        ("To", response.first("to")),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq} ACK"),
    ]
    return request_bytes("ACK", invite.uri, headers)


def cancel_of(invite: Request, more: Headers) -> bytes:
    headers = [
        ("Via", invite.first("via")),
        ("Max-Forwards", "70"),
        ("From", invite.first("from")),
        ("To", invite.first("to")),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq} CANCEL"),
        *more,
    ]
    return request_bytes("CANCEL", invite.uri, headers)


def answer_to(asked: Request, arrow: Arrow, tag: str = "") -> bytes:
    """What the arrow says, as the response to this request."""
    args, code = arrow.args, arrow.code
    headers: Headers = []
    if code in (401, 407):
        stale = ", stale=true" if args.get("stale") == "yes" else ""
        name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
        nonce = args.get("nonce", "n")
        headers.append((name, f'Digest realm="registrar", nonce="{nonce}", qop="auth"{stale}'))
    for key in ("min-expires", "retry-after", "expires"):
        if key in args:
            headers.append((key.title(), args[key]))
    if asked.method in ("INVITE", "UPDATE") and 100 < code < 300:
        headers.append(("Contact", f"<sip:{arrow.src}@{host_of(arrow.src)}:5060>"))
    body, kind = body_of(arrow)
    to_tag = "" if code == 100 else tag or f"t{arrow.src}"
    return response_to(asked, code, to_tag=to_tag, headers=headers, body=body, content_type=kind)


def refer_to(arrow: Arrow, other: Dialog | None) -> str:
    """A number, or a dialog that is to be replaced (RFC 3891 6.1)."""
    if other is None:
        return f"<sip:{arrow.args['to']}@{HOUSE}>"
    ours, theirs = (end.partition(";tag=")[2] for end in (other.local, other.remote))
    return f"<sip:x@{HOUSE}?Replaces={other.call_id}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{ours}>"


def proof(refused: Response, method: str, uri: str, user: str) -> tuple[str, str]:
    """The answer of a phone to the hotspot's challenge."""
    proxy = refused.code == 407
    challenge = read_challenge(refused.all("proxy-authenticate" if proxy else "www-authenticate"))
    assert challenge is not None, refused
    value = authorization(challenge, method, uri, user, f"p{user}", 1, "cnonce")
    return ("Proxy-Authorization" if proxy else "Authorization"), value


def read_request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


# -- What a strict user agent would refuse -----------------------------------------------


def check_request(dialog: Dialog, request: Request) -> None:
    """A request of the hotspot's fits the dialog it belongs to (RFC 3261 12.2.2, 9.1, 17.1.1.3)."""
    said = f"{request} does not fit {dialog}"
    invite = dialog.invite
    if request.method == "CANCEL":
        assert invite is not None, said
        alike = [(one.uri, one.cseq, one.via.branch, one.first("to")) for one in (request, invite)]
        assert alike[0] == alike[1], said
    elif request.to_tag:
        assert (request.first("from"), request.first("to")) == (dialog.remote, dialog.local), said
    if request.method not in ("ACK", "CANCEL"):
        assert request.cseq > dialog.heard, said
        dialog.heard = request.cseq
    if request.to_tag and (invite is None or request.via.branch != invite.via.branch):
        assert request.uri == f"sip:{dialog.party}@{host_of(dialog.party)}:5060", said


def check_answer(dialog: Dialog, response: Response) -> None:
    """Every provisional and the 2xx of the hotspot belong to one dialog (12.1.1)."""
    to, contact = response.first("to"), response.first("contact")
    assert response.to_tag, response
    assert contact.startswith("<sip:"), response
    assert dialog.remote in (to, to.partition(";tag=")[0]), response


# -- What was meant ----------------------------------------------------------------------


def asks_proof(expected: Arrow, sent: Arrow) -> bool:
    """A phone's INVITE is challenged with 401 or 407; either asks the same of it."""
    codes = {expected.code, sent.code}
    return codes == {401, 407} and (expected.dst, expected.method) == (sent.dst, sent.method)


def is_meant(expected: Arrow, sent: Arrow) -> bool:
    """An ACK repeats the credentials of its INVITE; a refresh, and what a server that has
    challenged in this call is asked later, has those of a nonce it knows."""
    if fits(expected, sent):
        return True
    is_phone = sent.dst[0].isupper() or sent.dst == "0"
    if sent.method == "INVITE" or is_phone or "credentials" in expected.args:
        return False
    args = {key: value for key, value in sent.args.items() if key != "credentials"}
    plain = Arrow(
        line=0, text="", src="hotspot", dst=sent.dst, method=sent.method, code=sent.code, args=args
    )
    return fits(expected, plain)
