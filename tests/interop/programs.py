"""Programs that a test runs, and how it waits for what they say."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

Found = TypeVar("Found")

GLANCE_S = 0.02
PATIENCE_S = 10.0


def until(look: Callable[[], Found | None], what: str, seconds: float = PATIENCE_S) -> Found:
    """The first result that is true.  Fails with ``what`` where none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"in {seconds} s not seen: {what}")
        time.sleep(GLANCE_S)
    return found


class Program:
    """One process of ours; its two outputs, line by line as they come."""

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path) -> None:
        self.name = name
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def saw(self, *parts: str, after: int = 0) -> str | None:
        """The first line that holds all of these."""
        return next(
            (line for line in self.lines[after:] if all(part in line for part in parts)), None
        )

    def sees(self, *parts: str, after: int = 0, seconds: float = PATIENCE_S) -> str:
        what = f"{self.name}: {' '.join(parts)}"
        try:
            return until(lambda: self.saw(*parts, after=after), what, seconds)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.lines[-40:]])) from None

    def status(self, seconds: float = PATIENCE_S) -> int:
        """Its exit status, once it has ended by itself."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("\n".join([f"{self.name} goes on", *self.lines[-40:]])) from None
        self.reader.join(1)
        return code

    def succeeds(self, seconds: float = PATIENCE_S) -> None:
        code = self.status(seconds)
        assert code == 0, "\n".join([f"{self.name}: exit status {code}", *self.lines[-60:]])

    def hold(self, on: bool) -> None:
        """A phone: see ``phone.py``."""
        self.process.send_signal(signal.SIGUSR1 if on else signal.SIGUSR2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
