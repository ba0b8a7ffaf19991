"""What is over leaves the memory, and nothing that is said of it later does any harm."""

from math import inf

import pytest

from adapters.sip.call_dialogs import REQUESTS_MOST
from adapters.sip.forgetting import forget_ended, forget_later
from adapters.sip.message import Request
from adapters.sip.surroundings import SECOND_NS
from core.machines.call import Call, Phase
from tests.sip.messages import OFFER
from tests.sip.stage import SERVER, Stage, answer, codes, flow_of, methods, request, responses
from tests.sip.test_calls import bye as bye_of

ACCOUNT = "sip:4212@127.0.0.1"
B = flow_of("b")
LONG_S = 200


def caller(stage: Stage, method: str, cseq: int, body: bytes = b"") -> list[bytes]:
    """In the dialog that the call has with him."""
    to = request(stage.acked).first("to")
    data = stage.request(method, ACCOUNT, user="7000", call_id="call", cseq=cseq, to=to, body=body)
    return stage.feed(data, SERVER)


def asked(stage: Stage) -> Request:
    """What phone b has just been asked."""
    return request(stage.to(B)[-1])


def call(stage: Stage) -> Call:
    (stream,) = stage.engine.exchange.calls.open
    return stage.engine.exchange.calls.state(stream)


def hang_up(stage: Stage) -> None:
    caller(stage, "BYE", 9)
    stage.feed(answer(asked(stage), 200), B)


def test_what_was_said_long_ago_and_is_said_again_is_another_call(stage: Stage) -> None:
    stage.answered()
    hang_up(stage)
    stage.wait(LONG_S)
    assert not stage.engine.exchange.calls.by_invite
    again = stage.request("INVITE", ACCOUNT, user="7000", call_id="call", body=OFFER)
    assert methods(stage.feed(again, SERVER)[1:]) == ["INVITE"] * 3
    stage.restart()
    merged = stage.request("INVITE", ACCOUNT, user="7000", call_id="call", body=OFFER)
    assert codes(stage.feed(merged, SERVER)) == [482]
    assert call(stage).phase is Phase.RINGING


def test_a_request_that_is_never_answered_after_its_100_is_given_up(stage: Stage) -> None:
    stage.answered()
    caller(stage, "INVITE", 2, OFFER)
    stage.feed(answer(asked(stage), 100), B)
    stage.wait(150)
    assert call(stage).passed
    stage.wait(40)
    assert codes(stage.to(SERVER))[0] == 408
    caller(stage, "ACK", 2)
    assert not call(stage).passed
    assert call(stage).phase is Phase.TALKING


def test_so_it_is_after_a_start(stage: Stage) -> None:
    stage.answered()
    caller(stage, "INVITE", 2, OFFER)
    asked_for = asked(stage)
    stage.restart()
    stage.feed(answer(asked_for, 100), B)
    stage.wait(LONG_S)
    assert not call(stage).passed


def test_one_that_outlives_its_call_has_nobody_to_tell(stage: Stage) -> None:
    stage.answered()
    caller(stage, "INVITE", 2, OFFER)
    stage.feed(answer(asked(stage), 100), B)
    hang_up(stage)
    stage.wait(100)
    assert not stage.engine.exchange.calls.open
    stage.engine.failed(B, stage.at)
    stage.wait(LONG_S)
    assert not any(stream.startswith("call:") for stream in stage.engine.house.board.states)


def test_a_call_of_hours_keeps_no_request_that_is_over(stage: Stage) -> None:
    stage.answered()
    for number in range(2, 3 * REQUESTS_MOST):
        caller(stage, "INFO", number)
        stage.feed(answer(asked(stage), 200), B)
        stage.wait(60)
    (dialogs,) = stage.engine.exchange.calls.open.values()
    assert len(dialogs.requests) <= REQUESTS_MOST
    assert len(stage.engine.exchange.calls.answering) <= REQUESTS_MOST
    assert codes(caller(stage, "INFO", 2)) == [500]


