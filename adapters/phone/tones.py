"""What a telephone says by itself: ring tone, ringback, busy, congestion (ITU-T E.180, E.182).

A tone is its cadence, over and over.  Each step of a cadence is a whole number of frames, and
the phase runs on from one frame to the next, so that nothing clicks.
"""

from array import array
from functools import cache
from math import pi, sin
from typing import NamedTuple

from adapters.phone.g711 import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ

AMPLITUDE = 8_000  # About -12 dB: plain to hear beside speech, and never too loud.
WAVE = [round(AMPLITUDE * sin(2 * pi * n / RATE_HZ)) for n in range(RATE_HZ)]  # One of 1 Hz.


class Tone(NamedTuple):
    """``cadence`` holds pairs of a frequency in Hz, 0 for silence, and a number of frames."""

    name: str
    cadence: tuple[tuple[int, int], ...]

    def frame(self, n: int) -> bytes:
        """The frame ``n`` since the tone began, 20 ms of PCM."""
        cycle = rendered(self.cadence)
        start = n * FRAME_BYTES % len(cycle)
        return cycle[start : start + FRAME_BYTES]


@cache
def rendered(cadence: tuple[tuple[int, int], ...]) -> bytes:
    """A cadence once through."""
    samples = array("h")
    phase = 0
    for frequency, frames in cadence:
        for _ in range(frames * FRAME_SAMPLES):
            samples.append(WAVE[phase] if frequency else 0)
            phase = (phase + frequency) % RATE_HZ
    return samples.tobytes()


WARBLE = ((800, 2), (1000, 3)) * 10  # One second that no line tone can be mistaken for.

RING = Tone("ring", (*WARBLE, (0, 200)))
RINGBACK = Tone("ringback", ((425, 50), (0, 200)))
BUSY = Tone("busy", ((425, 24), (0, 24)))
CONGESTION = Tone("congestion", ((425, 12), (0, 12)))
