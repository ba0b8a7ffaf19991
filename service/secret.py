"""A password that cannot be printed by accident.

It reaches the wire only as a digest (RFC 7616), and nothing else at all: ``repr``, ``str``
and a format string yield three stars, so a traceback, a log line or a test that fails
cannot give it away.  Who needs it says ``reveal`` and can be found by that word.
"""

import stat
from hmac import compare_digest
from pathlib import Path

BYTES_MAX = 4096


class SecretError(Exception):
    """Why a secret could not be read, and what would help.  Never what stood there."""


class Secret:
    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, _spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written to anything")


def read_secret(path: Path, what: str = "password") -> Secret:
    """The one line that the file holds; whatever ends it does not belong to it.

    ``what`` it is, for its owner.

    No more than a page is read, so that a device or a wrong file does no harm.
    """
    try:
        with path.open("rb") as file:
            held = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise SecretError(
            f"there is no file {path}: write the {what} into it, one line, mode 0600"
        ) from None
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None
    try:
        value = held.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(f"{path} is not text in UTF-8") from None
    if not value:
        raise SecretError(f"{path} is empty: write the {what} into it, one line")
    if len(held) > BYTES_MAX or not value.isprintable():
        raise SecretError(f"{path} must hold the {what} on one line and nothing else")
    return Secret(value)


def is_open_to_others(path: Path) -> bool:
    """Whether somebody else on this machine may read it; a device or a pipe is nobody's."""
    found = path.stat()
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o044)
