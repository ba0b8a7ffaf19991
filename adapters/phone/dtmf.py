"""Keys pressed during a call: telephone events in RTP (RFC 4733 2).

An event is said in several packets that share its first timestamp.  Their duration grows;
the last is sent three times, since nothing else tells that the key was let go.
"""

from collections import deque
from typing import NamedTuple

from adapters.phone.g711 import FRAME_SAMPLES

OUR_PAYLOAD_TYPE = 101  # In our offers; everybody else's choice too.
KEYS = "0123456789*#ABCD"  # By the number of their event (RFC 4733 3.2).
PRESSED_FRAMES = 5  # 100 ms: the shortest that every receiver takes is 40 ms (Q.24).
ENDS = 3
PAUSE_FRAMES = 3  # After the last end packet, so that two equal digits stay two.
VOLUME = 10  # dBm0 below zero.
ENDED = 0x80
LONGEST = 0xFFFF
HALF = 1 << 31


class DigitError(ValueError):
    """What was to be dialled is no key of a telephone."""


class Event(NamedTuple):
    """The payload of one packet; all of one key share ``timestamp``."""

    payload: bytes
    timestamp: int
    marker: bool


class Keypad:
    """Digits that wait to be sent, and the one that is being sent."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._key = -1
        self._began = 0
        self._frame = 0

    @property
    def busy(self) -> bool:
        return self._key >= 0 or bool(self._waiting)

    def press(self, digits: str) -> None:
        """Raises ``DigitError`` before anything is sent."""
        digits = digits.upper()
        for digit in digits:
            if digit not in KEYS:
                raise DigitError(f"{digit!r} is no key; digits are 0 to 9, *, #, A to D")
        self._waiting.extend(digits)

    def event(self, timestamp: int) -> Event | None:
        """The packet of this frame; None where speech may be sent instead."""
        if self._key < 0:
            if not self._waiting:
                return None
            self._key = KEYS.index(self._waiting.popleft())
            self._began, self._frame = timestamp, 0
        self._frame += 1
        frame = self._frame
        if frame >= PRESSED_FRAMES + ENDS + PAUSE_FRAMES - 1:
            self._key = -1
        if frame >= PRESSED_FRAMES + ENDS:
            return None
        duration = min(frame, PRESSED_FRAMES) * FRAME_SAMPLES
        said = VOLUME | (ENDED if frame >= PRESSED_FRAMES else 0)
        payload = bytes((self._key, said)) + duration.to_bytes(2, "big")
        return Event(payload, self._began, frame == 1)


class KeyListener:
    """Which keys the other side presses; each is told at its first packet, and once.

    A key that is held for more than eight seconds goes on under a new timestamp
    (RFC 4733 2.5.1.3) and is still the same one.
    """

    def __init__(self) -> None:
        self._timestamp = -1
        self._key = -1
        self._duration = 0
        self._has_ended = False

    def hear(self, payload: bytes, timestamp: int) -> str:
        """The key, or "" where this packet tells nothing new."""
        if len(payload) < 4 or payload[0] >= len(KEYS):
            return ""
        key, has_ended = payload[0], bool(payload[1] & ENDED)
        duration = int.from_bytes(payload[2:4], "big")
        if timestamp == self._timestamp:
            self._duration = max(self._duration, duration)
            self._has_ended = self._has_ended or has_ended
            return ""
        if self._timestamp >= 0 and (timestamp - self._timestamp) % (2 * HALF) >= HALF:
            return ""  # Of a key before this one, and late.
        goes_on = (
            key == self._key
            and not self._has_ended
            and timestamp == (self._timestamp + LONGEST) % (2 * HALF)
        )
        self._timestamp, self._key = timestamp, key
        self._duration, self._has_ended = duration, has_ended
        return "" if goes_on else KEYS[key]
