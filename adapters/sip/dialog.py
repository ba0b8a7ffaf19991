"""One dialog of ours: what its requests are made of (RFC 3261 12).

A dialog is a fold.  Whatever stands here was put here by a recorded observation or by an
order, through ``call_dialogs`` or ``registration``, live and after a restart alike.
"""

from collections.abc import Sequence

from adapters.sip.address import address, escaped_user, uri
from adapters.sip.build import SDP, Headers, request_of_lines
from adapters.sip.grammar import Malformed, remembered
from adapters.sip.identifiers import DialogNames
from adapters.sip.message import Flow
from adapters.sip.own_phone import is_local
from adapters.sip.sdp import origin_of, with_origin
from adapters.sip.sockets import is_address
from core.events.facts import Peer

USER_AGENT = "siphotspot"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, MESSAGE"

ALLOW_LINE = f"Allow: {ALLOW}"
USER_AGENT_LINE = f"User-Agent: {USER_AGENT}"
TELLS_CONTACT = ("INVITE", "UPDATE")


flow_of = remembered(Flow.read)  # A phone's way stands in every call that rings it.


@remembered
def place_of(value: str) -> tuple[str | None, str, int]:
    """Where a URI leads: by which transport, where it names one, to which host and port."""
    place = uri(value)
    transport = place.params.get("transport")
    return transport and transport.lower(), place.host, place.port or 5060


