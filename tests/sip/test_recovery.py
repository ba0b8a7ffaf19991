"""The process dies in the middle of a call, and the next one goes on with it."""

from typing import Any

import pytest

from adapters.sip.message import Flow
from adapters.sip.recovery import RECENT_S
from core.machines.call import Phase
from tests.sip.messages import OFFER
from tests.sip.stage import (
    HERE,
    SERVER,
    FakeRelay,
    Stage,
    answer,
    codes,
    credentials,
    flow_of,
    methods,
    request,
    responses,
)
from tests.sip.test_calls import bye, caller, cancel, phase

A, B, C = map(flow_of, "abc")
CONTACT = [("Contact", "<sip:b@127.0.0.12>")]


def test_phones_that_have_said_nothing_hear_the_same_invite(stage: Stage) -> None:
    stage.ring()
    before = {flow: data for flow, data in stage.left if data.startswith(b"INVITE")}
    stage.restart()
    again = {flow: data for flow, data in stage.fresh if data.startswith(b"INVITE")}
    assert again == before


def test_a_phone_that_rings_gets_no_second_invite(stage: Stage) -> None:
    for invite, flow in zip(stage.ring(), (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    stage.wait(0.1)
    stage.restart()
    assert methods(data for _, data in stage.fresh) == []
    assert 180 in codes(stage.to(SERVER))
    assert phase(stage) is Phase.RINGING


def test_a_name_with_a_nul_in_it_is_no_obstacle(stage: Stage) -> None:
    """RFC 4475 3.1.1.2 allows it in quotes; in what we say ourselves it stands nowhere."""
    stage.register_line()
    stage.register()
    invite = caller(stage, "INVITE", body=OFFER)
    stage.invite = invite.replace(b"From: <", b'From: "J\\\0ane" <')
    stage.feed(stage.invite, SERVER)
    invites = [request(data) for _, data in sorted(stage.fresh) if data.startswith(b"INVITE")]
    stage.restart()
    stage.feed(answer(invites[1], 200, CONTACT, OFFER), B)
    (ours,) = responses(stage.to(SERVER))
    stage.feed(caller(stage, "ACK", to=ours.first("to")), SERVER)
    stage.feed(bye(stage, invites[1]), B)
    (said,) = (request(data) for data in stage.to(SERVER))
    assert (said.method, said.to_tag) == ("BYE", "t7000")


def test_restarted_while_it_rings_it_is_answered(stage: Stage) -> None:
    invites = stage.ring()
    for invite, flow in zip(invites, (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    stage.wait(0.1)
    stage.restart()
    left = stage.feed(answer(invites[1], 200, CONTACT, OFFER), B)
    assert codes(stage.to(SERVER)) == [200]
    assert methods(left).count("CANCEL") == 2
    (ours,) = responses(stage.to(SERVER))
    acked = stage.feed(caller(stage, "ACK", to=ours.first("to")), SERVER)
    assert methods(acked) in (["ACK"], [])
    assert phase(stage) is Phase.TALKING


def test_restarted_while_it_rings_it_is_cancelled(stage: Stage) -> None:
    for invite, flow in zip(stage.ring(), (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    stage.wait(0.1)
    stage.restart()
    left = stage.feed(cancel(stage), SERVER)
    assert sorted(codes(left)) == [200, 487]
    assert methods(left) == ["CANCEL"] * 3


def test_restarted_while_it_rings_it_runs_out_of_time(stage: Stage) -> None:
    for invite, flow in zip(stage.ring(), (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    stage.wait(0.1)
    stage.restart(after_s=60)
    stage.wait(1)
    assert phase(stage) is not Phase.RINGING


def test_the_invite_that_is_said_again_finds_its_call(stage: Stage) -> None:
    stage.ring()
    stage.restart()
    assert methods(stage.feed(stage.invite, SERVER)) == []
    assert len(stage.engine.exchange.calls.open) == 1


def test_restarted_while_talking_either_side_hangs_up(stage: Stage) -> None:
    ours, invites = stage.answered()
    for who in ("caller", "phone"):
        stage.restart()
        assert phase(stage) is Phase.TALKING
        if who == "caller":
            hold = caller(stage, "INVITE", cseq=2, to=ours.first("to"), body=OFFER)
            assert methods(stage.feed(hold, SERVER)) == ["INVITE"]
            passed = request(stage.to(B)[0])
            assert codes(stage.feed(answer(passed, 488), B)) == [488]
        else:
            stage.feed(bye(stage, invites[1]), B)
            assert codes(stage.to(B)) == [200]
            (passed,) = map(request, stage.to(SERVER))
            assert (passed.method, passed.to_tag) == ("BYE", "t7000")
            assert passed.first("from") == ours.first("to")


def test_what_was_asked_within_is_asked_again(stage: Stage) -> None:
    ours, _ = stage.answered()
    stage.feed(caller(stage, "INFO", cseq=2, to=ours.first("to")), SERVER)
    asked = stage.to(B)
    stage.restart()
    assert [data for data in stage.to(B) if data.startswith(b"INFO")] == asked
    stage.feed(answer(asked[0], 200), B)
    assert codes(stage.to(SERVER)) == [200]


def test_without_its_ack_our_200_is_repeated(stage: Stage) -> None:
    invites = stage.ring()
    stage.feed(answer(invites[1], 200, CONTACT, OFFER), B)
    before = [data for data in stage.to(SERVER) if data.startswith(b"SIP/2.0 200")]
    stage.restart()
    assert stage.to(SERVER) == before
    stage.wait(1)
    assert stage.to(SERVER) == before


def test_a_bye_that_nobody_answered_is_said_again_for_a_while(stage: Stage) -> None:
    ours, _ = stage.answered()
    stage.feed(caller(stage, "BYE", cseq=2, to=ours.first("to")), SERVER)
    said = stage.to(B)
    stage.restart()
    assert [data for data in stage.to(B) if data.startswith(b"BYE")] == said
    stage.restart(after_s=RECENT_S + 1)
    assert methods(stage.to(B)) == []


def test_a_call_that_is_long_over_is_not_taken_up(stage: Stage) -> None:
    invites = stage.ring()
    for invite, flow in zip(invites, (A, B, C), strict=True):
        stage.feed(answer(invite, 486), flow)
    stage.restart(after_s=3000)
    assert stage.engine.exchange.calls.open == {}
    assert not [s for s in stage.engine.house.board.states if s.startswith("call:")]


def test_phones_and_line_are_still_registered(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    stage.wait(0.1)
    stage.restart()
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", body=OFFER)
    assert methods(stage.feed(invite, SERVER)) == ["INVITE"] * 3


@pytest.mark.parametrize("ports", [100, 0])
def test_the_relay_gets_its_ports_back_or_the_call_goes_on_without(
    stage: Stage, ports: int
) -> None:
    relay = FakeRelay()
    stage.give_relay(relay)
    stage.answered()
    relay.left = ports
    stage.restart()
    assert phase(stage) is Phase.TALKING
    assert relay.reopened == ([(20_000,), (30_000,)] if ports else [])
    assert bool(stage.engine.house.faults) is (not ports)


def test_at_any_point_the_story_goes_on_the_same(stage: Stage) -> None:
    """Killed a moment after every single message, it is the same call."""
    invites = stage.ring()
    for invite, flow in zip(invites, (A, B, C), strict=True):
        stage.restart()
        stage.feed(answer(invite, 180), flow)
    stage.wait(0.1)
    stage.restart()
    stage.feed(answer(invites[1], 200, CONTACT, OFFER), B)
    (ours,) = responses(stage.to(SERVER))
    stage.restart()
    stage.feed(caller(stage, "ACK", to=ours.first("to")), SERVER)
    stage.restart()
    for invite, flow in ((invites[0], A), (invites[2], C)):
        stage.feed(answer(invite, 487), flow)
        assert methods(stage.wait(0.1)) == ["ACK"]
        stage.restart()
    stage.feed(caller(stage, "BYE", cseq=2, to=ours.first("to")), SERVER)
    (bye,) = (request(data) for data in stage.to(B))
    stage.restart()
    stage.feed(answer(bye, 200), B)
    assert phase(stage) is Phase.ENDED
    assert stage.engine.house.faults == []


def test_what_was_not_recorded_yet_is_said_again(stage: Stage) -> None:
    """Killed while turns wait for company: nobody was told anything that the log lacks."""
    invites = stage.ring()
    for invite, flow in zip(invites, (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    stage.wait(0.1)
    stage.feed(answer(invites[1], 200, CONTACT, OFFER), B)
    (ours,) = responses(stage.to(SERVER))
    ack = caller(stage, "ACK", to=ours.first("to"))
    refusals = [(answer(invites[0], 487), A), (answer(invites[2], 487), C)]
    assert stage.feed(ack, SERVER) == []
    assert [left for said in refusals for left in stage.feed(*said)] == []
    stage.restart(at_once=True)
    assert [r.code for r in responses(stage.to(SERVER))] == [200]  # So its ACK comes again.
    stage.feed(ack, SERVER)
    for said in refusals:  # Nobody acknowledged them.
        stage.feed(*said)
    assert methods(stage.wait(0.1)) == ["ACK", "ACK"]
    assert phase(stage) is Phase.TALKING
    assert stage.engine.house.faults == []


def connects(stage: Stage, port: int, cseq: int, host: str = "127.0.0.12") -> Flow:
    """Phone b registers over a connection, and its Contact names the port of that."""
    flow = Flow("tcp", HERE, host, port)
    contact = ("Contact", f"<sip:b@{host}:{port};transport=tcp>")
    said: dict[str, Any] = {"user": "b", "call_id": f"reg-{host}", "to": "<sip:b@127.0.0.1>"}
    asked = stage.feed(stage.request("REGISTER", more=[contact], cseq=cseq, **said), flow)
    (challenge,) = responses(asked)
    proof = credentials(challenge, "REGISTER", "sip:127.0.0.1", "b", "pb")
    again = stage.request("REGISTER", more=[contact, proof], cseq=cseq + 1, **said)
    assert codes(stage.feed(again, flow)) == [200]
    return flow


def test_a_phone_that_has_connected_anew_hears_the_bye_there(stage: Stage) -> None:
    stage.register_line()
    lost = connects(stage, 40_001, cseq=1)
    stage.feed(caller(stage, "INVITE", body=OFFER), SERVER)
    (invite,) = (request(data) for data in stage.to(lost))
    stage.feed(answer(invite, 200, [("Contact", f"<{invite.uri}>")], OFFER), lost)
    (ours,) = (r for r in responses(stage.to(SERVER)) if r.code == 200)
    stage.feed(caller(stage, "ACK", to=ours.first("to")), SERVER)
    stage.restart()
    since = connects(stage, 40_002, cseq=3)
    connects(stage, 40_003, cseq=1, host="127.0.0.22")  # Another device of the same phone.
    stage.feed(caller(stage, "BYE", cseq=2, to=ours.first("to")), SERVER)
    byes = stage.to(lost)
    assert methods(byes) == ["BYE"]
    stage.fresh = []
    stage.engine.failed(lost, stage.at)
    stage.flush()
    assert stage.to(since) == byes
    stage.engine.failed(since, stage.at)
    stage.flush()
    assert stage.to(lost) == []


def test_a_phone_that_called_and_has_connected_anew_hears_the_bye_there(stage: Stage) -> None:
    stage.register("a")
    lost = connects(stage, 40_001, cseq=1)
    contact = ("Contact", "<sip:b@127.0.0.12:40001;transport=tcp>")
    said: dict[str, Any] = {"user": "b", "call_id": "out", "body": OFFER}
    first = stage.request("INVITE", "sip:1@127.0.0.1", more=[contact], **said)
    (challenge,) = responses(stage.feed(first, lost))
    proof = credentials(challenge, "INVITE", "sip:1@127.0.0.1", "b", "pb")
    again = stage.request("INVITE", "sip:1@127.0.0.1", more=[contact, proof], cseq=2, **said)
    stage.feed(again, lost)
    (invite,) = (request(data) for data in stage.to(A))
    stage.feed(answer(invite, 200, [("Contact", "<sip:a@127.0.0.11>")], OFFER), A)
    (ours,) = (r for r in responses(stage.to(lost)) if r.code == 200)
    ack = stage.request("ACK", user="b", call_id="out", cseq=2, to=ours.first("to"))
    stage.feed(ack, lost)
    stage.restart()
    since = connects(stage, 40_002, cseq=3)
    theirs = stage.request("BYE", user="a", call_id=invite.call_id, to=invite.first("from"))
    stage.feed(theirs, A)
    byes = stage.to(lost)
    assert methods(byes) == ["BYE"]
    stage.fresh = []
    stage.engine.failed(lost, stage.at)
    stage.flush()
    assert stage.to(since) == byes
