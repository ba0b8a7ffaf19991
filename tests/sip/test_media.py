"""What the relay is told of a call."""

import pytest

from adapters.net.relay_ports import RelayError
from adapters.sip.media import MediaDesk
from core.events.facts import Media
from tests.sip.messages import OFFER
from tests.sip.stage import SERVER, FakeRelay, Stage, answer, codes, flow_of, request
from tests.sip.test_calls import caller


@pytest.fixture
def relay(stage: Stage) -> FakeRelay:
    made = FakeRelay()
    stage.give_relay(made)
    return made


def test_in_direct_mode_there_is_none() -> None:
    desk = MediaDesk()
    assert desk.open("call:1", OFFER, True) == Media()
    desk.reopen("call:1", Media(toward_caller=(1,), toward_legs=(2,)))
    assert not desk.relayed


def test_a_call_that_rings_nobody_needs_no_port() -> None:
    relay = FakeRelay()
    assert MediaDesk(relay).open("call:1", OFFER, False) == Media()
    assert relay.left == 100


@pytest.mark.parametrize(("offer", "count"), [(OFFER, 1), (b"", 1), (OFFER + OFFER[-87:], 2)])
def test_a_port_a_stream(offer: bytes, count: int) -> None:
    media = MediaDesk(FakeRelay()).open("call:1", offer, True)
    assert len(media.toward_caller) == len(media.toward_legs) == max(1, offer.count(b"m=audio"))
    assert count >= 1


def test_without_a_port_there_is_no_call(stage: Stage, relay: FakeRelay) -> None:
    relay.left = 0
    stage.register_line()
    stage.register()
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", body=OFFER)
    assert codes(stage.feed(invite, SERVER)) == [500]
    assert stage.engine.around.drops["no-media-port"] == 1
    with pytest.raises(RelayError):
        MediaDesk(relay).open("call:1", OFFER, True)


def test_both_sides_are_sent_to_the_relay(stage: Stage, relay: FakeRelay) -> None:
    ours, invites = stage.answered()
    assert b"m=audio 30000 " in invites[0].body
    assert b"c=IN IP4 127.0.0.1" in invites[0].body
    assert b"m=audio 20000 " in ours.body
    assert relay.expected == [
        ("caller", 0, "192.0.2.7", 49170),
        ("leg", 0, "192.0.2.7", 49170),
    ]
    assert relay.held[-1] is False


def test_nobody_is_heard_before_the_answer(stage: Stage, relay: FakeRelay) -> None:
    invites = stage.ring()
    stage.feed(answer(invites[0], 183, [], OFFER), flow_of("a"))
    assert relay.held
    assert all(relay.held)


def test_on_hold_nobody_is_listened_to(stage: Stage, relay: FakeRelay) -> None:
    ours, _ = stage.answered()
    hold = OFFER.replace(b"a=sendrecv", b"a=inactive")
    stage.feed(caller(stage, "INVITE", cseq=2, to=ours.first("to"), body=hold), SERVER)
    assert relay.held[-1] is True
    (passed,) = (request(data) for data in stage.to(flow_of("b")))
    assert b"m=audio 30000 " in passed.body


def test_an_ended_call_is_listed_to_be_closed(stage: Stage, relay: FakeRelay) -> None:
    stage.ring()
    (stream,) = stage.engine.exchange.calls.open
    desk = stage.engine.exchange.media
    assert [*desk.relayed] == [stream]
    stage.wait(200)
    assert not desk.relayed
    assert not desk.closing
    assert relay.closed == [stream]


def test_switched_to_direct_the_calls_that_are_relayed_stay_so(
    stage: Stage, relay: FakeRelay
) -> None:
    ours, _ = stage.answered()
    stage.engine.change("media.mode", "direct", stage.at)
    hold = OFFER.replace(b"a=sendrecv", b"a=inactive")
    stage.feed(caller(stage, "INVITE", cseq=2, to=ours.first("to"), body=hold), SERVER)
    assert relay.held[-1] is True
    stage.feed(caller(stage, "BYE", cseq=3, to=ours.first("to")), SERVER)
    stage.wait(200)
    assert len(relay.closed) == 1
    assert stage.engine.exchange.media.open("call:2", OFFER, True) == Media()
