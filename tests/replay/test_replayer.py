"""A difference between then and today is found, and shown with both sides."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from core.events import observed
from core.events.log import Recorded
from core.events.orders import AckLeg, CancelLeg
from core.machines import call
from core.machines.call import Phase
from core.machines.switchboard import Switchboard
from replay.replayer import Disorder, Divergence, house_at, verification, verify
from tests.replay.stories import (
    EVERYTHING,
    answers,
    invite,
    of_call,
    played,
    recorded,
    refuses,
    rings,
)

STORY = of_call(
    "1",
    (0, invite("A", "B")),
    (1, rings("A")),
    (2, answers("B")),
    (3, refuses("A")),
    (4, observed.CallerHungUp()),
)
LOG = [Recorded(position + 6, turn) for position, turn in recorded(STORY)]


def test_agrees_with_itself() -> None:
    assert verify(LOG) is None
    assert verify(recorded(EVERYTHING)) is None
    assert verify([]) is None


def test_counts_what_it_has_seen() -> None:
    heard: list[int] = []
    log = recorded(EVERYTHING)
    result = verification(log, heard.append)
    assert heard == [position for position, _ in log]
    assert str(result) == "32 turns of 7 streams, 4 calls among them: today's machines agree"
    assert str(verification(LOG[:1])).startswith("1 turn of 1 stream, 1 call among")


def test_shows_the_first_divergence_side_by_side() -> None:
    position, turn = LOG[2]
    acked, *rest = turn.did
    forged = Recorded(position, replace(turn, did=(*rest, acked)))
    divergence = verify([*LOG[:2], forged, *LOG[3:]])
    assert isinstance(divergence, Divergence)
    assert (divergence.position, divergence.turn) == forged
    assert (divergence.before, divergence.today) == (house_at(LOG, 8).state("call:1"), turn.did)
    first, state, sides, *lines = str(divergence).splitlines()
    assert first.startswith("position 9, call:1 turn 3: LegAnswered(leg='B', ")
    assert state.split() == ["while", "ringing"]
    assert sides.split() == ["recorded", "today"]
    assert lines[0].split() == ["!", "AnswerCaller(leg='B')", "AckLeg(leg='B')"]


def test_a_decision_that_is_missing_today_is_a_divergence() -> None:
    position, turn = LOG[3]
    forged = Recorded(position, replace(turn, did=(AckLeg(leg="A"),)))
    assert str(verify([*LOG[:3], forged])).splitlines()[-1].split() == ["!", "AckLeg(leg='A')", "-"]


def test_a_machine_that_has_become_illegal_is_a_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [CancelLeg(leg="A"), CancelLeg(leg="A")]
    monkeypatch.setattr(call, "let_go", lambda *_, **__: iter(twice))
    assert "illegal turn: leg: CancelLeg while cancelling" in str(verify(LOG))


def test_a_machine_that_breaks_today_is_a_divergence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: object) -> None:
        raise KeyError("no such leg")

    monkeypatch.setattr(call, "decide", breaks)
    result = verification(LOG)
    assert (result.turns, result.position) == (1, 7)
    assert "broken" in str(result.fault)
    assert "KeyError" in str(result.fault)


TURN = LOG[1].turn


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([LOG[0], LOG[2]], "position 9, call:1 turn 3: this should be turn 2 of its stream"),
        ([LOG[0], LOG[0]._replace(position=8)], "call:1 turn 1: this should be turn 2"),
        (LOG[1:], "position 8, call:1 turn 2: this should be turn 1 of its stream"),
        ([LOG[0], LOG[1]._replace(position=7)], "does not grow, the turn before it stands at 7"),
        (
            [LOG[0], Recorded(8, replace(TURN, originator_id="fax:1"))],
            "position 8, fax:1 turn 2: no machine has streams of this kind",
        ),
    ],
)
def test_a_log_that_is_none(log: Sequence[Recorded], why: str) -> None:
    fault = verify(log)
    assert isinstance(fault, Disorder)
    assert why in str(fault)


def test_goes_no_further_than_the_first() -> None:
    def until_then() -> object:
        yield from (LOG[0], LOG[2])
        pytest.fail("it has read on")

    result = verification(until_then())  # type: ignore[arg-type]
    assert (result.turns, result.position, bool(result.fault)) == (2, 9, True)
    assert "differ" in str(result)


def test_shows_the_house_at_any_position() -> None:
    phases = [house_at(LOG, position).state("call:1").phase for position in (6, 7, 9, 11)]
    assert phases == [Phase.IDLE, Phase.RINGING, Phase.ANSWERED, Phase.ENDED]
    assert house_at(LOG, 11).states == played(STORY).board.states


def test_the_house_at_its_end_is_the_house_that_lived() -> None:
    log = recorded(EVERYTHING)
    lived = Switchboard(turn for _, turn in log)
    assert house_at(log, len(log)).states == lived.states == played(EVERYTHING).board.states
