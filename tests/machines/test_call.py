"""Every phase of a call must have an answer to everything it could be told."""

from collections.abc import Iterator
from itertools import product

import pytest
from msgspec.structs import replace

from core.events import decided, observed, orders
from core.events.base import Decision, Observed
from core.events.facts import Challenge, Peer, Target
from core.events.turn import Turn, remember, take
from core.machines import call as machine
from core.machines import own
from core.machines.call import Call, CallerPhase, Leg, LegPhase, Phase
from core.machines.proof import Proof
from tests.events.samples import every_observation

CALLERS = {
    Phase.IDLE: [CallerPhase.WAITING],
    Phase.RINGING: [CallerPhase.WAITING],
    Phase.ANSWERED: [CallerPhase.ANSWERED],
    Phase.TALKING: [CallerPhase.ACKED],
    Phase.CLOSING: [CallerPhase.ANSWERED, CallerPhase.DONE],
    Phase.ENDED: [CallerPhase.DONE],
}
LEGS = [*LegPhase, None]
FINAL = (orders.AnswerCaller, orders.RefuseCaller)
AT_MOST_ONCE = (*FINAL, orders.ReleaseCaller, decided.CallAnswered, decided.CallClosed)


def calls(phase: Phase) -> Iterator[Call]:
    """With every pair of legs, whoever won, and whatever the caller has heard so far."""
    winners = ("",) if phase in (Phase.IDLE, Phase.RINGING) else ("", "A", "B")
    acked = (False, True)
    for caller, a, b, winner, is_acked in product(CALLERS[phase], LEGS, LEGS, winners, acked):
        pairs = (("A", a), ("B", b))
        legs = {
            name: Leg(leg, refused=486, acked=is_acked, own=is_acked and name == "A")
            for name, leg in pairs
            if leg
        }
        rang = 183 if is_acked else 0
        ring = ("in-turn" if a is LegPhase.NEW else "hotspot-first") if is_acked else "all"
        yield Call(
            phase, caller, legs=legs, winner=winner, rang=rang, offerless=is_acked, ring=ring
        )


def check(before: Call, call: Call, seen: Observed, did: tuple[Decision, ...]) -> None:
    turn = Turn(originator_id="call:1", originator_version=1, at=1, seen=seen, did=did)
    assert remember(machine, before, turn) == call, "the record alone tells the state"
    for kind in AT_MOST_ONCE:
        assert sum(isinstance(event, kind) for event in did) <= 1, kind
    assert len(set(map(repr, did))) == len(did), "nothing is ordered twice in a turn"
    for event in did:
        match event:
            case decided.CallAnswered(by=by):
                assert call.legs[by].phase is LegPhase.ANSWERED
            case orders.CancelLeg(leg=leg):
                ready = {LegPhase.PROCEEDING}
                spoke = isinstance(seen, observed.LegProgressed) and seen.leg == leg
                assert before.legs[leg].phase in (ready | {LegPhase.DOOMED} if spoke else ready)
            case decided.CallEnded():
                assert not call.pending()
            case decided.CallFreed():
                assert not own.clients_in(call)
        if isinstance(event, FINAL):
            assert before.phase in (Phase.IDLE, Phase.RINGING)


@pytest.mark.parametrize("seen", every_observation(), ids=str)
@pytest.mark.parametrize("phase", Phase)
def test_has_an_answer_to_everything(phase: Phase, seen: Observed) -> None:
    for before in calls(phase):
        call, did = take(machine, before, seen)  # IllegalTurn would escape here.
        check(before, call, seen, did)


@pytest.mark.parametrize("phase", Phase)
def test_a_doubled_invite_changes_nothing(phase: Phase) -> None:
    invite = observed.InviteArrived(line="1", caller="x", offer=b"", targets=(Target(leg="Z"),))
    for before in calls(phase):
        if before.pending() and phase is not Phase.IDLE:
            assert take(machine, before, invite) == (before, ())


def ringing(**legs: LegPhase) -> Call:
    return Call(Phase.RINGING, legs={name: Leg(phase) for name, phase in legs.items()})


def kinds(did: tuple[Decision, ...]) -> list[str]:
    return [type(event).__name__ for event in did]


def test_nobody_there_is_said_with_the_words_that_came_along() -> None:
    seen = observed.InviteArrived(
        line="1", caller="x", offer=b"o", targets=(), refusal=404, why="nobody has this number"
    )
    call, did = take(machine, machine.NEWBORN, seen)
    assert did[:2] == (
        orders.RefuseCaller(code=404),
        decided.CallClosed(why="nobody has this number"),
    )
    assert machine.is_over(call)
    assert not machine.is_over(machine.NEWBORN)


def test_the_ring_time_is_the_one_that_came_along() -> None:
    seen = observed.InviteArrived(
        line="1", caller="x", offer=b"o", targets=(Target(leg="1"),), ring_s=7
    )
    _, did = take(machine, machine.NEWBORN, seen)
    assert orders.StartTimer(timer="RingTimedOut", after_s=7) in did


@pytest.mark.parametrize(
    ("stale", "times", "answered"),
    [(False, 0, True), (False, 1, False), (True, 1, True), (True, 2, True), (True, 3, False)],
)
def test_how_often_a_challenge_is_answered(stale: bool, times: int, answered: bool) -> None:
    challenge = Challenge(realm="r", nonce="n", stale=stale)
    leg = Leg(LegPhase.INVITED, proof=Proof(answered=(challenge.asker(),) * times))
    before = replace(ringing(), legs={"line": leg, "A": Leg(LegPhase.INVITED)})
    seen = observed.LegChallenged(leg="line", code=407, challenge=challenge)
    _, did = take(machine, before, seen)
    assert kinds(did) == (["AuthorizeLeg"] if answered else [])


def test_a_proxy_on_the_way_and_the_server_are_both_answered() -> None:
    leg = Leg(LegPhase.INVITED, proof=Proof(answered=((True, "proxy"),)))
    challenge = Challenge(realm="r", nonce="n")
    seen = observed.LegChallenged(leg="line", code=401, challenge=challenge)
    after, did = take(machine, replace(ringing(), legs={"line": leg}), seen)
    assert kinds(did) == ["AuthorizeLeg"]
    assert after.legs["line"].proof.answered == ((True, "proxy"), (False, "r"))


def test_a_refusal_of_a_stranger_is_nobodys() -> None:
    before = ringing(A=LegPhase.PROCEEDING)
    assert take(machine, before, observed.LegRefused(leg="Z", code=603)) == (before, ())


@pytest.mark.parametrize("phase", [Phase.RINGING, Phase.TALKING, Phase.CLOSING, Phase.ENDED])
def test_another_branch_is_released_once(phase: Phase) -> None:
    forked = observed.LegForked(leg="A", peer=Peer(tag="x"))
    before = replace(ringing(A=LegPhase.ANSWERED), phase=phase, winner="A")
    after, did = take(machine, before, forked)
    assert did[0] == orders.ReleaseFork(leg="A", tag="x")
    assert orders.ReleaseFork(leg="A", tag="x") not in take(machine, after, forked)[1]
    assert after.phase is phase
