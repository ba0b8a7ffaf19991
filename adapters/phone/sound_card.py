"""Loudspeaker and microphone, where ``siphotspot[sound]`` is installed and there are any.

The sound system asks for its blocks from a thread of its own.  Between that thread and ours
stand two short queues: what is not fetched in time is dropped, so that a delay never grows.
"""

from collections import deque
from typing import Any

from adapters.phone.g711 import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ, SILENCE

FRAMES_WAITING = 6  # 120 ms.


class NoSoundCard(Exception):
    """There is no way to hear or speak; the text says what to install or to plug in."""


class SoundCard:
    """A ``Sink`` for what is heard and a ``Source`` of what is said.

    It neither plays nor listens before it is roused, and no longer than it is.
    """

    def __init__(self, device: str = "") -> None:
        """Raises ``NoSoundCard``.  ``device`` as the sound system names it; its default else."""
        self._to_speaker: deque[bytes] = deque(maxlen=FRAMES_WAITING)
        self._from_microphone: deque[bytes] = deque(maxlen=FRAMES_WAITING)
        try:
            import sounddevice
        except (ImportError, OSError) as error:  # OSError: PortAudio itself is missing.
            fix = "install siphotspot[sound] and PortAudio, or use sound files"
            raise NoSoundCard(f"no sound system ({error}); {fix}") from error
        try:
            self._stream = sounddevice.RawStream(
                samplerate=RATE_HZ,
                blocksize=FRAME_SAMPLES,
                device=device or None,
                channels=1,
                dtype="int16",
                callback=self._exchange,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            fix = "plug in a sound card, name another one, or use sound files"
            raise NoSoundCard(f"sound device {device or 'default'}: {error}; {fix}") from error
        self._errors = sounddevice.PortAudioError

    def rouse(self, on: bool) -> None:
        """May take a while.  Raises ``NoSoundCard`` where it has gone, or is another program's."""
        self._to_speaker.clear()
        self._from_microphone.clear()
        try:
            if on:
                self._stream.start()
            else:
                self._stream.abort()
        except self._errors as error:
            raise NoSoundCard(f"the sound card cannot be used: {error}") from error

    def write(self, pcm: bytes) -> None:
        self._to_speaker.append(pcm)

    def frame(self, n: int) -> bytes:
        """What was said last; ``n`` says nothing, since a microphone has no beginning."""
        return self._from_microphone.popleft() if self._from_microphone else SILENCE

    def close(self) -> None:
        self._stream.close()

    def _exchange(self, said: Any, heard: Any, frames: int, time: Any, status: Any) -> None:
        """Called by the sound system with two buffers of one frame."""
        self._from_microphone.append(bytes(said).ljust(FRAME_BYTES, b"\0"))
        heard[:] = self._to_speaker.popleft() if self._to_speaker else bytes(len(heard))
