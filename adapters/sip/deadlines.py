"""When transactions have something to say again, and when they are over.

A transaction that waits has at most one moment to say something again (timers A, E, G and the
2xx) and one to end (B and F): whoever moves one of them arms it anew, and what stands in the
heap from before is passed over when its time comes.  One that is over only lingers (timers D,
H, I, J, K, L, M), and so does one of which nothing more is asked than that it ends (a request
of a peer that has no answer yet, an INVITE of ours that was cancelled): it is on one list with
all that leave in the same moment, so that most transactions of a call that goes well stand in
the heap once.
"""

from heapq import heappop, heappush
from itertools import count
from math import inf

from adapters.sip.transaction_state import AnyTransaction


class Deadlines:
    """``grain``: so much later may end what only lingers, and together with others."""

    def __init__(self) -> None:
        self.grain = 0.0
        self._heap: list[tuple[float, int, AnyTransaction]] = []
        self._order = count()
        self._lingering: dict[float, list[AnyTransaction]] = {}  # By when they leave.
        self._leaving: list[float] = []  # A heap of these moments.

    def arm(self, waiting: AnyTransaction) -> None:
        """It is due at the earlier of its two moments; to be told again when either moves."""
        due = waiting.repeats_at
        if waiting.ends_at < due:
            due = waiting.ends_at
        if due < inf:
            heappush(self._heap, (due, next(self._order), waiting))

    def linger(self, transaction: AnyTransaction, until: float) -> None:
        """It ends then; what it may say again until then is armed besides."""
        grain = self.grain
        if grain:
            until = -(-until // grain) * grain
        transaction.ends_at = until
        together = self._lingering.get(until)
        if together is None:
            self._lingering[until] = [transaction]
            heappush(self._leaving, until)
        elif together[-1] is not transaction:
            together.append(transaction)

    def next(self) -> float | None:
        """The first moment at which something is due; None while nothing waits."""
        heap, leaving = self._heap, self._leaving
        while heap:
            at, _, first = heap[0]
            if at == first.repeats_at or at == first.ends_at:
                break
            heappop(heap)  # It has moved since.
        while leaving:
            at = leaving[0]
            together = self._lingering[at]
            while together and together[-1].ends_at != at:
                together.pop()
            if together:
                return heap[0][0] if heap and heap[0][0] <= at else at
            del self._lingering[heappop(leaving)]
        return heap[0][0] if heap else None

    def take(self, at: float) -> list[AnyTransaction]:
        """What stands at the moment that ``next`` has told; some of it may have moved since."""
        if self._heap and self._heap[0][0] == at:
            return [heappop(self._heap)[2]]
        return self._lingering.pop(heappop(self._leaving))
