"""The hotspot's own phone in a call that the hotspot would end, and after the process has."""

import pytest

from core.events import decided, observed, orders
from core.events.base import Decision, Observed
from core.events.facts import Target
from core.events.turn import take
from core.machines import call as machine
from core.machines import own
from core.machines.call import Call, CallerPhase, Leg, LegPhase, Phase

CLOSING = observed.HotspotClosing()
OWN = Leg(LegPhase.PROCEEDING, own=True)


def kinds(did: tuple[Decision, ...]) -> list[str]:
    return [type(event).__name__ for event in did]


def invited(*targets: Target, kind: str = "incoming", is_own: bool = False) -> Call:
    seen = observed.InviteArrived(
        line="1", caller="x", offer=b"o", targets=targets, kind=kind, own=is_own
    )
    call, _ = take(machine, machine.NEWBORN, seen)
    return call


def test_it_rings_on_and_the_clients_are_let_go() -> None:
    legs = {"0": OWN, "1": Leg(LegPhase.PROCEEDING), "2": Leg(LegPhase.INVITED)}
    call, did = take(machine, Call(Phase.RINGING, legs=legs), CLOSING)
    assert did == (orders.CancelLeg(leg="1"), decided.LegDoomed(leg="2", reason=""))
    assert call.phase is Phase.RINGING
    assert own.clients_in(call) == ["1", "2"]
    call, did = take(machine, call, observed.LegUnreachable(leg="2"))
    assert did == ()
    call, did = take(machine, call, observed.LegRefused(leg="1", code=603))
    assert did == (decided.CallFreed(),)
    assert not call.closing


def test_a_client_that_was_let_go_does_not_win() -> None:
    legs = {"0": OWN, "1": Leg(LegPhase.PROCEEDING), "2": Leg(LegPhase.RELEASED)}
    call, _ = take(machine, Call(Phase.RINGING, legs=legs), CLOSING)
    call, did = take(machine, call, observed.LegAnswered(leg="1", answer=b"late"))
    assert kinds(did) == ["AckLeg", "ReleaseLeg", "CallFreed"]
    assert call.phase is Phase.RINGING


def test_when_it_has_refused_nobody_waits_for_a_client_that_was_let_go() -> None:
    legs = {"0": OWN, "1": Leg(LegPhase.PROCEEDING)}
    call, _ = take(machine, Call(Phase.RINGING, legs=legs), CLOSING)
    call, did = take(machine, call, observed.LegRefused(leg="0", code=486))
    assert did[0] == orders.RefuseCaller(code=486)
    call, did = take(machine, call, observed.LegAnswered(leg="1", answer=b"late"))
    assert kinds(did) == ["AckLeg", "ReleaseLeg", "CallEnded"]


@pytest.mark.parametrize("phase", [LegPhase.LOST, LegPhase.RELEASED])
def test_where_it_does_not_ring_the_caller_is_refused(phase: LegPhase) -> None:
    legs = {"0": Leg(phase, own=True), "1": Leg(LegPhase.PROCEEDING)}
    _, did = take(machine, Call(Phase.RINGING, legs=legs), CLOSING)
    assert did[0] == orders.RefuseCaller(code=480)


@pytest.mark.parametrize(
    ("kind", "caller_is_own", "leg_is_own", "goes_on"),
    [
        ("incoming", False, True, True),
        ("incoming", False, False, False),
        ("outgoing", True, False, True),
        ("outgoing", False, False, False),
        ("internal", True, False, False),
        ("internal", False, True, False),
    ],
)
@pytest.mark.parametrize(
    ("phase", "caller"),
    [(Phase.ANSWERED, CallerPhase.ANSWERED), (Phase.TALKING, CallerPhase.ACKED)],
)
def test_who_talks_on(
    phase: Phase,
    caller: CallerPhase,
    kind: str,
    caller_is_own: bool,
    leg_is_own: bool,
    goes_on: bool,
) -> None:
    legs = {"x": Leg(LegPhase.ANSWERED, acked=True, own=leg_is_own)}
    before = Call(phase, caller, legs=legs, winner="x", kind=kind, own=caller_is_own)
    call, did = take(machine, before, CLOSING)
    assert (call.phase is phase) is goes_on
    assert (kinds(did) == ["CallFreed"]) is goes_on
    ended, _ = take(machine, before, observed.HotspotClosing(everything=True))
    assert ended.phase is not phase


def test_its_call_to_the_world_rings_on_and_one_within_the_house_does_not() -> None:
    world = invited(Target(leg="line"), kind="outgoing", is_own=True)
    assert take(machine, world, CLOSING)[1] == (decided.CallFreed(),)
    house = invited(Target(leg="1"), kind="internal", is_own=True)
    assert take(machine, house, CLOSING)[1][0] == orders.RefuseCaller(code=480)


@pytest.mark.parametrize(
    ("phase", "seen"),
    [
        (LegPhase.INVITED, observed.LegUnreachable(leg="0")),
        (LegPhase.DOOMED, observed.LegUnreachable(leg="0")),
        (LegPhase.PROCEEDING, observed.LegUnreachable(leg="0")),
        (LegPhase.CANCELLING, observed.LegUnreachable(leg="0")),
        (LegPhase.ANSWERED, observed.LegHungUp(leg="0")),
        (LegPhase.LOST, None),
        (LegPhase.RELEASED, None),
    ],
)
def test_what_it_has_forgotten(phase: LegPhase, seen: Observed | None) -> None:
    call = Call(Phase.RINGING, legs={"0": Leg(phase, own=True), "1": Leg(phase)})
    assert own.forgotten(call) == ([seen] if seen else [])


@pytest.mark.parametrize("phase", CallerPhase)
def test_what_it_has_forgotten_as_a_caller(phase: CallerPhase) -> None:
    call = Call(Phase.TALKING, phase, legs={"1": Leg(LegPhase.ANSWERED)}, own=True)
    is_done = phase is CallerPhase.DONE
    assert own.forgotten(call) == ([] if is_done else [observed.CallerHungUp()])
