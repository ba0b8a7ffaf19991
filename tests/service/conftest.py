"""A folder in which an owner keeps the configuration and, beside it, the passwords."""

from pathlib import Path

import pytest

PASSWORDS = {"line1.secret": "one two\n", "bedroom.secret": "three\r\n", "join.key": "four"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, password in PASSWORDS.items():
        (tmp_path / name).write_bytes(password.encode())
        (tmp_path / name).chmod(0o600)
    return tmp_path