class Dialog:
    """``local`` and ``remote`` are the From and To of our requests, tags included.

    ``here`` is how the peer sees us, "host:port"; ``cseq`` is the last number we spent.
    """

    __slots__ = (
        "addressee", "branch", "call_id", "contact", "credentials", "cseq", "flow", "here",
        "invite_cseq", "invite_uri", "last_ack", "local", "lost", "origin", "parting", "progress",
        "remote", "remote_cseq", "routes", "sdp_version", "session", "tag", "target", "told",
    )  # fmt: skip

    def __init__(self, names: DialogNames, flow: Flow, here: str) -> None:
        self.call_id = names.call_id
        self.tag = names.tag
        self.branch = names.branch
        self.flow = flow
        self.here = here
        self.contact = ""
        self.local = self.remote = self.target = ""
        self.addressee = self.invite_uri = ""  # To and Request-URI of an INVITE that opens it.
        self.routes: tuple[str, ...] = ()
        self.credentials: Headers = ()  # Of our last INVITE; its ACK repeats them (13.2.2.4).
        self.cseq = 0
        self.invite_cseq = 0  # Of our last INVITE: what ACK and CANCEL are about.
        self.remote_cseq = 0
        self.sdp_version = 0
        self.origin = ""  # The o= line it was told last, where another one goes on with that.
        self.told = b""  # The SDP it was sent last, where no relay is between.
        self.session = 0  # Of our o= line, where it is not that of its call (RFC 4566 5.2).
        self.last_ack = b""
        self.parting: Headers = ()  # What its BYE says, which may have to be said once more.
        self.progress = (0, "")  # The provisional that was heard last, and its tag.
        self.lost: tuple[Flow, ...] = ()  # Ways that this process has tried in vain.

    def branch_of(self, cseq: int, method: str = "") -> str:
        """An ACK to a 2xx is a transaction of its own; CANCEL shares the branch of its INVITE."""
        return f"{self.branch}.{cseq}a" if method == "ACK" else f"{self.branch}.{cseq}"

    def via(self, branch: str) -> str:
        return f"Via: SIP/2.0/{self.flow.transport.upper()} {self.here};rport;branch={branch}"

    def follow(self, peer: Peer) -> None:
        """What an answer to our INVITE settles (RFC 3261 12.1.2)."""
        if peer.tag:
            self.remote = f"{self.addressee};tag={peer.tag}"
        if peer.contact:
            self.target = peer.contact
        self.routes = peer.routes[::-1]

    def contact_of(self, user: str) -> str:
        """Our Contact: where the peer sees us."""
        who = f"{escaped_user(user)}@" if user else ""
        transport = self.flow.transport
        way = "" if transport == "udp" else f";transport={transport}"
        return f"<sip:{who}{self.here}{way}>"

    def described(self, body: bytes) -> bytes:
        """The SDP of the other side as it stands, but for whose session it says it is, where
        this one has begun it with somebody else (RFC 3264 8).
        """
        if self.origin:
            body = with_origin(body, self.origin)
            self.origin = origin_of(body)
        self.told = body
        return body

    def is_with(self, tag: str) -> bool:
        """Whether an answer with this To tag is of the branch that this dialog is with."""
        return self.remote == (f"{self.addressee};tag={tag}" if tag else self.addressee)

    def forked(self, peer: Peer, branch: str, flow: Flow) -> "Dialog":
        """A dialog of its own with another branch that answers the same INVITE (12.1.2)."""
        other = Dialog(DialogNames(self.call_id, self.tag, branch), flow, self.here)
        other.local, other.contact, other.credentials = self.local, self.contact, self.credentials
        other.remote = other.addressee = self.addressee
        other.target = other.invite_uri = self.invite_uri
        other.cseq = other.invite_cseq = self.invite_cseq
        other.follow(peer)
        other.aim()
        return other

    def next_cseq(self) -> int:
        self.cseq += 1
        return self.cseq

    def aim(self) -> None:
        """Where the next request goes: the first route, else the remote target (12.2.1.1).

        A connection is used as long as it leads to the same host (RFC 5923), and a name,
        which only a server would write here, leaves the way as it is.
        """
        aimed = self.aimed()
        if aimed.transport == "udp" or aimed.host != self.flow.host:
            self.flow = aimed

    def aimed(self) -> Flow:
        """The way that the peer's own words name; the present one where they name none."""
        flow = self.flow
        if is_local(flow):
            return flow
        try:
            place = place_of(address(self.routes[0]).uri if self.routes else self.target)
        except Malformed:
            return flow
        transport, host, port = place
        if transport not in (None, flow.transport) or not is_address(host):
            return flow
        return Flow(flow.transport, flow.local, host, port)

    def other_way(self, lost: Flow, bound: Flow | None = None) -> Flow | None:
        """Where a connection of the peer's own is gone: the one it has registered by since,
        else one that we open to where it listens.  Each is tried once.
        """
        if self.flow == lost:
            self.lost = (*self.lost, lost)
            ways = [way for way in (bound, self.aimed()) if way and way not in self.lost]
            self.flow = ways[0] if ways else lost
        return None if self.flow == lost else self.flow

    def routed(self) -> tuple[str, Sequence[str]]:
        """Request-URI and Route; a strict router takes the place of the target (12.2.1.1)."""
        routes = self.routes
        if not routes or is_loose(routes[0]):
            return self.target, routes
        return address(routes[0]).uri, [*routes[1:], f"<{self.target}>"]

    def request(
        self,
        method: str,
        cseq: int,
        more: Headers = (),
        body: bytes = b"",
        content_type: str = SDP,
        hops: int = 70,
    ) -> bytes:
        """A request in this dialog, or the INVITE that opens it (RFC 3261 8.1.1, 12.2.1.1)."""
        target, routes = self.routed() if self.routes else (self.target, ())
        lines = [f"{method} {target} SIP/2.0", self.via(self.branch_of(cseq, method))]
        for route in routes:
            lines.append(f"Route: {route}")
        lines += (
            f"Max-Forwards: {hops}",
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
        )
        if method in TELLS_CONTACT:
            lines += (f"Contact: {self.contact}", ALLOW_LINE)
        lines.append(USER_AGENT_LINE)
        for name, value in more:
            lines.append(f"{name}: {value}")
        return request_of_lines(lines, body, content_type)

    def cancel(self, more: Headers) -> bytes:
        """RFC 3261 9.1: the INVITE's own Request-URI, top Via, Route, From, To and CSeq number."""
        cseq = self.invite_cseq
        lines = [
            f"CANCEL {self.invite_uri} SIP/2.0",
            self.via(self.branch_of(cseq)),
            "Max-Forwards: 70",
            f"From: {self.local}",
            f"To: {self.addressee}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} CANCEL",
            USER_AGENT_LINE,
        ]
        for name, value in more:
            lines.append(f"{name}: {value}")
        return request_of_lines(lines)


def is_loose(route: str) -> bool:
    try:
        return "lr" in uri(address(route).uri).params
    except Malformed:
        return True
