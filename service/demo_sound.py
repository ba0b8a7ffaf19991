"""The sound of the demo: one tone a side, and an ear that tells one from another."""

import secrets
import socket
from array import array
from contextlib import suppress
from math import cos, pi
from pathlib import Path

import trio

from adapters.phone import rtp
from adapters.phone.g711 import FRAME_BYTES, FRAME_SAMPLES, LAWS, RATE_HZ
from adapters.phone.tones import rendered
from adapters.phone.wav import Recorder, SoundFileError, load
from service.demo_parties import Place
from service.demo_telling import PATIENCE_S, Missing, Teller

WORLD_HZ, HOUSE_HZ = 1000, 440
FRAME_S = FRAME_SAMPLES / RATE_HZ
PLAYED_S = 20
LOOK_EVERY_S = 0.05
HEARD_FRAMES = 10  # So many in a row are a tone and no chance.
WINDOW = HEARD_FRAMES * FRAME_BYTES
PLAIN = 0.5  # A tone alone has nearly all the power, and speech or noise hardly any of it.
LARGEST_PACKET = 2048
LAW = LAWS[0]


def tone(frequency: int) -> bytes:
    """One second of PCM."""
    return rendered(((frequency, round(1 / FRAME_S)),))


def write_tone(path: Path, frequency: int) -> Path:
    recorder = Recorder(path)
    for _ in range(PLAYED_S):
        recorder.write(tone(frequency))
    recorder.close()
    return path


def share(pcm: bytes, frequency: int) -> float:
    """How much of the power of this sound is at one frequency, from 0 to 1 (Goertzel)."""
    samples = array("h", pcm)
    power = sum(sample * sample for sample in samples)
    if not power:
        return 0.0
    turn = 2 * cos(2 * pi * frequency / RATE_HZ)
    last = before = 0.0
    for sample in samples:
        last, before = sample + turn * last - before, last
    found = last * last + before * before - turn * last * before
    return 2 * found / (len(samples) * power)


def has_tone(pcm: bytes, frequency: int) -> bool:
    """Somewhere in it, for a fifth of a second."""
    windows = (pcm[at : at + WINDOW] for at in range(0, len(pcm) - WINDOW + 1, WINDOW))
    return any(share(window, frequency) > PLAIN for window in windows)


async def recorded(path: Path, frequency: int) -> bool:
    """Whether the tone is in this file, which somebody is still writing."""
    with trio.move_on_after(PATIENCE_S):
        while True:
            with suppress(SoundFileError):  # Nothing in it yet.
                if has_tone(load(path).pcm, frequency):
                    return True
            await trio.sleep(LOOK_EVERY_S)
    return False


def place_in(body: bytes) -> Place:
    """Where this SDP wants its sound (RFC 8866 5.7, 5.14); ``Missing`` where it says nothing."""
    host, port = "", ""
    for line in body.decode("latin-1").splitlines():
        if line.startswith("c="):
            host = line.split()[-1]
        elif line.startswith("m=audio "):
            port = line.split()[1]
    if not host or not port.isdecimal():
        raise Missing("an SDP does not say where its sound is to go")
    return host, int(port)


class Speaker:
    """Says one tone to whom it talks, and keeps the last that it heard."""

    def __init__(self, name: str, host: str, tell: Teller) -> None:
        self.name = name
        self.host = host
        self.tell = tell
        self.to: Place | None = None
        self.heard = b""
        self.news = trio.Event()
        self.socket = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def open(self) -> None:
        await self.socket.bind((self.host, 0))

    def sdp(self) -> bytes:
        lines = (
            "v=0",
            f"o=- {secrets.randbits(31)} 1 IN IP4 {self.host}",
            "s=-",
            f"c=IN IP4 {self.host}",
            "t=0 0",
            f"m=audio {self.socket.getsockname()[1]} RTP/AVP {LAW.payload_type}",
            f"a=rtpmap:{LAW.payload_type} {LAW.name}/{RATE_HZ}",
            "",
        )
        return "\r\n".join(lines).encode()

    def talk_to(self, body: bytes | None) -> None:
        """To whom this SDP is of, or to nobody; what was heard before is forgotten."""
        self.to = place_in(body) if body else None
        self.heard = b""

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.speak)
            nursery.start_soon(self.listen)

    async def speak(self) -> None:
        payload = LAW.encode(tone(WORLD_HZ))
        source, began, n = secrets.randbits(32), trio.current_time(), 0
        while True:
            at = n * FRAME_SAMPLES
            start = at % len(payload)
            part = payload[start : start + FRAME_SAMPLES]
            packet = rtp.Packet(LAW.payload_type, n, at, source, part)
            if self.to is not None:
                with suppress(OSError):  # Nobody is there, as while the hotspot is down.
                    await self.socket.sendto(rtp.spelled(packet), self.to)
            n += 1
            await trio.sleep_until(began + n * FRAME_S)

    async def listen(self) -> None:
        while True:
            try:
                data = await self.socket.recv(LARGEST_PACKET)
                pcm = LAW.decode(rtp.read(data).payload)
            except (OSError, rtp.NotRtp):
                continue
            self.heard = (self.heard + pcm)[-WINDOW:]
            self.news.set()
            self.news = trio.Event()

    async def hears(self, frequency: int, whose: str) -> None:
        with trio.move_on_after(PATIENCE_S):
            while not has_tone(self.heard, frequency):
                await self.news.wait()
            self.tell.seen(f"{self.name} hears {whose}: {frequency} Hz")
            return
        raise Missing(f"{self.name} does not hear {whose}, {frequency} Hz")
