"""What a leg remembers."""

import pytest

from core.events import decided, observed, orders
from core.events.base import Event
from core.events.facts import Challenge
from core.machines.legs import LEG, Leg, LegPhase, best_refusal, evolve
from core.machines.life import IllegalTurn

CHALLENGE = Challenge(realm="r", nonce="n")


def told(*events: Event, leg: Leg | None = None) -> Leg:
    state = leg or Leg()
    for event in events:
        state = evolve(state, event)
    return state


def test_never_cancelled_before_a_provisional() -> None:
    with pytest.raises(IllegalTurn, match="leg: CancelLeg while invited"):
        told(orders.InviteLeg(leg="A"), orders.CancelLeg(leg="A"))


def test_doomed_until_it_speaks() -> None:
    leg = told(orders.InviteLeg(leg="A"), decided.LegDoomed(leg="A", reason="why"))
    assert (leg.phase, leg.doom) == (LegPhase.DOOMED, "why")
    assert told(orders.CancelLeg(leg="A"), leg=leg).phase is LegPhase.CANCELLING


def test_a_refusal_counts_once() -> None:
    leg = told(orders.InviteLeg(leg="A"), observed.LegRefused(leg="A", code=486))
    assert told(observed.LegRefused(leg="A", code=603), leg=leg) is leg


def test_a_challenge_that_is_answered_is_no_refusal() -> None:
    leg = told(
        orders.InviteLeg(leg="line"),
        observed.LegChallenged(leg="line", code=407, challenge=CHALLENGE),
    )
    assert (leg.phase, leg.refused) == (LegPhase.CHALLENGED, 407)
    leg = told(orders.AuthorizeLeg(leg="line"), leg=leg)
    assert (leg.phase, leg.refused, len(leg.proof.answered)) == (LegPhase.INVITED, 0, 1)


@pytest.mark.parametrize("phase", [LegPhase.LOST, LegPhase.CANCELLING, LegPhase.DOOMED])
def test_a_late_answer_is_an_answer(phase: LegPhase) -> None:
    assert LEG[phase, observed.LegAnswered] is LegPhase.ANSWERED


def test_its_other_branches_are_remembered() -> None:
    leg = told(orders.ReleaseFork(leg="A", tag="x"), orders.ReleaseFork(leg="A", tag="y"))
    assert leg == Leg(forks=("x", "y"))


@pytest.mark.parametrize(
    ("refused", "best"),
    [
        ([486, 486], 486),
        ([486, 503], 486),
        ([503, 500], 500),
        ([503], 500),
        ([401, 407, 480], 480),
        ([407], 480),
        ([302, 486], 486),
        ([0, 0], 480),
        ([487, 0], 480),
        ([487, 603], 603),
        ([0, 486], 486),
        ([], 480),
    ],
)
def test_the_best_refusal_goes_up(refused: list[int], best: int) -> None:
    assert best_refusal(Leg(LegPhase.RELEASED, refused=code) for code in refused) == best
