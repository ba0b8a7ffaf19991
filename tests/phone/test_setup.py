"""How calls come about and do not: both ends of INVITE, CANCEL and ACK."""

import pytest

from adapters.phone.phone_call import (
    Ending,
    PhoneError,
    State,
    TermsAgreed,
    was_answered_elsewhere,
)
from adapters.sip.message import Request, parse, request_bytes
from core.events.orders import COMPLETED_ELSEWHERE
from tests.phone.exchange import OFFER, Peer, Phone

VIDEO = b"v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nm=video 9 RTP/AVP 96\r\n"


@pytest.fixture
def phone() -> Phone:
    return Phone(name="Kitchen")


@pytest.fixture
def peer(phone: Phone) -> Peer:
    return Peer(phone)


# -- The phone is called ---------------------------------------------------------------


def test_it_rings_and_shows_who_calls(phone: Phone, peer: Peer) -> None:
    peer.call(caller='"Jos\xc3\xa9" <sip:+4912@127.0.0.1>')
    assert peer.said() == ["180 INVITE"]
    ringing = peer.last_response()
    assert ringing.to_tag == "phone0-tag-1"
    assert ringing.first("contact") == "<sip:0@127.0.0.1:5060;transport=local>"
    call = phone.call()
    assert (call.direction, call.number, call.name) == ("in", "+4912", "José")
    assert call.state is State.RINGING
    assert not phone.asked  # No port is taken for a call that nobody answers.


@pytest.mark.parametrize("caller", ["<sip:a@b@c>", '"" <tel:5;x=1;x=2>'])
def test_a_caller_who_cannot_be_read_rings_too(phone: Phone, peer: Peer, caller: str) -> None:
    peer.call(caller=caller)
    assert peer.said() == ["180 INVITE"]
    assert phone.call().number == ""


def test_it_answers_and_sound_can_flow(phone: Phone, peer: Peer) -> None:
    peer.call()
    phone.agent.answer("1")
    assert peer.said() == ["180 INVITE", "200 INVITE"]
    answer = peer.last_response()
    assert b"m=audio 4002 RTP/AVP 0 101\r\n" in answer.body
    assert answer.first("content-type") == "application/sdp"
    assert phone.asked == [("1", "127.0.0.9")]
    [agreed] = phone.terms()
    assert (agreed.terms.law.name, agreed.terms.host, agreed.terms.port) == (
        "PCMU", "127.0.0.9", 9000,
    )  # fmt: skip
    peer.ack()
    assert peer.said() == []
    assert phone.states() == ["ringing", "talking"]


def test_an_invite_without_an_offer_gets_ours_and_its_ack_the_answer(
    phone: Phone, peer: Peer
) -> None:
    peer.call(body=b"")
    phone.agent.answer("1")
    peer.listen()
    assert b"m=audio 4002 RTP/AVP 8 0 101\r\n" in peer.last_response().body
    assert not phone.terms()
    peer.ack(OFFER)
    assert [one.terms.law.name for one in phone.terms()] == ["PCMU"]


def test_an_ack_without_the_answer_that_was_due_ends_the_call(phone: Phone, peer: Peer) -> None:
    peer.call(body=b"")
    phone.agent.answer("1")
    peer.listen()
    peer.ack()
    assert peer.said() == ["BYE"]
    assert phone.call().ending is Ending.FAILED


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (COMPLETED_ELSEWHERE, Ending.ANSWERED_ELSEWHERE),
        ("Q.850;cause=26", Ending.ANSWERED_ELSEWHERE),
        ("", Ending.MISSED),
        ("SIP;cause=600", Ending.MISSED),
    ],
)
def test_a_call_that_is_cancelled_is_missed_unless_another_phone_has_it(
    phone: Phone, peer: Peer, reason: str, ending: Ending
) -> None:
    peer.call()
    peer.listen()
    peer.cancel(reason)
    assert peer.said() == ["200 CANCEL", "487 INVITE"]
    peer.request("ACK", cseq=11)
    assert peer.said() == []
    assert phone.call().ending is ending
    assert phone.call().is_missed == (ending is Ending.MISSED)
    assert phone.states() == ["ringing", "ended"]


def test_a_cancel_that_comes_after_the_answer_changes_nothing(phone: Phone, peer: Peer) -> None:
    peer.call()
    phone.agent.answer("1")
    peer.cancel()
    assert peer.said() == ["180 INVITE", "200 INVITE", "200 CANCEL"]
    assert phone.call().state is State.TALKING


def test_a_cancel_of_nothing_is_told_so(phone: Phone, peer: Peer) -> None:
    peer.call()
    phone.agent.decline("1")
    peer.listen()
    peer.call_id = "another"
    peer.cancel()
    assert peer.said() == ["481 CANCEL"]


