"""Whether a phone is who it says it is."""

import pytest

from adapters.sip.authentication import Verdict
from adapters.sip.digest import authorization, read_challenge
from tests.sip.stage import Stage, request

URI = "sip:2@127.0.0.1"


def judged(stage: Stage, value: str, uri: str = URI, method: str = "INVITE") -> Verdict:
    asked = request(stage.request(method, uri, more=[("Proxy-Authorization", value)]))
    return stage.engine.exchange.authentication.judge(asked, "a")


def value(stage: Stage, user: str = "a", password: str = "pa", uri: str = URI, n: int = 0) -> str:
    lines = stage.engine.exchange.authentication.challenge("X")
    challenge = read_challenge([lines[n][1]])
    assert challenge is not None
    return authorization(challenge, "INVITE", uri, user, password, 1, "cnonce")


@pytest.mark.parametrize("n", [0, 1])
def test_either_algorithm_proves_it(stage: Stage, n: int) -> None:
    assert judged(stage, value(stage, n=n)) is Verdict.PROVEN


def test_what_proves_nothing(stage: Stage) -> None:
    assert judged(stage, value(stage, password="pb")) is Verdict.WRONG
    assert judged(stage, value(stage, user="b", password="pb")) is Verdict.WRONG
    assert judged(stage, value(stage), uri="sip:0190@127.0.0.1") is Verdict.WRONG
    assert judged(stage, value(stage), method="OPTIONS") is Verdict.WRONG


def test_whom_nobody_knows_has_no_password(stage: Stage) -> None:
    said = value(stage, user="x", password="\0")
    asked = request(stage.request("INVITE", URI, more=[("Proxy-Authorization", said)]))
    judge = stage.engine.exchange.authentication.judge
    assert judge(asked, "x") is Verdict.UNKNOWN
    assert judge(asked, "a") is Verdict.WRONG


@pytest.mark.parametrize("other", ["Basic YTpi", "Digest", 'Digest realm="siphotspot"', "", "\xff"])
def test_what_is_no_proof_at_all(stage: Stage, other: str) -> None:
    assert judged(stage, other) is Verdict.UNPROVEN


def test_the_proof_for_another_realm_is_passed_over(stage: Stage) -> None:
    assert judged(stage, value(stage).replace("siphotspot", "provider")) is Verdict.UNPROVEN


def test_a_proof_grows_old(stage: Stage) -> None:
    proof = value(stage)
    stage.engine.around.at += 301 * 10**9
    assert judged(stage, proof) is Verdict.STALE
    wrong = value(stage, password="x")
    stage.engine.around.at += 301 * 10**9
    assert judged(stage, wrong) is Verdict.WRONG


def test_a_nonce_survives_a_restart(stage: Stage) -> None:
    proof = value(stage)
    stage.restart()
    assert judged(stage, proof) is Verdict.PROVEN
