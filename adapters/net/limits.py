"""How much is listened to: buckets of tokens, one a source address and one for all.

A source that says too much is not heard for a while and takes nothing from the others.
Source addresses of UDP can be invented, so the table of sources is bounded and the bucket
for all is what holds whoever invents them.  Those that are known need not share that
one: nobody can keep them from being heard but by speaking in their name.  Time is handed in,
in nanoseconds.
"""

from msgspec import Struct

NANOSECONDS_A_SECOND = 1_000_000_000


class Rate(Struct, frozen=True):
    """So many a second for ever, and so many at once after a silence."""

    per_second: float
    burst: int


class Bucket:
    """Full when it is made; what is in it is what may still be taken at once."""

    __slots__ = ("at", "tokens")

    def __init__(self, rate: Rate, at: int) -> None:
        self.tokens = float(rate.burst)
        self.at = at

    def has_one(self, rate: Rate, at: int) -> bool:
        """After filling it up.  A time before the last one fills nothing."""
        if at > self.at:
            earned = (at - self.at) * rate.per_second / NANOSECONDS_A_SECOND
            self.tokens = min(rate.burst, self.tokens + earned)
            self.at = at
        return self.tokens >= 1


# A whole house behind one address (sixty clients that join at once) stays within ``each``.
EACH = Rate(per_second=40, burst=200)
IN_ALL = Rate(per_second=200, burst=800)
SOURCES_MAX = 1024


class Limits:
    """``allows`` says whether one more datagram of this source is looked at."""

    def __init__(
        self, each: Rate = EACH, in_all: Rate = IN_ALL, sources_max: int = SOURCES_MAX
    ) -> None:
        self.each = each
        self.in_all = in_all
        self.sources_max = sources_max
        self.sources: dict[str, Bucket] = {}  # The one heard longest ago first.
        self.all: Bucket | None = None
        self.known: frozenset[str] = frozenset()  # Hosts that do not share the bucket for all.

    def allows(self, host: str, at: int) -> bool:
        bucket = self.sources.pop(host, None) or Bucket(self.each, at)
        self.sources[host] = bucket
        if len(self.sources) > self.sources_max:
            del self.sources[next(iter(self.sources))]
        if self.all is None:
            self.all = Bucket(self.in_all, at)
        if not bucket.has_one(self.each, at):
            return False
        if host not in self.known:
            if not self.all.has_one(self.in_all, at):
                return False
            self.all.tokens -= 1
        bucket.tokens -= 1
        return True
