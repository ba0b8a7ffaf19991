"""Who rings when, and when a caller is left alone."""

import pytest

from core.events import decided, joined, observed, orders
from core.events.base import Decision, Observed
from core.events.facts import Target
from core.events.turn import take
from core.machines import call as machine
from core.machines.call import Call, Leg, LegPhase, Phase

STEP = observed.RingStepTimedOut()
START = orders.StartTimer(timer="RingStepTimedOut", after_s=15)
STOP = orders.StopTimer(timer="RingStepTimedOut")


def rung(ring: str, *legs: str, unattended: bool = False) -> tuple[Call, list[str]]:
    """The call, and who rings first."""
    targets = tuple(Target(leg=leg, waits=not (unattended and leg == "0")) for leg in legs)
    seen = observed.InviteArrived(
        line="1", caller="x", offer=b"o", targets=targets, ring=ring, step_s=15
    )
    call, did = take(machine, machine.NEWBORN, seen)
    return call, invited(did)


def invited(did: tuple[Decision, ...]) -> list[str]:
    return [event.leg for event in did if isinstance(event, orders.InviteLeg)]


def told(call: Call, *events: Observed) -> tuple[Call, tuple[Decision, ...]]:
    did: tuple[Decision, ...] = ()
    for event in events:
        call, did = take(machine, call, event)
    return call, did


def rings(leg: str) -> Observed:
    return observed.LegProgressed(leg=leg, code=180)


def busy(leg: str) -> Observed:
    return observed.LegRefused(leg=leg, code=486)


@pytest.mark.parametrize(
    ("ring", "legs", "first"),
    [
        ("all", ["0", "1", "2"], ["0", "1", "2"]),
        ("hotspot-first", ["0", "1", "2"], ["0"]),
        ("hotspot-first", ["1", "2"], ["1", "2"]),
        ("hotspot-first", ["0"], ["0"]),
        ("hotspot-first", ["1", "0", "0.2"], ["0", "0.2"]),
        ("in-turn", ["10", "2.2", "2"], ["2.2", "2"]),
    ],
)
def test_who_is_first(ring: str, legs: list[str], first: list[str]) -> None:
    assert rung(ring, *legs)[1] == first


@pytest.mark.parametrize(
    ("ring", "legs", "runs"),
    [
        ("all", ["0", "1"], False),
        ("hotspot-first", ["0"], False),
        ("hotspot-first", ["0", "1"], True),
        ("in-turn", ["1"], True),
    ],
)
def test_whether_its_time_runs(ring: str, legs: list[str], runs: bool) -> None:
    targets = tuple(Target(leg=leg) for leg in legs)
    seen = observed.InviteArrived(
        line="1", caller="x", offer=b"o", targets=targets, ring=ring, step_s=15
    )
    assert (START in take(machine, machine.NEWBORN, seen)[1]) is runs


def test_by_their_aliases_and_not_by_their_letters() -> None:
    call, _ = rung("in-turn", "10", "9", "0")
    call, did = told(call, rings("0"), STEP)
    assert did == (orders.CancelLeg(leg="0"), orders.InviteLeg(leg="9"), START)
    call, did = told(call, STEP)
    assert did[0] == decided.LegDoomed(leg="9", reason="")
    assert invited(did) == ["10"]


def test_phone_0_goes_on_among_the_others() -> None:
    call, _ = rung("hotspot-first", "0", "1")
    call, did = told(call, rings("0"), STEP)
    assert did == (orders.InviteLeg(leg="1"),)
    assert call.leg_is("0", LegPhase.PROCEEDING)


def test_who_is_busy_is_passed_over_and_the_clock_is_set_anew() -> None:
    call, _ = rung("in-turn", "1", "2")
    assert told(call, busy("1"))[1] == (orders.InviteLeg(leg="2"), START)
    call, _ = rung("hotspot-first", "0", "1")
    assert told(call, busy("0"))[1] == (STOP, orders.InviteLeg(leg="1"))


def test_the_487_of_an_earlier_turn_ends_nothing() -> None:
    call, _ = rung("in-turn", "1", "2")
    call, _ = told(call, rings("1"), STEP)
    call, did = told(call, observed.LegRefused(leg="1", code=487))
    assert (did, call.phase) == ((), Phase.RINGING)


