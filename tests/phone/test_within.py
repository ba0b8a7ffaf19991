"""What happens within a call: hold, other offers, digits, transfer, and its end."""

from urllib.parse import unquote

import pytest

from adapters.phone.phone_call import DigitHeard, DigitsDialled, Ending, State, TransferEnded
from adapters.phone.within import status_in
from adapters.sip.message import Request
from tests.phone.exchange import HOLDING, OFFER, Peer, Phone


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def peer(phone: Phone) -> Peer:
    """In a call with the phone, which it called."""
    peer = Peer(phone)
    peer.connect()
    phone.happened.clear()
    return peer


def direction_in(body: bytes) -> str:
    return body.decode().split("a=")[-1].strip()


# -- Hold ------------------------------------------------------------------------------


def test_hold_and_back(phone: Phone, peer: Peer) -> None:
    phone.agent.hold("1")
    invite = peer.take_invite()
    assert direction_in(invite.body) == "sendonly"
    assert (invite.uri, invite.to_tag) == ("sip:peer@exchange.invalid:5060", "peer")
    assert phone.call().state is State.TALKING  # Not before the other side has agreed.
    peer.respond(invite, 200, OFFER + b"a=recvonly\r\n")
    assert peer.said() == ["ACK"]
    assert phone.call().state is State.HELD
    assert phone.terms()[-1].terms.speaks
    assert not phone.terms()[-1].terms.listens
    phone.agent.resume("1")
    again = peer.take_invite()
    assert direction_in(again.body) == "sendrecv"
    peer.respond(again, 200, OFFER)
    assert phone.call().state is State.TALKING
    assert phone.terms()[-1].terms.listens


def test_the_other_side_holds(phone: Phone, peer: Peer) -> None:
    peer.request("INVITE", HOLDING)
    assert peer.said() == ["200 INVITE"]
    assert direction_in(peer.last_response().body) == "recvonly"
    assert phone.call().is_held_by_peer
    assert not phone.terms()[-1].terms.speaks
    peer.ack()
    phone.agent.hold("1")
    invite = peer.take_invite()
    assert direction_in(invite.body) == "inactive"
    peer.respond(invite, 200, OFFER + b"a=inactive\r\n")
    peer.request("INVITE", OFFER)
    peer.listen()
    assert direction_in(peer.last_response().body) == "sendonly"
    peer.ack()
    assert phone.call().state is State.HELD
    assert not phone.call().is_held_by_peer


def test_hold_waits_until_our_answer_is_acknowledged(phone: Phone) -> None:
    peer = Peer(phone)
    peer.call()
    phone.agent.answer("1")
    phone.agent.hold("1")
    assert peer.said() == ["180 INVITE", "200 INVITE"]
    peer.ack()
    assert direction_in(peer.take_invite().body) == "sendonly"


def test_two_wishes_in_a_row_are_asked_one_after_the_other(phone: Phone, peer: Peer) -> None:
    phone.agent.hold("1")
    invite = peer.take_invite()
    phone.agent.resume("1")
    assert peer.said() == []
    peer.respond(invite, 200, OFFER)
    assert peer.said() == ["ACK", "INVITE"]
    assert direction_in(peer.last_request("INVITE").body) == "sendrecv"


def test_offers_that_cross_are_refused_and_ours_comes_after(phone: Phone, peer: Peer) -> None:
    """RFC 3261 14.2."""
    phone.agent.hold("1")
    ours = peer.take_invite()
    peer.request("INVITE", OFFER)
    assert peer.said() == ["491 INVITE"]
    peer.respond(ours, 491)
    assert peer.said() == ["ACK"]
    assert phone.call().state is State.TALKING
    peer.request("UPDATE", OFFER)
    assert peer.said() == ["200 UPDATE", "INVITE"]
    peer.respond(peer.last_request("INVITE"), 200, OFFER)
    assert phone.call().state is State.HELD


def test_a_hold_that_is_refused_leaves_the_call_as_it_was(phone: Phone, peer: Peer) -> None:
    phone.agent.hold("1")
    peer.respond(peer.take_invite(), 488)
    assert peer.said() == ["ACK"]
    assert phone.call().state is State.TALKING
    phone.agent.hold("1")
    assert peer.said() == ["INVITE"]


@pytest.mark.parametrize("code", [481, 408])
def test_a_dialog_that_is_gone_ends_the_call(phone: Phone, peer: Peer, code: int) -> None:
    phone.agent.hold("1")
    peer.respond(peer.take_invite(), code)
    assert peer.said() == ["ACK", "BYE"]
    assert phone.call().ending is Ending.FAILED


def test_an_answer_without_sound_ends_the_call(phone: Phone, peer: Peer) -> None:
    phone.agent.hold("1")
    peer.respond(peer.take_invite(), 200)
    assert peer.said() == ["ACK", "BYE"]


