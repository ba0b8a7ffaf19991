"""A store of one's own: private, refused to others, and plain about what is wrong with it."""

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError

from adapters.store.sqlite import ROWS_AT_ONCE, Checkpoint, Recorder, StoreError, settings, writer
from core.events.log import Log
from tests.store.turns import turn, turns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "siphotspot.db"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def recorder(log: Log) -> Recorder:
    assert isinstance(log.recorder, Recorder)
    return log.recorder


def test_a_store_is_for_its_owner_alone(path: Path) -> None:
    with writer(path) as log:
        log.append(turns("call:1", 1))
        files = sorted(path.parent.iterdir())
        assert [file.name.removeprefix(path.name) for file in files] == [
            "",
            "-shm",
            "-wal",
            ".lock",
        ]
        assert {mode(file) for file in files} == {0o600}


def test_a_store_that_others_could_read_is_closed_to_them(path: Path) -> None:
    with writer(path) as log:
        log.append(turns("call:1", 1))
    path.chmod(0o644)
    with writer(path) as log:
        assert mode(path) == 0o600
        assert [position for position, _ in log.read()] == [1]


def test_the_log_that_is_left_in_order_is_one_file(path: Path) -> None:
    with writer(path) as log:
        log.append(turns("call:1", 1))
    assert not Path(f"{path}-wal").exists()


def test_a_second_service_is_refused_when_it_starts(path: Path) -> None:
    with (
        writer(path),
        pytest.raises(StoreError, match=f"{path}.*process {os.getpid()}"),
        writer(path),
    ):
        pytest.fail("two services have opened the store")
    with writer(path):
        pass


def text(path: Path) -> None:
    path.write_text("dear diary\n" * 100)


def of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "reason"), [(text, "not a database"), (of_another_program, "not a log of ours")]
)
def test_a_file_of_somebody_else_stays_exactly_as_it_is(
    path: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(path)
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=reason), writer(path):
        pytest.fail("it was opened")
    assert (path.read_bytes(), mode(path)) == (before, 0o644)
    assert {file.name for file in path.parent.iterdir()} == {path.name, f"{path.name}.lock"}


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "siphotspot.db"
    with pytest.raises(StoreError, match=r"its folder does not exist; make the folder") as raised:
        Log(settings(str(path)))
    assert raised.value.path == str(path)
    with pytest.raises(StoreError, match="its folder does not exist"), writer(path):
        pytest.fail("it was opened")


def test_a_folder_that_may_not_be_written_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr("adapters.store.sqlite.os.open", refuse)
        with pytest.raises(StoreError, match="may not be used; run as the user"):
            Log(settings(str(path)))


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(StoreError, match="no name of a file"), writer("a\0b"):
        pytest.fail("it was opened")


def test_a_full_disk_loses_nothing_and_may_be_mended(path: Path) -> None:
    with writer(path) as log:
        log.append(turns("call:1", 1))
        connection = recorder(log).writer
        connection.execute("PRAGMA max_page_count = 1")  # SQLite keeps what it has, and no more.
        with pytest.raises(StoreError, match="no space is left for it; make room") as raised:
            log.append([turn("call:2", 1), turn("call:3", 1, b"x" * 100_000)])
        assert isinstance(raised.value, OperationalError)
        connection.execute("PRAGMA max_page_count = 10000")
        assert list(log.append(turns("call:1", 2))) == [2]
        assert [turn.originator_id for _, turn in log.read()] == ["call:1", "call:1"]


def test_a_file_that_may_not_be_written_is_named(path: Path) -> None:
    with writer(path) as log:
        recorder(log).writer.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match=f"{path}: the file may not be written"):
            log.append(turns("call:1", 1))


def test_an_error_that_is_no_matter_of_the_file_keeps_its_name(path: Path) -> None:
    with writer(path) as log:
        log.append(turns("call:1", 1))
        with pytest.raises(IntegrityError):
            log.append(turns("call:1", 1))


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE + 2])
def test_however_many_wait_all_are_kept_or_none(path: Path, count: int) -> None:
    """One statement holds few rows, and a burst may leave many."""
    with writer(path) as log:
        log.append(turns("call:1", 1))
        assert [*log.append(turns("call:2", *range(1, count + 1)))] == [*range(2, count + 2)]
        with pytest.raises(IntegrityError):
            log.append([*turns("call:3", *range(1, count)), turn("call:2", count)])
        assert [*log.append(turns("call:4", 1))] == [count + 2]
        assert [recorded.turn.originator_id for recorded in log.read()] == [
            "call:1",
            *["call:2"] * count,
            "call:4",
        ]


def test_to_keep_nothing_is_no_fault(path: Path) -> None:
    with writer(path) as log:
        assert [*log.append([])] == []


def test_a_commit_does_not_checkpoint_and_a_thread_does(path: Path) -> None:
    """Inline, the 1,001st page would stop the writer for tens of milliseconds."""
    with writer(path) as log:
        log.append([turn("call:1", number, b"x" * 4000) for number in range(1, 1101)])
        before = path.stat().st_size
        seen: list[Checkpoint] = []
        thread = Thread(target=lambda: seen.append(recorder(log).checkpoint()))
        thread.start()
        thread.join()
        assert seen[0].pages > 1000
        assert seen[0].moved == seen[0].pages
        assert before < 10 * 4096 < path.stat().st_size
        log.append(turns("call:2", 1))
        assert recorder(log).checkpoint().pages < 10, "the write-ahead log has started anew"


def test_a_store_in_memory_has_no_checkpoints() -> None:
    log = Log(settings())
    assert recorder(log).checkpoint() == (0, 0)


def test_a_checkpoint_that_fails_says_where(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writer(path) as log:
        monkeypatch.setattr(recorder(log), "path", str(path.parent))
        with pytest.raises(StoreError, match="cannot be opened"):
            recorder(log).checkpoint()
