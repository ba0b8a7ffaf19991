"""Logs that were recorded once, by a service at work, must replay for ever.

Each file is a store as a released schema wrote it.  A difference here is a change of what
is decided or of how it is spelled: mend the machines, or raise the schema and add an upcast.
"""

from pathlib import Path

import pytest

from adapters.store import sqlite
from core.machines.house import House
from replay.replayer import verify

LOGS = sorted(Path(__file__).parent.glob("*.db"))


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_todays_machines_agree(path: Path) -> None:
    recorded = list(sqlite.reader(path).read())
    assert recorded
    assert verify(recorded) is None
    house = House()
    house.remember(turn for _, turn in recorded)
    assert house.board.hotspot.aliases == {"a": 1, "b": 2, "c": 3}


def test_there_are_logs() -> None:
    assert LOGS
