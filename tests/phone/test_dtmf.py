"""Keys on the wire: how one is sent and how one is heard (RFC 4733)."""

from itertools import pairwise

import pytest

from adapters.phone.dtmf import KEYS, DigitError, Event, KeyListener, Keypad


def sent(digits: str, start: int = 1000) -> list[tuple[int, Event | None]]:
    """A line of frames, by timestamp, until nothing is left to send."""
    keypad = Keypad()
    keypad.press(digits)
    frames = []
    timestamp = start
    while keypad.busy:
        frames.append((timestamp, keypad.event(timestamp)))
        timestamp += 160
    return frames


def heard(listener: KeyListener, events: list[Event]) -> str:
    return "".join(listener.hear(event.payload, event.timestamp % 2**32) for event in events)


def events(digits: str, start: int = 1000) -> list[Event]:
    return [event for _, event in sent(digits, start) if event is not None]


def test_one_key_is_seven_packets_of_one_event() -> None:
    packets = events("5")
    assert {packet.timestamp for packet in packets} == {1000}
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    assert {packet.payload[0] for packet in packets} == {5}
    durations = [int.from_bytes(packet.payload[2:], "big") for packet in packets]
    assert durations == [160, 320, 480, 640, 800, 800, 800]
    assert [packet.payload[1] for packet in packets] == [10] * 4 + [0x8A] * 3
    assert packets[-1] == packets[-2] == packets[-3]


def test_every_key_has_the_number_of_the_rfc() -> None:
    assert [event.payload[0] for event in events(KEYS)][::7] == [*range(16)]
    assert KEYS.index("*") == 10
    assert KEYS.index("#") == 11
    assert events("d") == events("D")


def test_speech_comes_between_two_keys() -> None:
    frames = sent("11")
    starts = [at for at, event in frames if event is not None and event.marker]
    assert starts == [1000, 1000 + 10 * 160]
    assert [event is None for _, event in frames] == [*[False] * 7, *[True] * 3] * 2
    assert all(b - a == 160 for (a, _), (b, _) in pairwise(frames))


def test_nothing_is_sent_where_one_digit_is_none() -> None:
    keypad = Keypad()
    with pytest.raises(DigitError, match="'X' is no key"):
        keypad.press("12x")
    assert not keypad.busy
    assert keypad.event(0) is None


def test_each_key_is_heard_once_however_often_it_is_said() -> None:
    assert heard(KeyListener(), events("1123#")) == "1123#"
    doubled = [event for event in events("42") for _ in (1, 2)]
    assert heard(KeyListener(), doubled) == "42"


@pytest.mark.parametrize("kept", range(7))
def test_any_one_packet_of_it_is_enough(kept: int) -> None:
    assert heard(KeyListener(), [events("9")[kept]]) == "9"


def test_a_late_packet_of_the_key_before_is_no_key() -> None:
    first, second = events("1"), events("2", start=5000)
    assert heard(KeyListener(), [*first[:3], *second, *first[3:]]) == "12"


def test_timestamps_may_begin_again_at_zero() -> None:
    assert heard(KeyListener(), events("12", start=2**32 - 200)) == "12"


def test_a_key_held_for_long_goes_on_under_a_new_timestamp() -> None:
    listener = KeyListener()
    assert listener.hear(bytes((3, 10)) + b"\xff\xff", 500) == "3"
    assert listener.hear(bytes((3, 10)) + b"\x00\xa0", 500 + 0xFFFF) == ""
    assert listener.hear(bytes((3, 0x8A)) + b"\x01\x00", 500 + 0xFFFF) == ""
    assert listener.hear(bytes((3, 10)) + b"\x00\xa0", 500 + 2 * 0xFFFF) == "3"


@pytest.mark.parametrize("payload", [b"", b"\1\2\3", bytes((16, 10, 0, 160)), b"\xff" * 4])
def test_other_events_and_nonsense_are_no_key(payload: bytes) -> None:
    assert KeyListener().hear(payload, 0) == ""
