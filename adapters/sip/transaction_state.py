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

    __slots__ = ("data", "ends_at", "flow", "interval_s", "key", "queued_at", "repeats_at", "state")

    def __init__(self, key: Key, flow: Flow, state: State, data: bytes) -> None:
        self.key = key
        self.flow = flow
        self.state = state
        self.data = data
        self.interval_s = 0.0
        self.repeats_at = self.ends_at = self.queued_at = inf

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state} {self.flow}>"


class ClientTransaction(Transaction):
    """A request of ours (RFC 3261 17.1); ``owner`` is whatever its user wants back with it."""

    __slots__ = ("ack", "method", "owner", "proceeds_s", "spare")

    def __init__(self, key: Key, flow: Flow, data: bytes, method: str, owner: object) -> None:
        super().__init__(key, flow, State.CALLING if method == "INVITE" else State.TRYING, data)
        self.method = method
        self.owner = owner
        self.proceeds_s = inf  # Of an INVITE: from its first provisional; a ring timer may decide.
        self.ack = b""  # Of a non-2xx final; repeated as often as that final is.
        self.spare: tuple[Flow, bytes] | None = None  # Its UDP way, where it left over TCP.


class ServerTransaction(Transaction):
    """A request of a peer (RFC 3261 17.2); ``data`` is our last response, empty before it."""

    __slots__ = ("acknowledged", "is_invite", "owner", "reply_flow", "request")

    def __init__(self, key: Key, flow: Flow, request: Request, state: State, reply: Flow) -> None:
        super().__init__(key, flow, state, b"")
        self.request = request
        self.owner: object = None  # Whatever its user wants back where no ACK comes.
        self.reply_flow = reply
        self.is_invite = request.method == "INVITE"
        self.acknowledged = False

    def lose(self, flow: Flow) -> None:
        """Where its connection is gone, responses open one to where the sender listens (RFC 3261
        18.2.2): to the host the request came from, at the port of its Via.
        """
        if self.reply_flow == flow and flow.transport != "udp":
            self.reply_flow = flow._replace(port=self.request.via.port or 5060)


AnyTransaction = ClientTransaction | ServerTransaction


class TimedOut(NamedTuple):
    """A transaction that ended without what it waited for, and why.

    ``timeout``: our request had no final response.  ``no-ack``: our final response to an
    INVITE had no ACK.  ``unreachable``: the transport lost the way to the peer.
    """

    transaction: AnyTransaction
    reason: str


def is_reliable(transaction: Transaction) -> bool:
    return transaction.flow.transport != "udp"


def in_vain(transaction: AnyTransaction) -> str:
    """Why its user has to hear that it ended; empty where it had all that it waited for."""
    if isinstance(transaction, ClientTransaction):
        return "timeout" if transaction.state in UNANSWERED else ""
    if transaction.state is State.ACCEPTED:
        return "" if transaction.acknowledged else "no-ack"
    return "no-ack" if transaction.is_invite and transaction.state is State.COMPLETED else ""
