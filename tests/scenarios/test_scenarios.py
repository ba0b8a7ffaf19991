"""Every scenario, on the bare machines and from its own record."""

from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from core.events import decided, discovered, joined, observed, orders, released
from core.events.base import events_in
from core.events.log import Log
from tests.scenarios.bare_runner import Played, play
from tests.scenarios.discovery_runner import Found
from tests.scenarios.language import parse
from tests.scenarios.replay_runner import check_record

SCENARIOS = sorted(Path(__file__).parent.glob("*.scenario"))
OF_DISCOVERY = sorted((Path(__file__).parent / "discovery").glob("*.scenario"))
NEEDS_MEDIA = {"MediaFellSilent", "MediaCounted"}  # Nothing but the relay makes these.

Player = Callable[[Path], Played]


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Player:
    """Each scenario is played once, and may be looked at from several sides."""

    @cache
    def played(path: Path) -> Played:
        store = tmp_path_factory.mktemp(path.stem) / "log.db"
        kind = Found if path in OF_DISCOVERY else Played
        return play(parse(path.read_text()), store, kind)

    return played


@pytest.mark.parametrize("path", SCENARIOS + OF_DISCOVERY, ids=lambda path: path.stem)
def test_scenario(path: Path, player: Player) -> None:
    check_record(player(path))


def test_every_event_happens_in_some_scenario(player: Player) -> None:
    happened = set[str]()
    for path in SCENARIOS + OF_DISCOVERY:
        with closing(Log(player(path).settings)) as log:
            for _, turn in log.read():
                happened |= {type(event).__name__ for event in (turn.seen, *turn.did)}
    events = [
        kind
        for mood in (observed, joined, released, discovered, decided, orders)
        for kind in events_in(mood)
    ]
    assert {kind.__name__ for kind in events} - happened == NEEDS_MEDIA


def test_no_two_scenarios_have_one_title() -> None:
    titles = [parse(path.read_text()).title for path in SCENARIOS + OF_DISCOVERY]
    assert len(set(titles)) == len(titles)
