"""One service a store: a lock that the system lets go of when its holder dies.

Two services on one log would each be refused the turns of the other, one at a time and
in the middle of calls.  So the second is refused at once, when it starts.  Readers need
no lock (``reading``).
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from adapters.store.errors import StoreError, from_system, named_errors


class StoreLock:
    """``flock`` on a file beside the store, which holds the process id of its holder.

    The file stays when the lock goes: to remove it would let a third process lock a new
    file of that name while a second still waits for the old one.
    """

    def __init__(self, path: str | Path) -> None:
        """Hold it, or raise a ``StoreError`` that names who does."""
        self.store = str(path)
        with named_errors(path):
            self.path = f"{os.path.realpath(path)}.lock"
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self.descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self.descriptor)
            if isinstance(error, BlockingIOError):
                raise in_use(self.store, holder) from None
            raise from_system(error, self.path) from error
        self.say(f"{os.getpid()}\n")

    def say(self, holder: str) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, holder.encode(), 0)

    def release(self) -> None:
        if self.descriptor >= 0:
            self.say("")
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> "StoreLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def in_use(path: str, holder: str) -> StoreError:
    who = f"process {holder}" if holder.isdigit() else "another process"
    return StoreError(
        path,
        f"a service is at work on it already ({who})",
        "stop that one first, or give this one a state folder of its own",
    )
