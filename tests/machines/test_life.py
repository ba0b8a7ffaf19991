"""The table is the law: what a life remembers is what ``transitions`` would say."""

from enum import StrEnum, auto
from typing import Any

import pytest

from core.events.base import Event
from core.events.decided import CallEnded, CallRang
from core.events.log import Recorded
from core.events.observed import CallerAcked, CallerHungUp
from core.machines.call import CALL, CALLER
from core.machines.client_link import LINK
from core.machines.hotspot import HOTSPOT
from core.machines.legs import LEG
from core.machines.life import IllegalTurn, Life
from core.machines.line import LINE
from core.machines.passing import PASSED
from core.machines.switchboard import Switchboard
from replay.replayer import verify
from tests.simulation.house import play

LIVES: list[Life[Any]] = [CALL, CALLER, LEG, PASSED, LINE, LINK, HOTSPOT]


class Phase(StrEnum):
    OFF = auto()
    ON = auto()


@pytest.fixture
def life() -> Life[Phase]:
    rows: list[tuple[Phase, type[Event], Phase]] = [
        (Phase.OFF, CallRang, Phase.ON),
        (Phase.ON, CallerHungUp, Phase.OFF),
    ]
    return Life(of="lamp", phases=Phase, rows=rows)


def test_follows_its_rows(life: Life[Phase]) -> None:
    assert life[Phase.OFF, CallRang] is Phase.ON
    assert life[Phase.ON, CallerHungUp] is Phase.OFF


def test_what_it_is_blind_to_moves_nothing(life: Life[Phase]) -> None:
    assert life[Phase.ON, CallerAcked] is Phase.ON
    assert life[Phase.ON, CallEnded] is Phase.ON


def test_a_peer_may_say_anything_at_any_time(life: Life[Phase]) -> None:
    assert life[Phase.OFF, CallerHungUp] is Phase.OFF


def test_our_own_decision_must_have_a_row(life: Life[Phase]) -> None:
    for _ in range(2):  # The second time as the first: this answer is not kept.
        with pytest.raises(IllegalTurn, match="lamp: CallRang while on"):
            life[Phase.ON, CallRang]


def test_an_answer_is_asked_for_once(life: Life[Phase], monkeypatch: pytest.MonkeyPatch) -> None:
    assert life[Phase.OFF, CallRang] is Phase.ON
    monkeypatch.delattr(life, "machine")
    assert life[Phase.OFF, CallRang] is Phase.ON


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.of)
def test_every_row_is_what_transitions_does(life: Life[Any]) -> None:
    for source, because, dest in life.rows:
        assert life[source, because] is dest
    assert not any(
        transition.conditions or transition.before or transition.after or transition.prepare
        for event in life.machine.events.values()
        for transitions in event.transitions.values()
        for transition in transitions
    )


def test_transitions_asked_at_every_step_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [turn for seed in range(30) for turn in play(seed)]
    log = [Recorded(position, turn) for position, turn in enumerate(turns, start=1)]
    states = Switchboard(turns).states
    monkeypatch.setattr(Life, "__setitem__", lambda life, step, phase: None)
    for life in LIVES:
        life.clear()
    assert verify(log) is None
    assert Switchboard(turns).states == states
    assert not any(LIVES), "an answer was kept"
