"""How a turn is spelled: ``[schema, at, seen, did]`` in msgpack.

An event in it is ``[its name, its fields in order]``.  msgspec turns events into plain
arrays and, on the way back, checks every type; msgpack packs and unpacks the bytes.
A field that an old record lacks takes its default, so most changes need no new schema.
Any other change raises ``SCHEMA`` and adds to ``UPCASTS`` the one function that brings
the entries of the schema before it up to date.
"""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

import msgpack
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    Cipher,
    Compressor,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
    Transcoder,
)
from msgspec import Struct, convert, to_builtins

from core.events import decided, discovered, joined, observed, orders, released
from core.events.base import events_in
from core.events.turn import Turn

SCHEMA = 2

REWORDED = {
    "the phone hung up": "the called side hung up",
    "a phone refused for everybody": "one refused for everybody",
}


def phones_only_where_they_are(entries: list[Any]) -> list[Any]:
    """Until schema 2 whoever was called was "the phone", also the world outside."""
    at, seen, did = entries
    return [at, seen, [reworded(entry) if entry[0] == "CallClosed" else entry for entry in did]]


def reworded(closed: list[Any]) -> list[Any]:
    name, why = closed
    return [name, REWORDED.get(why, why)]


UPCASTS: dict[int, Callable[[list[Any]], list[Any]]] = {1: phones_only_where_they_are}

SEEN = reduce(
    or_,
    (kind for mood in (observed, joined, released, discovered) for kind in events_in(mood)),
)
DID = reduce(or_, events_in(decided) + events_in(orders))


class Entries(Struct, array_like=True):
    """A record without its schema: what of a turn is not already a column of the store."""

    at: int
    seen: SEEN  # type: ignore[valid-type]
    did: tuple[DID, ...]  # type: ignore[valid-type]


class StoredTurn(Struct, frozen=True, gc=False):
    """The ``StoredEvent`` of eventsourcing, without its price: that is set field by field."""

    originator_id: str
    originator_version: int
    topic: str  # What was seen, so a reader may ask for just that.
    state: bytes


class Msgpack(Transcoder):
    def __init__(self) -> None:
        self.packer = msgpack.Packer()

    def encode(self, obj: Any) -> bytes:
        try:
            return bytes(self.packer.pack(obj))
        except Exception:
            self.packer.reset()  # Or what it had packed by then would begin the next record.
            raise

    def decode(self, data: bytes) -> Any:
        return msgpack.unpackb(data)


class TurnMapper(Mapper[str]):
    def __init__(
        self,
        transcoder: Transcoder,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        if compressor or cipher:
            raise ValueError("turns are neither compressed nor encrypted")
        super().__init__(transcoder)

    def to_stored_event(self, turn: DomainEventProtocol[str]) -> StoredEvent:
        assert isinstance(turn, Turn)
        entries = to_builtins((SCHEMA, turn.at, turn.seen, turn.did), builtin_types=(bytes,))
        return StoredTurn(  # type: ignore[return-value]
            originator_id=turn.originator_id,
            originator_version=turn.originator_version,
            topic=type(turn.seen).__name__,
            state=self.transcoder.encode(entries),
        )

    def to_domain_event(self, stored: StoredEvent) -> Turn:
        stream, number = str(stored.originator_id), stored.originator_version
        try:
            schema, *entries = self.transcoder.decode(stored.state)
            if schema > SCHEMA:
                raise ValueError(f"schema {schema} is later than ours, {SCHEMA}")
            for version in range(schema, SCHEMA):
                entries = UPCASTS[version](entries)
            record = convert(entries, Entries, builtin_types=(bytes,))
        except Exception as error:
            raise MapperDeserialisationError(f"{stream} turn {number}: {error!r}") from error
        return Turn(
            originator_id=stream,
            originator_version=number,
            at=record.at,
            seen=record.seen,
            did=record.did,
        )
