"""A device of the demo, hotspot or client: the real service, as a process of its own."""

import random
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import trio

from adapters.net.interfaces import usable
from replay.text import clip, printable
from service import control
from service.demo_parties import HOST
from service.demo_telling import Missing, Teller
from service.demo_watching import Report, Shown, Story
from service.paths import STORE_NAME

SERVICE = "from service.cli import main; main()"
BELOW_EPHEMERAL = range(20_000, 32_000)  # Nobody is given one of these by chance.
MEDIA = range(10_000, 19_900, 100)  # The first ports for the sound of a device.
START_S = 10.0
STOP_S = 5.0
TOLD_COLUMNS = 100

COMMON = """\
[hotspot]
name = "{name}"
mode = "{mode}"
address = "{group.address}"
port = {group.port}
interface = "{group.interface}"
[sip]
listen = ["udp:{host}:{port}", "tcp:{host}:{port}"]
[media]
ports = "{first}-{last}"
"""


class Group(NamedTuple):
    """Where the hotspot announces itself, and nobody else: several demos may run at once."""

    address: str
    port: int
    interface: str


def new_group() -> Group:
    """Of the addresses that are for use within a site (RFC 2365 6.1)."""
    address = f"239.255.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    return Group(address, free_port(), loopback())


def loopback() -> str:
    for _, name in socket.if_nameindex():
        if any(each.address == HOST for each in usable("multicast", name)):
            return name
    raise Missing(f"no interface has {HOST}")


def free_port() -> int:
    """One that is free for UDP and TCP, and stays so while the service is down."""
    for port in random.sample(BELOW_EPHEMERAL, 100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            try:
                udp.bind((HOST, port))
                tcp.bind((HOST, port))
            except OSError:
                continue
            return port
    raise Missing("no port is free on loopback")


class Device:
    """Started, killed, started again, always over the same folder.

    ``phone`` is what its own phone is called here.  ``tells``: see ``Story``.
    """

    def __init__(
        self, name: str, folder: Path, tell: Teller, *, phone: str = "", tells: bool = True
    ) -> None:
        self.name = name
        self.phone = phone or name
        self.folder = folder / name.replace(" ", "-")
        self.tell = tell
        self.port = free_port()
        self.process: trio.Process | None = None
        self.said: list[str] = []
        self.shown = Shown(self.phone, tell)
        self.story = Story(name, tell, tells)

    @property
    def place(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def here(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def config(self) -> Path:
        return self.folder.with_suffix(".toml")

    @property
    def store(self) -> Path:
        return self.folder / STORE_NAME

    def configure(self, title: str, mode: str, group: Group, media: int, more: str = "") -> None:
        """``media`` is the first of its ports for sound, ``more`` the rest of its file."""
        first, last = media, media + MEDIA.step - 1
        common = COMMON.format(
            name=title, mode=mode, group=group, host=HOST, port=self.port, first=first, last=last
        )
        self.config.touch(mode=0o600)
        self.config.write_text(common + more)

    # -- Its process ---------------------------------------------------------------------------

    async def start(self, nursery: trio.Nursery) -> None:
        """Returns once it listens, and shows itself to its owner."""
        is_first = self.process is None
        command = [sys.executable, "-P", "-c", SERVICE, "run"]
        command += ["--config", str(self.config), "--state-dir", str(self.folder)]
        self.process = await trio.lowlevel.open_process(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        self.tell.happened(self.name, f"process {self.process.pid} started")
        listening, ended = trio.Event(), trio.Event()
        nursery.start_soon(self.listen_to, self.process, listening, ended)
        with trio.move_on_after(START_S):
            await listening.wait()
        if not listening.is_set() or ended.is_set():
            raise Missing(f"{self.name} does not start: " + "; ".join(self.said[-3:]))
        nursery.start_soon(self.shown.follow, self.folder)
        await self.shown.until("what it shows", lambda: True)
        if is_first:
            nursery.start_soon(self.story.follow, self.store)

    async def listen_to(
        self, process: trio.Process, listening: trio.Event, ended: trio.Event
    ) -> None:
        """What it says is told; where it ends, nobody needs to wait any longer."""
        assert process.stdout is not None
        rest = b""
        async for data in process.stdout:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                said = printable(line.decode(errors="replace"))
                self.said.append(said)
                self.tell.happened(self.name, clip(said, TOLD_COLUMNS))
                if said.startswith("listening on"):
                    listening.set()
        ended.set()
        listening.set()

    async def kill(self) -> None:
        """kill -9: it gets no chance to tidy up."""
        await self.end(signal.SIGKILL)

    async def stop(self) -> int:
        await self.story.end()
        return await self.end(signal.SIGTERM)

    async def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        self.tell.happened(self.name, f"process {self.process.pid} gets {how.name}")
        with trio.move_on_after(STOP_S):
            return await self.process.wait()
        raise Missing(f"{self.name} does not end by {how.name}")

    async def shut(self) -> None:
        """Whatever happened, nothing of it is left running."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            with trio.CancelScope(shield=True):
                await self.process.wait()

    # -- Its owner -----------------------------------------------------------------------------

    async def order(self, do: str, **words: object) -> None:
        """What ``siphotspot phone`` would ask of its phone."""
        said = " ".join([do, *(str(word) for key, word in words.items() if key == "number")])
        self.tell.happened(self.phone, f"$ siphotspot phone {said}")
        named = {key: str(word) for key, word in words.items()}
        await self.asked({"command": "phone", "do": do, **named})

    async def switch(self, setting: str) -> None:
        self.tell.happened(self.name, f"$ siphotspot set {setting}")
        await self.asked({"command": "set", "settings": [setting]})

    async def asked(self, command: Report) -> None:
        try:
            await trio.to_thread.run_sync(control.ask, self.folder, command)
        except control.ControlError as error:
            raise Missing(f"{self.name} does not do it: {error}") from None
