"""The hotspot's phone hands calls over: the real agent and the real engine, others scripted."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from adapters.phone.phone_call import Ending, State, TransferEnded
from adapters.sip.message import Request
from service.config import Hotspot
from tests.phone.test_with_engine import House, ack_of_server, call_alias
from tests.sip.messages import OFFER
from tests.sip.stage import (
    CONFIG,
    SERVER,
    FakeRelay,
    Headers,
    Stage,
    answer,
    codes,
    flow_of,
    methods,
    request,
    response,
)

CONTACT_A = [("Contact", "<sip:a@127.0.0.11>")]
CONTACT_B = [("Contact", "<sip:b@127.0.0.12>")]
LETTING = replace(CONFIG, hotspot=Hotspot(ring_timeout=20, client_transfer=True))
OF_B = OFFER.replace(b"192.0.2.7", b"192.0.2.22")


def told(house: House, user: str) -> list[list[bytes]]:
    """The o= lines of all that this party was sent, in words (RFC 3264 8)."""
    flow = SERVER if user == "server" else flow_of(user)
    sent = [data for to, data in house.stage.left if to == flow]
    return [line.split() for data in sent for line in data.split(b"\r\n") if line[:2] == b"o="]


def is_one_session(lines: list[list[bytes]]) -> bool:
    """Nothing but the version has changed, by one each time."""
    versions = [int(line.pop(2)) for line in lines]
    first = versions[0]
    is_counted = versions == [*range(first, first + len(versions))]
    return is_counted and all(line == lines[0] for line in lines)


def media_of(body: bytes) -> bytes:
    return b"\r\n".join(line for line in body.split(b"\r\n") if line[:2] != b"o=")


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    assert not made.stage.engine.around.drops["fault"]
    made.stage.close()


def talk_to_the_caller(house: House) -> None:
    """The own phone has answered the call of the server; the others ring no longer."""
    for invite in house.ring():
        house.say(answer(invite, 486), invite.via.host and invite.uri[4:5])
    house.agent.answer("1")
    house.run()
    ack_of_server(house)


def ends(house: House) -> list[TransferEnded]:
    return [one for one in house.phone.happened if isinstance(one, TransferEnded)]


def test_a_call_from_outside_goes_to_a_phone(house: House) -> None:
    talk_to_the_caller(house)
    house.agent.transfer("1", "2")
    house.run()
    invite = house.last("b", b"INVITE")
    assert not invite.body
    assert invite.first("from").startswith("<sip:7000@127.0.0.1>")
    house.say(answer(invite, 180), "b")
    assert house.phone.call().is_transferring
    house.say(answer(invite, 200, CONTACT_B, OF_B), "b")
    asked = house.last("server", b"INVITE")
    assert asked.to_tag
    assert media_of(asked.body) == media_of(OF_B)
    house.say(answer(asked, 200, [], OFFER), "server")
    assert house.last("b", b"ACK").body == OFFER
    assert not house.last("server", b"ACK").body
    assert is_one_session(told(house, "server"))
    assert house.phone.call().ending is Ending.TRANSFERRED
    assert ends(house) == [TransferEnded("1", True, 200)]


def test_who_was_called_goes_to_the_world(house: House) -> None:
    house.stage.register_line()
    call_alias(house)
    house.agent.transfer("1", "0891234")
    house.run()
    invite = house.last("server", b"INVITE")
    assert invite.uri == "sip:0891234@provider.test"
    assert invite.first("from").startswith("<sip:4212@provider.test>")
    house.say(answer(invite, 200, [("Contact", "<sip:x@127.0.0.2>")], OF_B), "server")
    asked = house.last("a", b"INVITE")
    assert media_of(asked.body) == media_of(OF_B)
    house.say(answer(asked, 200, CONTACT_A, OFFER), "a")
    assert house.last("server", b"ACK").body == OFFER
    assert house.phone.call().ending is Ending.TRANSFERRED


def test_who_was_called_is_shown_to_the_next(house: House) -> None:
    call_alias(house)
    house.agent.transfer("1", "2")
    house.run()
    assert house.last("b", b"INVITE").first("from").startswith('"a" <sip:1@127.0.0.1>')


@pytest.mark.parametrize(("number", "code"), [("3", 486), ("0", 480), ("77", 480)])
def test_nobody_takes_it_and_the_call_goes_on(house: House, number: str, code: int) -> None:
    call_alias(house)
    house.agent.transfer("1", number)
    house.run()
    if number == "3":
        house.say(answer(house.last("c", b"INVITE"), code), "c")
    assert ends(house) == [TransferEnded("1", False, code)]
    assert house.phone.call().state is State.TALKING
    assert not house.phone.call().is_transferring


def test_through_the_relay_the_new_phone_has_the_place_of_the_old_one() -> None:
    house = House()
    relay = FakeRelay()
    house.stage.give_relay(relay)
    house.seen = len(house.stage.left)
    call_alias(house)
    house.agent.transfer("1", "2")
    house.run()
    house.say(answer(house.last("b", b"INVITE"), 200, CONTACT_B, OF_B), "b")
    asked = house.last("a", b"INVITE")
    assert b"m=audio 30000" in asked.body
    assert ("caller", 0, "192.0.2.22", 49170) not in relay.expected
    house.say(answer(asked, 200, CONTACT_A, OFFER), "a")
    assert b"m=audio 20000" in house.last("b", b"ACK").body
    assert relay.expected[-2:] == [
        ("caller", 0, "192.0.2.22", 49170),
        ("leg", 0, "192.0.2.7", 49170),
    ]
    house.stage.close()


# -- Both have been talked to --------------------------------------------------------------


def talk_to_both(house: House) -> None:
    """The caller is on hold, and phone b is talked to."""
    talk_to_the_caller(house)
    house.agent.call("2")
    house.run()
    house.say(answer(house.last("server", b"INVITE"), 200, [], OFFER), "server")
    house.say(answer(house.last("b", b"INVITE"), 200, CONTACT_B, OF_B), "b")
    assert [house.phone.call(one).state for one in ("1", "2")] == [State.HELD, State.TALKING]


@pytest.mark.parametrize(("call", "other"), [("1", "2"), ("2", "1")])
def test_both_are_joined(house: House, call: str, other: str) -> None:
    talk_to_both(house)
    asked_first, asked_then = ("b", "server") if call == "1" else ("server", "b")
    house.agent.transfer_to(call, other)
    house.run()
    asked = house.last(asked_first, b"INVITE")
    assert asked.to_tag
    assert not asked.body
    house.say(answer(asked, 200, [], OF_B), asked_first)
    again = house.last(asked_then, b"INVITE")
    assert media_of(again.body) == media_of(OF_B)
    house.say(answer(again, 200, [], OFFER), asked_then)
    assert media_of(house.last(asked_first, b"ACK").body) == media_of(OFFER)
    assert not house.last(asked_then, b"ACK").body
    assert is_one_session(told(house, "server")[-2:])
    assert is_one_session(told(house, "b")[-2:])
    assert [house.phone.call(one).is_open for one in ("1", "2")] == [False, False]
    assert house.phone.call(call).ending is Ending.TRANSFERRED
    assert ends(house) == [TransferEnded(call, True, 200)]
    bye_of(house, "b")
    assert house.last("server", b"BYE").cseq > again.cseq - asked.cseq
    house.stage.wait(70)
    assert not house.stage.engine.exchange.calls.open
    assert not house.stage.engine.exchange.calls.by_tag


def bye_of(house: House, user: str) -> None:
    invite = house.last(user, b"INVITE")
    bye = house.stage.request(
        "BYE", "sip:0@127.0.0.1", user=user, call_id=invite.call_id, cseq=90,
        to=invite.first("from"), more=[("From", invite.first("to"))],
    )  # fmt: skip
    house.say(bye, user)


# -- Who may, and what is no transfer ------------------------------------------------------


def refer(stage: Stage, invite: Request, target: str, more: Headers = (), cseq: int = 5) -> bytes:
    """By phone b, which has answered this INVITE."""
    said: Headers = [("From", f"{invite.first('to')};tag=tt"), *more]
    if target:
        said = [*said, ("Refer-To", target)]
    return stage.request(
        "REFER", "sip:0@127.0.0.1", user="b", call_id=invite.call_id, cseq=cseq,
        to=invite.first("from"), more=said,
    )  # fmt: skip


@pytest.fixture
def may() -> Iterator[Stage]:
    stage = Stage(LETTING)
    yield stage
    stage.close()


def test_a_client_may_not_where_it_is_not_let() -> None:
    stage = Stage()
    invites = stage.answered()[1]
    assert codes(stage.feed(refer(stage, invites[1], "<sip:3@127.0.0.1>"), flow_of("b"))) == [403]
    stage.close()


def test_the_owner_lets_them_while_the_service_runs() -> None:
    stage = Stage()
    invites = stage.answered()[1]
    stage.engine.change("hotspot.client_transfer", True, stage.at)
    assert codes(stage.feed(refer(stage, invites[1], "<sip:3@127.0.0.1>"), flow_of("b"))) == [202]
    stage.close()


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("", 400),
        ("nobody", 400),
        ("<sip:127.0.0.1>", 400),
        ("<mailto:3@127.0.0.1>", 416),
        ("<sip:3@127.0.0.1;method=BYE>", 501),
    ],
)
def test_what_is_no_transfer(may: Stage, target: str, code: int) -> None:
    invites = may.answered()[1]
    assert codes(may.feed(refer(may, invites[1], target), flow_of("b"))) == [code]


def test_two_targets_are_one_too_many(may: Stage) -> None:
    invites = may.answered()[1]
    twice = refer(may, invites[1], "<sip:3@127.0.0.1>", [("Refer-To", "<sip:1@127.0.0.1>")])
    assert codes(may.feed(twice, flow_of("b"))) == [400]


def test_a_call_has_an_end_of_legs(may: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.sip.transfer.LEGS_MAX", 1)
    invites = may.answered()[1]
    for cseq, code in ((5, 202), (6, 503)):
        out = may.feed(refer(may, invites[1], "<sip:3@127.0.0.1>", cseq=cseq), flow_of("b"))
        assert codes(out)[0] == code
        if code == 202:
            may.feed(answer(request(out[2]), 486), flow_of("c"))


@pytest.mark.parametrize("target", ["<sip:3@127.0.0.1>", "<tel:3>", "sip:c@127.0.0.1"])
def test_a_client_may_where_it_is_let(may: Stage, target: str) -> None:
    invites = may.answered()[1]
    out = may.feed(refer(may, invites[1], target), flow_of("b"))
    assert codes(out) == [202]
    assert methods(out) == ["NOTIFY", "INVITE"]
    told = request(out[1])
    assert told.first("event") == "refer;id=5"
    assert told.first("subscription-state") == "active;expires=180"
    assert told.first("content-type") == "message/sipfrag;version=2.0"
    assert told.body == b"SIP/2.0 100 Trying\r\n"


def test_the_world_may_not(may: Stage) -> None:
    ours, _ = may.answered()
    out = may.feed(
        may.request(
            "REFER", "sip:4212@127.0.0.1", user="7000", call_id="call", cseq=3,
            to=ours.first("to"), more=[("Refer-To", "<sip:3@127.0.0.1>")],
        ),
        SERVER,
    )  # fmt: skip
    assert codes(out) == [403]


def test_outside_a_call(may: Stage) -> None:
    may.register()
    out = may.feed(may.request("REFER", more=[("Refer-To", "<sip:3@127.0.0.1>")]), flow_of("a"))
    assert codes(out) == [405]


@pytest.mark.parametrize(("has_answered", "code"), [(False, 481), (True, 491)])
def test_before_they_talk(may: Stage, has_answered: bool, code: int) -> None:
    invite = may.ring()[1]
    if has_answered:
        may.feed(answer(invite, 200, CONTACT_B, OFFER), flow_of("b"))
    else:
        may.feed(answer(invite, 180), flow_of("b"))
    out = may.feed(refer(may, invite, "<sip:3@127.0.0.1>"), flow_of("b"))
    assert codes(out) == [code]


def test_a_client_hands_over_to_the_own_phone() -> None:
    """It is a leg without an offer to that phone as well."""
    house = House(Stage(LETTING, has_phone=True))
    invites = house.ring()
    house.agent.decline("1")
    house.run()
    house.say(answer(invites[1], 200, CONTACT_B, OFFER), "b")
    ack_of_server(house)
    house.say(refer(house.stage, invites[1], "<sip:0@127.0.0.1>"), "b")
    assert house.phone.call("2").state is State.RINGING
    assert house.phone.call("2").number == "7000"
    house.agent.answer("2")
    house.run()
    asked = house.last("server", b"INVITE")
    assert asked.body
    house.say(answer(asked, 200, [], OFFER), "server")
    assert house.phone.call("2").state is State.TALKING
    assert house.last("b", b"BYE")
    house.stage.close()


def test_after_a_restart_the_refer_is_known_again(may: Stage) -> None:
    """Whoever repeats it hears the same, and no second phone is rung."""
    invites = may.answered()[1]
    asked = refer(may, invites[1], "<sip:3@127.0.0.1>")
    before = may.feed(asked, flow_of("b"))
    may.restart()
    again = [data for _, data in may.fresh]
    assert {data for data in before if data.startswith((b"NOTIFY", b"INVITE"))} <= {*again}
    assert response(may.feed(asked, flow_of("b"))[0]).code == 202
