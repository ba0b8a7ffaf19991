"""A call that is picked up, and what is owed to the phone that did it."""

import pytest

from core.events import decided, joined, observed, orders
from core.events.base import Decision, Observed
from core.events.turn import take
from core.machines import call as machine
from core.machines.call import Call, CallerPhase, Leg, LegPhase, Phase

LEG = "3.pickup"
PICKUP = joined.PickupArrived(leg=LEG, offer=b"mine")
ACKED = joined.LegAcked(leg=LEG)
OVERDUE = joined.LegAckTimedOut(about=LEG)
STOP = orders.StopTimer(timer="LegAckTimedOut", about=LEG)
BYE = orders.ReleaseLeg(leg=LEG)
ANSWERED = (PICKUP, observed.CallerAcked())


def told(call: Call, *events: Observed) -> tuple[Call, tuple[Decision, ...]]:
    did: tuple[Decision, ...] = ()
    for event in events:
        call, did = take(machine, call, event)
    return call, did


RINGING = Call(Phase.RINGING, legs={"1": Leg(LegPhase.PROCEEDING), "2": Leg(LegPhase.INVITED)})


def test_it_is_answered_and_wins() -> None:
    call, did = told(RINGING, PICKUP)
    assert did == (
        orders.AnswerLeg(leg=LEG),
        orders.StartTimer(timer="LegAckTimedOut", after_s=32, about=LEG),
        orders.AnswerCaller(leg=LEG),
        decided.CallAnswered(by=LEG),
        orders.StopTimer(timer="RingTimedOut"),
        orders.StartTimer(timer="AckTimedOut", after_s=32),
        orders.CancelLeg(leg="1", reason=orders.COMPLETED_ELSEWHERE),
        decided.LegDoomed(leg="2", reason=orders.COMPLETED_ELSEWHERE),
    )
    assert call.winner == LEG


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.RINGING])
def test_what_does_not_ring_is_not_picked_up(phase: Phase) -> None:
    before = Call(phase, legs={"1": Leg(LegPhase.ANSWERED)}, winner="1")
    assert told(before, PICKUP) == (before, ())


def test_a_call_without_an_offer_is_not_picked_up() -> None:
    before = Call(Phase.RINGING, legs={"1": Leg(LegPhase.PROCEEDING)}, offerless=True)
    assert told(before, PICKUP) == (before, ())


def test_its_ack_is_waited_for_no_longer() -> None:
    call, did = told(RINGING, *ANSWERED, ACKED)
    assert did == (STOP,)
    assert call.legs[LEG].acked


def test_after_its_ack_it_is_released_at_once() -> None:
    _, did = told(RINGING, *ANSWERED, ACKED, observed.CallerHungUp())
    assert BYE in did


@pytest.mark.parametrize("last", [ACKED, OVERDUE])
def test_before_its_ack_it_is_not_released(last: Observed) -> None:
    call, did = told(RINGING, *ANSWERED, observed.CallerHungUp())
    assert decided.LegDoomed(leg=LEG, reason="") in did
    assert BYE not in did
    assert call.leg_is(LEG, LegPhase.LEAVING)
    assert LEG in call.pending()
    call, did = told(call, last)
    assert BYE in did


@pytest.mark.parametrize("phase", [Phase.ANSWERED, Phase.TALKING])
def test_where_no_ack_comes_the_call_is_over(phase: Phase) -> None:
    call, did = told(RINGING, *ANSWERED[: 1 if phase is Phase.ANSWERED else 2])
    assert call.phase is phase
    call, did = told(call, OVERDUE)
    assert decided.CallClosed(why="the phone never acknowledged the answer") in did
    assert BYE in did
    assert (orders.ReleaseCaller() in did) is (phase is Phase.TALKING)


def test_it_hangs_up_and_owes_no_ack_any_more() -> None:
    call, did = told(RINGING, *ANSWERED, observed.LegHungUp(leg=LEG))
    assert STOP in did
    assert call.caller is CallerPhase.DONE
    assert call.leg_is(LEG, LegPhase.RELEASED)
    call, did = told(call, ACKED)
    assert did == ()


def test_it_hangs_up_while_it_is_still_to_be_released() -> None:
    call, _ = told(RINGING, *ANSWERED, observed.CallerHungUp(), observed.LegHungUp(leg=LEG))
    assert call.leg_is(LEG, LegPhase.RELEASED)
    assert told(call, OVERDUE)[1] == ()


def test_a_leg_that_we_invited_owes_none() -> None:
    before = Call(Phase.TALKING, legs={"1": Leg(LegPhase.ANSWERED, acked=True)}, winner="1")
    assert told(before, joined.LegAcked(leg="1")) == (before, ())
