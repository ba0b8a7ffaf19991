"""What may be wrong with a store, said so that whoever runs the service can mend it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing import persistence
from eventsourcing.persistence import OperationalError, PersistenceError


class StoreError(OperationalError):
    """The store cannot be used: which one, why, and what to do about it.

    It is the world's fault and may pass, so it is an ``OperationalError``: whoever writes
    holds back what waits and tries again.
    """

    def __init__(self, path: str | Path, reason: str, fix: str) -> None:
        super().__init__(f"{path}: {reason}; {fix}")
        self.path = str(path)
        self.reason = reason
        self.fix = fix


REASONS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_PERM: (
        "the file may not be used",
        "run as the user of the service, or give that user the file and its folder",
    ),
    sqlite3.SQLITE_READONLY: (
        "the file may not be written",
        "let the user of the service write to it and to its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the file cannot be opened",
        "run as the user of the service, and see that its folder exists",
    ),
    sqlite3.SQLITE_FULL: (
        "no space is left for it",
        "make room on its disk",
    ),
    sqlite3.SQLITE_IOERR: (
        "its disk does not do as it is told",
        "check the disk and what the system says of it",
    ),
    sqlite3.SQLITE_NOTADB: (
        "the file is not a database",
        "name the store of a service, or move this file away",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the database is damaged",
        "keep a copy of it, and go back to the last good one",
    ),
}
"""By the primary result code of SQLite.  Whatever is not here keeps the name of its class."""


def primary_code(error: sqlite3.Error) -> int:
    """The low byte; the rest says more than an operator can use.  0 where there is none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def translated(error: sqlite3.Error, path: str | Path) -> PersistenceError:
    """What SQLite raised, as a ``StoreError`` or by the name eventsourcing gives its class."""
    if known := REASONS.get(primary_code(error)):
        return StoreError(path, *known)
    named: type[PersistenceError] = getattr(persistence, type(error).__name__, PersistenceError)
    return named(error)


def from_system(error: OSError, path: str | Path) -> StoreError:
    """What the operating system said about the file or its folder."""
    if isinstance(error, PermissionError):
        return StoreError(path, *REASONS[sqlite3.SQLITE_PERM])
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return StoreError(path, "its folder does not exist", "make the folder, or name another")
    reason = (error.strerror or "the system refuses it").lower()
    return StoreError(path, reason, "see that its folder is there and can be written")


@contextmanager
def named_errors(path: str | Path) -> Iterator[None]:
    """Whatever SQLite or the system refuses within, said of this file."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path) from error
    except OSError as error:
        raise from_system(error, path) from error
    except ValueError as error:
        if "embedded null" not in str(error):
            raise
        raise StoreError(repr(str(path)), "this is no name of a file", "name another") from error
