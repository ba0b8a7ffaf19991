"""The log entry by entry: keys that others rely on, and the state after each."""

import json

import pytest
from msgspec.structs import replace

from core.events import observed, orders
from core.events.decided import CallConfirmed
from core.events.log import Recorded
from core.machines.call import CallerPhase, Phase
from core.machines.switchboard import Switchboard
from replay.entries import as_json, entries, export_jsonl, plain
from tests.replay.stories import (
    ALL_BUSY,
    EVERYTHING,
    THREE_RING_B_ANSWERS,
    invite,
    of_call,
    recorded,
)

LOG = recorded(THREE_RING_B_ANSWERS)


def test_an_observation_as_json() -> None:
    assert json.loads(next(map(as_json, entries(LOG[4:5])))) == {
        "position": 5,
        "stream": "call:b-answers",
        "turn": 5,
        "entry": 1,
        "mood": "observed",
        "type": "LegAnswered",
        "at": "2026-01-02T12:00:04.000Z",
        "state": "idle",  # Its beginning was not read.
        "data": {
            "leg": "B",
            "answer": "v=0 an answer",
            "peer": {"tag": "", "contact": "", "routes": []},
        },
        "cause": {"by": "B", "message": "INVITE/200", "source": ""},
    }


def test_keys_and_their_order_are_a_contract() -> None:
    keys = ["position", "stream", "turn", "entry", "mood", "type", "at", "state", "data"]
    for line in export_jsonl(recorded(EVERYTHING)):
        entry = json.loads(line)
        expected = [*keys, "cause"] if entry["mood"] == "observed" else keys
        assert [*entry] == expected
        assert (entry["entry"] == 1) == (entry["mood"] == "observed")


def test_one_line_an_entry_and_nothing_is_left_out() -> None:
    lines = [*export_jsonl(LOG)]
    told = [(json.loads(line)["turn"], json.loads(line)["type"]) for line in lines]
    events = [
        (turn.originator_version, type(event).__name__)
        for _, turn in LOG
        for event in (turn.seen, *turn.did)
    ]
    assert told == events
    assert all(line.isascii() and "\n" not in line for line in lines)


def test_the_state_is_that_after_the_entry() -> None:
    told = [json.loads(line) for line in export_jsonl(recorded(ALL_BUSY))]
    assert [(entry["type"], entry["state"]) for entry in told][-4:] == [
        ("RefuseCaller", "ringing"),
        ("StopTimer", "ringing"),
        ("CallClosed", "closing"),
        ("CallEnded", "ended"),
    ]


def test_many_streams_are_folded_side_by_side() -> None:
    log = recorded(EVERYTHING)
    last = {entry.turn.originator_id: entry.after for entry in entries(log)}
    assert last == Switchboard(turn for _, turn in log).states


def test_states_before_and_after() -> None:
    by_type = {type(entry.event): entry for entry in entries(LOG)}
    confirmed = by_type[CallConfirmed]
    assert (confirmed.before.phase, confirmed.after.phase) == (Phase.ANSWERED, Phase.TALKING)
    answered = by_type[orders.AnswerCaller]
    assert answered.after.caller is CallerPhase.ANSWERED
    assert answered.mood == "order"
    assert answered.cause is None


def test_a_record_that_todays_tables_forbid_is_told_all_the_same() -> None:
    position, turn = LOG[1]
    forged = Recorded(position, replace(turn, did=(CallConfirmed(),)))
    told = [(type(e.event).__name__, e.after.phase) for e in entries([LOG[0], forged, *LOG[2:]])]
    assert ("CallConfirmed", Phase.RINGING) in told
    assert told[-1] == ("CallEnded", Phase.ENDED)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"v=0\r\no=- 1 1", "v=0\r\no=- 1 1"),
        (b"\xff\x00", "\\xff\x00"),
        ((1, (b"x",)), [1, ["x"]]),
        ("x", "x"),
        (0.5, 0.5),
        (orders.InviteLeg(leg="A"), {"leg": "A"}),
    ],
)
def test_plain(value: object, shown: object) -> None:
    assert plain(value) == shown


def test_a_body_and_a_name_in_any_script_survive() -> None:
    offer = "v=0\r\ns=李雷\r\n".encode()
    line = next(export_jsonl(recorded(of_call("1", (0, invite("A", offer=offer, name="\x1b"))))))
    data = json.loads(line)["data"]
    assert (data["offer"], data["name"]) == (offer.decode(), "\x1b")
    assert "\x1b" not in line


def test_what_is_exported_names_where_it_came_from() -> None:
    causes = {json.dumps(json.loads(line).get("cause")) for line in export_jsonl(LOG)}
    assert json.dumps({"by": "B", "message": "BYE", "source": "udp:192.0.2.12:5060"}) in causes
    assert any("198.51.100.1" in cause for cause in causes)
    assert observed.CallerAcked in {type(turn.seen) for _, turn in LOG}
