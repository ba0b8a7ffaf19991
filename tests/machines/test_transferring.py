"""A call that one side hands over: every phase has an answer, and nobody is forgotten."""

from itertools import product

import pytest

from core.events import decided, observed, orders
from core.events.base import Decision, Observed
from core.events.facts import Target
from core.events.turn import Turn, remember, take
from core.machines import call as machine
from core.machines.call import Call, CallerPhase, Leg, LegPhase, Phase
from core.machines.passing import JOIN, Passed, PassedPhase
from core.machines.transferring import Transfer, TransferPhase
from tests.events.samples import every_observation

ASKED = observed.TransferAsked(
    by="A", number=7, called="2", targets=(Target(leg="N/2"), Target(leg="M/2"))
)
JOINING = Passed("N/2", JOIN, "INVITE", PassedPhase.ASKED)
HOLDING = Passed("caller", 5, "INVITE", PassedPhase.ASKED)
LEGS = {"A": Leg(LegPhase.ANSWERED, acked=True), "B": Leg(LegPhase.RELEASED)}
NEW = {
    TransferPhase.RINGING: LegPhase.PROCEEDING,
    TransferPhase.ANSWERED: LegPhase.ANSWERED,
    TransferPhase.JOINING: LegPhase.ANSWERED,
}


def talking() -> Call:
    return Call(Phase.TALKING, CallerPhase.ACKED, legs=LEGS, winner="A")


def handed_over(
    phase: TransferPhase, *, by: str = "A", has_left: bool = False, other: Passed | None = None
) -> Call:
    """Two legs have been invited; of them N/2 has got as far as this phase says."""
    lost = LegPhase.CANCELLING if phase is not TransferPhase.RINGING else LegPhase.INVITED
    legs = {**LEGS, "N/2": Leg(NEW[phase]), "M/2": Leg(lost, let_go=lost is LegPhase.CANCELLING)}
    if has_left and by == "A":
        legs["A"] = Leg(LegPhase.RELEASED)
    leg = "" if phase is TransferPhase.RINGING else "N/2"
    passed = (JOINING,) if phase is TransferPhase.JOINING else ()
    return Call(
        Phase.TALKING,
        CallerPhase.DONE if has_left and by == "caller" else CallerPhase.ACKED,
        legs=legs,
        winner="A",
        passed=(*passed, other) if other else passed,
        transfer=Transfer(by, 7, ("N/2", "M/2"), phase=phase, leg=leg),
    )


WITHIN: list[Observed] = [
    *every_observation(),
    ASKED,
    *(observed.TransferAsked(by=by, number=60) for by in ("A", "N/2", "Z")),
    *(observed.LegHungUp(leg=leg) for leg in ("A", "N/2", "M/2")),
    *(observed.LegRefused(leg=leg, code=code) for leg in ("N/2", "M/2") for code in (486, 603)),
    *(observed.LegAnswered(leg=leg, answer=said) for leg in ("N/2", "M/2") for said in (b"", b"o")),
    *(observed.LegProgressed(leg=leg, code=180) for leg in ("N/2", "M/2")),
    *(observed.LegUnreachable(leg=leg) for leg in ("N/2", "M/2")),
    *(observed.RequestAnswered(by="N/2", number=JOIN, code=code) for code in (200, 488, 491)),
    observed.RequestUnanswered(by="N/2", number=JOIN),
    observed.RequestArrived(by="N/2", method="INFO", number=9),
    observed.RequestArrived(by="caller", method="INVITE", number=9),
]


def kinds(did: tuple[Decision, ...]) -> list[str]:
    return [type(event).__name__ for event in did]


@pytest.mark.parametrize("seen", WITHIN, ids=str)
@pytest.mark.parametrize("phase", NEW)
def test_has_an_answer_to_everything(phase: TransferPhase, seen: Observed) -> None:
    others = (None, HOLDING) if phase is not TransferPhase.JOINING else (None,)
    for by, has_left, other in product(("A", "caller"), (False, True), others):
        before = handed_over(phase, by=by, has_left=has_left, other=other)
        call, did = take(machine, before, seen)  # IllegalTurn would escape here.
        turn = Turn(originator_id="call:1", originator_version=1, at=1, seen=seen, did=did)
        assert remember(machine, before, turn) == call
        if call.phase is Phase.TALKING and not call.transfer:
            sides = [
                call.leg_is(side, LegPhase.ANSWERED) for side in call.sides if side != "caller"
            ]
            assert all(sides), "both sides are there"
            assert call.caller is CallerPhase.ACKED or "caller" not in call.sides
        if call.phase is not Phase.TALKING:
            assert LegPhase.ANSWERED not in {leg.phase for leg in call.legs.values()}
            assert call.caller is CallerPhase.DONE
            assert call.transfer is None


@pytest.mark.parametrize("seen", WITHIN, ids=str)
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.TALKING])
def test_only_a_call_that_talks_is_handed_over(phase: Phase, seen: Observed) -> None:
    if isinstance(seen, observed.TransferAsked):
        call, did = take(machine, Call(phase, legs=LEGS, winner="A"), seen)
        assert call.transfer is None
        assert kinds(did) in ([], ["RefuseRequest"])


