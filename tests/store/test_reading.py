"""Reading changes nothing: beside a service that runs, was killed, or ended in order."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from eventsourcing.persistence import NotSupportedError

from adapters.store.reading import ReadOnlyRecorder
from adapters.store.sqlite import Recorder, StoreError, reader, settings, writer
from core.events.log import Log
from tests.store.turns import killed_after, turn, turns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a name? with #signs%.db"


def contents(path: Path) -> dict[str, bytes]:
    """Of everything beside the store; the index of the log is scratch of whoever reads."""
    files = sorted(path.parent.iterdir())
    return {file.name: file.read_bytes() for file in files if not file.name.endswith("-shm")}


def streams(log: Log) -> list[str]:
    return [turn.originator_id for _, turn in log.read()]


def test_after_a_service_that_ended_in_order(path: Path) -> None:
    with writer(path) as log:
        log.append(turns("call:1", 1, 2) + turns("call:2", 1))
    before = contents(path)
    log = reader(path)
    assert streams(log) == ["call:1", "call:1", "call:2"]
    assert [position for position, _ in log.read(after=1, stream="call:1")] == [2]
    assert contents(path) == before
    log.close()
    assert contents(path) == before
    assert set(before) == {path.name, f"{path.name}.lock"}


def test_while_the_service_writes(path: Path) -> None:
    with writer(path) as service:
        service.append(turns("call:1", 1))
        log = reader(path)
        assert streams(log) == ["call:1"]
        service.append(turns("call:2", 1))
        assert streams(log) == ["call:1", "call:2"]
        assert isinstance(service.recorder, Recorder)
        service.recorder.checkpoint()
        service.append(turns("call:3", 1))
        assert streams(log) == ["call:1", "call:2", "call:3"]
    assert streams(log) == ["call:1", "call:2", "call:3"], "the service has ended meanwhile"
    log.close()
    with writer(path) as service:
        assert streams(service) == ["call:1", "call:2", "call:3"]


def test_a_service_that_starts_while_one_reads(path: Path) -> None:
    with writer(path) as service:
        service.append(turns("call:1", 1))
    log = reader(path)
    assert streams(log) == ["call:1"]
    with writer(path) as service:
        service.append(turns("call:2", 1))
        assert streams(log) == ["call:1", "call:2"]
    log.close()


def test_after_a_service_that_was_killed(path: Path) -> None:

    def serve() -> Log:
        service = Log(settings(str(path)))
        service.append(turns("call:1", 1))
        assert isinstance(service.recorder, Recorder)
        service.recorder.checkpoint()
        service.append(turns("call:2", 1))
        return service

    killed_after(serve)
    before = contents(path)
    assert f"{path.name}-wal" in before
    for _ in range(2):
        log = reader(path)
        assert streams(log) == ["call:1", "call:2"]
        log.close()
        assert contents(path) == before
    with writer(path) as service:
        assert streams(service) == ["call:1", "call:2"]


def test_a_copy_of_what_a_killed_service_left(path: Path, tmp_path: Path) -> None:
    """For a bug report: the database and its write-ahead log, without the index."""
    copy = tmp_path / "copy" / "log.db"
    copy.parent.mkdir()
    with writer(path) as service:
        service.append(turns("call:1", 1))
        shutil.copy(path, copy)
        shutil.copy(f"{path}-wal", f"{copy}-wal")
    log = reader(copy)
    assert streams(log) == ["call:1"]
    log.close()


def test_nothing_is_appended(path: Path) -> None:
    with writer(path) as service:
        service.append(turns("call:1", 1))
    with pytest.raises(NotSupportedError, match="opened to be read"):
        reader(path).append(turns("call:1", 2))


def test_a_reader_could_not_write_if_it_wanted_to(path: Path) -> None:
    with writer(path) as service:
        service.append(turns("call:1", 1))
        log = reader(path)
        assert isinstance(log.recorder, ReadOnlyRecorder)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            log.recorder.connection.execute("DELETE FROM stored_events")
        log.close()


def test_a_file_that_is_missing_is_not_made(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such file; name the store"):
        reader(path)
    assert not path.exists()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a file"):
        reader(tmp_path)


def test_a_text_is_no_store(path: Path) -> None:
    path.write_text("dear diary\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        reader(path)


@pytest.mark.parametrize("statement", ["CREATE TABLE t (a)", "CREATE TABLE stored_events (a)", ""])
def test_a_database_of_something_else_is_no_store(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(StoreError, match="not a log of ours"):
        reader(path)


def test_a_file_that_may_not_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch()
    monkeypatch.setattr("adapters.store.reading.os.access", lambda *_: False)
    with pytest.raises(StoreError, match="run as the user of the service"):
        reader(path)


def test_a_damaged_database_is_called_so(path: Path) -> None:
    with writer(path) as service:
        service.append([turn("call:1", number, b"x" * 4000) for number in range(1, 20)])
    held = bytearray(path.read_bytes())
    held[4096:] = b"\xff" * (len(held) - 4096)
    path.write_bytes(held)
    with pytest.raises(StoreError, match="damaged"):
        streams(reader(path))