def test_an_answer_that_comes_again_is_acknowledged_again(phone: Phone, peer: Peer) -> None:
    phone.agent.hold("1")
    invite = peer.take_invite()
    peer.respond(invite, 200, OFFER)
    peer.respond(invite, 200, OFFER)
    assert peer.said() == ["ACK", "ACK"]
    assert len(phone.terms()) == 1


# -- Other offers ----------------------------------------------------------------------


def test_a_re_invite_without_an_offer_gets_ours(phone: Phone, peer: Peer) -> None:
    peer.request("INVITE")
    peer.listen()
    assert b"m=audio 4002 RTP/AVP 8 0 101" in peer.last_response().body
    peer.ack(HOLDING)
    assert phone.call().is_held_by_peer


def test_the_sound_moves_with_an_offer(phone: Phone, peer: Peer) -> None:
    peer.request("UPDATE", OFFER.replace(b"9000", b"9100").replace(b"0 8 101", b"8"))
    assert peer.said() == ["200 UPDATE"]
    terms = phone.terms()[-1].terms
    assert (terms.port, terms.law.name, terms.events) == (9100, "PCMA", None)


def test_an_offer_that_cannot_be_taken_changes_nothing(phone: Phone, peer: Peer) -> None:
    peer.request("INVITE", OFFER.replace(b"RTP/AVP 0 8 101", b"RTP/AVP 18"))
    assert peer.said() == ["488 INVITE"]
    assert not phone.terms()
    assert phone.call().state is State.TALKING


def test_one_offer_at_a_time(phone: Phone, peer: Peer) -> None:
    peer.request("INVITE", OFFER)
    peer.request("INVITE", OFFER)
    assert peer.said() == ["200 INVITE", "500 INVITE"]
    assert peer.last_response().first("retry-after") == "1"


def test_an_update_without_a_body_refreshes_the_target(phone: Phone, peer: Peer) -> None:
    peer.request("UPDATE")
    assert peer.said() == ["200 UPDATE"]
    assert not peer.last_response().body
    assert not phone.happened


def test_requests_out_of_order_are_refused(phone: Phone, peer: Peer) -> None:
    peer.request("OPTIONS", cseq=5)
    assert peer.said() == ["500 OPTIONS"]
    peer.request("OPTIONS")
    assert peer.said() == ["200 OPTIONS"]


def test_what_it_does_not_know_is_refused_with_what_it_does(phone: Phone, peer: Peer) -> None:
    peer.request("MESSAGE", b"hello", content_type="text/plain")
    assert peer.said() == ["405 MESSAGE"]
    assert "NOTIFY" in peer.last_response().first("allow")


# -- Digits ----------------------------------------------------------------------------


def test_digits_are_for_whoever_sends_the_sound(phone: Phone, peer: Peer) -> None:
    phone.agent.dial_digits("1", "12#d")
    assert phone.told(DigitsDialled) == [DigitsDialled("1", "12#D")]


@pytest.mark.parametrize(
    ("body", "digits"),
    [
        (b"Signal= 5\r\nDuration=160\r\n", "5"),
        (b"signal=*", "*"),
        (b"Signal=12", ""),
        (b"Signal=x\xff", ""),
        (b"", ""),
    ],
)
def test_digits_in_info(phone: Phone, peer: Peer, body: bytes, digits: str) -> None:
    peer.request("INFO", body, content_type="application/dtmf-relay")
    assert peer.said() == ["200 INFO"]
    assert phone.told(DigitHeard) == [DigitHeard("1", digit) for digit in digits]


# -- Transfer --------------------------------------------------------------------------


def notify(peer: Peer, status: str, state: str = "active;expires=60") -> None:
    more = [("Event", "refer"), ("Subscription-State", state)]
    peer.request("NOTIFY", status.encode(), more, content_type="message/sipfrag")


def test_blind_transfer(phone: Phone, peer: Peer) -> None:
    phone.agent.transfer("1", "7")
    [refer] = peer.listen()
    assert isinstance(refer, Request)
    assert refer.first("refer-to") == "<sip:7@127.0.0.1>"
    assert refer.first("referred-by") == "<sip:0@127.0.0.1>"
    assert refer.first("contact") == "<sip:0@127.0.0.1:5060;transport=local>"
    assert phone.call().is_transferring
    peer.respond(refer, 202)
    notify(peer, "SIP/2.0 100 Trying")
    assert peer.said() == ["200 NOTIFY"]
    notify(peer, "SIP/2.0 200 OK", "terminated;reason=noresource")
    assert peer.said() == ["200 NOTIFY", "BYE"]
    assert phone.told(TransferEnded) == [TransferEnded("1", succeeded=True, code=200)]
    assert phone.call().ending is Ending.TRANSFERRED


def test_a_transfer_that_the_other_side_concludes(phone: Phone, peer: Peer) -> None:
    phone.agent.transfer("1", "7")
    peer.respond(peer.listen()[0], 202)  # type: ignore[arg-type]
    peer.request("BYE")
    assert phone.call().ending is Ending.TRANSFERRED


