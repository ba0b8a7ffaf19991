"""The lock lasts as long as its holder, however that one ends."""

import os
from pathlib import Path

import pytest

from adapters.store.errors import StoreError
from adapters.store.lock import StoreLock, in_use
from tests.store.turns import killed_after


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "siphotspot.db"


def test_names_its_holder_and_forgets_it(store: Path) -> None:
    with StoreLock(store) as lock:
        assert Path(lock.path).read_text() == f"{os.getpid()}\n"
        assert Path(lock.path).stat().st_mode & 0o777 == 0o600
    assert Path(lock.path).read_text() == ""
    lock.release()  # Again, which does nothing.


def test_the_second_is_refused_and_the_first_keeps_it(store: Path) -> None:
    with StoreLock(store) as lock:
        for _ in range(2):
            with pytest.raises(StoreError, match=rf"{store}: .*process {os.getpid()}.*stop that"):
                StoreLock(store)
        assert Path(lock.path).read_text() == f"{os.getpid()}\n"


def test_two_names_of_one_store_are_one_lock(store: Path) -> None:
    store.touch()
    other = store.with_name("other.db")
    other.symlink_to(store)
    with StoreLock(store), pytest.raises(StoreError):
        StoreLock(other)


def test_a_holder_that_was_killed_holds_nothing(store: Path) -> None:
    child = killed_after(lambda: StoreLock(store))
    left = Path(f"{store}.lock")
    assert left.read_text() == f"{child}\n"
    with StoreLock(store):
        assert left.read_text() == f"{os.getpid()}\n"


def test_a_holder_that_has_not_said_its_name_yet() -> None:
    assert "(another process)" in str(in_use("s.db", ""))


def test_a_folder_without_locks(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("adapters.store.lock.fcntl.flock", flock)
    with pytest.raises(StoreError, match="no locks available"):
        StoreLock(store)
