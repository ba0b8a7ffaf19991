"""A call whose one side speaks with another call: whatever happens, that side has one call."""

import pytest

from core.events import decided, observed, orders
from core.events.base import Decision, Observed
from core.events.turn import Turn, remember, take
from core.machines import call as machine
from core.machines.call import Call, CallerPhase, Leg, LegPhase, Phase
from core.machines.passing import Passed, PassedPhase
from tests.events.samples import every_observation

LEGS = {"A": Leg(LegPhase.ANSWERED, acked=True), "B": Leg(LegPhase.RELEASED)}
BACK, GONE = observed.PartyReturned(), observed.PartyReturned(gone=True)
KEPT = observed.PartyKept()


def kinds(did: tuple[Decision, ...]) -> list[str]:
    return [type(event).__name__ for event in did]


def talking(lent: str = "", *passed: Passed) -> Call:
    return Call(Phase.TALKING, CallerPhase.ACKED, legs=LEGS, winner="A", lent=lent, passed=passed)


def after(call: Call, *seen: Observed) -> tuple[Call, tuple[Decision, ...]]:
    did: tuple[Decision, ...] = ()
    for one in seen:
        call, did = take(machine, call, one)
    return call, did


@pytest.mark.parametrize("seen", [*every_observation(), BACK, GONE, KEPT], ids=str)
@pytest.mark.parametrize("phase", [Phase.TALKING, Phase.CLOSING, Phase.ENDED])
@pytest.mark.parametrize("lent", ["caller", "A"])
def test_has_an_answer_to_everything(lent: str, phase: Phase, seen: Observed) -> None:
    before = talking(lent)
    if phase is Phase.CLOSING:
        before, _ = after(before, observed.HotspotClosing())
    elif phase is Phase.ENDED:
        before, _ = after(before, KEPT)
    assert before.phase is phase
    call, did = take(machine, before, seen)  # IllegalTurn would escape here.
    turn = Turn(originator_id="call:1", originator_version=1, at=1, seen=seen, did=did)
    assert remember(machine, before, turn) == call
    if seen not in (BACK, GONE):
        released = orders.ReleaseCaller() if lent == "caller" else orders.ReleaseLeg(leg=lent)
        assert released not in did, "it is another call's"


@pytest.mark.parametrize("party", ["caller", "A"])
def test_it_comes_back_and_the_call_goes_on(party: str) -> None:
    call, did = take(machine, talking(), observed.PartyTaken(party=party))
    assert did == (decided.PartyLent(party=party),)
    asked = observed.RequestArrived(by="A", method="INVITE", number=3)
    call, did = take(machine, call, asked)
    assert did == (orders.RefuseRequest(by="A", number=3, code=491),)
    call, did = take(machine, call, observed.TransferAsked(by="A", number=4))
    assert did == (orders.RefuseRequest(by="A", number=4, code=491),)
    call, did = take(machine, call, BACK)
    assert did == (decided.PartyRegained(party=party),)
    assert call == talking()


@pytest.mark.parametrize("party", ["caller", "A"])
@pytest.mark.parametrize("seen", [GONE, KEPT], ids=str)
def test_the_other_side_is_released_when_it_does_not(party: str, seen: Observed) -> None:
    call, did = take(machine, talking(party), seen)
    handed = ["CallerHandedOver"] if party == "caller" else ["LegHandedOver", "ReleaseCaller"]
    rest = ["CallClosed", "ReleaseLeg"] if party == "caller" else ["CallClosed"]
    assert kinds(did) == [*handed, *rest, "CallEnded"]
    assert call.phase is Phase.ENDED


def test_what_comes_back_to_a_call_that_is_over_is_released() -> None:
    call, did = after(talking("A"), observed.CallerHungUp())
    assert kinds(did) == ["CallClosed"], "it waits for what becomes of A"
    call, did = after(call, BACK)
    assert kinds(did) == ["PartyRegained", "ReleaseLeg", "CallEnded"]
    call, did = after(talking("caller"), observed.LegHungUp(leg="A"), BACK)
    assert kinds(did) == ["PartyRegained", "ReleaseCaller", "CallEnded"]


@pytest.mark.parametrize("seen", [GONE, KEPT], ids=str)
def test_what_does_not_come_back_ends_it(seen: Observed) -> None:
    _, did = after(talking("A"), observed.CallerHungUp(), seen)
    assert kinds(did) == ["LegHandedOver", "CallEnded"]


def test_what_has_been_asked_before_is_still_answered() -> None:
    """An INFO is under way between the two; the offers of a join do not concern it."""
    info = Passed("caller", 8, "INFO", PassedPhase.ASKED)
    _, did = take(
        machine, talking("A", info), observed.RequestAnswered(by="caller", number=8, code=200)
    )
    assert did == (orders.PassAnswer(by="caller", number=8, code=200),)


@pytest.mark.parametrize("party", ["", "B", "Z"])
def test_only_a_side_can_be_taken(party: str) -> None:
    assert take(machine, talking(), observed.PartyTaken(party=party)) == (talking(), ())