def test_the_caller_hands_over_and_its_place_is_taken() -> None:
    before = handed_over(TransferPhase.JOINING, by="caller")
    seen = observed.RequestAnswered(by="N/2", number=JOIN, code=200, body=b"a")
    call, did = take(machine, before, seen)
    assert did == (
        orders.AckLeg(leg="N/2"),
        orders.AckAnswer(by="N/2", number=JOIN),
        orders.NotifyTransfer(by="caller", number=7, code=200),
        decided.CallTransferred(by="caller", to="N/2"),
        orders.ReleaseCaller(),
    )
    assert call.sides == ("N/2", "A")
    call, did = take(machine, call, observed.LegHungUp(leg="N/2"))
    assert "ReleaseCaller" not in kinds(did)
    assert call.leg_is("A", LegPhase.RELEASED)


def test_the_own_phone_that_has_handed_over_holds_no_call_open() -> None:
    before = handed_over(TransferPhase.JOINING, by="caller")
    seen = observed.RequestAnswered(by="N/2", number=JOIN, code=200)
    call, _ = take(machine, before, seen)
    call, did = take(machine, call, observed.HotspotClosing())
    assert kinds(did)[0] == "CallClosed"


def test_the_slower_phone_is_told_that_another_has_answered() -> None:
    seen = observed.LegAnswered(leg="N/2", answer=b"o")
    call, did = take(machine, handed_over(TransferPhase.RINGING), seen)
    assert kinds(did) == ["TransferAnswered", "StopTimer", "LegDoomed", "PassRequest"]
    assert call.transfer
    assert call.transfer.phase is TransferPhase.JOINING
    call, did = take(machine, call, observed.LegAnswered(leg="M/2", answer=b"late"))
    assert kinds(did) == ["AckLeg", "ReleaseLeg"]


def test_what_who_refers_had_asked_is_answered_when_it_leaves() -> None:
    """RFC 5407 3.2.3: the 2xx to its hold has its ACK all the same."""
    hold = Passed("A", 5, "INVITE", PassedPhase.ASKED)
    before = handed_over(TransferPhase.RINGING, other=hold)
    call, did = take(machine, before, observed.LegHungUp(leg="A"))
    assert did == (orders.RefuseRequest(by="A", number=5, code=487),)
    call, did = take(machine, call, observed.LegAnswered(leg="N/2", answer=b"o"))
    assert "PassRequest" not in kinds(did), "the caller is still being asked"
    call, did = take(machine, call, observed.RequestAnswered(by="A", number=5, code=200))
    assert did == (orders.AckAnswer(by="A", number=5),)
    call, did = take(machine, call, observed.JoinDue())
    assert did == (orders.PassRequest(by="N/2", number=JOIN, method="INVITE"),)


@pytest.mark.parametrize("code", [200, 488])
def test_what_the_caller_says_too_late(code: int) -> None:
    """N/2 hung up while the caller was asked to join it."""
    before = handed_over(TransferPhase.JOINING)
    call, did = take(machine, before, observed.LegHungUp(leg="N/2"))
    assert kinds(did) == ["RefuseRequest", "TransferFailed", "StopTimer", "NotifyTransfer"]
    call, did = take(machine, call, observed.RequestAnswered(by="N/2", number=JOIN, code=code))
    assert kinds(did) == (["AckAnswer"] if code == 200 else [])
    assert call.passed == ()


@pytest.mark.parametrize("phase", [TransferPhase.ANSWERED, TransferPhase.JOINING])
def test_who_is_not_joined_yet_has_to_wait_with_what_it_asks(phase: TransferPhase) -> None:
    asked = observed.RequestArrived(by="N/2", method="UPDATE", number=2)
    _, did = take(machine, handed_over(phase), asked)
    assert did == (orders.RefuseRequest(by="N/2", number=2, code=491),)


def test_it_is_asked_again_a_few_times_where_offers_cross() -> None:
    call, tries = handed_over(TransferPhase.JOINING), 0
    glare = observed.RequestAnswered(by="N/2", number=JOIN, code=491)
    while call.transfer:
        call, did = take(machine, call, glare)
        tries += 1
        if call.transfer:
            assert kinds(did) == ["JoinRefused", "StartTimer"]
            call, _ = take(machine, call, observed.JoinDue())
    assert tries == 6
    assert orders.NotifyTransfer(by="A", number=7, code=491) in did


def test_where_nobody_is_there_to_ring_it_is_said_at_once() -> None:
    asked = observed.TransferAsked(by="A", number=7, called="9", refusal=404)
    call, did = take(machine, talking(), asked)
    assert did == (
        orders.AcceptTransfer(by="A", number=7),
        orders.NotifyTransfer(by="A", number=7, code=404),
    )
    assert call == talking()


def test_a_client_that_rings_for_it_is_let_go_with_the_others() -> None:
    """What the own phone has with the world goes on."""
    legs = {"0": Leg(LegPhase.ANSWERED, own=True, acked=True), "1/1": Leg(LegPhase.PROCEEDING)}
    before = Call(
        Phase.TALKING,
        CallerPhase.ACKED,
        legs=legs,
        winner="0",
        transfer=Transfer("0", 7, ("1/1",), phase=TransferPhase.RINGING),
    )
    call, did = take(machine, before, observed.HotspotClosing())
    assert kinds(did) == ["TransferFailed", "StopTimer", "NotifyTransfer", "CancelLeg"]
    call, did = take(machine, call, observed.LegRefused(leg="1/1", code=487))
    assert kinds(did) == ["CallFreed"]
    assert call.phase is Phase.TALKING