@pytest.mark.parametrize(
    ("status", "code"), [("SIP/2.0 486 Busy Here", 486), ("", 0), ("SIP/2.0 603 Decline", 603)]
)
def test_a_transfer_that_fails_leaves_the_call(
    phone: Phone, peer: Peer, status: str, code: int
) -> None:
    phone.agent.transfer("1", "7")
    peer.respond(peer.listen()[0], 202)  # type: ignore[arg-type]
    notify(peer, status, "terminated")
    assert peer.said() == ["200 NOTIFY"]
    assert phone.told(TransferEnded) == [TransferEnded("1", succeeded=False, code=code)]
    assert phone.call().state is State.TALKING
    assert not phone.call().is_transferring


def test_a_transfer_that_is_refused_leaves_the_call(phone: Phone, peer: Peer) -> None:
    phone.agent.transfer("1", "7")
    peer.respond(peer.listen()[0], 403)  # type: ignore[arg-type]
    assert phone.told(TransferEnded) == [TransferEnded("1", succeeded=False, code=403)]
    assert not phone.call().is_transferring


def test_attended_transfer_names_the_dialog_it_replaces(phone: Phone, peer: Peer) -> None:
    phone.agent.hold("1")
    peer.respond(peer.take_invite(), 200, OFFER)
    second = Peer(phone)
    peer.listen()
    second.be_called()
    phone.agent.transfer_to("1", "2")
    [refer] = peer.listen()
    target, _, replaces = refer.first("refer-to").strip("<>").partition("?Replaces=")
    assert target == "sip:5@127.0.0.1"
    assert unquote(replaces) == f"{second.call_id};to-tag=peer;from-tag=phone0-tag-2"
    assert phone.call("2").is_transferring
    notify(peer, "SIP/2.0 200 OK", "terminated")
    assert phone.call("1").ending is Ending.TRANSFERRED
    second.request("BYE")
    assert phone.call("2").ending is Ending.TRANSFERRED


def test_attended_transfer_to_a_caller_of_ours(phone: Phone, peer: Peer) -> None:
    phone.agent.hold("1")
    peer.respond(peer.take_invite(), 200, OFFER)
    second = Peer(phone)
    peer.listen()
    second.call(caller="<sip:8@127.0.0.1>", call_id="second")
    phone.agent.answer("2")
    second.listen()
    second.ack()
    phone.agent.transfer_to("1", "2")
    [refer] = peer.listen()
    target, _, replaces = refer.first("refer-to").strip("<>").partition("?Replaces=")
    assert (target, unquote(replaces)) == (
        "sip:8@127.0.0.1", "second;to-tag=peer;from-tag=phone0-tag-2",
    )  # fmt: skip
    peer.respond(peer.last_request("REFER"), 503)
    assert not phone.call("2").is_transferring
    assert phone.call("2").state is State.TALKING


def test_news_of_other_events_are_refused(phone: Phone, peer: Peer) -> None:
    peer.request("NOTIFY", more=[("Event", "presence"), ("Subscription-State", "active")])
    assert peer.said() == ["489 NOTIFY"]
    notify(peer, "SIP/2.0 200 OK", "terminated")  # Of a transfer that nobody asked for.
    assert peer.said() == ["200 NOTIFY"]
    assert phone.call().state is State.TALKING


def test_a_fragment_is_read_as_far_as_it_makes_sense() -> None:
    assert status_in(b"SIP/2.0 200 OK\r\nFrom: x\r\n") == 200
    assert status_in(b"SIP/2.0 180") == 180
    assert [status_in(one) for one in (b"", b"SIP/2.0", b"SIP/2.0 2000 x", b"a 200")] == [0] * 4


# -- The end ---------------------------------------------------------------------------


def test_we_hang_up(phone: Phone, peer: Peer) -> None:
    phone.agent.hang_up("1")
    [bye] = peer.listen()
    assert (bye.method, bye.to_tag) == ("BYE", "peer")
    assert phone.call().ending is Ending.HUNG_UP
    peer.request("INFO")
    assert peer.said() == ["481 INFO"]
    peer.request("MESSAGE")
    assert peer.said() == ["405 MESSAGE"]


def test_the_other_side_hangs_up_whatever_its_number(phone: Phone, peer: Peer) -> None:
    peer.request("BYE", cseq=1)
    assert peer.said() == ["200 BYE"]
    assert phone.call().ending is Ending.PEER_HUNG_UP


@pytest.mark.parametrize(("code", "then"), [(200, ["ACK"]), (487, ["ACK"])])
def test_an_offer_that_is_answered_after_the_end_is_acknowledged(
    phone: Phone, peer: Peer, code: int, then: list[str]
) -> None:
    phone.agent.hold("1")
    invite = peer.take_invite()
    peer.request("BYE")
    assert peer.said() == ["200 BYE"]
    peer.respond(invite, code, OFFER)
    assert peer.said() == then
    assert phone.call().ending is Ending.PEER_HUNG_UP
