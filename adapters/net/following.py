"""Which hotspot a client follows (S21), and when it asks one again.

Of those on its group the one it had last, else the one it heard first; never one that the
user has disconnected, and one that denied it only after a while.
"""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.net.found import Hotspots
from adapters.sip.surroundings import SECOND_NS
from core.machines.uplink import DENIED_WHY, Phase, Uplink

PATIENCE_NS = 15 * SECOND_NS  # With the hotspot we had, before another is followed.
WAIT_FIRST_S = 30  # After a denial, twice as long each time.
WAIT_MAX_S = 300
ASK_AT_NS = [SECOND_NS * ms // 1000 for ms in (0, 500, 1000, 2000, 4000, 8000)]


@dataclass
class Waiting:
    """For a hotspot that has denied us; one that has begun anew is asked at once."""

    until: int
    seconds: int
    epoch: int
    reason: str


class Following:
    """``chosen`` is the hotspot that was connected last, or that the user has named."""

    def __init__(self, found: Hotspots, uplink: Callable[[str], Uplink]) -> None:
        self.found = found
        self.uplink = uplink
        self.chosen = ""
        self.alone_since = 0  # When we were last connected, or began.
        self.waiting: dict[str, Waiting] = {}

    def fits(self, hotspot: str, at: int) -> bool:
        """Whether this is the one to join now, with none joined."""
        if self.is_waiting(hotspot, at):
            return False
        chosen = self.chosen
        if chosen and self.uplink(chosen).phase is Phase.LEFT:
            return False  # The user has disconnected it, and did not name another.
        if chosen in ("", hotspot) or self.is_waiting(chosen, at):
            return True
        return not self.found.is_here(chosen) and at - self.alone_since >= PATIENCE_NS

    def is_waiting(self, hotspot: str, at: int) -> bool:
        waiting = self.waiting.get(hotspot)
        if waiting is None or waiting.until <= at:
            return False
        found = self.found.get(hotspot)
        return found is None or found.beacon.epoch <= waiting.epoch

    def denied(self, hotspot: str, at: int, reason: str = "") -> None:
        """It is asked again later, and later each time; its owner may admit us at any time."""
        before = None if reason == "approve" else self.waiting.get(hotspot)
        seconds = min(2 * before.seconds, WAIT_MAX_S) if before else WAIT_FIRST_S
        self.waiting.pop(hotspot, None)
        self.waiting[hotspot] = Waiting(
            at + seconds * SECOND_NS, seconds, self.uplink(hotspot).epoch, reason
        )
        while len(self.waiting) > len(self.found) + 1:
            del self.waiting[next(iter(self.waiting))]

    def why(self, hotspot: str) -> str:
        """Why it is not joined, for the user; nothing where it has not denied us."""
        waiting = self.waiting.get(hotspot)
        return DENIED_WHY.get(waiting.reason, waiting.reason) if waiting else ""

    def welcomed(self, hotspot: str) -> None:
        self.waiting.pop(hotspot, None)


class Asking:
    """A question to one hotspot: when it is asked again, and when there is no use in it."""

    def __init__(self) -> None:
        self.since: int | None = None
        self.times = 0

    def begin(self, at: int) -> None:
        self.since, self.times = at, 0

    def stop(self) -> None:
        self.since = None

    def next_deadline(self) -> int | None:
        return None if self.since is None else self.since + ASK_AT_NS[self.times]

    def is_due(self, at: int) -> bool:
        due = self.next_deadline()
        return due is not None and due <= at

    def is_in_vain(self) -> bool:
        """Called when it is due, once each time."""
        self.times += 1
        return self.times == len(ASK_AT_NS)
