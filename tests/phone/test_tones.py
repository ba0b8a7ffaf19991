"""Cadence, pitch and smoothness of the tones."""

from array import array
from itertools import pairwise

import pytest

from adapters.phone.g711 import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ, SILENCE
from adapters.phone.tones import AMPLITUDE, BUSY, CONGESTION, RING, RINGBACK, Tone

LINE_TONES = {"ringback": (RINGBACK, 50, 200), "busy": (BUSY, 24, 24), "jam": (CONGESTION, 12, 12)}
TONES = [RING, RINGBACK, BUSY, CONGESTION]


def samples(tone: Tone, first: int, ends: int) -> "array[int]":
    return array("h", b"".join(tone.frame(n) for n in range(first, ends)))


@pytest.mark.parametrize(("tone", "on", "off"), LINE_TONES.values(), ids=LINE_TONES)
def test_a_line_tone_is_425_hz_in_its_cadence(tone: Tone, on: int, off: int) -> None:
    for cycle in (0, 7):
        start = cycle * (on + off)
        assert all(tone.frame(start + n) != SILENCE for n in range(on))
        assert all(tone.frame(start + on + n) == SILENCE for n in range(off))
    sounding = samples(tone, 0, on)
    rises = sum(1 for a, b in pairwise(sounding) if a < 0 <= b)
    seconds = len(sounding) / RATE_HZ
    assert rises == pytest.approx(425 * seconds, abs=1)
    assert max(sounding) == pytest.approx(AMPLITUDE, rel=0.01)


@pytest.mark.parametrize("tone", TONES, ids=lambda tone: tone.name)
def test_every_frame_is_whole_and_nothing_clicks(tone: Tone) -> None:
    assert all(len(tone.frame(n)) == FRAME_BYTES for n in range(300))
    heard = samples(tone, 0, 300)
    steepest = AMPLITUDE * 2 * 3.1416 * 1000 / RATE_HZ  # Of 1000 Hz, the highest in use.
    assert max(abs(a - b) for a, b in pairwise(heard)) <= steepest


def test_the_ring_tone_warbles_for_one_second_in_five() -> None:
    assert [RING.frame(n) == SILENCE for n in range(250)] == [False] * 50 + [True] * 200
    assert RING.frame(250) == RING.frame(0)
    assert RING.frame(0)[:FRAME_SAMPLES] != RING.frame(2)[:FRAME_SAMPLES]
