"""The state folder and its secret."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from service import state
from service.config import Config, Store


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"
    state.prepare(folder)
    state.prepare(folder)
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(state.StateError, match="--state-dir"):
        state.prepare(tmp_path / "file" / "folder")


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says of it is set here, since root may write anywhere."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(state.StateError, match="cannot be written"):
        state.prepare(tmp_path)


def test_the_store_is_beside_the_rest(tmp_path: Path) -> None:
    config = Config.default()
    assert state.store_path(tmp_path, config) == str(tmp_path / "siphotspot.db")
    elsewhere = replace(config, store=Store(url="sqlite:/var/lib/x.db"))
    assert state.store_path(tmp_path, elsewhere) == "/var/lib/x.db"


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    store = str(tmp_path / "siphotspot.db")
    made = state.secret_of(tmp_path, store)
    assert len(made) == 32
    assert state.secret_of(tmp_path, store) == made
    assert (tmp_path / state.SECRET).stat().st_mode & 0o777 == 0o600


def test_a_store_without_its_secret_is_not_begun_anew(tmp_path: Path) -> None:
    store = tmp_path / "siphotspot.db"
    store.write_bytes(b"turns")
    with pytest.raises(state.StateError, match="is missing"):
        state.secret_of(tmp_path, str(store))


def test_a_secret_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / state.SECRET).write_bytes(b"short")
    with pytest.raises(state.StateError, match="damaged"):
        state.secret_of(tmp_path, "x")
    (tmp_path / state.SECRET).unlink()
    (tmp_path / state.SECRET).mkdir()
    with pytest.raises(state.StateError, match="cannot be read"):
        state.secret_of(tmp_path, "x")
