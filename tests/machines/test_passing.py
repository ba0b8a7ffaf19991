"""Requests within a call: every phase has an answer, nobody waits for ever."""

from itertools import product

import pytest

from core.events import observed, orders
from core.events.base import Observed
from core.events.facts import Challenge
from core.events.turn import Turn, remember, take
from core.machines import call as machine
from core.machines.call import Call, CallerPhase, Leg, LegPhase, Phase
from core.machines.passing import ASK, JOIN, Passed, PassedPhase
from core.machines.proof import AUTHORIZED_MAX, Proof
from tests.events.samples import every_observation

KEPT = [PassedPhase.ASKED, PassedPhase.ANSWERED, PassedPhase.ABANDONED]
CALLERS = {
    Phase.TALKING: CallerPhase.ACKED,
    Phase.CLOSING: CallerPhase.ANSWERED,
    Phase.ENDED: CallerPhase.DONE,
}
ASKS = [
    observed.RequestArrived(by=by, method=method, number=number)
    for by, method, number in product(("caller", "A", "B", "Z"), ("INVITE", "INFO"), (1, 60))
]
CHALLENGE = Challenge(realm="r", nonce="n")
ANSWERS = [
    observed.RequestAnswered(by=by, number=60, code=code, challenge=challenge)
    for by, code, challenge in (
        *product(("caller", "A"), (200, 491), (Challenge(),)),
        *product(("caller", "A"), (401, 407), (CHALLENGE, Challenge())),
    )
]
WITHIN: list[Observed] = [*every_observation(), *ASKS, *ANSWERS]
LEGS = {"A": Leg(LegPhase.ANSWERED, acked=True), "B": Leg(LegPhase.RELEASED)}


def talking(*passed: Passed, phase: Phase = Phase.TALKING) -> Call:
    return Call(phase, CALLERS[phase], legs=LEGS, winner="A", passed=passed)


@pytest.mark.parametrize("seen", WITHIN, ids=str)
@pytest.mark.parametrize("phase", CALLERS)
def test_has_an_answer_to_everything(phase: Phase, seen: Observed) -> None:
    for by, method, was in product(("caller", "A"), ("INVITE", "INFO"), KEPT):
        one = Passed(by, 60, method, was)
        before = talking(one, phase=phase)
        call, did = take(machine, before, seen)  # IllegalTurn would escape here.
        turn = Turn(originator_id="call:1", originator_version=1, at=1, seen=seen, did=did)
        assert remember(machine, before, turn) == call
        if call.phase in (Phase.CLOSING, Phase.ENDED) and phase is Phase.TALKING:
            left = [one.phase for one in call.passed]
            assert PassedPhase.ASKED not in left, "whoever waited has been answered"
            assert PassedPhase.ANSWERED not in left, "every 2xx has been acknowledged"


@pytest.mark.parametrize(
    ("method", "other", "code"),
    [
        ("INVITE", "INVITE", 491),
        ("INVITE", "UPDATE", 491),
        ("UPDATE", "INVITE", 491),
        ("INFO", "INVITE", 0),
        ("INVITE", "INFO", 0),
        ("INFO", "INFO", 0),
    ],
)
def test_two_offers_at_once_are_one_too_many(method: str, other: str, code: int) -> None:
    """RFC 3261 14.2, RFC 3311 5.2."""
    before = talking(Passed("A", 7, other, PassedPhase.ASKED))
    seen = observed.RequestArrived(by="caller", method=method, number=2)
    _, did = take(machine, before, seen)
    if code:
        assert did == (orders.RefuseRequest(by="caller", number=2, code=491),)
    else:
        assert did == (orders.PassRequest(by="caller", number=2, method=method),)


def test_a_loser_of_the_call_has_nothing_to_ask() -> None:
    seen = observed.RequestArrived(by="B", method="INVITE", number=2)
    assert take(machine, talking(), seen)[1] == ()


def test_an_update_needs_no_ack() -> None:
    before = talking(Passed("A", 7, "UPDATE", PassedPhase.ASKED))
    call, did = take(machine, before, observed.RequestAnswered(by="A", number=7, code=200))
    assert did == (orders.PassAnswer(by="A", number=7, code=200),)
    assert call.passed == ()


