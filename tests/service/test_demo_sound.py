"""The ear of the demo: it hears a tone where there is one, and nowhere else."""

from array import array
from pathlib import Path
from random import Random

import pytest
import trio
from trio.testing import MockClock

from adapters.phone import rtp
from adapters.phone.g711 import SILENCE
from adapters.phone.wav import load
from service import demo_sound
from service.demo_parties import HOST
from service.demo_sound import (
    HEARD_FRAMES,
    HOUSE_HZ,
    LAW,
    WINDOW,
    WORLD_HZ,
    Speaker,
    has_tone,
    place_in,
    recorded,
    share,
    tone,
    write_tone,
)
from service.demo_telling import Missing
from tests.service.demo_tellers import new_teller, words_of


def test_a_tone_has_its_power_at_its_own_frequency() -> None:
    pcm = tone(WORLD_HZ)[:WINDOW]
    assert share(pcm, WORLD_HZ) > 0.95
    assert share(LAW.decode(LAW.encode(pcm)), WORLD_HZ) > 0.95
    assert share(pcm, HOUSE_HZ) < 0.05


def test_silence_and_noise_have_no_tone() -> None:
    dice = Random(1)
    noise = array("h", [dice.randrange(-8000, 8000) for _ in range(8000)]).tobytes()
    assert not has_tone(SILENCE * HEARD_FRAMES, WORLD_HZ)
    assert not has_tone(noise, WORLD_HZ)
    assert not has_tone(b"", WORLD_HZ)


def test_a_tone_that_is_too_short_is_chance() -> None:
    silence = SILENCE * 50
    assert not has_tone(silence + tone(WORLD_HZ)[: WINDOW // 4] + silence, WORLD_HZ)
    assert has_tone(silence + tone(WORLD_HZ) + silence, WORLD_HZ)


async def test_a_record_is_read_while_it_is_written(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_sound, "PLAYED_S", 1)
    path = tmp_path / "heard.wav"

    async def write_later() -> None:
        await trio.sleep(1)
        path.write_bytes(b"RIFF")
        await trio.sleep(1)
        write_tone(path, HOUSE_HZ)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_later)
        assert await recorded(path, HOUSE_HZ)
    assert load(path).pcm == tone(HOUSE_HZ)
    assert not await recorded(path, WORLD_HZ)


def test_an_sdp_says_where_its_sound_goes() -> None:
    body = b"v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 16384 RTP/AVP 0\r\n"
    assert place_in(body) == ("192.0.2.7", 16384)
    with pytest.raises(Missing, match="where its sound is to go"):
        place_in(b"v=0\r\nm=audio 16384 RTP/AVP 0\r\n")


def packets(frequency: int) -> list[bytes]:
    payload = LAW.encode(tone(frequency)[:WINDOW])
    parts = [payload[at : at + 160] for at in range(0, len(payload), 160)]
    return [rtp.spelled(rtp.Packet(0, n, 160 * n, 7, part)) for n, part in enumerate(parts)]


async def test_a_speaker_hears_what_is_sent_to_it(nursery: trio.Nursery) -> None:
    tell = new_teller()
    speaker = Speaker("caller", HOST, tell)
    await speaker.open()
    nursery.start_soon(speaker.run)
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as peer:
        await peer.bind((HOST, 0))
        for data in [b"no RTP", *packets(HOUSE_HZ)]:
            await peer.sendto(data, place_in(speaker.sdp()))
        await speaker.hears(HOUSE_HZ, "client 1")
        assert "caller hears client 1: 440 Hz" in words_of(tell)
        port = peer.getsockname()[1]
        speaker.talk_to(f"c=IN IP4 {HOST}\r\nm=audio {port} RTP/AVP 0\r\n".encode())
        assert speaker.heard == b""
        first, second = [rtp.read(await peer.recv(2048)) for _ in range(2)]
        assert second.sequence == first.sequence + 1
        assert len(first.payload) == 160


async def test_who_hears_nothing_says_whom(autojump_clock: MockClock) -> None:
    speaker = Speaker("caller", HOST, new_teller())
    with pytest.raises(Missing, match="caller does not hear client 1, 440 Hz"):
        await speaker.hears(HOUSE_HZ, "client 1")
