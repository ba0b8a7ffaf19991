"""A call as a ladder: its messages as arrows in time, its decisions between them.

The caller stands left, the hotspot beside it, the legs to the right in the order in
which they were rung.  An arrow bears the notation of the scenarios (``INVITE/180``),
always next to the hotspot, where the eye looks for it.  ``*`` marks what we decided,
``o`` what we observed without a message: a timer, the owner, a leg given up.
"""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

from msgspec.structs import fields

from core.events import joined, observed
from core.events.base import Decided, Event, Observed
from core.events.log import Recorded
from replay.calls import CallRow, call_row
from replay.entries import entries
from replay.messages import CALLER, HOTSPOT, Arrow
from replay.text import clip, on_the_clock, printable, since, width, width_of

CALLER_AT = 16
HOTSPOT_AT = 32
FIRST_LEG_AT = 48
APART = 10  # From leg to leg; where there are many, closer.
APART_LEAST = 9
MANY = 5
NOTE_COLUMNS = 66
NOT_NOTED = ("reason",)  # It goes into the CANCEL, and is long.


class Picture:
    """A ladder under way: where each lifeline stands, and the lines drawn so far."""

    def __init__(self, legs: Sequence[str]) -> None:
        apart = APART if len(legs) <= MANY else APART_LEAST
        self.at = {CALLER: CALLER_AT, HOTSPOT: HOTSPOT_AT}
        self.at |= {leg: FIRST_LEG_AT + n * apart for n, leg in enumerate(legs)}
        self.columns = max(self.at.values()) + apart
        self.lines: list[str] = []

    def heads(self, names: dict[str, str]) -> None:
        """A name over each lifeline, where there is one to show."""
        row = [" "] * self.columns
        for party, name in names.items():
            room = 15 if party in (CALLER, HOTSPOT) else APART_LEAST - 1
            shown = clip(printable(name), room)
            write(row, self.at[party] - width(shown) // 2, shown)
        if "".join(row).strip():
            self.add(row)

    def arrow(self, arrow: Arrow, time: str) -> None:
        """From lifeline to lifeline; it passes in front of those between."""
        row = self.lifelines(time)
        source, to = self.at[arrow.source], self.at[arrow.to]
        left, right = min(source, to), max(source, to)
        row[left + 1 : right] = "-" * (right - left - 1)
        row[right - 1 if to == right else left + 1] = ">" if to == right else "<"
        beside = HOTSPOT_AT - 15 if CALLER in arrow else HOTSPOT_AT + 1
        write(row, beside + (15 - len(arrow.message)) // 2, printable(arrow.message))
        self.add(row)

    def note(self, mark: str, text: str, time: str) -> None:
        row = self.lifelines(time)
        write(row, HOTSPOT_AT, clip(f"{mark} {text}", NOTE_COLUMNS) + " ")
        self.add(row)

    def lifelines(self, time: str) -> list[str]:
        row = [" "] * self.columns
        write(row, 0, f"{time:>10}")
        for column in self.at.values():
            row[column] = "|"
        return row

    def add(self, row: list[str]) -> None:
        self.lines.append("".join(row).rstrip())


def write(row: list[str], start: int, text: str) -> None:
    """Over what stands there.  A wide character covers two cells, a mark none of its own."""
    for sign in text:
        columns = width_of(sign)
        if not columns:
            row[max(start - 1, 0)] += sign
            continue
        row.extend(" " * (start + columns - len(row)))
        row[start : start + columns] = [sign, *[""] * (columns - 1)]
        start += columns


def ladder(story: Sequence[Recorded], zone: tzinfo | None = None) -> list[str]:
    """The lines of the picture of one call; 80 to 100 columns with up to six legs."""
    row = call_row(story)
    names = parties(story)
    picture = Picture([party for party in names if party not in (CALLER, HOTSPOT)])
    picture.heads({party: party for party in names})
    picture.heads({party: name for party, name in names.items() if name != party})
    turn_shown = 0
    for entry in entries(story):
        time = ""
        if entry.arrow is None and not is_noted(entry.event):
            continue
        if entry.position != turn_shown:
            time, turn_shown = since(entry.turn.at, row.at), entry.position
        if entry.arrow and {entry.arrow.source, entry.arrow.to} <= picture.at.keys():
            picture.arrow(entry.arrow, time)
        elif is_noted(entry.event):
            mark = "*" if isinstance(entry.event, Decided) else "o"
            picture.note(mark, noted(entry.event), time)
    return [*title(row, zone), "", *picture.lines, "", ending(row)]


def is_noted(event: Event) -> bool:
    return isinstance(event, Observed | Decided)


def noted(event: Event) -> str:
    """Its name and what it is about; several numbers are told apart by their names."""
    said: dict[str, Any] = {
        field.name: getattr(event, field.name)
        for field in fields(event)
        if getattr(event, field.name) != field.default and field.name not in NOT_NOTED
    }
    numbers = [name for name, value in said.items() if type(value) is int]
    if len(numbers) > 1:
        said |= {name: f"{name}={said[name]}" for name in numbers}
    return printable(" ".join([type(event).__name__, *map(str, said.values())]))


def parties(story: Iterable[Recorded]) -> dict[str, str]:
    """Everybody who takes part, and under which name the house knows them, where it does."""
    names = {CALLER: "", HOTSPOT: ""}
    for _, turn in story:
        if isinstance(turn.seen, observed.InviteArrived):
            names[CALLER] = turn.seen.name or turn.seen.caller
            for target in turn.seen.targets:
                names[target.leg] = known_as(target.called or target.uri)
        elif isinstance(turn.seen, observed.TransferAsked):
            for target in turn.seen.targets:
                names[target.leg] = known_as(target.called or target.uri)
        elif isinstance(turn.seen, joined.LegJoined):
            target = turn.seen.target
            names[target.leg] = known_as(target.called or target.uri)
        elif isinstance(turn.seen, joined.PickupArrived):
            names[turn.seen.leg] = known_as(turn.seen.origin.caller)
    return names


def known_as(address: str) -> str:
    """Of a To header or a URI what a person reads: the display name, else the user, else
    the host (RFC 3261 20.39, 19.1.1)."""
    display, bracket, inside = address.partition("<")
    if bracket and (name := display.strip(' "')):
        return name
    uri = inside.partition(">")[0] if bracket else address
    _, _, rest = uri.partition(":")
    user, at, host = rest.partition("@")
    return user if at else (user or host).partition(";")[0]


def title(row: CallRow, zone: tzinfo | None) -> list[str]:
    line = f" on line {row.line}" if row.line else ""
    called = f" to {row.called}" if row.called else ""
    return [
        f"call {row.call}  {on_the_clock(row.at, zone)}",
        printable(f"{row.kind}{line}, from {row.caller}{called}"),
    ]


def ending(row: CallRow) -> str:
    if not row.outcome:
        return "it goes on"
    by = f" by {row.answered_by}, {row.seconds:.3f} s" if row.answered_by else ""
    return printable(f"{row.outcome}{by}: {row.why}")
