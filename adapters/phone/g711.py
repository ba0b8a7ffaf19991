"""G.711, A-law and µ-law, both ways (ITU-T G.711, RFC 3551 4.5.14).

Sound here is PCM: 16 bit, 8,000 samples a second, one channel, in the machine's own byte
order.  Every law is its list of quantisation intervals: a sample becomes the code of the
interval it lies in, a code becomes the middle of its interval.  Both tables are written
from that list once, when the module is loaded.
"""

from array import array
from collections.abc import Callable

RATE_HZ = 8000
FRAME_SAMPLES = 160  # 20 ms, the default of RFC 3551 4.5.
FRAME_BYTES = 2 * FRAME_SAMPLES
SILENCE = bytes(FRAME_BYTES)

LOUDEST = 32_767
LEVELS = [(exponent, mantissa) for exponent in range(8) for mantissa in range(16)]
POSITIVE = 0x80  # The sign bit of both laws is set where the sample is not negative.

Interval = Callable[[int, int], tuple[int, int]]
Spelling = Callable[[int], int]


class Law:
    """One of the two laws.  ``payload_type`` is the static one of RFC 3551 6."""

    def __init__(self, name: str, payload_type: int, interval: Interval, spelled: Spelling) -> None:
        self.name = name
        self.payload_type = payload_type
        codes = bytearray(65_536)  # By sample, read as an unsigned number.
        samples = array("h", bytes(512))  # By code.
        for level, (exponent, mantissa) in enumerate(LEVELS):
            start, width = interval(exponent, mantissa)
            ends = LOUDEST + 1 if level == len(LEVELS) - 1 else start + width
            for sample in range(max(start, 0), ends):
                codes[sample] = spelled(level | POSITIVE)
                codes[~sample & 0xFFFF] = spelled(level)
            samples[spelled(level | POSITIVE)] = start + width // 2
            samples[spelled(level)] = -(start + width // 2)
        self._codes = bytes(codes)
        octets = samples.tobytes()
        self._first, self._second = octets[0::2], octets[1::2]
        self.silence = self.encode(SILENCE)

    def encode(self, pcm: bytes) -> bytes:
        """One octet a sample."""
        return bytes(map(self._codes.__getitem__, memoryview(pcm).cast("H")))

    def decode(self, payload: bytes) -> bytes:
        pcm = bytearray(2 * len(payload))
        pcm[0::2] = payload.translate(self._first)
        pcm[1::2] = payload.translate(self._second)
        return bytes(pcm)

    def __repr__(self) -> str:
        return f"<Law {self.name}>"


def a_law_interval(exponent: int, mantissa: int) -> tuple[int, int]:
    """Where it starts and how wide it is; the two lowest segments are equally fine."""
    if exponent == 0:
        return mantissa << 4, 16
    return (16 + mantissa) << (exponent + 3), 1 << (exponent + 3)


def mu_law_interval(exponent: int, mantissa: int) -> tuple[int, int]:
    """The lowest reaches below zero, where it meets its own negative."""
    return ((16 + mantissa) << (exponent + 3)) - 132, 1 << (exponent + 3)


# Every other bit of A-law is inverted on the wire, and every bit of µ-law's magnitude.
PCMA = Law("PCMA", 8, a_law_interval, lambda level: level ^ 0x55)
PCMU = Law("PCMU", 0, mu_law_interval, lambda level: level ^ 0x7F)
LAWS = {law.payload_type: law for law in (PCMA, PCMU)}
