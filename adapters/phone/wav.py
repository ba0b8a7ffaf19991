"""Sound files: what a phone plays and what it records (RIFF WAVE, RFC 2361).

Read is what people have: 8 or 16 bit PCM, A-law or µ-law, mono or stereo, at any common
rate.  Written is 16 bit PCM, mono, 8,000 Hz, and the header is right at any moment: a
recorder that is killed leaves a file that plays up to its last second.
"""

import os
import struct
import sys
from array import array
from pathlib import Path
from typing import BinaryIO, NamedTuple

from adapters.phone.g711 import FRAME_BYTES, LAWS, RATE_HZ, SILENCE, Law

PCM, A_LAW, MU_LAW, EXTENSIBLE = 1, 6, 7, 0xFFFE
COMPANDED = {A_LAW: LAWS[8], MU_LAW: LAWS[0]}
SLOWEST_HZ, FASTEST_HZ = 4_000, 192_000
LARGEST_FILE = 200_000_000
PIECE = 1 << 20  # A whole number of samples in any format.
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_EVERY_FRAMES = 50  # One second.
LARGEST_RECORD = 2**31 - HEADER.size
CONVERT = "convert it to 16 bit PCM, mono, 8000 Hz"


class SoundFileError(Exception):
    """A sound file cannot be used; the text names the file and what the owner can do."""


class Format(NamedTuple):
    """The fmt chunk: ``law`` is None for PCM of ``bits`` a sample."""

    law: Law | None
    channels: int
    rate_hz: int
    bits: int


