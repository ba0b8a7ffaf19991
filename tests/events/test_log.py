"""All of it or none of it, in the order it was recorded, and where it was put."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError

from adapters.store import sqlite
from core.events import observed
from core.events.log import Log
from core.events.turn import Turn
from replay.replayer import verify
from tests.simulation.house import play


def turn(stream: str, number: int) -> Turn:
    seen = observed.CallerAcked()
    return Turn(originator_id=stream, originator_version=number, at=number, seen=seen, did=())


def turns(stream: str, *numbers: int) -> list[Turn]:
    return [turn(stream, number) for number in numbers]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.db")


@pytest.fixture(params=["memory", "file"])
def log(request: pytest.FixtureRequest, path: str) -> Log:
    return Log(sqlite.settings(path if request.param == "file" else ":memory:"))


def test_what_is_appended_is_read(log: Log) -> None:
    assert list(log.append(turns("call:1", 1, 2) + turns("call:2", 1))) == [1, 2, 3]
    assert list(log.append(turns("call:1", 3))) == [4]
    assert not log.append([])
    assert [(p, t.originator_id, t.originator_version) for p, t in log.read()] == [
        (1, "call:1", 1),
        (2, "call:1", 2),
        (3, "call:2", 1),
        (4, "call:1", 3),
    ]
    assert [position for position, _ in log.read(after=2)] == [3, 4]
    assert [position for position, _ in log.read(stream="call:1")] == [1, 2, 4]
    assert [position for position, _ in log.read(after=2, stream="call:1")] == [4]


def test_a_reader_may_ask_for_what_was_seen(log: Log) -> None:
    log.append(turns("call:1", 1, 2))
    assert len(log.notification_log.select(1, 10, topics=["CallerAcked"])) == 2
    assert log.notification_log.select(1, 10, topics=["InviteArrived"]) == []


def test_more_than_a_page_is_read(log: Log) -> None:
    log.append(turns("call:1", *range(1, 2 * log.log_section_size + 2)))
    assert len(list(log.read())) == 2 * log.log_section_size + 1


def test_a_refused_batch_leaves_nothing(log: Log) -> None:
    log.append(turns("call:1", 1))
    with pytest.raises(IntegrityError):
        log.append(turns("call:2", 1, 2) + turns("call:1", 1) + turns("call:3", 1))
    assert [t.originator_id for _, t in log.read()] == ["call:1"]
    assert list(log.append(turns("call:2", 1))) == [2]


def test_the_second_writer_of_a_stream_is_refused(path: str) -> None:
    one, other = Log(sqlite.settings(path)), Log(sqlite.settings(path))
    one.append(turns("call:1", 1))
    with pytest.raises(IntegrityError):
        other.append(turns("call:1", 1))


def test_other_errors_bear_their_names_too(path: str) -> None:
    log = Log(sqlite.settings(path))
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE stored_events")
    with pytest.raises(OperationalError, match="no such table"):
        log.append(turns("call:1", 1))


def test_a_position_never_moves(path: str) -> None:
    log = Log(sqlite.settings(path))
    log.append(turns("call:1", 1, 2) + turns("call:2", 1))
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM stored_events WHERE originator_id = 'call:1'")
    other.execute("VACUUM")
    assert [(position, t.originator_id) for position, t in log.read()] == [(3, "call:2")]


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
def test_durability(path: str, durability: str, synchronous: int) -> None:
    log = Log(sqlite.settings(path, durability))
    assert isinstance(log.recorder, sqlite.Recorder)
    assert log.recorder.writer.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    assert log.recorder.writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_process_environment_is_not_consulted(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGINATOR_ID_TYPE", "uuid")
    monkeypatch.setenv("SQLITE_DBNAME", "elsewhere.db")
    Log(sqlite.settings(path)).append(turns("call:1", 1))
    assert Path(path).exists()


APPENDS_FOR_EVER = """
import sys
from adapters.store import sqlite
from core.events.log import Log
from tests.simulation.house import play
log = Log(sqlite.settings(sys.argv[1]))
for seed in range(1_000_000):
    print(*log.append(play(seed)), flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(path: str) -> None:
    command = [sys.executable, "-c", APPENDS_FOR_EVER, path]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline() for _ in range(20)]
        child.kill()
        acknowledged += [line for line in child.stdout if line.endswith("\n")]
    positions = {int(position) for line in acknowledged for position in line.split()}
    recorded = list(Log(sqlite.settings(path)).read())
    assert positions <= {position for position, _ in recorded}
    assert verify(recorded) is None
    seeds = {t.originator_id.rpartition(".")[2] for _, t in recorded}
    whole = [t for seed in range(len(seeds)) for t in play(seed)]
    assert [t for _, t in recorded] == whole, "a house is there whole or not at all"
