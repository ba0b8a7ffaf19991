"""A call as a mermaid sequence diagram, for whoever writes about it where that is drawn."""

from collections.abc import Iterator, Sequence

from core.events.base import Decided
from core.events.log import Recorded
from replay.calls import call_row
from replay.entries import entries
from replay.ladder import ending, is_noted, noted, parties
from replay.text import printable, since

SPECIAL = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", '"': "#quot;"}


def sequence_diagram(story: Sequence[Recorded]) -> Iterator[str]:
    names = parties(story)
    known = {party: f"p{n}" for n, party in enumerate(names)}
    row = call_row(story)
    yield "sequenceDiagram"
    for party, name in names.items():
        shown = party if name in ("", party) else f"{party}: {name}"
        yield f"    participant {known[party]} as {quoted(shown)}"
    for entry in entries(story):
        time = since(entry.turn.at, row.at)
        if entry.arrow and {entry.arrow.source, entry.arrow.to} <= known.keys():
            source, to = known[entry.arrow.source], known[entry.arrow.to]
            yield f"    {source}->>{to}: {quoted(entry.arrow.message)} ({time})"
        elif is_noted(entry.event):
            mark = "" if isinstance(entry.event, Decided) else "observed: "
            yield f"    Note over p1: {mark}{quoted(noted(entry.event))}"
    yield f"    Note over p0,p1: {quoted(ending(row))}"


def quoted(text: str) -> str:
    """Mermaid has entities for the signs it would take for its own."""
    return "".join(SPECIAL.get(sign, sign) for sign in printable(text))