class Clip:
    """Sound to play, 20 ms at a time; after its end silence, or from the start again."""

    def __init__(self, pcm: bytes, is_repeated: bool = False) -> None:
        self.pcm = pcm
        self.is_repeated = is_repeated
        self.frames = -(-len(pcm) // FRAME_BYTES)

    def frame(self, n: int) -> bytes:
        """The frame ``n`` since it began."""
        if not self.frames or (n >= self.frames and not self.is_repeated):
            return SILENCE
        start = n % self.frames * FRAME_BYTES
        return self.pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")


def load(path: Path, is_repeated: bool = False) -> Clip:
    """Raises ``SoundFileError``.  May take seconds."""
    try:
        if path.exists() and not path.is_file():  # Of a pipe nobody knows when it speaks.
            raise SoundFileError(f"{path}: not a file; name a WAV file")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        fix = "name a WAV file that this user may read"
        raise SoundFileError(f"{path}: {error.strerror or error}; {fix}") from error
    if len(data) > LARGEST_FILE:
        raise SoundFileError(f"{path}: larger than {LARGEST_FILE // 1_000_000} MB; shorten it")
    try:
        return Clip(sound_in(data), is_repeated)
    except ValueError as error:
        raise SoundFileError(f"{path}: {error}; {CONVERT}") from None


def sound_in(data: bytes) -> bytes:
    """A WAV file as PCM at 8 kHz.  ValueError where it is none, or of a kind not known."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    form: Format | None = None
    at = 12
    while at + 8 <= len(data):
        name = data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        content = data[at + 8 : at + 8 + size]  # A file that was cut short has less than it says.
        if name == b"fmt ":
            form = format_of(content)
        elif name == b"data":
            if form is None:
                raise ValueError("its sound comes before its format")
            return at_8_khz(samples_in(content, form), form.rate_hz)
        at += 8 + size + size % 2
    raise ValueError("no sound in it")


def format_of(chunk: bytes) -> Format:
    if len(chunk) < 16:
        raise ValueError("its format is cut short")
    tag, channels, rate_hz, _octets, _block, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = int.from_bytes(chunk[24:26], "little")
    if tag not in (PCM, A_LAW, MU_LAW):
        raise ValueError(f"encoding {tag} is neither PCM (1), A-law (6) nor µ-law (7)")
    if bits != 8 and (bits != 16 or tag != PCM):
        raise ValueError(f"{bits} bits a sample; 8 or 16 are understood")
    if channels not in (1, 2):
        raise ValueError(f"{channels} channels; 1 or 2 are understood")
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise ValueError(f"{rate_hz} samples a second; {SLOWEST_HZ} to {FASTEST_HZ} are understood")
    return Format(COMPANDED.get(tag), channels, rate_hz, bits)


def samples_in(content: bytes, form: Format) -> "array[int]":
    """Piece by piece, so that a thread that reads a long file leaves the others their turn."""
    samples = array("h")
    for start in range(0, len(content), PIECE):
        samples.extend(samples_of(content[start : start + PIECE], form))
    return samples


def samples_of(content: bytes, form: Format) -> "array[int]":
    """All samples of one channel, or the mean of two."""
    if form.law is not None:
        samples = array("h", form.law.decode(content))
    elif form.bits == 8:
        samples = array("h", [(octet - 128) << 8 for octet in content])
    else:
        samples = array("h", content[: len(content) // 2 * 2])
        if sys.byteorder == "big":
            samples.byteswap()
    if form.channels == 2:
        pairs = zip(samples[0::2], samples[1::2], strict=False)
        samples = array("h", [(left + right) // 2 for left, right in pairs])
    return samples


def at_8_khz(samples: "array[int]", rate_hz: int) -> bytes:
    """Each new sample lies on the line between the two old ones round it."""
    if rate_hz == RATE_HZ or not samples:
        return samples.tobytes()
    samples.append(samples[-1])
    resampled = array("h")
    for n in range((len(samples) - 1) * RATE_HZ // rate_hz):
        whole, part = divmod(n * rate_hz, RATE_HZ)
        here = samples[whole]
        resampled.append(here + (samples[whole + 1] - here) * part // RATE_HZ)
    return resampled.tobytes()


class Recorder:
    """Writes what is heard.  ``failure`` says why it stopped before it was closed, if it did."""

    def __init__(self, path: Path) -> None:
        """Raises ``SoundFileError``; a file that is there already is written over."""
        self.path = path
        self.failure = ""
        self._size = 0
        self._frames = 0
        try:
            self._file: BinaryIO | None = os.fdopen(private(path), "wb")
            self._write_header()
        except OSError as error:
            fix = "name a file in a folder that this user may write to"
            raise SoundFileError(f"{path}: {error.strerror or error}; {fix}") from error

    def write(self, pcm: bytes) -> None:
        """A full disk ends the recording, never the call."""
        if self._file is None or self._size + len(pcm) > LARGEST_RECORD:
            return
        try:
            self._file.write(little_endian(pcm))
            self._size += len(pcm)
            self._frames += 1
            if self._frames % HEADER_EVERY_FRAMES == 0:
                self._write_header()
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        if self._file is None:
            return
        try:
            self._write_header()
            self._file.close()
        except OSError as error:
            self._fail(error)
        self._file = None

    def _write_header(self) -> None:
        """After the sound, so that it never promises more than there is."""
        assert self._file is not None
        self._file.flush()
        self._file.seek(0)
        self._file.write(header(self._size))
        self._file.flush()
        self._file.seek(0, 2)

    def _fail(self, error: OSError) -> None:
        file, self._file = self._file, None
        self.failure = self.failure or f"{self.path}: {error.strerror or error}"
        try:
            if file is not None:
                file.close()
        except OSError:
            return


def private(path: Path) -> int:
    """What people say is for the owner alone; and a pipe that nobody reads is not waited for."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o600)


def header(size: int) -> bytes:
    """For so many octets of 16 bit PCM, mono, 8,000 Hz."""
    form = (PCM, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    return HEADER.pack(b"RIFF", HEADER.size - 8 + size, b"WAVE", b"fmt ", 16, *form, b"data", size)


def little_endian(pcm: bytes) -> bytes:
    if sys.byteorder == "little":
        return pcm
    samples = array("h", pcm)
    samples.byteswap()
    return samples.tobytes()
