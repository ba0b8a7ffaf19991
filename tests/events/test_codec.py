"""The spelling of a turn is what old logs are read by, for ever."""

import zlib
from pathlib import Path

import msgpack
import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from core.events import codec, decided, discovered, joined, observed, orders
from core.events.base import Observed
from core.events.facts import Target
from core.events.turn import Turn
from tests.events.samples import one_of_each
from tests.events.spelled import spelled

MAPPER = codec.TurnMapper(codec.Msgpack())
HOW = "if meant: python -m tests.events.spelled > tests/events/events.txt"
TURN = Turn(
    originator_id="call:1",
    originator_version=1,
    at=1_700_000_000_000_000_000,
    seen=observed.LegRefused(leg="B", code=486),
    did=(orders.RefuseCaller(code=486), decided.CallEnded()),
)


def read(*record: object) -> Turn:
    return MAPPER.to_domain_event(StoredEvent("call:1", 1, "", msgpack.packb(record)))


def test_names_and_fields_are_as_committed() -> None:
    committed = Path(__file__).with_name("events.txt").read_text()
    assert spelled() == committed, (
        "if meant: python -m tests.events.spelled > tests/events/events.txt"
    )


def test_a_record_is_plain_msgpack() -> None:
    stored = MAPPER.to_stored_event(TURN)
    seen, did = ["LegRefused", "B", 486], [["RefuseCaller", 486], ["CallEnded"]]
    assert msgpack.unpackb(stored.state) == [codec.SCHEMA, TURN.at, seen, did]
    assert stored.topic == "LegRefused"
    assert MAPPER.to_domain_event(stored) == TURN


@pytest.mark.parametrize(
    "seen",
    one_of_each(observed) + one_of_each(joined) + one_of_each(discovered),
    ids=lambda seen: type(seen).__name__,
)
def test_every_event_comes_back_equal(seen: Observed) -> None:
    did = tuple(one_of_each(decided) + one_of_each(orders))
    turn = Turn(originator_id="call:1", originator_version=1, at=1, seen=seen, did=did)
    assert MAPPER.to_domain_event(MAPPER.to_stored_event(turn)) == turn


def test_a_field_that_an_old_record_lacks_takes_its_default() -> None:
    turn = read(1, 1, ["InviteArrived", "1", "x", b"o", [["3"]]], [])
    targets = (Target(leg="3"),)
    assert turn.seen == observed.InviteArrived(line="1", caller="x", offer=b"o", targets=targets)


def test_an_old_schema_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    def legs_had_numbers(entries: list[object]) -> list[object]:
        at, _, did = entries
        return [at, ["LegHungUp", "leg 7"], did]

    now = codec.SCHEMA
    monkeypatch.setattr(codec, "SCHEMA", now + 1)
    monkeypatch.setitem(codec.UPCASTS, now, legs_had_numbers)
    assert read(now, 1, ["LegHungUp", 7], []).seen == observed.LegHungUp(leg="leg 7")
    assert read(now + 1, 1, ["LegHungUp", "A"], []).seen == observed.LegHungUp(leg="A")


def test_schema_1_called_everybody_who_was_called_a_phone() -> None:
    did = [["ReleaseCaller"], ["CallClosed", "the phone hung up"]]
    turn = read(1, 1, ["LegHungUp", "line"], did)
    assert turn.did == (orders.ReleaseCaller(), decided.CallClosed(why="the called side hung up"))
    refused = read(
        1, 1, ["LegRefused", "line", 603], [["CallClosed", "a phone refused for everybody"]]
    )
    assert refused.did == (decided.CallClosed(why="one refused for everybody"),)
    other = read(1, 1, ["CallerHungUp"], [["CallClosed", "the caller hung up"]])
    assert other.did == (decided.CallClosed(why="the caller hung up"),)


@pytest.mark.parametrize(
    "record",
    [
        (1, 1, ["LegHungUp", 7], []),
        (1, 1, ["NeverHeardOf"], []),
        (1, 1, ["CallEnded"], []),
        (0, 1, ["CallerAcked"], []),
        (codec.SCHEMA + 1, 1, ["CallerAcked"], []),
    ],
    ids=["type", "name", "mood", "schema too old", "schema too new"],
)
def test_what_is_not_a_turn_is_refused_by_name(record: tuple[object, ...]) -> None:
    with pytest.raises(MapperDeserialisationError, match="call:1 turn 1"):
        read(*record)


def test_there_is_no_compression_and_no_cipher() -> None:
    with pytest.raises(ValueError, match="neither compressed"):
        codec.TurnMapper(codec.Msgpack(), compressor=zlib)  # type: ignore[arg-type]


def test_what_cannot_be_packed_leaves_nothing_to_the_next_record() -> None:
    transcoder = codec.Msgpack()
    with pytest.raises(TypeError):
        transcoder.encode(["begun", object()])
    assert transcoder.encode([1]) == msgpack.packb([1])
