"""The spelling of a turn is what old logs are read by, for ever."""

import zlib
from math import inf
from pathlib import Path

import msgpack
import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from msgspec import to_builtins

from core.events import codec, decided, discovered, joined, observed, orders
from core.events.base import Observed
from core.events.facts import Target
from core.events.turn import Turn
from tests.events.samples import every_observation, one_of_each
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


@pytest.mark.parametrize("seen", every_observation(), ids=lambda seen: type(seen).__name__)
def test_the_bytes_are_those_of_the_plain_arrays(seen: Observed) -> None:
    """Of old, ``msgpack`` packed what stands here; the log must not tell which of them it was."""
    did = tuple(one_of_each(decided) + one_of_each(orders))
    turn = Turn(originator_id="call:1", originator_version=1, at=2**63, seen=seen, did=did)
    plain = to_builtins((codec.SCHEMA, turn.at, seen, did), builtin_types=(bytes,))
    assert MAPPER.to_stored_event(turn).state == msgpack.packb(plain)


@pytest.mark.parametrize(
    "value",
    [
        *(sign * 2**bits + more for bits in range(63) for sign in (1, -1) for more in (-1, 0, 1)),
        *(2**63, 2**64 - 1, -(2**63), 0.0, -0.0, 0.1, inf, True, False, None),
        *(unit * length for unit in ("a", "é", b"\0", (1,)) for length in (0, 15, 16, 31, 32)),
        *(unit * length for unit in ("a", b"\0", (1,)) for length in (255, 256, 65_535, 65_536)),
    ],
    ids=lambda value: f"{value!r:.24}",
)
def test_a_value_of_any_size_is_spelled_as_msgpack_does(value: object) -> None:
    transcoder = codec.Msgpack()
    assert transcoder.encode(value) == msgpack.packb(value)
    assert transcoder.decode(msgpack.packb(value)) == msgpack.unpackb(msgpack.packb(value))


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800"], ids=ascii)
def test_what_msgpack_cannot_spell_is_refused(value: object) -> None:
    with pytest.raises((OverflowError, UnicodeEncodeError)):
        codec.Msgpack().encode(value)


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

    monkeypatch.setattr(codec, "SCHEMA", 2)
    monkeypatch.setitem(codec.UPCASTS, 1, legs_had_numbers)
    assert read(1, 1, ["LegHungUp", 7], []).seen == observed.LegHungUp(leg="leg 7")
    assert read(2, 1, ["LegHungUp", "A"], []).seen == observed.LegHungUp(leg="A")


@pytest.mark.parametrize(
    "record",
    [
        (1, 1, ["LegHungUp", 7], []),
        (1, 1, ["NeverHeardOf"], []),
        (1, 1, ["CallEnded"], []),
        (0, 1, ["CallerAcked"], []),
        (2, 1, ["CallerAcked"], []),
    ],
    ids=["type", "name", "mood", "schema too old", "schema too new"],
)
def test_what_is_not_a_turn_is_refused_by_name(record: tuple[object, ...]) -> None:
    with pytest.raises(MapperDeserialisationError, match="call:1 turn 1"):
        read(*record)


def test_there_is_no_compression_and_no_cipher() -> None:
    with pytest.raises(ValueError, match="neither compressed"):
        codec.TurnMapper(codec.Msgpack(), compressor=zlib)  # type: ignore[arg-type]
