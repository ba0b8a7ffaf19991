"""The four transactions, timer by timer (RFC 3261 17, RFC 6026).

The names in brackets are the test purposes of ETSI TS 102 027-2 that a test covers.
"""

import pytest

from adapters.sip.message import Flow, Response, parse
from adapters.sip.transaction import State
from tests.sip.clockwork import (
    PATIENCE,
    T4,
    TCP,
    UDP,
    Clockwork,
    a_request,
    an_answer,
    answer_data,
    request_data,
)

DOUBLING = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
CAPPED = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
each_flow = pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
OTHERS = ["BYE", "CANCEL", "REGISTER", "OPTIONS", "MESSAGE", "UPDATE"]


@pytest.fixture
def clock() -> Clockwork:
    return Clockwork()


# -- INVITE client (17.1.1) --------------------------------------------------------


def test_an_unanswered_invite_is_repeated_and_given_up(clock: Clockwork) -> None:
    """Timers A and B [CC_OE_CE_TI_001, 002, 005 to 007; PR_TR_CL_TI_001, 002, 005]."""
    invite = clock.ask("INVITE")
    clock.wait()
    assert clock.times("INVITE") == DOUBLING
    assert clock.bad_news() == [(PATIENCE, "timeout")]
    assert clock.ended[0][1].transaction is invite
    assert invite.owner == "the user"
    assert len(clock.layer) == 0
    assert len({data for _, data in clock.datagrams}) == 1, "a repetition has the same bytes"


def test_over_tcp_nothing_is_repeated_but_b_runs(clock: Clockwork) -> None:
    """[CC_OE_CE_TI_003]"""
    clock.ask("INVITE", TCP)
    clock.wait()
    assert clock.times("INVITE") == [0.0]
    assert clock.bad_news() == [(PATIENCE, "timeout")]


@pytest.mark.parametrize("code", [100, 180, 183, 199])
def test_a_provisional_ends_the_repetition(clock: Clockwork, code: int) -> None:
    """[CC_OE_CE_TI_004, CC_OE_CE_V_009 to 012; PR_TR_CL_TI_003, 004]"""
    invite = clock.ask("INVITE")
    clock.wait(until=1.0)
    assert clock.answer(invite, code) is invite
    assert invite.state is State.PROCEEDING
    clock.wait(until=1000.0)
    assert clock.times("INVITE") == [0.0, 0.5]
    assert clock.bad_news() == []
    assert clock.layer.next_deadline() is None
    assert clock.answer(invite, code) is invite, "each provisional goes up"


def test_a_refusal_is_acknowledged_as_often_as_it_comes(clock: Clockwork) -> None:
    """Timer D over UDP [CC_OE_CE_TI_008, 009; CC_OE_CE_V_032 to 038; PR_TR_CL_V_010]."""
    invite = clock.ask("INVITE")
    assert clock.answer(invite, 486) is invite
    assert clock.note() == ["INVITE", "ACK"]
    for at in (0.5, 1.5, 31.9):
        clock.wait(until=at)
        assert clock.answer(invite, 486) is None
        assert clock.note() == ["ACK"]
    assert clock.answer(invite, 180) is None
    assert clock.answer(invite, 200) is None
    assert clock.note() == [], "a provisional or 2xx after a refusal is nobody's"
    clock.wait(until=32.0)
    assert len(clock.layer) == 0
    assert clock.answer(invite, 486) is None
    assert clock.note() == []
    assert clock.layer.absorbed == {"repeated-response": 5, "stray-response": 1}
    assert clock.bad_news() == []


def test_over_tcp_a_refusal_ends_it_at_once(clock: Clockwork) -> None:
    """[CC_OE_CE_TI_010]"""
    invite = clock.ask("INVITE", TCP)
    assert clock.answer(invite, 603) is invite
    assert clock.note() == ["INVITE", "ACK"]
    assert len(clock.layer) == 0
    clock.wait()
    assert clock.bad_news() == []


