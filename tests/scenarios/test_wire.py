"""Every scenario again, through the whole service: its own SIP, its transactions, its log."""

from pathlib import Path

import pytest

from tests.scenarios.language import parse
from tests.scenarios.wire_runner import play

SCENARIOS = sorted(Path(__file__).parent.glob("*.scenario"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path, tmp_path: Path) -> None:
    play(parse(path.read_text()), tmp_path / "log.db")
