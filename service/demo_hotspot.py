"""The hotspot of the demo: the real service, as a process of its own."""

import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import trio

from service.demo_parties import HOST
from service.demo_telling import Missing, Teller

SERVICE = "from service.cli import main; main()"
BELOW_EPHEMERAL = range(20_000, 32_000)  # Nobody is given one of these by chance.
START_S = 10.0
STOP_S = 5.0

CONFIG = """\
[hotspot]
name = "Demo"
[sip]
listen = ["udp:{host}:{port}", "tcp:{host}:{port}"]
[media]
mode = "direct"
[[line]]
number = 1
server = "{server}"
user = "{account}"
password = "{password}"
domain = "{domain}"
"""
PHONE = """\
[[phone]]
user = "{user}"
password = "{password}"
"""


def free_port() -> int:
    """One that is free for UDP and TCP, and stays so while the hotspot is down."""
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
    raise Missing("no free port on loopback for the hotspot")


class Hotspot:
    """Started, killed, started again, always over the same folder."""

    def __init__(self, folder: Path, tell: Teller) -> None:
        self.folder = folder
        self.tell = tell
        self.port = free_port()
        self.process: trio.Process | None = None
        self.said: list[str] = []

    @property
    def place(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def config(self) -> Path:
        return self.folder / "hotspot.toml"

    def configure(
        self, server: str, account: str, password: str, domain: str, phones: dict[str, str]
    ) -> None:
        text = CONFIG.format(
            host=HOST,
            port=self.port,
            server=server,
            account=account,
            password=password,
            domain=domain,
        )
        text += "".join(PHONE.format(user=user, password=phones[user]) for user in phones)
        self.config.touch(mode=0o600)
        self.config.write_text(text)

    async def start(self, nursery: trio.Nursery) -> None:
        """Returns once it listens."""
        command = [sys.executable, "-P", "-c", SERVICE, "run"]
        command += ["--config", str(self.config), "--state-dir", str(self.folder / "state")]
        self.process = await trio.lowlevel.open_process(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        self.tell.happened("hotspot", f"process {self.process.pid} started")
        listening, ended = trio.Event(), trio.Event()
        nursery.start_soon(self.listen_to, self.process, listening, ended)
        with trio.move_on_after(START_S):
            await listening.wait()
        if listening.is_set() and not ended.is_set():
            return
        raise Missing("the hotspot does not start: " + "; ".join(self.said[-3:]))

    async def listen_to(
        self, process: trio.Process, listening: trio.Event, ended: trio.Event
    ) -> None:
        """What it says is told; where it ends, nobody needs to wait any longer."""
        assert process.stdout is not None
        rest = b""
        async for data in process.stdout:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                said = line.decode(errors="replace")
                self.said.append(said)
                self.tell.happened("hotspot", said)
                if said.startswith("listening on"):
                    listening.set()
        ended.set()
        listening.set()

    async def kill(self) -> None:
        """kill -9: it gets no chance to tidy up."""
        await self.end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self.end(signal.SIGTERM)

    async def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        self.tell.happened("hotspot", f"process {self.process.pid} gets {how.name}")
        with trio.move_on_after(STOP_S):
            return await self.process.wait()
        raise Missing(f"the hotspot does not end by {how.name}")

    async def shut(self) -> None:
        """Whatever happened, nothing of it is left running."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            with trio.CancelScope(shield=True):
                await self.process.wait()
