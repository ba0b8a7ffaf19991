"""How often a challenge is answered."""

import pytest

from core.events.facts import Challenge
from core.machines.proof import AUTHORIZED_MAX, Proof

SERVER = Challenge(realm="r", nonce="n")
PROXY = Challenge(realm="r", nonce="n", proxy=True)
STALE = Challenge(realm="r", nonce="m", stale=True)


def given(*challenges: Challenge) -> Proof:
    proof = Proof()
    for challenge in challenges:
        proof = proof.asked(challenge).given()
    return proof


@pytest.mark.parametrize(
    ("answered", "challenge", "expected"),
    [
        ((), SERVER, True),
        ((), Challenge(realm="r"), False),
        ((SERVER,), SERVER, False),
        ((SERVER,), PROXY, True),
        ((PROXY, SERVER), PROXY, False),
        ((SERVER,), STALE, True),
        ((STALE,) * (AUTHORIZED_MAX - 1), STALE, True),
        ((STALE,) * AUTHORIZED_MAX, STALE, False),
    ],
)
def test_each_who_asks_once_and_a_few_times_where_the_nonce_was_too_old(
    answered: tuple[Challenge, ...], challenge: Challenge, expected: bool
) -> None:
    assert given(*answered).may_be_given(challenge) is expected


def test_who_has_only_asked_may_still_be_answered() -> None:
    assert Proof().asked(SERVER).may_be_given(SERVER)