def test_one_of_several_goes_its_way() -> None:
    """An answer, an ACK or silence concerns its own request and no other."""
    info = Passed("A", 7, "INFO", PassedPhase.ASKED)
    asked = talking(info, Passed("A", 8, "INVITE", PassedPhase.ASKED))
    call, _ = take(machine, asked, observed.RequestAnswered(by="A", number=8, code=200))
    assert [one.phase for one in call.passed] == [PassedPhase.ASKED, PassedPhase.ANSWERED]
    call, did = take(machine, call, observed.RequestUnanswered(by="A", number=8))
    assert (call.passed, did) == ((info,), ())


@pytest.mark.parametrize("code", [200, 487])
def test_what_is_answered_after_the_end(code: int) -> None:
    """RFC 5407 3.2.3: a 2xx has its ACK although the session is over."""
    before = talking(Passed("A", 7, "INVITE", PassedPhase.ABANDONED), phase=Phase.ENDED)
    _, did = take(machine, before, observed.RequestAnswered(by="A", number=7, code=code))
    assert did == ((orders.AckAnswer(by="A", number=7),) if code == 200 else ())


def challenged(number: int = 7, stale: bool = False, nonce: str = "n") -> observed.RequestAnswered:
    challenge = Challenge(realm="r", nonce=nonce, stale=stale)
    return observed.RequestAnswered(by="A", number=number, code=407, challenge=challenge)


def test_a_challenge_is_answered_once_and_then_it_is_a_refusal() -> None:
    before = talking(Passed("A", 7, "INVITE", PassedPhase.ASKED))
    call, did = take(machine, before, challenged())
    assert did == (orders.AuthorizeRequest(by="A", number=7),)
    assert [one.phase for one in call.passed] == [PassedPhase.ASKED]
    call, did = take(machine, call, challenged())
    assert did == (orders.PassAnswer(by="A", number=7, code=403),)
    assert call.passed == ()


def test_one_that_nobody_can_answer_is_a_refusal() -> None:
    before = talking(Passed("A", 7, "INVITE", PassedPhase.ASKED))
    _, did = take(machine, before, challenged(nonce=""))
    assert did == (orders.PassAnswer(by="A", number=7, code=403),)


def test_endlessly_stale_has_an_end() -> None:
    call = talking(Passed("A", 7, "INFO", PassedPhase.ASKED))
    for _ in range(AUTHORIZED_MAX):
        call, did = take(machine, call, challenged(stale=True))
        assert did == (orders.AuthorizeRequest(by="A", number=7),)
    _, did = take(machine, call, challenged(stale=True))
    assert did == (orders.PassAnswer(by="A", number=7, code=403),)


@pytest.mark.parametrize("number", [ASK, JOIN, 7])
def test_what_a_transfer_asks_is_authorized_as_well(number: int) -> None:
    before = talking(Passed("A", number, "INVITE", PassedPhase.ASKED))
    _, did = take(machine, before, challenged(number))
    assert did == (orders.AuthorizeRequest(by="A", number=number),)


@pytest.mark.parametrize("phase", [PassedPhase.ANSWERED, PassedPhase.UNANSWERED])
def test_a_challenge_that_comes_too_late_moves_nothing(phase: PassedPhase) -> None:
    before = talking(Passed("A", 7, "INVITE", phase))
    assert take(machine, before, challenged()) == (before, ())


def test_a_challenge_after_the_end_is_the_end_of_it() -> None:
    """Nobody waits for an answer any more, so nobody is asked again."""
    proof = Proof(asker=(False, "x"))
    before = talking(Passed("A", 7, "INVITE", PassedPhase.ABANDONED, proof), phase=Phase.ENDED)
    call, did = take(machine, before, challenged())
    assert (call.passed, did) == ((), ())


def test_while_it_is_asked_again_another_offer_has_to_wait() -> None:
    call, _ = take(machine, talking(Passed("A", 7, "INVITE", PassedPhase.ASKED)), challenged())
    seen = observed.RequestArrived(by="caller", method="INVITE", number=2)
    _, did = take(machine, call, seen)
    assert did == (orders.RefuseRequest(by="caller", number=2, code=491),)
