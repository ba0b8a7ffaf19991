"""Sound files as people have them, and the record of a call."""

import os
import struct
import wave
from array import array
from pathlib import Path

import pytest

from adapters.phone.g711 import FRAME_BYTES, PCMA, PCMU, SILENCE, Law
from adapters.phone.wav import Clip, Recorder, SoundFileError, load, sound_in
from tests.phone.sounds import pcm, wav

RAMP = pcm(*range(0, 16_000, 100))


def test_sixteen_bits_at_8_khz_are_taken_as_they_are() -> None:
    assert sound_in(wav(RAMP)) == RAMP


def test_eight_bits_have_their_zero_in_the_middle() -> None:
    assert sound_in(wav(bytes((0, 128, 255)), bits=8)) == pcm(-32_768, 0, 32_512)


@pytest.mark.parametrize(("tag", "law"), [(6, PCMA), (7, PCMU)])
def test_g711(tag: int, law: Law) -> None:
    codes = bytes(range(256))
    assert sound_in(wav(codes, tag=tag, bits=8)) == law.decode(codes)


def test_stereo_becomes_its_mean() -> None:
    assert sound_in(wav(pcm(100, 300, -100, 0), channels=2)) == pcm(200, -50)


def test_extensible_names_its_encoding_further_behind() -> None:
    form = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 8000, 16_000, 2, 16, 22, 16, 0, 1) + bytes(14)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(RAMP)) + RAMP
    assert sound_in(b"RIFF" + bytes(4) + b"WAVE" + chunks) == RAMP


def test_other_chunks_are_passed_over_also_of_odd_length() -> None:
    assert sound_in(wav(RAMP, more=b"LIST\3\0\0\0abc\0")) == RAMP


@pytest.mark.parametrize("rate_hz", [4_000, 11_025, 16_000, 44_100, 48_000])
def test_any_rate_becomes_8_khz(rate_hz: int) -> None:
    """A straight line stays one, and lasts as long."""
    step = 8000 * 4 / rate_hz
    line = pcm(*(round(n * step) for n in range(rate_hz // 10)))
    heard = array("h", sound_in(wav(line, rate_hz=rate_hz)))
    assert abs(len(heard) - 800) <= 1
    inner = heard[:-2]  # Beyond the last old sample there is no line.
    assert max(abs(sample - 4 * n) for n, sample in enumerate(inner)) <= 2


def test_a_file_that_was_cut_short_plays_as_far_as_it_goes() -> None:
    assert sound_in(wav(RAMP)[:-3]) == RAMP[:-4]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a WAV file"),
        (b"ID3\4 an MP3 file", "not a WAV file"),
        (wav(b"", tag=85), "encoding 85"),
        (wav(b"", bits=24), "24 bits"),
        (wav(b"", tag=6, bits=16), "16 bits"),
        (wav(b"", channels=6), "6 channels"),
        (wav(b"", rate_hz=0), "0 samples a second"),
        (wav(b"")[:36], "no sound in it"),
        (b"RIFF....WAVEfmt \2\0\0\0\1\0", "cut short"),
        (b"RIFF....WAVEdata\0\0\0\0", "before its format"),
    ],
)
def test_what_cannot_be_played_says_why_and_what_to_do(
    data: bytes, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "greeting.wav"
    path.write_bytes(data)
    with pytest.raises(SoundFileError, match=rf"greeting\.wav: .*{why}.*; convert it to"):
        load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SoundFileError, match=r"none\.wav: No such file.*; name a WAV file"):
        load(tmp_path / "none.wav")
    with pytest.raises(SoundFileError, match="; name a file in a folder"):
        Recorder(tmp_path / "no folder" / "record.wav")


@pytest.mark.parametrize("channels", [1, 2])
def test_a_long_file_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    data = wav(pcm(*range(1000)), channels=channels)
    whole = sound_in(data)
    monkeypatch.setattr("adapters.phone.wav.PIECE", 8)
    assert sound_in(data) == whole


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SoundFileError, match=r"pipe: not a file; name a WAV file"):
        load(tmp_path / "pipe")
    with pytest.raises(SoundFileError, match=r"pipe: No such device.*; name a file"):
        Recorder(tmp_path / "pipe")


def test_a_recording_is_for_its_owner_alone(tmp_path: Path) -> None:
    Recorder(tmp_path / "record.wav").close()
    assert (tmp_path / "record.wav").stat().st_mode & 0o777 == 0o600


def test_a_file_of_many_hours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.phone.wav.LARGEST_FILE", 50)
    (tmp_path / "long.wav").write_bytes(wav(RAMP))
    with pytest.raises(SoundFileError, match=r"long\.wav: larger than .*; shorten it"):
        load(tmp_path / "long.wav")


def test_a_clip_is_handed_out_in_frames_and_then_is_silent() -> None:
    clip = Clip(b"\1\2" * 240)
    assert clip.frames == 2
    assert clip.frame(0) == b"\1\2" * 160
    assert clip.frame(1) == b"\1\2" * 80 + bytes(160)
    assert clip.frame(2) == SILENCE
    assert Clip(b"").frame(0) == SILENCE


def test_a_clip_may_be_repeated() -> None:
    clip = Clip(b"\1\2" * 160 + b"\3\4" * 160, is_repeated=True)
    assert [clip.frame(n)[0] for n in range(4)] == [1, 3, 1, 3]
    assert Clip(b"", is_repeated=True).frame(3) == SILENCE


def test_what_is_recorded_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "record.wav"
    recorder = Recorder(path)
    for value in range(60):
        recorder.write(pcm(*[value] * 160))
    recorder.close()
    recorder.write(SILENCE)
    recorder.close()
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert file.getnframes() == 60 * 160
    assert load(path).pcm == b"".join(pcm(*[value] * 160) for value in range(60))


def test_a_recorder_that_is_killed_leaves_whole_seconds(tmp_path: Path) -> None:
    path = tmp_path / "record.wav"
    recorder = Recorder(path)
    assert load(path).frames == 0
    for _ in range(149):
        recorder.write(b"\1\2" * 160)
    with wave.open(str(path)) as file:  # As it lies on the disk now.
        assert file.getnframes() == 100 * 160
    recorder.close()


def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    recorder = Recorder(Path("/dev/null"))
    recorder._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    recorder.write(bytes(FRAME_BYTES))
    assert recorder.failure == "/dev/null: No space left on device"
    recorder.write(bytes(FRAME_BYTES))
    recorder.close()


def test_a_disk_that_is_full_at_the_end_is_told(tmp_path: Path) -> None:
    recorder = Recorder(Path("/dev/null"))
    recorder._file = Path("/dev/full").open("wb")  # noqa: SIM115
    recorder.write(bytes(FRAME_BYTES))
    recorder.close()
    assert "No space left" in recorder.failure