def test_after_the_last_turn_the_best_refusal_goes_up() -> None:
    call, _ = rung("in-turn", "1", "2")
    call, did = told(call, busy("1"), rings("2"), STEP)
    assert did[:3] == (orders.RefuseCaller(code=486), orders.StopTimer(timer="RingTimedOut"), STOP)
    call, _ = rung("in-turn", "1")
    assert told(call, STEP)[1][0] == orders.RefuseCaller(code=480)


@pytest.mark.parametrize("phase", [LegPhase.CANCELLING, LegPhase.DOOMED])
def test_an_answer_that_crosses_the_end_of_its_turn_wins(phase: LegPhase) -> None:
    legs = {"1": Leg(phase, let_go=True), "2": Leg(LegPhase.PROCEEDING)}
    before = Call(Phase.RINGING, legs=legs, ring="in-turn", step_s=15)
    call, did = told(before, observed.LegAnswered(leg="1", answer=b"a"))
    assert call.winner == "1"
    assert STOP in did
    assert orders.CancelLeg(leg="2", reason=orders.COMPLETED_ELSEWHERE) in did


def test_who_was_sent_away_does_not_win() -> None:
    legs = {"0": Leg(LegPhase.PROCEEDING, own=True), "1": Leg(LegPhase.PROCEEDING)}
    before = Call(Phase.RINGING, legs=legs, ring="in-turn", step_s=15)
    call, did = told(before, observed.HotspotClosing())
    assert STOP in did
    call, _ = told(call, observed.LegAnswered(leg="1", answer=b"late"))
    assert (call.winner, call.phase) == ("", Phase.RINGING)


def test_whose_turn_had_not_come_is_told_nothing() -> None:
    call, _ = rung("in-turn", "1", "2")
    call, did = told(call, observed.CallerCancelled())
    assert decided.LegPassedOver(leg="2") in did
    assert call.leg_is("2", LegPhase.RELEASED)


@pytest.mark.parametrize(
    ("ring", "legs", "at_once"),
    [
        ("all", ["1"], True),
        ("hotspot-first", ["0", "1"], False),
        ("hotspot-first", ["1"], True),
        ("hotspot-first", ["0"], True),
        ("in-turn", ["1"], False),
    ],
)
def test_who_comes_late_rings_with_those_it_belongs_to(
    ring: str, legs: list[str], at_once: bool
) -> None:
    call, _ = rung(ring, *legs)
    call, did = told(call, joined.LegJoined(target=Target(leg="5", told=False)))
    assert invited(did) == (["5"] if at_once else [])
    assert not call.legs["5"].told
    call, did = told(call, STEP)
    assert at_once or "5" in invited(did)


def test_who_is_there_already_does_not_join() -> None:
    call, _ = rung("all", "1")
    again = joined.LegJoined(target=Target(leg="1"))
    assert told(call, again) == (call, ())
    call, _ = told(call, observed.CallerCancelled())
    late = joined.LegJoined(target=Target(leg="5"))
    assert told(call, late) == (call, ())


def test_nobody_waits_for_an_unattended_phone_alone() -> None:
    call, _ = rung("all", "0", "1", "2", unattended=True)
    call, did = told(call, rings("0"), busy("1"))
    assert did == ()
    call, did = told(call, observed.LegUnreachable(leg="2"))
    assert did[0] == orders.RefuseCaller(code=486)
    assert orders.CancelLeg(leg="0") in did


def test_where_the_others_cannot_be_reached_it_is_the_only_one() -> None:
    call, _ = rung("all", "0", "1", unattended=True)
    call, did = told(call, rings("0"), observed.LegUnreachable(leg="1"))
    assert (did, call.phase) == ((), Phase.RINGING)


def test_before_the_others_have_had_their_turn_an_unattended_phone_is_waited_for() -> None:
    call, _ = rung("hotspot-first", "0", "1", unattended=True)
    call, did = told(call, rings("0"))
    assert call.phase is Phase.RINGING
    call, did = told(call, STEP, busy("1"))
    assert did[0] == orders.RefuseCaller(code=486)


def test_an_unattended_phone_may_answer_all_the_same() -> None:
    call, _ = rung("all", "0", "1", unattended=True)
    call, _ = told(call, observed.LegAnswered(leg="0", answer=b"a"))
    assert call.winner == "0"
