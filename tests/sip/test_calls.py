"""A call through the exchange: what each side hears, and what it hears again."""

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.sip.calls import FORKS_MAX
from adapters.sip.forgetting import KEPT_AFTER_END_NS
from adapters.sip.message import Request
from core.machines.call import Phase
from tests.sip.messages import OFFER
from tests.sip.stage import (
    CONFIG,
    SERVER,
    STRANGER,
    Stage,
    answer,
    codes,
    flow_of,
    methods,
    request,
    responses,
)

A, B, C = map(flow_of, "abc")
ACCOUNT = "sip:4212@127.0.0.1"


def caller(stage: Stage, method: str, **more: Any) -> bytes:
    return stage.request(method, ACCOUNT, user="7000", call_id="call", **more)


def cancel(stage: Stage) -> bytes:
    return caller(stage, "CANCEL", branch=request(stage.invite).via.branch)


def phase(stage: Stage) -> Phase:
    (stream,) = stage.engine.exchange.calls.open
    return stage.engine.exchange.calls.state(stream).phase


def bye(stage: Stage, invite: object, cseq: int = 1) -> bytes:
    """From phone b, in the dialog that our INVITE opened."""
    assert hasattr(invite, "first")
    more = [("From", f"{invite.first('to')};tag=tt"), ("Call-ID", invite.first("call-id"))]
    text = stage.request("BYE", "sip:127.0.0.1", user="b", cseq=cseq, to=invite.first("from"))
    for name, value in more:
        at = text.index(f"{name}: ".encode())
        text = text[:at] + f"{name}: {value}".encode() + text[text.index(b"\r\n", at) :]
    return text


def test_an_incoming_call_rings_every_phone(stage: Stage) -> None:
    invites = stage.ring()
    assert [invite.uri for invite in invites] == [f"sip:{u}@127.0.0.{n}:5060"
        for u, n in (("a", 11), ("b", 12), ("c", 13))]  # fmt: skip
    assert {invite.first("x-cid") for invite in invites} == {"call"}
    assert {invite.first("max-forwards") for invite in invites} == {"69"}
    assert len({invite.call_id for invite in invites}) == 3
    assert phase(stage) is Phase.RINGING


def test_the_first_ringing_is_passed_on_once(stage: Stage) -> None:
    first, second, _ = stage.ring()
    assert 180 in codes(stage.feed(answer(first, 180), A))
    assert stage.feed(answer(first, 180), A) == []
    stage.feed(answer(second, 180), B)
    assert stage.engine.around.drops["repeated-progress"] == 1


