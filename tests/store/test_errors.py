"""What SQLite and the system say, in words an operator can act upon."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from eventsourcing import persistence

from adapters.store.errors import REASONS, StoreError, from_system, named_errors, translated


def raised(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("code", REASONS)
def test_every_known_reason_names_the_file_and_what_to_do(code: int) -> None:
    error = translated(raised(code), "s.db")
    assert isinstance(error, StoreError)
    assert str(error) == f"s.db: {error.reason}; {error.fix}"
    assert (error.reason, error.fix) == REASONS[code]


def test_an_extended_code_means_what_its_primary_code_means() -> None:
    error = translated(raised(sqlite3.SQLITE_IOERR_FSYNC), "s.db")
    assert "disk" in str(error)


@pytest.mark.parametrize("kind", ["OperationalError", "IntegrityError", "ProgrammingError"])
def test_any_other_keeps_the_name_of_its_class(kind: str) -> None:
    assert type(translated(getattr(sqlite3, kind)("no such table"), "s.db")) is getattr(
        persistence, kind
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EACCES, "may not be used"),
        (errno.ENOENT, "folder does not exist"),
        (errno.ENOTDIR, "folder does not exist"),
        (errno.EROFS, "read-only file system"),
        (errno.ENOSPC, "no space left on device"),
    ],
)
def test_what_the_system_says(code: int, reason: str) -> None:
    with pytest.raises(StoreError, match=reason), named_errors(Path("s.db")):
        raise OSError(code, os.strerror(code))


def test_a_system_that_gives_no_reason() -> None:
    assert "refuses" in str(from_system(OSError(), "s.db"))


def test_a_mistake_of_ours_stays_one() -> None:
    with pytest.raises(ValueError, match="ours"), named_errors("s.db"):
        raise ValueError("ours")
