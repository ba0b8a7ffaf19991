"""After a restart: transactions come back from the log and nothing leaves unasked."""

import pytest

from adapters.sip.message import Flow
from adapters.sip.transaction import ClientTransaction, ServerTransaction, State
from tests.sip.clockwork import (
    PATIENCE,
    T1,
    T4,
    TCP,
    UDP,
    Clockwork,
    a_request,
    answer_data,
    request_data,
)

each_flow = pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])


@pytest.fixture
def clock() -> Clockwork:
    return Clockwork()


def resumed_client(
    clock: Clockwork, method: str, flow: Flow = UDP, proceeding: bool = False, send: bool = False
) -> ClientTransaction:
    branch = "z9hG4bK-ours"
    data = request_data(method, branch)
    return clock.layer.resume_client(
        branch, method, data, flow, "the user", clock.now, proceeding=proceeding, send=send
    )


def resumed_server(
    clock: Clockwork, method: str, code: int, flow: Flow = UDP, acked: bool = False
) -> ServerTransaction:
    request = a_request(method)
    data = answer_data(request, code) if code else b""
    return clock.layer.resume_server(request, flow, clock.now, code, data, acked=acked)


@pytest.mark.parametrize("send", [False, True])
def test_an_invite_goes_on_as_if_just_sent(clock: Clockwork, send: bool) -> None:
    invite = resumed_client(clock, "INVITE", send=send)
    assert clock.note() == ["INVITE"] * send
    clock.wait(until=2.0)
    assert clock.times("INVITE") == [0.0] * send + [0.5, 1.5]
    assert clock.answer(invite, 486) is invite
    clock.wait(until=2.0)
    assert clock.times("ACK") == [2.0]


@each_flow
def test_a_ringing_invite_is_not_repeated(clock: Clockwork, flow: Flow) -> None:
    invite = resumed_client(clock, "INVITE", flow, proceeding=True)
    assert invite.state is State.PROCEEDING
    clock.wait(until=500.0)
    assert (clock.left, clock.ended) == ([], [])
    assert clock.answer(invite, 200) is invite
    clock.wait()
    assert len(clock.layer) == 0


def test_a_bye_that_was_answered_100_is_repeated_every_t2(clock: Clockwork) -> None:
    resumed_client(clock, "BYE", proceeding=True, send=True)
    clock.wait()
    assert clock.times("BYE") == [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0]
    assert clock.bad_news() == [(PATIENCE, "timeout")]


def test_over_tcp_a_resumed_request_only_waits(clock: Clockwork) -> None:
    resumed_client(clock, "BYE", TCP, proceeding=True)
    clock.wait()
    assert clock.left == []
    assert clock.bad_news() == [(PATIENCE, "timeout")]


def test_a_request_without_an_answer_yet_is_known_again(clock: Clockwork) -> None:
    invite = resumed_server(clock, "INVITE", 0)
    assert clock.hear(a_request("INVITE")) is None
    assert clock.note() == []
    assert clock.layer.find_invite(a_request("CANCEL")) is invite
    clock.respond(invite, 180)
    assert clock.note() == ["180"]


def test_a_ringing_call_hears_its_180_again(clock: Clockwork) -> None:
    resumed_server(clock, "INVITE", 180)
    assert clock.note() == []
    assert clock.hear(a_request("INVITE")) is None
    assert clock.note() == ["180"]


@each_flow
def test_a_2xx_without_its_ack_is_repeated_again(clock: Clockwork, flow: Flow) -> None:
    invite = resumed_server(clock, "INVITE", 200, flow)
    clock.wait(until=2.0)
    assert clock.times("200") == [0.5, 1.5]
    clock.layer.acknowledged(invite)
    clock.wait()
    assert clock.times("200") == [0.5, 1.5]
    assert clock.bad_news() == []


def test_a_2xx_that_was_acknowledged_only_absorbs(clock: Clockwork) -> None:
    resumed_server(clock, "INVITE", 200, acked=True)
    assert clock.hear(a_request("INVITE")) is None
    clock.wait()
    assert (clock.left, clock.ended, clock.now) == ([], [], PATIENCE)


def test_a_refusal_is_repeated_until_its_ack(clock: Clockwork) -> None:
    resumed_server(clock, "INVITE", 486)
    clock.wait(until=1.0)
    assert clock.times("486") == [T1]
    assert clock.hear(a_request("ACK", to_tag="to")) is None
    clock.wait()
    assert clock.times("486") == [T1]
    assert clock.now == 1.0 + T4


def test_an_acknowledged_refusal_absorbs_for_timer_i(clock: Clockwork) -> None:
    resumed_server(clock, "INVITE", 486, acked=True)
    assert clock.hear(a_request("ACK", to_tag="to")) is None
    clock.wait()
    assert (clock.left, clock.now) == ([], T4)
    resumed_server(clock, "INVITE", 486, TCP, acked=True)
    assert len(clock.layer) == 0


def test_an_answered_bye_is_answered_alike(clock: Clockwork) -> None:
    resumed_server(clock, "BYE", 200)
    assert clock.note() == []
    assert clock.hear(a_request("BYE")) is None
    assert clock.note() == ["200"]
    clock.wait()
    assert clock.now == PATIENCE
