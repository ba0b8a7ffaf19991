"""A network of one's own: machines that are network namespaces, plugged into switches.

A machine is whatever runs in a namespace; it shares the disk with us and nothing else.
Namespaces live as long as the process that holds them, and that ends with us, so nothing
is left behind however a test ends.  Root is not needed where the system lets a user have
namespaces (``unshare --user``).
"""

import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
SIPHOTSPOT = Path(sys.executable).with_name("siphotspot")
NEEDED = ("ip", "unshare", "nsenter")
PATIENCE_S = 20.0  # Only a test that fails waits so long.


class NotPermitted(Exception):
    """No namespaces here, and why."""


class Program:
    """A process in a namespace that is read line by line."""

    def __init__(self, words: Sequence[str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            words,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self._rest = b""

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    def wait_for(self, what: str, patience_s: float = PATIENCE_S) -> str:
        """The next line that has this in it; all lines so far are in ``lines``."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                while b"\n" in self._rest:
                    line, _, self._rest = self._rest.partition(b"\n")
                    self.lines.append(line.decode())
                    if what in self.lines[-1]:
                        return self.lines[-1]
                data = b""
                if selector.select(patience_s):
                    data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    raise AssertionError(f"no {what!r} in\n" + "\n".join(self.lines))
                self._rest += data

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Machine:
    """A namespace with ``lo`` up, and what runs in it."""

    def __init__(self, lab: "Lab", name: str, holder: Program) -> None:
        self.lab = lab
        self.name = name
        self.holder = holder

    @property
    def pid(self) -> int:
        return self.holder.process.pid

    def words(self, *words: str | Path) -> list[str]:
        return [*self.lab.entering(self.pid), *map(str, words)]

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Waits for its end; the caller looks at ``returncode``."""
        return subprocess.run(
            self.words(*words), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    def ip(self, words: str) -> None:
        done = self.run("ip", *words.split())
        assert done.returncode == 0, f"{self.name}: ip {words}: {done.stderr}"

    def start(self, *words: str | Path) -> Program:
        """Ends with the lab."""
        return self.lab.started(self.words(*words))

    def siphotspot(self, *words: str | Path) -> Program:
        return self.start(SIPHOTSPOT, *words)


class Lab:
    """All machines and switches of one test.  Raises ``NotPermitted`` when it is entered."""

    def __init__(self) -> None:
        self._exits = ExitStack()
        self._plugs = 0
        self.switches: Machine

    def __enter__(self) -> Self:
        missing = [program for program in NEEDED if shutil.which(program) is None]
        if missing:
            raise NotPermitted(f"needs {', '.join(missing)}, which is not here")
        with ExitStack() as exits:
            self._exits = exits
            alone = ["unshare", "--net"]
            if os.geteuid():
                alone += ["--user", "--map-root-user"]
            self.switches = self._held("switches", alone)
            done = self.switches.run("ip", "link", "add", "try", "type", "bridge")
            if done.returncode:
                raise NotPermitted(f"no bridge can be made: {done.stderr.strip()}")
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exits.close()

    def switch(self, name: str) -> str:
        self.switches.ip(f"link add {name} type bridge mcast_snooping 0")
        self.switches.ip(f"link set {name} up")
        return name

    def machine(self, name: str) -> Machine:
        return self._held(name, [*self.entering(self.switches.pid), "unshare", "--net"])

    def plug(self, machine: Machine, switch: str, address: str, interface: str = "eth0") -> None:
        """``address`` with its prefix length, as 10.77.0.1/24."""
        self._plugs += 1
        here = f"port{self._plugs}"
        self.switches.ip(
            f"link add {here} type veth peer name {interface} "
            f"address 02:00:00:00:00:{self._plugs:02x} netns {machine.pid}"
        )
        self.switches.ip(f"link set {here} master {switch} up")
        machine.ip(f"address add {address} broadcast + dev {interface}")
        machine.ip(f"link set {interface} up")

    def unplug(self, machine: Machine, interface: str = "eth0") -> None:
        """The interface is gone, as a wireless stick that is pulled out."""
        machine.ip(f"link delete {interface}")

    def entering(self, pid: int) -> list[str]:
        user = ["--user", "--preserve-credentials"] if os.geteuid() else []
        return ["nsenter", "--target", str(pid), *user, "--net"]

    def started(self, words: Sequence[str]) -> Program:
        program = Program(words)
        self._exits.callback(program.end)
        return program

    def _held(self, name: str, alone: Sequence[str]) -> Machine:
        """Held by a process that ends when its input does, so with us in any case."""
        holder = self.started([*alone, "sh", "-c", "ip link set lo up && echo held && exec cat"])
        try:
            holder.wait_for("held")
        except AssertionError:
            raise NotPermitted(" ".join(holder.lines) or f"{alone} says nothing") from None
        return Machine(self, name, holder)