def test_our_answer_that_crosses_the_cancel_is_released_as_answered_elsewhere(
    phone: Phone, peer: Peer
) -> None:
    peer.connect()
    peer.request("BYE", more=[("Reason", COMPLETED_ELSEWHERE)])
    assert peer.said() == ["200 BYE"]
    assert phone.call().ending is Ending.ANSWERED_ELSEWHERE


def test_a_bye_before_the_answer_ends_it_as_well(phone: Phone, peer: Peer) -> None:
    peer.call()
    peer.listen()
    peer.remote = peer.last_response().first("to")
    peer.request("BYE")
    assert peer.said() == ["200 BYE", "487 INVITE"]
    assert phone.call().ending is Ending.MISSED


@pytest.mark.parametrize("how", ["decline", "hang_up"])
def test_it_declines_as_busy_so_that_others_ring_on(phone: Phone, peer: Peer, how: str) -> None:
    peer.call()
    getattr(phone.agent, how)("1")
    assert peer.said() == ["180 INVITE", "486 INVITE"]
    assert phone.call().ending is Ending.DECLINED_HERE


def test_what_it_cannot_hear_is_refused_before_it_rings(phone: Phone, peer: Peer) -> None:
    peer.call(VIDEO)
    assert peer.said() == ["488 INVITE"]
    assert phone.states() == ["ended"]


def test_an_extension_that_is_required_is_refused_by_name(phone: Phone, peer: Peer) -> None:
    peer.call(more=[("Require", "100rel, timer")])
    assert peer.said() == ["420 INVITE"]
    assert peer.last_response().first("unsupported") == "100rel, timer"
    assert not phone.agent.calls


def test_an_invite_that_comes_twice_rings_once(phone: Phone, peer: Peer) -> None:
    peer.call()
    peer.call()
    assert peer.said() == ["180 INVITE"]
    assert phone.agent.drops == {"repeated-invite": 1}


def test_where_there_is_nowhere_to_hear_it_rings_on(phone: Phone, peer: Peer) -> None:
    def no_port(call: str, remote_host: str | None) -> tuple[str, int]:
        raise PhoneError("no port is left")

    phone.agent.media_for = no_port
    peer.call()
    peer.listen()
    with pytest.raises(PhoneError, match="no port is left"):
        phone.agent.answer("1")
    with pytest.raises(PhoneError, match="end it first"):
        phone.agent.call("7")
    assert peer.said() == []
    assert phone.call().state is State.RINGING


def test_it_hangs_up_no_sooner_than_its_answer_was_acknowledged(phone: Phone, peer: Peer) -> None:
    """RFC 3261 15."""
    peer.call()
    phone.agent.answer("1")
    phone.agent.hang_up("1")
    assert peer.said() == ["180 INVITE", "200 INVITE"]
    assert phone.call().ending is Ending.HUNG_UP
    peer.ack()
    assert peer.said() == ["BYE"]


# -- The phone calls -------------------------------------------------------------------


def test_it_calls_a_number(phone: Phone, peer: Peer) -> None:
    assert phone.agent.call(" *43# ") == "1"
    invite = peer.take_invite()
    assert invite.uri == "sip:*43%23@127.0.0.1"
    assert invite.first("from") == '"Kitchen" <sip:0@127.0.0.1>;tag=phone0-tag-1'
    assert invite.first("to") == "<sip:*43%23@127.0.0.1>"
    assert b"m=audio 4002 RTP/AVP 8 0 101\r\n" in invite.body
    peer.respond(invite, 100)
    assert phone.call().state is State.CALLING
    peer.respond(invite, 180)
    assert phone.call().state is State.RINGING
    peer.respond(invite, 200, OFFER)
    ack = peer.listen()[0]
    assert isinstance(ack, Request)
    assert (ack.method, ack.to_tag, ack.uri) == ("ACK", "peer", "sip:peer@exchange.invalid:5060")
    assert ack.cseq == invite.cseq
    assert phone.states() == ["calling", "ringing", "talking"]
    assert (phone.call().direction, phone.call().number) == ("out", "*43#")


def test_routes_are_kept_for_what_follows(phone: Phone, peer: Peer) -> None:
    phone.agent.call("5")
    routes = [("Record-Route", "<sip:a;lr>"), ("Record-Route", "<sip:b;lr>")]
    peer.respond(peer.take_invite(), 200, OFFER, routes)
    ack = peer.listen()[0]
    assert ack.all("route") == ["<sip:b;lr>", "<sip:a;lr>"]


