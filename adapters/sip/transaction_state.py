"""One transaction: its state, what it says again and when, and when it is over.

``transaction.py`` moves these; here is only what they are.
"""

from enum import StrEnum, auto
from math import inf
from typing import NamedTuple

from adapters.sip.matching import Key
from adapters.sip.message import Flow, Request


class State(StrEnum):
    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()
    ACK = auto()  # Not a transaction: an ACK that is the dialog's business.


UNANSWERED = frozenset((State.CALLING, State.TRYING, State.PROCEEDING))


class Transaction:
    """What both sides share: where it goes, what is sent again and when it is over."""

    __slots__ = ("data", "ends_at", "flow", "in_vain", "interval", "key", "repeats_at", "state")

    key: Key
    flow: Flow
    state: State
    data: bytes  # What is said again; empty where nothing is, or is no more.
    in_vain: str  # Why its user would have to hear that it ended now, if at all.
    interval: float
    repeats_at: float
    ends_at: float

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state} {self.flow}>"


class ClientTransaction(Transaction):
    """A request of ours (RFC 3261 17.1); ``owner`` is whatever its user wants back with it."""

    __slots__ = ("ack", "method", "owner", "proceeds", "spare")

    def __init__(self, key: Key, flow: Flow, data: bytes, method: str, owner: object) -> None:
        self.key = key
        self.flow = flow
        self.state = State.CALLING if method == "INVITE" else State.TRYING
        self.data = data
        self.in_vain = "timeout"
        self.interval = 0.0
        self.repeats_at = self.ends_at = inf
        self.method = method
        self.owner = owner
        self.proceeds = inf  # Of an INVITE: from its first provisional; a ring timer may decide.
        self.ack = b""  # Of a non-2xx final; repeated as often as that final is.
        self.spare: tuple[Flow, bytes] | None = None  # Its UDP way, where it left over TCP.


class ServerTransaction(Transaction):
    """A request of a peer (RFC 3261 17.2); ``data`` is our last response, empty before it.

    ``flow`` is the way of the responses.  ``request`` is there until the final one: it is most
    of what a call would leave behind.  ``opening`` stays, by which a CANCEL finds its call.
    """

    __slots__ = ("acknowledged", "is_invite", "opening", "owner", "port", "request")

    def __init__(self, key: Key, flow: Flow, request: Request, state: State) -> None:
        self.key = key
        self.flow = flow
        self.state = state
        self.data = b""
        self.in_vain = ""
        self.interval = 0.0
        self.repeats_at = self.ends_at = inf
        self.request = request
        self.opening = (request.call_id, request.from_tag, request.cseq)
        self.port = request.via.port or 5060  # Where its sender listens.
        self.owner: object = None  # Whatever its user wants back where no ACK comes.
        self.is_invite = request.method == "INVITE"
        self.acknowledged = False

    def is_settled(self) -> bool:
        """Whether it has its final response, and the user of an INVITE waits for no ACK to it."""
        if self.state is State.ACCEPTED:
            return self.repeats_at == inf  # An ACK that came before it has not stopped it.
        return self.state not in UNANSWERED

    def lose(self, flow: Flow) -> None:
        """Where its connection is gone, responses open one to where the sender listens (RFC 3261
        18.2.2): to the host the request came from, at the port of its Via.
        """
        if self.flow == flow and flow.transport != "udp":
            self.flow = flow._replace(port=self.port)


AnyTransaction = ClientTransaction | ServerTransaction


class TimedOut(NamedTuple):
    """A transaction that ended without what it waited for, and why.

    ``timeout``: our request had no final response.  ``no-ack``: our final response to an
    INVITE had no ACK.  ``unreachable``: the transport lost the way to the peer.
    """

    transaction: AnyTransaction
    reason: str
