"""When clients came and went lately: what one says anew too soon waits (design section 7).

Without that, a join and a leave in alternation would write turns as fast as datagrams are
let in.  The last word counts, so that who leaves and comes back in this time has never left.
"""

from collections.abc import Iterator

from adapters.net.beacon import Join, Leave
from adapters.net.leaving import Place
from adapters.sip.surroundings import SECOND_NS

CHANGE_APART_NS = 5 * SECOND_NS


class Changes:
    """Times in Unix nanoseconds; of every link only what is younger than ``CHANGE_APART_NS``."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}  # By stream: when it last changed.
        self.held: dict[str, tuple[Join | Leave, Place]] = {}

    def happened(self, stream: str, at: int) -> None:
        self.at[stream] = at

    def are_too_soon(self, stream: str, at: int) -> bool:
        return stream in self.at and at - self.at[stream] < CHANGE_APART_NS

    def holds(self, stream: str, datagram: Join | Leave, source: Place, at: int) -> bool:
        """Whether it is too soon for this, which is then heard later."""
        is_held = self.are_too_soon(stream, at)
        if is_held:
            self.held[stream] = datagram, source
        return is_held

    def release(self, stream: str) -> None:
        self.held.pop(stream, None)

    def forget(self, stream: str) -> None:
        self.at.pop(stream, None)
        self.release(stream)

    def due(self) -> Iterator[int]:
        """When each of those held may be heard."""
        for stream in self.held:
            yield self.at[stream] + CHANGE_APART_NS

    def take_due(self, at: int) -> list[tuple[Join | Leave, Place]]:
        """Those that may be heard by now; what is no longer lately is forgotten."""
        past = [stream for stream in self.at if not self.are_too_soon(stream, at)]
        for stream in past:
            del self.at[stream]
        return [self.held.pop(stream) for stream in past if stream in self.held]
