"""A story turn by turn: what was seen, what was made of it, and what that changed."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from itertools import groupby
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from core.events.base import Event
from core.events.facts import Fact, Origin, Target
from core.events.log import Recorded
from core.machines.call import Call
from replay.entries import Entry, entries
from replay.text import on_the_clock, printable, since

WORDS = {"observed": "seen", "decided": "decided", "order": "ordered"}


def show(log: Iterable[Recorded], zone: tzinfo | None = None) -> Iterator[str]:
    """The lines for a person; ``entries.as_json`` says the same to a program."""
    start: int | None = None
    for _, turn_entries in groupby(entries(log), lambda entry: entry.position):
        turn = [*turn_entries]
        if start is None:
            start = turn[0].turn.at
            yield f"{printable(turn[0].turn.originator_id)}  {on_the_clock(start, zone)}"
        yield ""
        yield heading(turn[0], start)
        yield from (f"  {WORDS[entry.mood]:8} {in_words(entry.event)}" for entry in turn)
        yield f"  {'state':8} {'   '.join(changes(turn[0].before, turn[-1].after))}"


def heading(seen: Entry, start: int) -> str:
    turn = seen.turn
    cause = seen.cause or {}
    where = " ".join(word for word in (cause.get("by"), cause.get("message")) if word)
    source = f"  from {cause['source']}" if cause.get("source") else ""
    return printable(
        f"turn {turn.originator_version}  {since(turn.at, start)}  {where}{source}"
        f"  (position {seen.position})"
    )


def in_words(event: Event) -> str:
    """Its name and its fields; those that say nothing (their default) are left out."""
    said = [
        f"{field.name}={brief(getattr(event, field.name))}"
        for field in fields(event)
        if getattr(event, field.name) != field.default
    ]
    return printable(" ".join([type(event).__name__, *said]))


def brief(value: Any) -> str:
    """A value in a line of text.  Whoever needs all of it asks for JSON."""
    match value:
        case bytes():
            return f"{len(value)} bytes"
        case Target(leg=leg):
            return leg
        case Origin(call_id=call_id):
            return call_id or "-"
        case Fact():
            told = [
                f"{field.name}={brief(getattr(value, field.name))}"
                for field in fields(value)
                if getattr(value, field.name) != field.default
            ]
            return f"({' '.join(told)})"
        case tuple():
            return f"[{' '.join(map(brief, value))}]"
        case str() if not value or " " in value:
            return repr(value)
    return str(value)


def changes(before: Struct, after: Struct) -> list[str]:
    """The phase, before and after, and of a call also those of its sides that moved."""
    was, now = phases(before), phases(after)
    told = [moved(was[""], now[""])]
    for side in now:
        if side and was.get(side, "new") != now[side]:
            told.append(f"{printable(side)} {moved(was.get(side, 'new'), now[side])}")
    return told


def moved(was: str, now: str) -> str:
    return now if was == now else f"{was} -> {now}"


def phases(state: Any) -> dict[str, str]:
    found = {"": str(state.phase)}
    if isinstance(state, Call):
        found["caller"] = str(state.caller)
        found |= {name: str(leg.phase) for name, leg in state.legs.items()}
    return found
