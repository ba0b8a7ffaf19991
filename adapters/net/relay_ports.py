"""The port numbers media may use, and which of them are free.

RTP takes an even port and its RTCP the odd one above it (RFC 3550 section 11), so
they are handed out as pairs and a pair goes by its even port.  A pair that comes back
goes to the end of the queue: what a peer of the last call still sends must not reach
the next one.
"""

from collections import deque
from collections.abc import Iterable


class RelayError(Exception):
    """Media cannot be relayed; the text names the port and what the operator can do."""


class NoPortLeft(RelayError):
    """Every pair of ``media.ports`` is in a call, or held by another program."""


class Ports:
    """The pairs between ``first`` and ``last``, both included (RFC 3550 section 11)."""

    def __init__(self, first: int, last: int) -> None:
        if not 0 < first <= last < 65536:
            raise RelayError(f"media.ports {first}-{last} is not a range within 1-65535")
        self.range = f"{first}-{last}"
        self.known = frozenset(range(first + first % 2, last, 2))
        self.free = deque(sorted(self.known))
        self.taken: set[int] = set()

    def take(self, count_pairs: int) -> tuple[int, ...]:
        """The pairs that have rested longest: all that were asked for, or none."""
        if len(self.free) < count_pairs:
            raise NoPortLeft(
                f"{count_pairs} port pairs wanted, {len(self.free)} of {len(self.known)} are free"
                f" in {self.range}; a wider range in media.ports carries more calls at once"
            )
        ports = tuple(self.free.popleft() for _ in range(count_pairs))
        self.taken.update(ports)
        return ports

    def take_these(self, ports: Iterable[int]) -> None:
        """After a restart: the pairs that open calls were promised in their SDP.

        They need not lie in today's range, because the operator may have changed it
        while the service was down; such a pair is not handed out again afterwards.
        """
        wanted = tuple(ports)
        for port in wanted:
            if port % 2 or not 0 < port < 65535:
                raise RelayError(f"port {port} is not the even port of an RTP pair")
            if port in self.taken or wanted.count(port) > 1:
                raise RelayError(f"port {port} is already in use by another stream of this relay")
        for port in wanted:
            if port in self.known:
                self.free.remove(port)
            self.taken.add(port)

    def give_back(self, ports: Iterable[int]) -> None:
        """A pair that is not out is left alone, so nothing can be free twice."""
        for port in ports:
            if port in self.taken:
                self.taken.remove(port)
                if port in self.known:
                    self.free.append(port)