def test_who_hangs_up_before_his_ack_hears_no_2xx_any_more(stage: Stage) -> None:
    """RFC 5407 3.1.6."""
    invites = stage.ring()
    stage.feed(answer(invites[1], 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    to = next(ours for ours in responses(stage.to(SERVER)) if ours.code == 200).first("to")
    bye = stage.request("BYE", ACCOUNT, user="7000", call_id="call", cseq=2, to=to)
    assert codes(stage.feed(bye, SERVER)) == [200]
    stage.wait(LONG_S)
    assert codes(stage.to(SERVER)) == []


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_change_that_nobody_acknowledges_is_over_some_time(stage: Stage, is_killed: bool) -> None:
    """Else there would be an offer under way for ever, and every other one refused."""
    stage.answered()
    caller(stage, "INVITE", 2, OFFER)
    stage.feed(answer(asked(stage), 200, body=OFFER), B)
    if is_killed:
        stage.restart()
    stage.wait(30)
    assert call(stage).passed
    stage.wait(5)
    assert not call(stage).passed
    caller(stage, "INVITE", 3, OFFER)
    assert asked(stage).method == "INVITE"


def test_an_answer_to_an_invite_that_was_challenged_since_is_none(stage: Stage) -> None:
    """Else the one that is under way would wait for its own for ever."""
    stage.register_line()
    stage.register()
    stage.proven("INVITE", "sip:0301234@127.0.0.1", body=OFFER)
    (out,) = (request(data) for data in stage.to(SERVER))
    asked_for = 'Digest realm="provider.test", nonce="n1", qop="auth"'
    again = stage.feed(answer(out, 401, [("WWW-Authenticate", asked_for)]), SERVER)[1]
    accepted = [("Contact", "<sip:0301234@127.0.0.2>")]
    assert stage.feed(answer(out, 200, accepted, OFFER), SERVER) == []
    assert methods(stage.feed(answer(again, 200, accepted, OFFER), SERVER)) == ["ACK"]


def answered_and_settled(stage: Stage) -> list[Request]:
    """Those that rang with phone b have said their last word."""
    _, invites = stage.answered()
    for invite, phone in ((invites[0], "a"), (invites[2], "c")):
        stage.feed(answer(invite, 487), flow_of(phone))
    stage.to(SERVER)
    return invites


def test_an_ended_call_keeps_nothing_that_it_was_asked(stage: Stage) -> None:
    """Its peers may repeat themselves: each hears again what it has heard, and no more is kept."""
    answered_and_settled(stage)
    to = request(stage.acked).first("to")
    bye = stage.request("BYE", ACCOUNT, user="7000", call_id="call", cseq=9, to=to)
    (ours,) = (said for said in stage.feed(bye, SERVER) if said.startswith(b"SIP/2.0 200"))
    stage.feed(answer(asked(stage), 200), B)
    (dialogs,) = stage.engine.exchange.calls.open.values()
    assert call(stage).phase is Phase.ENDED
    assert not dialogs.requests
    assert not stage.engine.exchange.calls.answering
    transactions = stage.engine.around.transactions
    assert not any(hasattr(server, "request") for server in transactions._servers.values())
    assert not any(client.data for client in transactions._clients.values())
    assert stage.feed(bye, SERVER) == [ours]
    assert stage.feed(stage.invite, SERVER) == []
    assert stage.feed(stage.acked, SERVER) == []


def test_an_ended_call_still_hears_the_ack_that_it_waits_for(stage: Stage) -> None:
    """Phone b hangs up, and the caller has not heard yet how his change was answered."""
    invites = answered_and_settled(stage)
    caller(stage, "INVITE", 2, OFFER)
    stage.feed(answer(asked(stage), 200, body=OFFER), B)
    stage.feed(bye_of(stage, invites[1]), B)
    stage.feed(answer(request(stage.to(SERVER)[-1]), 200), SERVER)
    assert call(stage).phase is Phase.ENDED
    for _ in range(2):
        stage.wait(5)
        assert set(codes(stage.to(SERVER))) == {200}
    caller(stage, "ACK", 2)
    stage.wait(LONG_S)
    assert not stage.to(SERVER)
    assert not stage.engine.exchange.calls.answering


def test_an_ack_before_the_answer_is_none_to_it(stage: Stage) -> None:
    """The answer is repeated, so the call that has ended still hears the ACK that comes then."""
    invites = answered_and_settled(stage)
    caller(stage, "INVITE", 2, OFFER)
    asks = asked(stage)
    caller(stage, "ACK", 2)
    stage.feed(answer(asks, 200, body=OFFER), B)
    stage.feed(bye_of(stage, invites[1]), B)
    stage.feed(answer(request(stage.to(SERVER)[-1]), 200), SERVER)
    assert call(stage).phase is Phase.ENDED
    stage.wait(5)
    assert set(codes(stage.to(SERVER))) == {200}
    caller(stage, "ACK", 2)
    stage.wait(LONG_S)
    assert not stage.to(SERVER)


def test_those_that_end_about_the_same_time_are_forgotten_together(stage: Stage) -> None:
    calls = stage.engine.exchange.calls
    for stream, ended_at in (("call:2", 11), ("call:1", 3), ("call:3", 4), ("call:4", 5)):
        forget_later(calls, stream, ended_at * SECOND_NS)
    assert calls.ended == {
        70 * SECOND_NS: ["call:1", "call:3", "call:4"],
        75 * SECOND_NS: ["call:2"],
    }
    assert calls.next_forgetting == 70 * SECOND_NS
    stage.engine.around.at = 74 * SECOND_NS
    forget_ended(calls)
    assert calls.next_forgetting == 75 * SECOND_NS
    stage.engine.around.at = 75 * SECOND_NS
    forget_ended(calls)
    assert (calls.ended, calls.next_forgetting) == ({}, inf)