@each_flow
def test_each_2xx_goes_up_until_timer_m(clock: Clockwork, flow: Flow) -> None:
    """RFC 6026 7.2 [CC_OE_CE_TI_011, 012; CC_OE_CE_V_019 to 023]."""
    invite = clock.ask("INVITE", flow)
    clock.answer(invite, 180)
    clock.now = 3.0
    assert clock.answer(invite, 200, "first") is invite
    assert invite.state is State.ACCEPTED
    assert clock.note() == ["INVITE"], "the ACK of a 2xx is the user's"
    assert clock.answer(invite, 200, "first") is invite
    assert clock.answer(invite, 200, "another-phone") is invite
    assert clock.answer(invite, 180) is None
    assert clock.answer(invite, 486) is None
    clock.wait(until=34.9)
    assert clock.answer(invite, 200) is invite
    clock.wait(until=35.0)
    assert len(clock.layer) == 0
    assert clock.answer(invite, 200) is None
    assert clock.bad_news() == []


def test_a_cancelled_invite_without_487_ends(clock: Clockwork) -> None:
    """RFC 3261 9.1 [CC_OE_CR_TI_008; PR_TR_CL_TI_019]."""
    invite = clock.ask("INVITE")
    clock.answer(invite, 180)
    clock.wait(until=10.0)
    cancel = clock.ask("CANCEL")
    clock.layer.give_up_after_cancel("z9hG4bK-ours", clock.now)
    assert clock.answer(cancel, 200) is cancel
    assert clock.answer(invite, 180) is invite, "crossed the CANCEL; the end stays where it is"
    clock.wait()
    assert clock.bad_news() == [(10.0 + PATIENCE, "timeout")]
    assert len(clock.layer) == 0


def test_give_up_after_cancel_changes_nothing_before_a_provisional(clock: Clockwork) -> None:
    clock.ask("INVITE")
    clock.wait(until=20.0)
    clock.layer.give_up_after_cancel("z9hG4bK-ours", clock.now)
    clock.wait()
    assert clock.bad_news() == [(PATIENCE, "timeout")]


def test_a_487_in_time_stops_giving_up(clock: Clockwork) -> None:
    invite = clock.ask("INVITE", TCP)
    clock.answer(invite, 180)
    clock.layer.give_up_after_cancel("z9hG4bK-ours", clock.now)
    assert clock.answer(invite, 487) is invite
    clock.layer.give_up_after_cancel("z9hG4bK-ours", clock.now)
    clock.wait()
    assert clock.bad_news() == []


# -- Other client (17.1.2) ---------------------------------------------------------


@pytest.mark.parametrize("method", OTHERS)
def test_an_unanswered_request_is_repeated_and_given_up(clock: Clockwork, method: str) -> None:
    """Timers E and F [CC_OE_CR_TI_001 to 005; RG_RT_TI_001 to 004; PR_TR_CL_TI_012 to 016]."""
    clock.ask(method)
    clock.wait()
    assert clock.times(method) == CAPPED
    assert clock.bad_news() == [(PATIENCE, "timeout")]
    assert len(clock.layer) == 0


