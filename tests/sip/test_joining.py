"""Who comes to a call that rings already."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.sip.message import Request, request_bytes
from core.machines.call import LegPhase, Phase
from tests.sip.messages import OFFER
from tests.sip.stage import (
    CONFIG,
    SERVER,
    FakeRelay,
    Stage,
    answer,
    codes,
    flow_of,
    methods,
    request,
    responses,
)

A, B, C = map(flow_of, "abc")
MINE = OFFER.replace(b"s=-", b"s=mine")


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    made.register_line()
    made.register("a")
    yield made
    made.close()


def invited(stage: Stage, call_id: str = "call") -> Request:
    """The INVITE that phone a gets."""
    stage.invite = stage.request(
        "INVITE", "sip:4212@127.0.0.1", user="7000", call_id=call_id, body=OFFER
    )
    stage.feed(stage.invite, SERVER)
    return request(stage.to(A)[0])


def pick_up(stage: Stage, dialled: str = "*8", body: bytes = MINE, call_id: str = "pick") -> None:
    stage.proven("INVITE", f"sip:{dialled}@127.0.0.1", user="c", call_id=call_id, body=body)


def pick_ups(stage: Stage) -> Iterator[bytes]:
    """What phone c has said to pick calls up, as it was heard."""
    for dialogs in stage.engine.exchange.calls.open.values():
        for (by, _), said in dialogs.requests.items():
            if not by.endswith("pickup"):
                continue
            names = (name for name in said.fields if not name.startswith("content-"))
            headers = [(name, said.first(name)) for name in names]
            yield request_bytes("INVITE", said.uri, headers, said.body)


def legs(stage: Stage) -> dict[str, LegPhase]:
    (stream, *_) = stage.engine.exchange.calls.open
    return {name: leg.phase for name, leg in stage.engine.exchange.calls.state(stream).legs.items()}


def test_a_phone_that_registers_is_rung_too(stage: Stage) -> None:
    invited(stage)
    left = stage.proven("REGISTER", user="b", call_id="reg-b")
    assert codes(left) == [200]
    assert methods(left) == ["INVITE"]
    assert request(stage.to(B)[-1]).body == OFFER
    stage.proven("REGISTER", user="b", call_id="reg-b", cseq=5)
    assert methods(stage.to(B)) == []


def test_to_pick_up_by_two_ways_takes_one_call(stage: Stage) -> None:
    stage.register("c")
    for call_id in ("one", "two"):
        invited(stage, call_id)
    pick_up(stage)
    calls = stage.engine.exchange.calls
    by_another_way = next(pick_ups(stage)).replace(b"z9hG4bK", b"z9hG4bK-too")
    assert codes(stage.feed(by_another_way, C)) == [482]
    assert [calls.state(stream).phase for stream in calls.open] == [Phase.ANSWERED, Phase.RINGING]


def test_to_cancel_it_comes_too_late(stage: Stage) -> None:
    stage.register("c")
    invited(stage)
    pick_up(stage)
    (ours,) = (said for said in responses(stage.to(C)) if said.code == 200)
    said = request(next(pick_ups(stage)))
    given_up: dict[str, Any] = {"cseq": said.cseq, "branch": said.via.branch}
    cancel = stage.request("CANCEL", "sip:*8@127.0.0.1", user="c", call_id="pick", **given_up)
    (answered,) = responses(stage.feed(cancel, C))
    assert (answered.code, answered.to_tag) == (200, ours.to_tag)
    assert legs(stage)["3.pickup"] is LegPhase.ANSWERED


def test_after_a_start_it_is_known_by_its_dialog(stage: Stage) -> None:
    invited(stage)
    stage.proven("REGISTER", user="b", call_id="reg-b")
    theirs = request(stage.to(B)[-1])
    stage.restart()
    stage.feed(answer(theirs, 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    assert methods(stage.to(B)) == ["ACK"]
    assert codes(stage.to(SERVER)) == [200]


def test_who_has_refused_is_not_asked_again(stage: Stage) -> None:
    stage.register("b")
    invited(stage)
    stage.feed(answer(request(stage.to(B)[0]), 486), B)
    more = [("Contact", "<sip:b@127.0.0.12:5070>")]
    stage.proven("REGISTER", user="b", call_id="again", more=more)
    assert legs(stage) == {"1": LegPhase.INVITED, "2": LegPhase.RELEASED}


def test_a_phone_that_does_not_serve_the_line_is_not_rung() -> None:
    a, b, c = CONFIG.phones
    stage = Stage(replace(CONFIG, phones=(a, replace(b, lines=()), replace(c, quiet=True))))
    stage.register_line()
    stage.register("a")
    invited(stage)
    stage.register("b", "c")
    assert list(legs(stage)) == ["1"]
    pick_up(stage)
    assert codes(stage.to(C))[-1] == 200
    stage.close()


def test_only_a_call_to_the_account_is_joined(stage: Stage) -> None:
    stage.register("b")
    stage.proven("INVITE", "sip:2@127.0.0.1", body=OFFER)
    stage.register("c")
    assert list(legs(stage)) == ["2"]


def test_who_dials_it_has_the_oldest_call(stage: Stage) -> None:
    ringing = invited(stage)
    stage.feed(answer(ringing, 180), A)
    invited(stage, "other")
    stage.register("c")
    pick_up(stage)
    (ok,) = (each for each in responses(stage.to(C)) if each.code == 200)
    assert b"s=mine" not in ok.body
    (up,) = responses(stage.to(SERVER))
    assert (up.code, up.call_id) == (200, "call")
    assert b"s=mine" in up.body
    assert methods(stage.to(A)) == ["CANCEL"]


@pytest.mark.parametrize("dialled", ["*8", "9*8"])
def test_also_behind_the_prefix(dialled: str) -> None:
    (line,) = CONFIG.lines
    stage = Stage(replace(CONFIG, lines=(replace(line, prefix="9"),)))
    stage.register_line()
    stage.register("a", "c")
    invited(stage)
    pick_up(stage, dialled)
    assert codes(stage.to(C))[-1] == 200
    stage.close()


def test_where_nothing_rings_there_is_nothing_to_pick_up(stage: Stage) -> None:
    stage.register("c")
    pick_up(stage)
    assert codes(stage.to(C))[-1] == 480
    assert methods(stage.to(SERVER)) == []


def test_without_a_codec_in_common_it_rings_on(stage: Stage) -> None:
    invited(stage)
    pick_up(stage, body=b"")
    assert codes(stage.to(C))[-1] == 488
    pick_up(stage, body=MINE.replace(b"RTP/AVP", b"RTP/SAVP"), call_id="again")
    assert codes(stage.to(C))[-1] == 488
    (stream, *_) = stage.engine.exchange.calls.open
    assert stage.engine.exchange.calls.state(stream).phase is Phase.RINGING


def test_a_call_that_offers_nothing_is_not_picked_up(stage: Stage) -> None:
    bare = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call")
    stage.feed(bare, SERVER)
    pick_up(stage)
    assert codes(stage.to(C))[-1] == 480


def test_its_200_is_repeated_until_the_ack_also_after_a_start(stage: Stage) -> None:
    invited(stage)
    stage.register("c")
    pick_up(stage)
    (ok,) = (data for data in stage.to(C) if data.startswith(b"SIP/2.0 200"))
    stage.restart()
    assert ok in stage.to(C)
    stage.wait(1)
    assert ok in stage.to(C)
    to = responses([ok])[0].first("to")
    ack = stage.request("ACK", "sip:*8@127.0.0.1", user="c", call_id="pick", cseq=2, to=to)
    stage.feed(ack, C)
    stage.wait(5)
    assert ok not in stage.to(C)
    assert legs(stage)["3.pickup"] is LegPhase.ANSWERED
    bye = stage.request("BYE", "sip:*8@127.0.0.1", user="c", call_id="pick", cseq=3, to=to)
    stage.feed(bye, C)
    assert codes(stage.to(C)) == [200]
    assert legs(stage)["3.pickup"] is LegPhase.RELEASED


def test_through_the_relay_no_side_sees_the_other() -> None:
    stage = Stage()
    stage.give_relay(FakeRelay())
    stage.register_line()
    stage.register("a")
    invited(stage)
    stage.register("c")
    pick_up(stage)
    (ok,) = (each for each in responses(stage.to(C)) if each.code == 200)
    (up,) = responses(stage.to(SERVER))
    assert b"m=audio 30000" in ok.body
    assert b"m=audio 20000" in up.body
    assert stage.relay is not None
    assert stage.relay.expected[-1][:2] == ("leg", 0)
    stage.close()
