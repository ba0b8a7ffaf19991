"""Who was released and wants credentials for it."""

import pytest

from core.events import orders
from core.events.facts import Challenge
from core.events.released import ReleaseChallenged
from core.events.turn import take
from core.machines import call as machine
from core.machines.call import Call, CallerPhase, Leg, LegPhase, Phase

CHALLENGE = Challenge(realm="r", nonce="n")


def over(phase: Phase = Phase.ENDED) -> Call:
    """The leg was released with one branch beside it; the caller has left or was released."""
    leg = Leg(LegPhase.RELEASED, acked=True, forks=("x",))
    return Call(phase, CallerPhase.DONE, legs={"line": leg}, winner="line")


def asks(party: str, challenge: Challenge = CHALLENGE) -> ReleaseChallenged:
    return ReleaseChallenged(party=party, code=401, challenge=challenge)


@pytest.mark.parametrize("party", ["caller", "line", "line;x"])
def test_each_is_given_credentials_once(party: str) -> None:
    call, did = take(machine, over(), asks(party))
    assert did == (orders.AuthorizeRelease(party=party),)
    call, did = take(machine, call, asks(party))
    assert did == ()
    assert call.phase is Phase.ENDED


def test_one_does_not_count_for_the_other() -> None:
    call, _ = take(machine, over(), asks("line"))
    _, did = take(machine, call, asks("caller"))
    assert did == (orders.AuthorizeRelease(party="caller"),)


def test_once_more_where_the_nonce_was_too_old() -> None:
    call, _ = take(machine, over(), asks("line"))
    stale = Challenge(realm="r", nonce="m", stale=True)
    _, did = take(machine, call, asks("line", stale))
    assert did == (orders.AuthorizeRelease(party="line"),)


@pytest.mark.parametrize("phase", [Phase.RINGING, Phase.ANSWERED, Phase.TALKING, Phase.CLOSING])
def test_whatever_the_call_is_doing_without_it(phase: Phase) -> None:
    _, did = take(machine, over(phase), asks("line"))
    assert orders.AuthorizeRelease(party="line") in did


@pytest.mark.parametrize("party", ["nobody", "line;y", "", "nobody;x"])
def test_who_was_not_released_is_given_nothing(party: str) -> None:
    assert take(machine, over(), asks(party))[1] == ()


def test_who_still_talks_is_given_nothing() -> None:
    leg = Leg(LegPhase.ANSWERED, acked=True)
    before = Call(Phase.TALKING, CallerPhase.ACKED, legs={"line": leg}, winner="line")
    for party in ("caller", "line"):
        assert take(machine, before, asks(party))[1] == ()
