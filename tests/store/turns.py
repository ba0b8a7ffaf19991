"""Turns that say nothing, to be kept and read, and a process to be killed."""

import os
import signal
from collections.abc import Callable

from core.events import observed
from core.events.turn import Turn


def turn(stream: str, number: int, body: bytes = b"") -> Turn:
    seen = observed.CallerAcked(answer=body)
    return Turn(originator_id=stream, originator_version=number, at=number, seen=seen, did=())


def turns(stream: str, *numbers: int) -> list[Turn]:
    return [turn(stream, number) for number in numbers]


def killed_after(doing: Callable[[], object]) -> int:
    """A process did this and was killed, without a word of farewell; which one it was."""
    child = os.fork()
    if not child:
        try:
            held = doing()  # Nothing of it may end before the process does.
            os.kill(os.getpid(), signal.SIGKILL)
            del held
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    return child
