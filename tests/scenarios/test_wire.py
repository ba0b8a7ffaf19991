"""Every scenario again, through the whole service: its own SIP, its transactions, its log."""

from pathlib import Path

import pytest

from tests.scenarios.language import parse
from tests.scenarios.wire_runner import play

SCENARIOS = sorted(Path(__file__).parent.glob("*.scenario"))
OTHERWISE = {  # What is not so on the wire, and why.
    "aliases_last": "a phone that was taken off the list is a stranger: 403, and no call begins",
    "digits_pass_through": "RFC 4320 4.2: after 64*T1 the INFO has no transaction left for a 408",
    "phone_removed_while_away": "the file frees the alias before the link is cleared, not after",
}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path, tmp_path: Path) -> None:
    if path.stem in OTHERWISE:
        pytest.skip(OTHERWISE[path.stem])
    play(parse(path.read_text()), tmp_path / "log.db")


def test_whatever_is_skipped_is_there() -> None:
    assert OTHERWISE.keys() <= {path.stem for path in SCENARIOS}
