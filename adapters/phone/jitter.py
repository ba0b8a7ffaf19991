"""A small jitter buffer: packets come when they like, and a frame is taken every 20 ms.

It is a strip of time.  A packet is written where its timestamp belongs, whatever its length
and its order, and frames are cut off at the front.  What was not written when its time came
is filled: once with an echo of what was last heard, then with silence.  The delay is fixed;
only where the two clocks have run apart does the strip begin anew.
"""

from array import array
from collections import Counter

from adapters.phone.g711 import FRAME_BYTES, FRAME_SAMPLES, SILENCE

DELAY_FRAMES = 3
LONGEST_FRAMES = 15  # More than this waits only where the sender's clock is faster than ours.
WRAP = 1 << 32  # Of a timestamp.


class JitterBuffer:
    """``counts`` says what was not played as it came: ``late``, ``filled``, ``resynced``."""

    def __init__(self, delay_frames: int = DELAY_FRAMES) -> None:
        self.delay_frames = delay_frames
        self.counts: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        """For another sender: nothing that was heard tells about him."""
        self._strip = bytearray()
        self._written = bytearray()  # One octet a sample: 1 where a packet said it.
        self._starts = 0  # The timestamp at the front of the strip.
        self._newest: int | None = None  # The latest timestamp that was written.
        self._last = b""  # The frame to echo.

    def put(self, timestamp: int, pcm: bytes) -> None:
        """``timestamp`` is the one of its first sample (RFC 3550 5.1)."""
        if not pcm or len(pcm) > LONGEST_FRAMES * FRAME_BYTES:
            return
        if self._newest is None:
            self._begin(timestamp)
        offset = signed(timestamp - self._starts)
        limit = LONGEST_FRAMES * FRAME_SAMPLES
        is_newer = self._newest is None or signed(timestamp - self._newest) > 0
        if not -limit * 4 < offset <= limit or (offset < 0 and is_newer):
            # His time is not ours any more: another start, a drift, a pause he did not count.
            self.counts["resynced"] += 1
            self._begin(timestamp)
            offset = self.delay_frames * FRAME_SAMPLES
        elif offset < 0:
            self.counts["late"] += 1
            return
        if is_newer or self._newest is None:
            self._newest = timestamp
        self._write(offset, pcm)

    def take(self) -> bytes:
        """The next frame of PCM, always a whole one."""
        if self._newest is None:
            return SILENCE
        self._starts = (self._starts + FRAME_SAMPLES) % WRAP
        frame = bytes(self._strip[:FRAME_BYTES]).ljust(FRAME_BYTES, b"\0")
        was_heard = 1 in self._written[:FRAME_SAMPLES]
        del self._strip[:FRAME_BYTES], self._written[:FRAME_SAMPLES]
        if was_heard:
            self._last = frame
            return frame
        self.counts["filled"] += 1
        echo, self._last = faded(self._last), b""
        return echo

    def _begin(self, timestamp: int) -> None:
        self._starts = (timestamp - self.delay_frames * FRAME_SAMPLES) % WRAP
        self._newest = timestamp
        self._strip.clear()
        self._written.clear()

    def _write(self, offset: int, pcm: bytes) -> None:
        count = len(pcm) // 2
        ends = offset + count
        if len(self._written) < ends:
            self._strip.extend(bytes(2 * ends - len(self._strip)))
            self._written.extend(bytes(ends - len(self._written)))
        self._strip[2 * offset : 2 * ends] = pcm[: 2 * count]
        self._written[offset:ends] = b"\1" * count


def signed(distance: int) -> int:
    """How far ahead, or behind where negative, on the circle of timestamps."""
    return (distance + WRAP // 2) % WRAP - WRAP // 2


def faded(frame: bytes) -> bytes:
    """A frame dying away to nothing."""
    if not frame:
        return SILENCE
    samples = array("h", frame)
    count = len(samples)
    return array(
        "h", [int(sample * (count - n) / (2 * count)) for n, sample in enumerate(samples)]
    ).tobytes()
