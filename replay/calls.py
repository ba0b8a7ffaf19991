"""The history of calls: one row a call, folded from its turns."""

import json
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from core.events import observed
from core.events.base import Observed
from core.events.decided import CallAnswered, CallClosed
from core.events.log import Recorded
from core.events.orders import RefuseCaller
from core.events.turn import Turn
from core.machines.switchboard import name_of
from replay.text import on_the_clock, printable, rfc3339, seconds, table

RINGS = (180, 183)
BUSY = (486, 600)
NOT_AVAILABLE = 480
TIMED_OUT = 408


class CallRow(Struct):
    """A call as its owner remembers it.

    ``outcome`` is one of ``answered missed busy cancelled refused failed``, and empty as
    long as the call goes on.  ``seconds`` is the time they talked: from the answer to the
    first word of the end.
    """

    call: str
    at: int = 0
    line: str = ""
    caller: str = ""
    called: str = ""
    kind: str = ""
    name: str = ""
    rang: tuple[str, ...] = ()
    answered_by: str = ""
    outcome: str = ""
    seconds: float = 0
    why: str = ""  # It was closed.

    def as_json(self) -> str:
        """One line, whose keys are a contract (design, section 5)."""
        shown: dict[str, Any] = {
            "call": self.call,
            "at": rfc3339(self.at),
            "line": self.line,
            "from": self.caller,
            "to": self.called,
            "rang": list(self.rang),
            "answered_by": self.answered_by,
            "outcome": self.outcome,
            "seconds": self.seconds,
        }
        return json.dumps(shown)


def call_row(story: Iterable[Recorded]) -> CallRow:
    """What became of the call whose turns these are."""
    row = CallRow(call="")
    answered_at = 0
    refused: set[int] = set()
    for _, turn in story:
        if not row.call:
            row.call, row.at = name_of(turn.originator_id), turn.at
        remember(row, turn.seen, refused)
        for event in turn.did:
            match event:
                case CallAnswered(by=leg):
                    row.answered_by, answered_at = leg, turn.at
                case CallClosed(why=why):
                    row.outcome, row.why = outcome(row, turn, refused), why
                    row.seconds = seconds(turn.at - answered_at) if row.answered_by else 0
    return row


def remember(row: CallRow, seen: Observed, refused: set[int]) -> None:
    match seen:
        case observed.InviteArrived():
            row.line, row.kind, row.name = seen.line, seen.kind, seen.name
            row.caller, row.called = seen.caller, seen.called
        case observed.LegProgressed(leg=leg, code=code) if code in RINGS:
            add_rang(row, leg)
        case observed.LegAnswered(leg=leg):
            add_rang(row, leg)
        case observed.LegRefused(code=code):
            refused.add(code)


def add_rang(row: CallRow, leg: str) -> None:
    if leg not in row.rang:
        row.rang = (*row.rang, leg)


def outcome(row: CallRow, turn: Turn, refused: set[int]) -> str:
    """In the words of the household; ``turn`` is the one that closed the call."""
    if row.answered_by:
        return "answered"
    match turn.seen:
        case observed.CallerCancelled() | observed.CallerHungUp():
            return "cancelled"
        case observed.RingTimedOut():
            return "missed"
        case observed.RingStepTimedOut() if not refused:
            return "missed"
        case observed.HotspotClosing():
            return "failed"
    codes = [order.code for order in turn.did if isinstance(order, RefuseCaller)]
    return refusal(codes[0] if codes else 0, row, refused)


def refusal(code: int, row: CallRow, refused: set[int]) -> str:
    """What this final response means.  480 that nobody said is ours: nobody was there."""
    if code in BUSY:
        return "busy"
    if code == TIMED_OUT:
        return "missed"
    if code == NOT_AVAILABLE:
        if code not in refused:
            return "failed"
        return "missed" if row.kind == "incoming" else "refused"
    return "failed" if code < 400 or 500 <= code < 600 else "refused"


HEADINGS = ["when", "call", "line", "from", "to", "rang", "answered by", "how it ended", "seconds"]


def calls_table(rows: Sequence[CallRow], zone: tzinfo | None = None) -> list[str]:
    """For people: by the clock on the wall, the name of a caller beside its number."""
    return table([HEADINGS, *(cells(row, zone) for row in rows)])


def cells(row: CallRow, zone: tzinfo | None) -> list[str]:
    caller = f"{row.caller} ({row.name})" if row.name else row.caller
    told = [
        on_the_clock(row.at, zone)[:19],
        row.call,
        row.line,
        caller,
        row.called,
        ",".join(row.rang),
        row.answered_by,
        how_it_ended(row),
        f"{row.seconds:.0f}" if row.outcome == "answered" else "",
    ]
    return [printable(cell) or "-" for cell in told]


def how_it_ended(row: CallRow) -> str:
    """With the reason, where the word alone leaves it open."""
    if row.outcome in ("refused", "failed"):
        return f"{row.outcome}: {row.why}"
    return row.outcome or "goes on"
