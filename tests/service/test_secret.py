"""A secret comes out of its file and out of ``reveal``, and nowhere else."""

import copy
import pickle
from pathlib import Path

import msgspec
import pytest

from service.secret import BYTES_MAX, Secret, SecretError, read_secret


def test_is_printed_as_stars() -> None:
    secret = Secret("sesame")
    assert {repr(secret), str(secret), f"{secret}", f"{secret:>9}", f"{secret!r}"} == {"***"}
    assert secret.reveal() == "sesame"


def test_is_written_to_nothing() -> None:
    secret = Secret("sesame")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)


def test_is_equal_to_the_same_secret_only() -> None:
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize("held", [b"two words", b"two words\n", b"\xef\xbb\xbftwo words\r\n"])
def test_is_the_line_that_the_file_holds(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "s").write_bytes(held)
    assert read_secret(tmp_path / "s").reveal() == "two words"


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (b"", "is empty: write the password into it"),
        (b"\n\n", "is empty: write the password into it"),
        (b"a\nb\n", "must hold the password on one line"),
        (b"a\0b", "must hold the password on one line"),
        (b"a" * (BYTES_MAX + 1), "must hold the password on one line"),
        (b"\xff", "is not text in UTF-8"),
    ],
)
def test_a_file_that_holds_something_else(tmp_path: Path, held: bytes, message: str) -> None:
    (tmp_path / "s").write_bytes(held)
    with pytest.raises(SecretError, match=message):
        read_secret(tmp_path / "s")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"there is no file .*/s: write the password into it"):
        read_secret(tmp_path / "s")
    with pytest.raises(SecretError, match=r"there is no file .*/s: write the key into it"):
        read_secret(tmp_path / "s", "key")
    with pytest.raises(SecretError, match="cannot be read: Is a directory"):
        read_secret(tmp_path)