def test_after_a_provisional_a_request_is_repeated_every_t2(clock: Clockwork) -> None:
    """The timer E that runs goes on; from then on T2 [CC_OE_CR_TI_006, RG_RT_TI_005, 006]."""
    bye = clock.ask("BYE")
    clock.wait(until=0.75)
    assert clock.answer(bye, 100) is bye
    clock.wait()
    assert clock.times("BYE") == [0.0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert clock.bad_news() == [(PATIENCE, "timeout")]


@pytest.mark.parametrize("code", [200, 302, 401, 404, 500, 603])
def test_late_finals_are_absorbed_until_timer_k(clock: Clockwork, code: int) -> None:
    """[CC_OE_CR_TI_007; RG_RT_TI_007; PR_TR_CL_TI_017, 018]"""
    register = clock.ask("REGISTER")
    clock.wait(until=1.0)
    assert clock.answer(register, code) is register
    for at in (1.5, 5.9):
        clock.wait(until=at)
        assert clock.answer(register, code) is None
    clock.wait(until=1.0 + T4)
    assert len(clock.layer) == 0
    assert clock.times("REGISTER") == [0.0, 0.5]
    assert "ACK" not in [word for _, word in clock.left]
    assert clock.bad_news() == []


def test_over_tcp_a_request_goes_once_and_a_final_ends_it(clock: Clockwork) -> None:
    bye = clock.ask("BYE", TCP)
    clock.wait(until=20.0)
    assert clock.times("BYE") == [0.0]
    assert clock.answer(bye, 200) is bye
    assert len(clock.layer) == 0
    clock.ask("BYE", TCP, branch="z9hG4bK-more")
    clock.wait()
    assert clock.bad_news() == [(20.0 + PATIENCE, "timeout")]


# -- Responses that are for nobody -------------------------------------------------


def test_strays_are_counted_and_dropped(clock: Clockwork) -> None:
    """Matched by branch and CSeq method (17.1.3); several Vias are not ours (8.1.3.3)
    [CC_OE_CE_V_015]."""
    invite = clock.ask("INVITE")
    other = request_data("INVITE", "z9hG4bK-others")
    assert clock.layer.receive_response(an_answer(other, 200), 0.0) is None
    cancel = request_data("CANCEL", "z9hG4bK-ours")
    assert clock.layer.receive_response(an_answer(cancel, 200), 0.0) is None
    below = ("Via", "SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK-below")
    two = request_data("INVITE", "z9hG4bK-one", more=(below,))
    clock.ask("INVITE", branch="z9hG4bK-one")
    assert clock.layer.receive_response(an_answer(two, 200), 0.0) is None
    one_line = answer_data(two, 200).replace(b"one\r\nVia: ", b"one, ")
    joined = parse(one_line)
    assert isinstance(joined, Response)
    assert len(joined.all("via")) == 1
    assert clock.layer.receive_response(joined, 0.0) is None
    assert invite.state is State.CALLING
    assert clock.layer.absorbed == {"stray-response": 2, "several-vias": 2}


def test_cancel_and_its_invite_share_a_branch_only(clock: Clockwork) -> None:
    invite, cancel = clock.ask("INVITE"), clock.ask("CANCEL")
    assert clock.answer(cancel, 200) is cancel
    assert clock.answer(invite, 487) is invite


# -- INVITE server (17.2.1) --------------------------------------------------------


def test_a_repeated_invite_hears_the_last_provisional(clock: Clockwork) -> None:
    """[PR_TR_SE_V_006 to 011]"""
    invite = clock.heard(a_request("INVITE"))
    assert invite.is_invite
    assert clock.hear(a_request("INVITE")) is None
    assert clock.note() == [], "there is nothing to say yet"
    for code in (100, 180, 183):
        clock.respond(invite, code)
        assert clock.hear(a_request("INVITE")) is None
        assert clock.note() == [str(code), str(code)]
    assert clock.layer.next_deadline() is None, "how long it may ring is not decided here"
    assert clock.layer.absorbed == {"repeated-request": 4}


def test_a_refusal_is_repeated_until_timer_h(clock: Clockwork) -> None:
    """Timers G and H [CC_TE_CE_TI_001, 002, 005, 006; PR_TR_SE_TI_001, 002, 005, 006]."""
    invite = clock.heard(a_request("INVITE"))
    clock.respond(invite, 486)
    clock.wait()
    assert clock.times("486") == CAPPED
    assert clock.bad_news() == [(PATIENCE, "no-ack")]
    assert clock.ended[0][1].transaction is invite
    assert len(clock.layer) == 0


def test_over_tcp_a_refusal_is_said_once(clock: Clockwork) -> None:
    """[CC_TE_CE_TI_003; PR_TR_SE_TI_003]"""
    invite = clock.heard(a_request("INVITE"), TCP)
    clock.respond(invite, 486)
    clock.wait()
    assert clock.times("486") == [0.0]
    assert clock.bad_news() == [(PATIENCE, "no-ack")]


def test_the_ack_ends_the_repetition_and_late_ones_are_absorbed(clock: Clockwork) -> None:
    """Timer I [CC_TE_CE_TI_004, 007, 008; PR_TR_SE_TI_004, 007, 008; PR_TR_SE_V_024 to 026]."""
    invite = clock.heard(a_request("INVITE"))
    clock.respond(invite, 480)
    clock.wait(until=1.0)
    assert clock.hear(a_request("INVITE")) is None
    assert clock.note() == ["480"], "a repeated INVITE hears the final"
    assert clock.hear(a_request("ACK", to_tag="to")) is None
    assert invite.state is State.CONFIRMED
    assert clock.hear(a_request("ACK", to_tag="to")) is None
    assert clock.hear(a_request("INVITE")) is None
    clock.wait(until=1.0 + T4)
    assert clock.note() == []
    assert clock.times("480") == [0.0, 0.5, 1.0]
    assert len(clock.layer) == 0
    assert clock.bad_news() == []


def test_over_tcp_the_ack_ends_it_at_once(clock: Clockwork) -> None:
    invite = clock.heard(a_request("INVITE"), TCP)
    clock.respond(invite, 480)
    assert clock.hear(a_request("ACK"), TCP) is None
    assert len(clock.layer) == 0
    clock.wait()
    assert clock.bad_news() == []


@each_flow
def test_a_2xx_is_repeated_over_any_transport_until_acknowledged(
    clock: Clockwork, flow: Flow
) -> None:
    """RFC 3261 13.3.1.4 [CC_TE_CE_TI_009, 010]."""
    invite = clock.heard(a_request("INVITE"), flow)
    clock.respond(invite, 180)
    clock.respond(invite, 200)
    clock.wait(until=12.0)
    assert clock.hear(a_request("INVITE"), flow) is None
    assert clock.note() == [], "RFC 6026 7.1: absorbed, the repetition goes by its own time"
    ack = clock.heard(a_request("ACK", "z9hG4bK-ack", to_tag="to"), flow)
    assert ack.state is State.ACK
    clock.layer.acknowledged(invite)
    clock.wait(until=31.0)
    assert clock.hear(a_request("INVITE"), flow) is None, "no second call"
    clock.wait()
    assert clock.times("200") == CAPPED[:6]
    assert clock.bad_news() == []
    assert len(clock.layer) == 0
    assert clock.now == PATIENCE, "timer L"


@each_flow
def test_a_2xx_without_ack_is_told(clock: Clockwork, flow: Flow) -> None:
    """[CC_TE_CE_TI_011, 012]"""
    invite = clock.heard(a_request("INVITE"), flow)
    clock.respond(invite, 200)
    clock.wait()
    assert clock.times("200") == CAPPED
    assert clock.bad_news() == [(PATIENCE, "no-ack")]
    assert clock.ended[0][1].transaction is invite
    clock.layer.acknowledged(invite)  # Too late, and harmless.
    assert clock.layer.next_deadline() is None


def test_only_the_first_final_counts(clock: Clockwork) -> None:
    for first, second in ((486, 200), (200, 486), (200, 180)):
        invite = clock.heard(a_request("INVITE", f"z9hG4bK-{first}{second}"))
        clock.respond(invite, first)
        clock.respond(invite, second)
        assert clock.note() == [str(first)]


# -- Other server (17.2.2) ---------------------------------------------------------


@pytest.mark.parametrize("method", OTHERS)
def test_a_repeated_request_hears_the_same_answer(clock: Clockwork, method: str) -> None:
    """Timer J [CC_TE_CR_TI_001; PR_TR_SE_TI_009; PR_TR_SE_V_012 to 017]."""
    request = clock.heard(a_request(method))
    assert clock.hear(a_request(method)) is None
    assert clock.note() == []
    clock.respond(request, 100)
    assert clock.hear(a_request(method)) is None
    assert clock.note() == ["100", "100"]
    clock.wait(until=2.0)
    clock.respond(request, 200)
    clock.respond(request, 500)
    for at in (2.0, 33.9):
        clock.wait(until=at)
        assert clock.hear(a_request(method)) is None
    clock.wait(until=34.0)
    assert clock.times("200") == [2.0, 2.0, 33.9]
    assert len(clock.layer) == 0
    assert clock.bad_news() == []


def test_over_tcp_an_answer_ends_it_at_once(clock: Clockwork) -> None:
    request = clock.heard(a_request("BYE"), TCP)
    clock.respond(request, 200)
    assert len(clock.layer) == 0
    assert clock.heard(a_request("BYE"), TCP) is not request


def test_a_request_that_nobody_answers_is_forgotten(clock: Clockwork) -> None:
    clock.heard(a_request("OPTIONS"))
    clock.wait()
    assert clock.now == PATIENCE
    assert (clock.left, clock.ended, len(clock.layer)) == ([], [], 0)


def test_what_lingers_may_end_together(clock: Clockwork) -> None:
    """Up to a second late, and never early: one wake-up for all that end within it."""
    clock.layer.deadlines.grain = 1.0
    for number, at in enumerate((100.1, 100.5, 100.9)):
        clock.wait(until=at)
        clock.answer(clock.ask("BYE", branch=f"z9hG4bK-{number}"), 200)
    clock.wait(until=100.9 + T4)
    assert len(clock.layer) == 3
    assert clock.layer.next_deadline() == 106.0
    clock.wait(until=106.0)
    assert len(clock.layer) == 0
