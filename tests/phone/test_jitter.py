"""The jitter buffer: order, losses, doubles, and clocks that run apart."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.phone.g711 import FRAME_BYTES, FRAME_SAMPLES, SILENCE
from adapters.phone.jitter import DELAY_FRAMES, LONGEST_FRAMES, JitterBuffer, faded


def frame(value: int) -> bytes:
    """A frame that can be told from others."""
    return array("h", [100 * value] * FRAME_SAMPLES).tobytes()


def put(buffer: JitterBuffer, *numbers: int, start: int = 0) -> None:
    for n in numbers:
        buffer.put((start + n * FRAME_SAMPLES) % 2**32, frame(n + 1))


def taken(buffer: JitterBuffer, count: int) -> list[int]:
    """The frames that come, by their numbers; 0 is silence and -1 anything else."""
    known = {frame(n + 1): n + 1 for n in range(200)} | {SILENCE: 0}
    return [known.get(buffer.take(), -1) for _ in range(count)]


LEAD = [0] * DELAY_FRAMES


def test_before_anything_came_there_is_silence() -> None:
    buffer = JitterBuffer()
    assert taken(buffer, 3) == [0, 0, 0]
    assert not buffer.counts


def test_in_order_after_the_delay() -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 1, 2, 3)
    assert taken(buffer, 7) == [*LEAD, 1, 2, 3, 4]


def test_order_is_mended_and_doubles_are_one() -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 2, 2, 1, 1, 3)
    assert taken(buffer, 7) == [*LEAD, 1, 2, 3, 4]


def test_one_lost_frame_is_an_echo_and_the_next_is_silence() -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 3)
    frames = [buffer.take() for _ in range(7)]
    assert frames[3:] == [frame(1), faded(frame(1)), SILENCE, frame(4)]
    assert buffer.counts["filled"] == DELAY_FRAMES + 2


def test_what_comes_after_its_time_is_dropped() -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 2, 3)
    assert taken(buffer, 5) == [*LEAD, 1, -1]
    put(buffer, 1)
    assert taken(buffer, 2) == [3, 4]
    assert buffer.counts["late"] == 1


def test_other_packet_lengths_fit_as_well() -> None:
    buffer = JitterBuffer()
    whole = b"".join(frame(n) for n in range(1, 7))
    for start in range(0, 6 * FRAME_SAMPLES, 240):  # 30 ms.
        buffer.put(start, whole[2 * start : 2 * start + 480])
    assert taken(buffer, 9) == [*LEAD, 1, 2, 3, 4, 5, 6]


def test_timestamps_begin_again_at_zero() -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 1, 2, 3, start=2**32 - 2 * FRAME_SAMPLES)
    assert taken(buffer, 7) == [*LEAD, 1, 2, 3, 4]


def test_a_sender_whose_time_stood_still_is_heard_again() -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 1)
    taken(buffer, 500)  # Ten seconds of hold that he did not count.
    put(buffer, 2, 3)
    assert taken(buffer, 5) == [*LEAD, 3, 4]
    assert buffer.counts["resynced"] == 1


@pytest.mark.parametrize("jump", [10_000, -10_000])
def test_a_sender_that_begins_anew_is_heard(jump: int) -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 1)
    taken(buffer, 6)
    put(buffer, 6, 7, start=jump * FRAME_SAMPLES)
    assert taken(buffer, 5) == [*LEAD, 7, 8]


def test_it_never_holds_more_than_its_bound() -> None:
    buffer = JitterBuffer()
    put(buffer, *range(100))
    heard = [n for n in taken(buffer, 2 * LONGEST_FRAMES) if n > 0]
    assert heard == sorted(heard)
    assert len(heard) <= LONGEST_FRAMES + 1
    assert heard[-1] == 100


def test_a_giant_packet_is_nothing() -> None:
    buffer = JitterBuffer()
    buffer.put(0, bytes(FRAME_BYTES * (LONGEST_FRAMES + 1)))
    buffer.put(0, b"")
    assert buffer.take() == SILENCE
    assert not buffer.counts


def test_another_sender_begins_with_nothing() -> None:
    buffer = JitterBuffer()
    put(buffer, 0, 1)
    buffer.reset()
    put(buffer, 9, start=77)
    assert taken(buffer, 4) == [*LEAD, 10]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 3000), st.integers(0, 4))))
def test_whatever_comes_frames_are_whole_and_memory_is_bounded(
    packets: list[tuple[int, int, int]],
) -> None:
    buffer = JitterBuffer()
    for timestamp, octets, takes in packets:
        buffer.put(timestamp, bytes(octets))
        assert len(buffer._strip) <= 2 * LONGEST_FRAMES * FRAME_BYTES
        for _ in range(takes):
            assert len(buffer.take()) == FRAME_BYTES
