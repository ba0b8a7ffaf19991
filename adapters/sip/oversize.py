"""Requests that are too large for a datagram (RFC 3261 18.1.1).

What is larger than 1,300 bytes leaves over TCP, though its peer was found by UDP: a datagram
would travel in fragments, and many a router drops those.  Where nobody listens there, or
nobody says a word, it leaves by UDP after all, and that peer is spared it for a while.

Which of the two it was is not recorded.  The branch is the same, so a peer that had the
request one way and hears it the other way after a restart knows it again (17.2.3).

An ACK to a 2xx stays with UDP: it has no timer that would notice that nobody heard it.
"""

from collections.abc import Callable

from adapters.sip.message import Flow
from adapters.sip.transaction_state import ClientTransaction, State

DATAGRAM_MOST = 1300  # Octets, where nobody knows what the path can carry.
SPARED_T1 = 1200  # Ten minutes, where T1 is half a second.
PEERS_MOST = 1024

StreamWay = Callable[[Flow], tuple[Flow, str] | None]


class Oversize:
    """``way`` says how the peer of a UDP flow is reached by TCP, and how it sees us there."""

    def __init__(self, t1: float, t2: float) -> None:
        self.t1, self.t2 = t1, t2
        self.way: StreamWay = lambda _: None
        self.spared: dict[tuple[str, int], float] = {}  # Until when, by host and port.

    def widen(self, made: ClientTransaction, invite: ClientTransaction | None, now: float) -> None:
        """Give a new transaction the way and the Via that its size asks for.

        ``invite`` is that of a CANCEL, which goes the same way (9.1).
        """
        if made.method == "CANCEL":
            wanted = invite is not None and invite.spare is not None
        else:
            wanted = self.spared.get((made.flow.host, made.flow.port), 0.0) <= now
        way = self.way(made.flow) if wanted else None
        if way is None:
            return
        made.spare = (made.flow, made.data)
        made.flow, here = way
        made.data = with_via(made.data, here)
        # A server says 100 to an INVITE within 200 ms (17.2.1); to the rest it may be silent.
        made.repeats_at = now + (2 * self.t1 if made.method == "INVITE" else self.t2)

    def narrow(self, client: ClientTransaction, now: float) -> bool:
        """Back to UDP.  True where the request has to leave again: nobody has heard it yet."""
        assert client.spare is not None
        unheard = client.state is not State.PROCEEDING
        if unheard:
            if len(self.spared) >= PEERS_MOST:
                self.spared.clear()
            self.spared[client.flow.host, client.flow.port] = now + SPARED_T1 * self.t1
        (client.flow, client.data), client.spare = client.spare, None
        if unheard or client.method != "INVITE":
            client.interval = self.t1 if unheard else self.t2
            client.repeats_at = now + client.interval
        return unheard


def with_via(data: bytes, here: str) -> bytes:
    """A request of ours as it is sent over TCP: its top Via names the transport (18.1.1)."""
    start, via, rest = data.partition(b"\r\nVia: SIP/2.0/UDP ")
    assert via, "each request of ours has a Via"
    parameters = rest[rest.index(b";") :]
    return start + b"\r\nVia: SIP/2.0/TCP " + here.encode() + parameters
