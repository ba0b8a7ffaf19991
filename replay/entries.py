"""The log entry by entry: what it says, and the state of its machine before and after.

A turn holds the observation and everything it led to, and each of these is an entry.
Here the record alone is folded, nothing is decided again: this is what was, whatever
today's machines would make of it (that is ``replayer``).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import fields

from core.events.base import Decided, Event, Observed
from core.events.log import Recorded
from core.events.turn import Machine, Turn
from core.machines.switchboard import MACHINES, kind_of
from replay.messages import Arrow, Messages
from replay.text import rfc3339


class Entry(NamedTuple):
    position: int
    turn: Turn
    number: int  # Of the entry in its turn, from 1: the observation.
    event: Event
    before: Any
    after: Any
    arrow: Arrow | None  # The message that it stands for.
    cause: dict[str, str] | None  # Where it came from, if it was observed.

    @property
    def mood(self) -> str:
        if isinstance(self.event, Observed):
            return "observed"
        return "decided" if isinstance(self.event, Decided) else "order"


def entries(log: Iterable[Recorded]) -> Iterator[Entry]:
    """Of one stream or of many, in the order of the log."""
    states: dict[str, Any] = {}
    spoken: dict[str, Messages] = defaultdict(Messages)
    for position, turn in log:
        stream = turn.originator_id
        machine = MACHINES[kind_of(stream)]
        messages = spoken[stream]
        state = states.get(stream, machine.NEWBORN)
        for number, event in enumerate((turn.seen, *turn.did), start=1):
            before, state = state, evolved(machine, state, event)
            cause = messages.cause(event) if number == 1 else None
            yield Entry(position, turn, number, event, before, state, messages.of(event), cause)
        states[stream] = state


def evolved(machine: Machine[Any], state: Any, event: Event) -> Any:
    """An old record that today's tables forbid moves nothing here: ``verify`` names it."""
    try:
        return machine.evolve(state, event)
    except Exception:  # Of whatever kind: the rest of the story is still to be told.
        return state


def as_json(entry: Entry) -> str:
    """One line, whose keys are a contract (design, section 5)."""
    turn = entry.turn
    shown = {
        "position": entry.position,
        "stream": turn.originator_id,
        "turn": turn.originator_version,
        "entry": entry.number,
        "mood": entry.mood,
        "type": type(entry.event).__name__,
        "at": rfc3339(turn.at),
        "state": str(entry.after.phase),
        "data": plain(entry.event),
    }
    if entry.cause is not None:
        shown["cause"] = entry.cause
    return json.dumps(shown)


def export_jsonl(log: Iterable[Recorded]) -> Iterator[str]:
    """Everything that was recorded, a line an entry, for a bug report.

    The log holds no password and no key of the media, so nothing has to be taken out;
    numbers and addresses are in it, because without them it tells nobody anything.
    """
    return map(as_json, entries(log))


def plain(value: Any) -> Any:
    """Events and facts as objects by field, a body as the text that it is (SDP, RFC 8866)."""
    match value:
        case Struct():
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case tuple():
            return [plain(each) for each in value]
    return value
