"""The door for datagrams of discovery: rate first, then the codec, and every refusal counted."""

from collections import Counter

from adapters.net.beacon import Datagram, Dropped, decode
from adapters.net.limits import Limits


class Intake:
    """``key`` is None where anybody may speak; it may be changed at any time.

    ``drops`` counts by reason: those of ``beacon.Dropped``, and ``rate``.
    """

    def __init__(self, key: bytes | None = None, limits: Limits | None = None) -> None:
        self.key = key
        self.limits = limits or Limits()
        self.drops: Counter[str] = Counter()

    def take(self, data: bytes, host: str, at: int) -> Datagram:
        """What the datagram says; raises ``Dropped``, already counted, and nothing else.

        ``host`` is the source address, ``at`` the time in Unix nanoseconds.
        """
        try:
            if not self.limits.allows(host, at):
                raise Dropped("rate")
            return decode(data, self.key, at)
        except Dropped as dropped:
            self.drops[dropped.reason] += 1
            raise

    def dropped_in_words(self) -> str:
        """What a notice ends with where something was heard, and was of no use; else nothing."""
        if not self.drops:
            return ""
        counts = ", ".join(f"{count} {why}" for why, count in sorted(self.drops.items()))
        is_foreign = self.drops["signature"] or (self.drops["unsigned"] and self.key)
        hint = "; what is heard is not signed with our key: compare hotspot.join_key_file"
        return f"{hint if is_foreign else ''} (dropped so far: {counts})"
