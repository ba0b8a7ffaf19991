"""Which streams there are, and how far one must read to know."""

from pathlib import Path

import pytest
from eventsourcing.persistence import NotSupportedError

from adapters.store.rows import Rows
from adapters.store.sqlite import Recorder, reader, settings, writer
from core.events.log import Log
from tests.store.turns import turns


@pytest.fixture
def log() -> Log:
    log = Log(settings())
    log.append(turns("call:b", 1, 2) + turns("line:1", 1) + turns("call:a", 1) + turns("call:b", 3))
    log.append(turns("call:ab", 1) + turns("call:é\U0010fffe", 1))
    return log


def rows(log: Log) -> Recorder:
    assert isinstance(log.recorder, Recorder)
    return log.recorder


@pytest.mark.parametrize(
    ("beginning", "last", "found"),
    [
        ("", None, "call:b line:1 call:a call:ab call:é\U0010fffe"),
        ("call:", None, "call:b call:a call:ab call:é\U0010fffe"),
        ("call:", 2, "call:ab call:é\U0010fffe"),
        ("call:", 9, "call:b call:a call:ab call:é\U0010fffe"),
        ("call:a", None, "call:a call:ab"),
        ("call:a", 1, "call:ab"),
        ("call:é", None, "call:é\U0010fffe"),
        ("call:%", None, ""),
        ("call:", 0, ""),
    ],
)
def test_streams(log: Log, beginning: str, last: int | None, found: str) -> None:
    assert rows(log).streams(beginning, last) == found.split()


def test_an_empty_log_has_no_last_position(tmp_path: Path) -> None:
    with writer(tmp_path / "s.db"):
        pass
    log = reader(tmp_path / "s.db")
    assert (log.last_position(), log.streams(), [*log.read()]) == (0, [], [])
    log.close()


def test_nobody_is_told_of_a_new_turn(log: Log) -> None:
    with pytest.raises(NotSupportedError, match="by pages"):
        rows(log).subscribe()
    with pytest.raises(NotSupportedError):
        Rows.fetch(rows(log), "SELECT 1", ())
