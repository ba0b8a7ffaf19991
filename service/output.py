"""Standard output that nobody reads: closed before the start, or by a reader that had enough.

Both are the same here: a pipe without a reader, on which the first word fails.
"""

import os
from typing import TextIO


def pipe_without_reader() -> TextIO:
    readable, writable = os.pipe()
    os.close(readable)
    return os.fdopen(writable, "w")


def send_nowhere(out: TextIO) -> None:
    """What it still holds, and all that is written to it from now on, is lost and fails no more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)