def test_early_media_is_heard(phone: Phone, peer: Peer) -> None:
    phone.agent.call("5")
    invite = peer.take_invite()
    peer.respond(invite, 183, OFFER)
    assert isinstance(phone.happened[-1], TermsAgreed)
    assert phone.call().state is State.CALLING
    peer.respond(invite, 183, VIDEO)
    peer.respond(invite, 200)  # What was answered in the 183 counts.
    assert phone.call().state is State.TALKING
    assert len(phone.terms()) == 2


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (486, Ending.BUSY),
        (600, Ending.BUSY),
        (404, Ending.NO_SUCH_NUMBER),
        (480, Ending.NO_ANSWER),
        (403, Ending.DECLINED),
        (503, Ending.FAILED),
        (302, Ending.FAILED),
    ],
)
def test_a_refusal_is_acknowledged_and_understood(
    phone: Phone, peer: Peer, code: int, ending: Ending
) -> None:
    phone.agent.call("5")
    invite = peer.take_invite()
    peer.respond(invite, code)
    [ack] = peer.listen()
    assert (ack.method, ack.via.branch, ack.to_tag) == ("ACK", invite.via.branch, "peer")
    assert (phone.call().ending, phone.call().code) == (ending, code)
    peer.respond(invite, code)
    assert peer.said() == []


def test_nothing_is_cancelled_before_a_provisional(phone: Phone, peer: Peer) -> None:
    """RFC 3261 9.1."""
    phone.agent.call("5")
    invite = peer.take_invite()
    phone.agent.hang_up("1")
    assert peer.said() == []
    assert phone.call().ending is Ending.CANCELLED
    peer.respond(invite, 100)
    peer.respond(invite, 180)
    [cancel] = peer.listen()
    assert (cancel.method, cancel.via.branch, cancel.cseq) == (
        "CANCEL", invite.via.branch, invite.cseq,
    )  # fmt: skip
    peer.respond(peer.last_request("CANCEL"), 200)
    peer.respond(invite, 487)
    assert peer.said() == ["ACK"]
    assert phone.states() == ["calling", "ended"]


def test_an_answer_that_crosses_the_cancel_is_released(phone: Phone, peer: Peer) -> None:
    phone.agent.call("5")
    invite = peer.take_invite()
    peer.respond(invite, 180)
    phone.agent.hang_up("1")
    peer.respond(invite, 200, OFFER)
    assert peer.said() == ["CANCEL", "ACK", "BYE"]
    assert phone.call().ending is Ending.CANCELLED
    assert not phone.terms()


@pytest.mark.parametrize("body", [b"", VIDEO])
def test_an_answer_without_sound_is_released(phone: Phone, peer: Peer, body: bytes) -> None:
    phone.agent.call("5")
    peer.respond(peer.take_invite(), 200, body)
    assert peer.said() == ["ACK", "BYE"]
    assert (phone.call().ending, phone.call().code) == (Ending.FAILED, 488)


def deliver(here: Phone, there: Phone) -> None:
    while sent := [(there, one) for one in here.agent.take_out()] + [
        (here, one) for one in there.agent.take_out()
    ]:
        for to, data in sent:
            to.agent.receive(data)


def test_two_phones_understand_each_other() -> None:
    here, there = Phone("0"), Phone("3")
    here.agent.call("3")
    deliver(here, there)
    assert there.call().number == "0"
    there.agent.answer("1")
    deliver(here, there)
    there.agent.hold("1")
    deliver(here, there)
    assert here.call().is_held_by_peer
    here.agent.hold("1")
    deliver(here, there)
    assert not here.terms()[-1].terms.speaks
    here.agent.resume("1")
    deliver(here, there)
    there.agent.resume("1")
    deliver(here, there)
    for phone in (here, there):
        assert phone.terms()[-1].terms.speaks
        assert phone.terms()[-1].terms.listens
    there.agent.hang_up("1")
    deliver(here, there)
    assert here.call().ending is Ending.PEER_HUNG_UP
    assert not here.agent.drops + there.agent.drops


def test_offers_of_two_phones_that_cross_are_made_one_after_the_other() -> None:
    here, there = Phone("0"), Phone("3")
    here.agent.call("3")
    deliver(here, there)
    there.agent.answer("1")
    deliver(here, there)
    here.agent.hold("1")
    there.agent.hold("1")
    deliver(here, there)
    assert [here.call().state, there.call().state] == [State.TALKING] * 2
    here.agent.retry()
    there.agent.retry()
    deliver(here, there)
    assert [here.call().state, there.call().state] == [State.HELD] * 2


@pytest.mark.parametrize(
    ("reason", "elsewhere"),
    [
        ('SIP ; cause = 200 ; text="a, b; c"', True),
        ("sip;text=x;cause=200", True),
        ("Preemption;cause=1, Q.850;cause=26", True),
        ("SIP;cause=2000", False),
        ("Q.850;cause=200", False),
        (";;;", False),
    ],
)
def test_reasons_are_read_in_any_spelling(reason: str, elsewhere: bool) -> None:
    headers = [
        ("Via", "SIP/2.0/LOCAL a;branch=z9hG4bK1"),
        ("From", "<sip:a@b>;tag=1"),
        ("To", "<sip:a@b>"),
        ("Call-ID", "1"),
        ("CSeq", "1 CANCEL"),
        ("Reason", reason),
    ]
    request = parse(request_bytes("CANCEL", "sip:a@b", headers))
    assert isinstance(request, Request)
    assert was_answered_elsewhere(request) is elsewhere
