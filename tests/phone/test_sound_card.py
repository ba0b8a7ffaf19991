"""The sound card, with a sound system that the test plays."""

import sys
from types import ModuleType
from typing import Any

import pytest

from adapters.phone.g711 import FRAME_BYTES, SILENCE
from adapters.phone.sound_card import FRAMES_WAITING, NoSoundCard, SoundCard


class FakeStream:
    def __init__(self, callback: Any = None, device: str | None = None, **settings: Any) -> None:
        if device == "gone":
            raise ValueError("no such device")
        self.callback = callback
        self.settings = settings
        self.state = "made"

    def start(self) -> None:
        self.state = "started"

    def abort(self) -> None:
        if self.state != "started":
            raise RuntimeError("it is gone")
        self.state = "made"

    def close(self) -> None:
        self.state = "closed"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("sounddevice")
    module.RawStream = FakeStream  # type: ignore[attr-defined]
    module.PortAudioError = RuntimeError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def block(card: SoundCard, said: bytes) -> bytes:
    """One call of the sound system: the microphone's frame in, the loudspeaker's out."""
    heard = bytearray(FRAME_BYTES)
    card._exchange(memoryview(said), memoryview(heard), 160, None, None)
    return bytes(heard)


def test_frames_go_both_ways(system: ModuleType) -> None:
    card = SoundCard()
    stream: Any = card._stream
    assert stream.state == "made"  # Nobody is listened to yet.
    card.rouse(True)
    assert stream.state == "started"
    assert stream.settings["samplerate"] == 8000
    card.write(b"\1" * FRAME_BYTES)
    assert block(card, b"\2" * FRAME_BYTES) == b"\1" * FRAME_BYTES
    assert card.frame(0) == b"\2" * FRAME_BYTES
    card.close()
    assert stream.state == "closed"


def test_where_nothing_is_there_in_time_there_is_silence(system: ModuleType) -> None:
    card = SoundCard()
    assert card.frame(0) == SILENCE
    assert block(card, SILENCE) == SILENCE


def test_a_delay_does_not_grow(system: ModuleType) -> None:
    card = SoundCard()
    for n in range(20):
        card.write(bytes((n,)) * FRAME_BYTES)
        block(card, bytes((n,)) * FRAME_BYTES) if n < 10 else None
    assert card.frame(0)[0] == 10 - FRAMES_WAITING
    assert block(card, SILENCE)[0] == 20 - FRAMES_WAITING


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(NoSoundCard, match=r"install siphotspot\[sound\]"):
        SoundCard()


def test_a_device_that_is_not_there_is_named(system: ModuleType) -> None:
    with pytest.raises(NoSoundCard, match=r"sound device gone: no such device; plug in"):
        SoundCard("gone")


def test_it_is_roused_for_a_while_and_what_is_left_of_that_is_not_heard(
    system: ModuleType,
) -> None:
    card = SoundCard()
    card.rouse(True)
    block(card, b"\2" * FRAME_BYTES)
    card.rouse(False)
    stream: Any = card._stream
    assert stream.state == "made"
    assert card.frame(0) == SILENCE
    with pytest.raises(NoSoundCard, match="the sound card cannot be used: it is gone"):
        card.rouse(False)
