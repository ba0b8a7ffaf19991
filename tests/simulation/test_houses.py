from pathlib import Path

import pytest

from tests.simulation.house import record

A_STREET = 200


@pytest.mark.parametrize("first", range(0, 2000, A_STREET))
def test_two_thousand_houses(first: int, tmp_path: Path) -> None:
    """Every one keeps its promises, and its record replays to the last entry."""
    record(range(first, first + A_STREET), tmp_path / "log.db")
