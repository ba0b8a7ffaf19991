"""The hotspot's own phone, played by a script: what the engine hands it and takes from it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.sip.message import Flow, Request
from adapters.sip.own_phone import LOCAL, is_local
from core.machines.call import Phase
from core.machines.hotspot import Phase as HotspotPhase
from tests.sip.messages import OFFER
from tests.sip.stage import (
    CONFIG,
    SERVER,
    STRANGER,
    FakeRelay,
    Stage,
    answer,
    codes,
    flow_of,
    methods,
    request,
    responses,
)

A = flow_of("a")
CONTACT = [("Contact", "<sip:0@phone.invalid:5060;transport=local>")]


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(has_phone=True)
    made.register_line()
    made.register("a")
    yield made
    made.close()


def own(stage: Stage, method: str, uri: str, **said: Any) -> bytes:
    """As the phone spells it: its Via has nothing of a network in it."""
    more = [*said.pop("more", ()), *(CONTACT if method == "INVITE" else ())]
    data = stage.request(method, uri, user="0", more=more, **said)
    via = data.index(b"Via: ")
    branch = data[data.index(b";branch=", via) : data.index(b"\r\n", via)]
    rest = data[data.index(b"\r\n", via) :]
    return data[:via] + b"Via: SIP/2.0/LOCAL phone.invalid:5060" + branch + rest


def incoming(stage: Stage) -> tuple[Request, Request]:
    """The INVITEs that phone 0 and phone a get."""
    stage.invite = stage.request(
        "INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", body=OFFER
    )
    stage.feed(stage.invite, SERVER)
    return request(stage.to(LOCAL)[0]), request(stage.to(A)[0])


def phases(stage: Stage) -> list[Phase]:
    calls = stage.engine.exchange.calls
    return [calls.state(stream).phase for stream in calls.open]


def talks(stage: Stage) -> tuple[Request, str]:
    """Phone 0 has answered a call from outside: its INVITE, and the To of our 200."""
    mine, theirs = incoming(stage)
    stage.feed(answer(theirs, 180), A)
    stage.feed(answer(mine, 200, CONTACT, OFFER), LOCAL)
    (cancel,) = (data for data in stage.to(A) if data.startswith(b"CANCEL"))
    (ours,) = (each for each in responses(stage.to(SERVER)) if each.code == 200)
    stage.feed(answer(cancel, 200), A)
    stage.feed(answer(theirs, 487), A)
    ack = stage.request(
        "ACK", "sip:4212@127.0.0.1", user="7000", call_id="call", to=ours.first("to")
    )
    stage.feed(ack, SERVER)
    return mine, ours.first("to")


def test_the_way_to_it() -> None:
    assert is_local(LOCAL)
    assert not is_local(A)
    assert Flow.read(str(LOCAL)) == LOCAL


def test_it_rings_and_hears_no_address_of_a_peer(stage: Stage) -> None:
    mine, _ = incoming(stage)
    assert mine.uri == "sip:0@127.0.0.1:5060;transport=local"
    assert mine.via.transport == "LOCAL"
    assert mine.first("contact") == "<sip:127.0.0.1:5060;transport=local>"
    assert mine.first("from").startswith("<sip:7000@127.0.0.1>")
    assert b"127.0.0.2" not in b"".join(stage.to(LOCAL)).replace(OFFER, b"")


def test_nothing_is_said_twice_to_it(stage: Stage) -> None:
    incoming(stage)
    stage.wait(10)
    assert stage.to(LOCAL) == []
    assert len(stage.to(A)) > 1


def test_whatever_contact_it_names_there_is_one_way_to_it(stage: Stage) -> None:
    mine, _ = incoming(stage)
    contact = [("Contact", "<sip:0@192.0.2.9:5070;transport=local>")]
    stage.feed(answer(mine, 200, contact, OFFER), LOCAL)
    assert methods(stage.to(LOCAL)) == ["ACK"]


def test_it_answers_talks_and_hangs_up(stage: Stage) -> None:
    mine, _ = talks(stage)
    (ack,) = (data for flow, data in stage.left if flow == LOCAL and data.startswith(b"ACK"))
    assert request(ack).uri == "sip:0@phone.invalid:5060;transport=local"
    bye = own(stage, "BYE", mine.first("contact").strip("<>"), to=mine.first("from"))
    bye = bye.replace(b"From: <sip:0@127.0.0.1>;tag=t0", b"From: <sip:0@x>;tag=tt")
    bye = bye.replace(b"Call-ID: one", f"Call-ID: {mine.call_id}".encode())
    stage.feed(bye, LOCAL)
    assert codes(stage.to(LOCAL)) == [200]
    assert methods(stage.to(SERVER)) == ["BYE"]


def test_who_answers_first_has_it_and_phone_0_shows_no_missed_call(stage: Stage) -> None:
    mine, theirs = incoming(stage)
    stage.feed(answer(mine, 180), LOCAL)
    stage.feed(answer(theirs, 200, [("Contact", "<sip:a@127.0.0.11>")], OFFER), A)
    (cancel,) = map(request, stage.to(LOCAL))
    assert cancel.method == "CANCEL"
    assert "completed elsewhere" in cancel.first("reason")


def test_it_dials_an_alias_unasked_for_a_password(stage: Stage) -> None:
    stage.feed(own(stage, "INVITE", "sip:1@127.0.0.1", body=OFFER), LOCAL)
    assert codes(stage.to(LOCAL)) == [100]
    (invite,) = map(request, stage.to(A))
    assert invite.first("from").startswith("<sip:0@127.0.0.1>")
    stage.feed(answer(invite, 200, [("Contact", "<sip:a@127.0.0.11>")], OFFER), A)
    assert codes(stage.to(LOCAL)) == [200]


def test_nobody_else_is_it(stage: Stage) -> None:
    for flow in (STRANGER, LOCAL._replace(transport="udp")):
        left = stage.feed(own(stage, "INVITE", "sip:1@127.0.0.1", body=OFFER), flow)
        assert codes(left) == [403]
    stage.has_phone = False
    stage.begin()
    assert codes(stage.feed(own(stage, "INVITE", "sip:1@127.0.0.1", body=OFFER), LOCAL)) == [403]


def test_a_phone_dials_0(stage: Stage) -> None:
    stage.proven("INVITE", "sip:0@127.0.0.1", body=OFFER)
    (invite,) = map(request, stage.to(LOCAL))
    assert invite.first("from").startswith('"a" <sip:1@127.0.0.1>')
    stage.feed(answer(invite, 486), LOCAL)
    assert codes(stage.to(A)) == [486]


def test_it_calls_out_also_while_the_hotspot_is_off(stage: Stage) -> None:
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.flush()
    stage.feed(own(stage, "INVITE", "sip:0301234@127.0.0.1", body=OFFER), LOCAL)
    (out,) = map(request, stage.to(SERVER))
    assert out.uri == "sip:0301234@provider.test"
    assert out.first("from").startswith("<sip:4212@provider.test>")
    assert b"local" not in stage.to(SERVER)[0].lower()


def test_it_chooses_a_line() -> None:
    (first,) = CONFIG.lines
    second = replace(first, number=2, user="4213", hotspot=False)
    stage = Stage(replace(CONFIG, lines=(first, second)), has_phone=True)
    plan, around = stage.engine.exchange.plan, stage.engine.around
    assert around.directory.own is not None

    def line(uri: str) -> str:
        asked = request(own(stage, "INVITE", uri))
        assert around.directory.own is not None
        return plan.from_own(around.directory.own, asked, "").line

    assert line("sip:0301234@127.0.0.1") == "1"
    assert line("sip:0301234@127.0.0.1;line=2") == "2"
    assert line("sip:0301234@127.0.0.1;line=3") == ""
    (asked,) = (data for _, data in stage.left if b"sip:4213@" in data)
    stage.feed(answer(asked, 200, [("Expires", "3600")]), SERVER)
    assert line("sip:0301234@127.0.0.1") == "2"  # The first that is registered.
    stage.close()


def test_behind_the_prefix_0_is_dialled_like_any_alias() -> None:
    (line,) = CONFIG.lines
    stage = Stage(replace(CONFIG, lines=(replace(line, prefix="9"),)), has_phone=True)
    stage.register_line()
    stage.register("a")
    for uri in ("sip:90@127.0.0.1", "sip:0@127.0.0.1"):
        stage.proven("INVITE", uri, body=OFFER, call_id=uri)
        (invite,) = map(request, stage.to(LOCAL))
        assert "<sip:91@127.0.0.1" in invite.first("from")
    stage.feed(own(stage, "INVITE", "sip:91@127.0.0.1", body=OFFER), LOCAL)
    (invite,) = map(request, stage.to(A))
    assert "<sip:90@127.0.0.1" in invite.first("from")
    stage.close()


def test_it_does_not_call_itself(stage: Stage) -> None:
    left = stage.feed(own(stage, "INVITE", "sip:0@127.0.0.1", body=OFFER), LOCAL)
    assert codes(left) == [100, 480]


def test_switched_off_the_account_still_rings_it_alone(stage: Stage) -> None:
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.flush()
    stage.invite = stage.request(
        "INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", body=OFFER
    )
    stage.feed(stage.invite, SERVER)
    assert methods(stage.to(LOCAL)) == ["INVITE"]
    assert stage.to(A) == []


def test_its_talk_outlives_a_deactivation_which_does_not_wait(stage: Stage) -> None:
    talks(stage)
    stage.fresh = []
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.flush()
    assert stage.to(LOCAL) == stage.to(SERVER) == []
    assert phases(stage) == [Phase.TALKING]
    assert stage.engine.house.board.hotspot.phase is HotspotPhase.DISABLED


def test_as_a_client_there_is_no_inside(stage: Stage) -> None:
    around = stage.engine.around
    around.directory = dataclasses.replace(around.directory, is_client=True)
    stage.feed(own(stage, "INVITE", "sip:0@127.0.0.1", body=OFFER), LOCAL)
    (out,) = map(request, stage.to(SERVER))
    assert out.uri == "sip:0@provider.test"
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", call_id="in", body=OFFER)
    stage.feed(invite, SERVER)
    assert methods(stage.to(LOCAL)) == ["INVITE"]
    assert methods(data for _, data in stage.fresh if data.startswith(b"INVITE")) == ["INVITE"]


def test_in_relay_mode_it_finds_the_relay_where_that_is_bound(stage: Stage) -> None:
    stage.give_relay(FakeRelay())
    stage.register("a")
    mine, _ = incoming(stage)
    assert f"c=IN IP4 {FakeRelay.inside}".encode() in mine.body
    assert b"m=audio 30000" in mine.body


def test_after_a_restart_whoever_talked_with_it_hears_the_end(stage: Stage) -> None:
    _, to = talks(stage)
    stage.restart()
    assert stage.to(LOCAL) == []
    (bye,) = (request(data) for data in stage.to(SERVER) if data.startswith(b"BYE"))
    assert bye.first("from") == to
    stage.feed(answer(bye, 200), SERVER)
    assert phases(stage) == [Phase.ENDED]
    assert stage.engine.house.faults == []


def test_after_a_restart_it_does_not_ring_a_second_time(stage: Stage) -> None:
    _, theirs = incoming(stage)
    stage.restart()
    assert stage.to(LOCAL) == []
    assert phases(stage) == [Phase.RINGING]
    stage.feed(answer(theirs, 486), A)
    assert codes(stage.to(SERVER)) == [486]
    stage.wait(0.1)
    assert phases(stage) == [Phase.ENDED]


def test_after_a_restart_nobody_rings_for_what_it_dialled(stage: Stage) -> None:
    stage.feed(own(stage, "INVITE", "sip:1@127.0.0.1", body=OFFER), LOCAL)
    (invite,) = map(request, stage.to(A))
    stage.feed(answer(invite, 180), A)
    stage.restart()
    assert stage.to(LOCAL) == []
    assert methods(stage.to(A)) == ["CANCEL"]


def story(stage: Stage) -> Iterator[None]:
    """A call from outside that phone 0 answers, asks something in, and hangs up."""
    mine, theirs = incoming(stage)
    yield
    stage.feed(answer(mine, 180), LOCAL)
    stage.feed(answer(theirs, 180), A)
    yield
    stage.feed(answer(mine, 200, CONTACT, OFFER), LOCAL)
    to = next(each.first("to") for each in responses(stage.to(SERVER)) if each.code == 200)
    yield
    stage.feed(answer(theirs, 487), A)
    said: dict[str, Any] = {"user": "7000", "call_id": "call", "to": to}
    stage.feed(stage.request("ACK", "sip:4212@127.0.0.1", **said), SERVER)
    yield
    asked = stage.request("INVITE", "sip:4212@127.0.0.1", cseq=2, body=OFFER, **said)
    stage.feed(asked, SERVER)
    (passed,) = map(request, stage.to(LOCAL))
    yield
    stage.feed(answer(passed, 200, CONTACT, OFFER), LOCAL)
    yield


def see_it_end(stage: Stage, invite: bytes) -> None:
    """Whoever is there does as he is told, and the caller acknowledges nothing more."""
    for _ in range(3):
        for flow, data in [*stage.fresh]:
            if data.startswith(b"CANCEL"):
                stage.feed(answer(invite, 487), flow)
            if data.startswith((b"CANCEL", b"BYE")):
                stage.feed(answer(data, 200), flow)
        stage.wait(40)


@pytest.mark.parametrize("steps", range(1, 7))
def test_whenever_the_process_dies_the_call_ends_and_it_hears_nothing(
    stage: Stage, steps: int
) -> None:
    told = story(stage)
    for _ in range(steps):
        next(told)
    invite = next(data for flow, data in stage.left if flow == A and data.startswith(b"INVITE"))
    stage.restart()
    heard = [flow for flow, _ in stage.left].count(LOCAL)
    see_it_end(stage, invite)
    assert set(phases(stage)) <= {Phase.ENDED}
    assert [flow for flow, _ in stage.left].count(LOCAL) == heard
    assert stage.engine.house.faults == []
