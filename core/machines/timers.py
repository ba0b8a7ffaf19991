"""Which timers run: a fold of the log, like everything else.

The core has no clock.  A machine orders ``StartTimer``; here the deadlines lie in one
heap, and when one has come the machine sees the observation it is named by.  After a
restart the same turns give the same deadlines.
"""

from collections.abc import Container, Iterator
from heapq import heappop, heappush

from core.events.base import Observed
from core.events.joined import LegAckTimedOut
from core.events.observed import (
    AckTimedOut,
    BindingExpired,
    JoinDue,
    RefreshDue,
    RetryDue,
    RingStepTimedOut,
    RingTimedOut,
)
from core.events.orders import StartTimer, StopTimer
from core.events.turn import Turn

SECOND_NS = 1_000_000_000

EXPIRY: dict[str, type[Observed]] = {
    kind.__name__: kind
    for kind in (
        RingTimedOut, RingStepTimedOut, AckTimedOut, LegAckTimedOut,
        JoinDue, RefreshDue, RetryDue, BindingExpired,
    )
}  # fmt: skip

EXPIRIES = frozenset(EXPIRY.values())

Key = tuple[str, str, str]  # Stream, timer, what it is about.


class Timers:
    """Deadlines in Unix nanoseconds.  A dead entry of the heap is skipped when it is met."""

    def __init__(self) -> None:
        self.running: dict[Key, int] = {}
        self.heap: list[tuple[int, Key]] = []

    def remember(self, turn: Turn) -> None:
        stream = turn.originator_id
        seen = type(turn.seen)
        if seen in EXPIRIES:
            self.running.pop((stream, seen.__name__, getattr(turn.seen, "about", "")), None)
        for order in turn.did:
            kind = type(order)
            if kind is StartTimer:
                key = (stream, order.timer, order.about)  # type: ignore[union-attr]
                due = turn.at + order.after_s * SECOND_NS  # type: ignore[union-attr]
                self.running[key] = due
                heappush(self.heap, (due, key))
            elif kind is StopTimer:
                self.running.pop((stream, order.timer, order.about), None)  # type: ignore[union-attr]

    def forget(self, streams: Container[str]) -> None:
        for key in [key for key in self.running if key[0] in streams]:
            del self.running[key]

    def due(self, stream: str, timer: str, about: str = "") -> int | None:
        return self.running.get((stream, timer, about))

    def next_due(self) -> int | None:
        heap = self.heap
        while heap and self.running.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def expired(self, at: int) -> Iterator[tuple[str, Observed]]:
        """The observations that are due, the earliest first."""
        while (due := self.next_due()) is not None and due <= at:
            key = heappop(self.heap)[1]
            del self.running[key]
            stream, timer, about = key
            kind = EXPIRY[timer]
            yield stream, kind(about=about) if about else kind()
