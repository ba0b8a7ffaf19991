"""What a phone is told by the registrar, and what nobody learns from it."""

import re
from typing import Any

import pytest

from adapters.sip import registrar
from adapters.sip.message import Flow
from core.machines.client_link import Link
from tests.sip.messages import OFFER
from tests.sip.stage import STRANGER, Stage, codes, credentials, flow_of, response, responses

A = flow_of("a")


def link(stage: Stage, user: str = "a") -> Link:
    state: Link = stage.engine.house.board.state(f"link:{user}")
    return state


def registered(stage: Stage, **more: Any) -> list[bytes]:
    return stage.proven("REGISTER", **{"call_id": "reg", **more})


def test_a_phone_is_bound_where_it_says(stage: Stage) -> None:
    (told,) = responses(registered(stage, more=[("Expires", "300")]))
    assert told.code == 200
    assert told.all("contact") == ["<sip:a@127.0.0.11:5060>;expires=300"]
    assert [*link(stage).bindings] == ["sip:a@127.0.0.11:5060"]


def test_without_a_password_it_is_asked_for_one_in_both_algorithms(stage: Stage) -> None:
    (told,) = responses(stage.feed(stage.request("REGISTER"), A))
    assert told.code == 401
    assert [re.findall(r"algorithm=([^,]+)", line)[0] for line in told.all("www-authenticate")] == [
        "MD5",
        "SHA-256",
    ]


def test_a_wrong_password_is_refused(stage: Stage) -> None:
    assert codes(registered(stage, password="guessed")) == [403]
    assert stage.engine.around.drops["wrong-password"] == 1
    assert not link(stage).bindings


def test_who_is_not_there_is_told_what_somebody_is_told(stage: Stage) -> None:
    """Else the names of the phones could be guessed one by one."""
    known, unknown = (registered(stage, user=user, password="guessed") for user in ("a", "nobody"))
    assert codes(known) == codes(unknown) == [403]
    assert stage.engine.around.drops == {"wrong-password": 1, "unknown-user": 1}
    asked = [
        response(stage.feed(stage.request("REGISTER", user=user, call_id=user), STRANGER)[0])
        for user in ("a", "nobody")
    ]
    assert asked[0].all("www-authenticate") == asked[1].all("www-authenticate")


def test_its_owner_is_told_whom_and_from_where(stage: Stage) -> None:
    """But not of who has merely not been asked yet, nor of a nonce that has grown old."""
    told: list[tuple[str, ...]] = []
    stage.engine.around.tell_refused = lambda *said: told.append(said)
    registered(stage)
    registered(stage, user="nobody", call_id="x", password="guessed")
    stage.proven("INVITE", "sip:2@127.0.0.1", call_id="y", password="guessed", body=OFFER)
    assert told == [
        ("unknown-user", "nobody", STRANGER.host),
        ("wrong-password", "a", A.host),
    ]


def test_the_password_of_one_phone_opens_no_other(stage: Stage) -> None:
    to_b = registered(stage, to="<sip:b@127.0.0.1>")
    assert codes(to_b) == [403]
    assert not link(stage, "b").bindings


def test_a_nonce_grows_old(stage: Stage) -> None:
    asked = response(stage.feed(stage.request("REGISTER"), A)[0])
    proof = credentials(asked, "REGISTER", "sip:127.0.0.1", "a", "pa")
    stage.wait(301)
    late = stage.request("REGISTER", to="<sip:a@127.0.0.1>", cseq=2, more=[proof])
    (told,) = responses(stage.feed(late, A))
    assert told.code == 401
    assert "stale=true" in told.first("www-authenticate")
    assert not stage.engine.around.drops


def test_a_nonce_of_somebody_else_is_asked_for_anew(stage: Stage) -> None:
    forged = 'Digest username="a", realm="siphotspot", nonce="00", uri="sip:x", response="00"'
    (told,) = responses(stage.feed(stage.request("REGISTER", more=[("Authorization", forged)]), A))
    assert told.code == 401
    assert "stale" not in told.first("www-authenticate")


def test_a_star_signs_off_from_everywhere(stage: Stage) -> None:
    registered(stage)
    off = registered(stage, cseq=5, more=[("Contact", "*"), ("Expires", "0")])
    assert codes(off) == [200]
    assert not responses(off)[0].all("contact")
    assert not link(stage).bindings


@pytest.mark.parametrize(
    "more",
    [
        [("Contact", "*")],
        [("Contact", "*"), ("Expires", "60")],
        [("Contact", "*, <sip:a@127.0.0.11>"), ("Expires", "0")],
        [("Contact", "<sip:a@127.0.0.11")],
    ],
)
def test_a_star_that_means_nothing(stage: Stage, more: list[tuple[str, str]]) -> None:
    registered(stage)
    assert codes(registered(stage, cseq=5, more=more)) == [400]
    assert link(stage).bindings


@pytest.mark.parametrize(
    "contact",
    ["<tel:1>", "<sips:a@127.0.0.11>", ", ".join(f"<sip:{n}@127.0.0.11>" for n in range(9)),
     f"<sip:{'x' * 600}@127.0.0.11>"],
)  # fmt: skip
def test_a_contact_that_is_too_much(stage: Stage, contact: str) -> None:
    assert codes(registered(stage, more=[("Contact", contact)])) == [403]


def test_no_seconds_sign_off(stage: Stage) -> None:
    registered(stage)
    off = registered(stage, cseq=5, more=[("Contact", "<sip:a@127.0.0.11:5060>;expires=0")])
    assert codes(off) == [200]
    assert not link(stage).bindings


def test_too_few_seconds_are_told_the_least(stage: Stage) -> None:
    (told,) = responses(registered(stage, more=[("Expires", "5")]))
    assert told.code == 423
    assert int(told.first("min-expires")) > 5


def test_a_question_is_answered_with_what_there_is(stage: Stage) -> None:
    registered(stage)
    asked = registered(stage, cseq=5, more=[("Contact", "")])
    (told,) = responses(asked)
    assert told.code == 200
    assert len(told.all("contact")) == 1


def test_while_it_is_off_nobody_registers(stage: Stage) -> None:
    stage.register_line()
    stage.engine.change("hotspot.enabled", False, stage.at)
    assert codes(stage.feed(stage.request("REGISTER"), A)) == [403]
    assert stage.engine.around.drops["register-while-off"] == 1
    stage.wait(40)
    stage.engine.change("hotspot.enabled", True, stage.at)
    assert codes(registered(stage)) == [200]


def test_a_binding_runs_out(stage: Stage) -> None:
    registered(stage, more=[("Expires", "60")])
    stage.wait(130)
    assert not link(stage).bindings


def test_behind_a_nat_it_is_reached_by_the_way_it_came(stage: Stage) -> None:
    behind = Flow("udp", A.local, "127.0.0.99", 40_000)
    asked = response(stage.feed(stage.request("REGISTER"), behind)[0])
    proof = credentials(asked, "REGISTER", "sip:127.0.0.1", "a", "pa")
    more = [proof]
    stage.feed(stage.request("REGISTER", to="<sip:a@127.0.0.1>", cseq=2, more=more), behind)
    (bound,) = link(stage).bindings.values()
    assert bound.flow == str(behind)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("60", 60), (" 60 ", 60), ("", 7), ("-1", 7), ("soon", 7), ("1e9", 7), ("9" * 40, 7)],
)
def test_seconds(value: str, seconds: int) -> None:
    assert registrar.seconds(value, 7) == seconds