def test_one_answers_and_the_others_are_cancelled(stage: Stage) -> None:
    first, second, third = stage.ring()
    stage.feed(answer(first, 180), A)
    stage.feed(answer(third, 180), C)
    left = stage.feed(answer(second, 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    assert sorted(methods(left)) == ["ACK", "CANCEL", "CANCEL"] or sorted(methods(left)) == [
        "CANCEL",
        "CANCEL",
    ]
    (ours,) = responses(stage.to(SERVER))
    assert (ours.code, ours.body) == (200, OFFER)
    for data in stage.to(A):
        assert b"Reason: SIP;cause=200" in data


def test_a_repeated_200_gets_the_same_ack(stage: Stage) -> None:
    _, invites = stage.answered()
    acks = [data for flow, data in stage.left if flow == B and data.startswith(b"ACK")]
    ok = answer(invites[1], 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER)
    assert stage.feed(ok, B) == acks
    assert stage.feed(ok, B) == acks


def forks_again(stage: Stage, invite: Request, tag: str = "other") -> list[bytes]:
    """Another branch behind phone b answers too."""
    contact = [("Contact", "<sip:b@127.0.0.12:5070>"), ("Record-Route", "<sip:127.0.0.14;lr>")]
    return stage.feed(answer(invite, 200, contact, OFFER, tag=tag), B)


def test_another_branch_that_answers_is_acknowledged_and_released(stage: Stage) -> None:
    ours, invites = stage.answered()
    ack, bye = map(request, forks_again(stage, invites[1]))
    assert [(each.method, each.cseq) for each in (ack, bye)] == [("ACK", 1), ("BYE", 2)]
    for each in (ack, bye):
        assert each.first("to").endswith(";tag=other")
        assert each.first("from") == invites[1].first("from")
        assert each.call_id == invites[1].call_id
        assert each.uri == "sip:b@127.0.0.12:5070"
        assert each.all("route") == ["<sip:127.0.0.14;lr>"]
        assert not each.body
    assert {flow.host for flow, _ in stage.fresh} == {"127.0.0.14"}
    left = stage.feed(caller(stage, "BYE", cseq=2, to=ours.first("to")), SERVER)
    winners = next(request(data) for data in left if data.startswith(b"BYE"))
    assert winners.via.branch != bye.via.branch
    assert winners.first("to").endswith(";tag=tt")


def test_its_answer_again_gets_the_same_ack_and_causes_no_turn(stage: Stage) -> None:
    _, invites = stage.answered()
    ack, _ = forks_again(stage, invites[1])
    assert forks_again(stage, invites[1]) == [ack]
    assert not stage.engine.house.unrecorded
    stage.restart()
    assert forks_again(stage, invites[1]) == [ack]


def test_a_branch_that_hangs_up_itself_ends_nothing(stage: Stage) -> None:
    _, invites = stage.answered()
    forks_again(stage, invites[1])
    theirs = bye(stage, invites[1]).replace(b";tag=tt", b";tag=other")
    left = stage.feed(theirs, B)
    assert (codes(left), methods(left)) == ([200], [])
    assert phase(stage) is Phase.TALKING


def test_branches_without_end_are_no_accident(stage: Stage) -> None:
    _, invites = stage.answered()
    for n in range(FORKS_MAX):
        assert methods(forks_again(stage, invites[1], f"tag-{n}")) == ["ACK", "BYE"]
    assert forks_again(stage, invites[1], "one-more") == []
    assert stage.engine.around.drops["too-many-branches"] == 1


def test_a_branch_that_answers_after_a_refusal_is_released(stage: Stage) -> None:
    invites = stage.ring()
    stage.feed(answer(invites[1], 486), B)
    assert methods(stage.wait(0.1)) == ["ACK"]
    assert methods(forks_again(stage, invites[1], "tt"))[-2:] == ["ACK", "BYE"]
    assert phase(stage) is Phase.RINGING


def test_an_answer_repeated_before_there_is_an_ack_waits_for_it(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    offerless = stage.request("INVITE", ACCOUNT, user="7000", call_id="call")
    stage.feed(offerless, SERVER)
    invite = next(request(data) for flow, data in stage.fresh if flow == B)
    ok = answer(invite, 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER)
    assert codes(stage.feed(ok, B)) == [200]
    assert stage.feed(ok, B) == []


def test_who_answers_too_late_is_released(stage: Stage) -> None:
    _, invites = stage.answered()
    late = stage.feed(answer(invites[2], 200, [("Contact", "<sip:c@127.0.0.13>")], OFFER), C)
    assert methods(late) == ["ACK", "BYE"]


def test_our_200_is_repeated_until_its_ack(stage: Stage) -> None:
    invites = stage.ring()
    stage.feed(answer(invites[1], 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    (ours,) = (r for r in responses(stage.to(SERVER)) if r.code == 200)
    stage.wait(1)
    assert codes(stage.to(SERVER)) == [200]
    stage.feed(caller(stage, "ACK", to=ours.first("to")), SERVER)
    stage.wait(10)
    assert codes(stage.to(SERVER)) == []


def test_the_caller_gives_up(stage: Stage) -> None:
    invites = stage.ring()
    for invite, flow in zip(invites, (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    left = stage.feed(cancel(stage), SERVER)
    assert sorted(codes(left)) == [200, 487]
    assert methods(left) == ["CANCEL"] * 3
    assert len({response.to_tag for response in responses(left)}) == 1
    assert codes(stage.feed(cancel(stage), SERVER)) == [200]


def test_to_cancel_nothing(stage: Stage) -> None:
    stage.ring()
    assert codes(stage.feed(caller(stage, "CANCEL", branch="z9hG4bK-none"), SERVER)) == [481]


def test_cancelled_since_it_was_completed_elsewhere_no_phone_shows_a_missed_call(
    stage: Stage,
) -> None:
    """Whichever of several Reasons says so."""
    invites = stage.ring()
    for invite, flow in zip(invites, (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    more = [("Reason", "Q.850;cause=16"), ("Reason", "SIP;cause=200")]
    branch = request(stage.invite).via.branch
    stage.feed(caller(stage, "CANCEL", branch=branch, more=more), SERVER)
    for flow in (A, B, C):
        (told,) = map(request, stage.to(flow))
        assert "completed elsewhere" in told.first("reason")


def test_cancelled_too_late_it_goes_on(stage: Stage) -> None:
    stage.answered()
    assert codes(stage.feed(cancel(stage), SERVER)) == [200]
    assert phase(stage) is not Phase.ENDED


def test_nobody_answers_in_time(stage: Stage) -> None:
    invites = stage.ring()
    for invite, flow in zip(invites, (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    left = stage.wait(21)
    assert methods(left).count("CANCEL") >= 3
    assert next(code for code in codes(stage.to(SERVER)) if code > 200) in (408, 480)


@pytest.mark.parametrize("code", [486, 603, 302, 404, 500])
def test_nobody_wants_to(stage: Stage, code: int) -> None:
    for invite, flow in zip(stage.ring(), (A, B, C), strict=True):
        stage.feed(answer(invite, code), flow)
    sent = [data for flow, data in stage.left if flow == SERVER]
    assert codes(sent)[-1] in (code, 480)
    assert phase(stage) is Phase.ENDED


def test_a_bye_is_answered_and_passed_on(stage: Stage) -> None:
    ours, _ = stage.answered()
    left = stage.feed(caller(stage, "BYE", cseq=2, to=ours.first("to")), SERVER)
    assert codes(left) == [200]
    assert methods(stage.to(B)) == ["BYE"]


def test_a_bye_that_is_said_twice(stage: Stage) -> None:
    ours, _ = stage.answered()
    first = caller(stage, "BYE", cseq=2, to=ours.first("to"))
    stage.feed(first, SERVER)
    repeated = stage.feed(first, SERVER)
    assert (codes(repeated), methods(repeated)) == ([200], [])
    another = stage.feed(caller(stage, "BYE", cseq=3, to=ours.first("to")), SERVER)
    assert (codes(another), methods(another)) == ([200], [])


def test_the_phone_hangs_up(stage: Stage) -> None:
    _, invites = stage.answered()
    left = stage.feed(bye(stage, invites[1]), B)
    assert codes(stage.to(B)) == [200]
    assert methods(stage.to(SERVER)) == ["BYE"]
    assert len(left) == 2


def test_an_ended_call_is_forgotten(stage: Stage) -> None:
    ours, _ = stage.answered()
    stage.feed(caller(stage, "BYE", cseq=2, to=ours.first("to")), SERVER)
    bye = request(stage.to(B)[0])
    stage.feed(answer(bye, 200), B)
    stage.wait(2 * KEPT_AFTER_END_NS / 1e9 + 1)  # The silent legs are waited for as well.
    stage.engine.handle_timers(stage.at)
    found = stage.engine.exchange.calls
    assert [found.open, found.by_tag, found.by_invite, found.answering, found.ended] == [{}] * 5
    late = stage.feed(caller(stage, "BYE", cseq=3, to=ours.first("to")), SERVER)
    assert codes(late) == [481]


def test_a_request_within_is_passed_on_and_its_answer_back(stage: Stage) -> None:
    ours, _ = stage.answered()
    asked = caller(stage, "INVITE", cseq=2, to=ours.first("to"), body=OFFER)
    assert codes(stage.feed(asked, SERVER)) == [100]
    (passed,) = (request(data) for data in stage.to(B))
    assert (passed.method, passed.body) == ("INVITE", OFFER)
    back = stage.feed(answer(passed, 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    (told,) = responses(back)
    assert (told.code, told.cseq, told.body) == (200, 2, OFFER)
    ack = caller(stage, "ACK", cseq=2, to=ours.first("to"))
    assert methods(stage.feed(ack, SERVER)) == ["ACK"]


@pytest.mark.parametrize(
    ("method", "cseq", "code"),
    [("OPTIONS", 2, 200), ("REFER", 2, 403), ("PRACK", 2, 405), ("INFO", 1, 500), ("BREW", 2, 405)],
)
def test_what_is_not_passed_on(stage: Stage, method: str, cseq: int, code: int) -> None:
    ours, _ = stage.answered()
    left = stage.feed(caller(stage, method, cseq=cseq, to=ours.first("to")), SERVER)
    assert (codes(left), methods(left)) == ([code], [])


def test_within_a_dialog_nobody_else_is_heard(stage: Stage) -> None:
    stage.answered()
    forged = caller(stage, "BYE", cseq=2, to="<sip:4212@127.0.0.1>;tag=guessed")
    assert codes(stage.feed(forged, STRANGER)) == [481]
    assert phase(stage) is not Phase.ENDED


def test_a_phone_calls_the_world_with_the_password_of_the_line(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    stage.proven("INVITE", "sip:0301234@127.0.0.1", body=OFFER)
    (out,) = (request(data) for data in stage.to(SERVER))
    assert out.first("from").startswith("<sip:4212@provider.test>")
    assert not out.first("x-cid")
    asked = 'Digest realm="provider.test", nonce="n1", qop="auth"'
    left = stage.feed(answer(out, 407, [("Proxy-Authenticate", asked)]), SERVER)
    assert methods(left) == ["ACK", "INVITE"]
    again = request(left[1])
    assert again.cseq == 2
    assert 'username="4212"' in again.first("proxy-authorization")
    assert "secret4212" not in left[1].decode()


def test_cancelled_once_it_has_proven_itself(stage: Stage) -> None:
    """The 100 to the second INVITE is that of the first, word for word, and allows CANCEL."""
    stage.register_line()
    stage.register()
    stage.proven("INVITE", "sip:0301234@127.0.0.1", body=OFFER)
    (out,) = (request(data) for data in stage.to(SERVER))
    stage.feed(answer(out, 100, tag=""), SERVER)
    asked = 'Digest realm="provider.test", nonce="n1", qop="auth"'
    left = stage.feed(answer(out, 407, [("Proxy-Authenticate", asked)]), SERVER)
    stage.feed(answer(left[1], 100, tag=""), SERVER)
    (ours,) = stage.engine.exchange.calls.answering.values()
    branch = ours.request.via.branch
    cancel = stage.request("CANCEL", "sip:0301234@127.0.0.1", cseq=2, branch=branch)
    left = stage.feed(cancel, A)
    assert methods(left) == ["CANCEL"]


def test_a_line_that_is_taken_away_proves_nothing(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    stage.proven("INVITE", "sip:0301234@127.0.0.1", body=OFFER)
    (out,) = (request(data) for data in stage.to(SERVER))
    around = stage.engine.around
    around.directory = dataclasses.replace(around.directory, lines={})
    asked = 'Digest realm="provider.test", nonce="n1", qop="auth"'
    stage.feed(answer(out, 407, [("Proxy-Authenticate", asked)]), SERVER)
    assert codes(stage.to(A)) == [480]
    assert phase(stage) is Phase.ENDED


def test_a_call_to_the_world_is_proven_to_the_proxy_and_to_the_server(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    stage.proven("INVITE", "sip:0301234@127.0.0.1", body=OFFER)
    (out,) = (request(data) for data in stage.to(SERVER))
    for code, name, realm in (
        (407, "Proxy-Authenticate", "proxy.test"),
        (401, "WWW-Authenticate", "provider.test"),
    ):
        asked = f'Digest realm="{realm}", nonce="n", qop="auth"'
        out = request(stage.feed(answer(out, code, [(name, asked)]), SERVER)[1])
    assert 'realm="proxy.test"' in out.first("proxy-authorization")
    assert "nc=00000002" in out.first("proxy-authorization")
    assert 'realm="provider.test"' in out.first("authorization")
    sent = stage.left[-1]
    stage.restart()
    assert sent in stage.fresh


@pytest.mark.parametrize("is_asserted", [False, True])
def test_a_line_may_assert_who_calls(is_asserted: bool) -> None:
    (plain,) = CONFIG.lines
    stage = Stage(replace(CONFIG, lines=(replace(plain, asserted_identity=is_asserted),)))
    stage.register_line()
    stage.register()
    stage.proven("INVITE", "sip:0301234@127.0.0.1", body=OFFER)
    (out,) = (request(data) for data in stage.to(SERVER))
    said = ["<sip:4212@provider.test>"] if is_asserted else []
    assert out.all("p-asserted-identity") == said
    invites = stage.proven("INVITE", "sip:b@127.0.0.1", call_id="inside", body=OFFER)
    assert b"P-Asserted-Identity" not in b"".join(invites)
    stage.close()


@pytest.mark.parametrize(("method", "expected"), [("INFO", []), ("INVITE", [408])])
def test_nobody_is_told_that_it_is_too_late_but_who_invites(
    stage: Stage, method: str, expected: list[int]
) -> None:
    """RFC 4320 4.2: whoever asked anything else gives up by itself, at the same time as we."""
    ours, _ = stage.answered()
    stage.feed(caller(stage, method, cseq=2, to=ours.first("to"), body=OFFER), SERVER)
    stage.fresh = []
    stage.engine.failed(B, stage.at)
    stage.flush()
    assert codes(stage.to(SERVER)) == expected
