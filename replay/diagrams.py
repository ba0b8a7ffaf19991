"""The tables of the machines as pages with a diagram: what ``docs/machines`` is made of.

The table is what is executed, so a page made from it cannot be wrong; that it is not
old either is for a test to see.
"""

from typing import Any

from core.events.base import Decided, Event, Observed
from core.machines import (
    call,
    caller,
    client_link,
    hotspot,
    legs,
    line,
    passing,
    transferring,
    uplink,
)
from core.machines.life import Life

MADE_BY = "make diagrams"

MACHINES: dict[str, tuple[Life[Any], str]] = {
    "hotspot": (hotspot.HOTSPOT, "Whether it serves. `core/machines/hotspot.py`"),
    "client_link": (
        client_link.LINK,
        "One phone of the house, joined to the hotspot. `core/machines/client_link.py`",
    ),
    "uplink": (
        uplink.UPLINK,
        "One hotspot, as its client sees it. `core/machines/uplink.py`",
    ),
    "line": (line.LINE, "An account at its registrar. `core/machines/line.py`"),
    "call": (call.CALL, "From the first ring to the last release. `core/machines/call.py`"),
    "caller": (
        caller.CALLER,
        "The side of a call whose INVITE we answer. `core/machines/caller.py`",
    ),
    "leg": (
        legs.LEG,
        "One INVITE we sent for a call, and what became of it. `core/machines/legs.py`",
    ),
    "request": (
        passing.PASSED,
        "A request between the two sides of a call, on its way through us."
        " `core/machines/passing.py`",
    ),
    "transfer": (
        transferring.TRANSFER,
        "A call that one side hands over to somebody else. `core/machines/transferring.py`",
    ),
}


def pages() -> dict[str, str]:
    """By the name of the file."""
    return {f"{name}.md": page(name, life, what) for name, (life, what) in MACHINES.items()}


def page(name: str, life: Life[Any], what: str) -> str:
    rows = [
        f"| {source} | {because.__name__} | {mood(because)} | {to} |"
        for source, because, to in life.rows
    ]
    return "\n".join(
        [
            f"# {name.replace('_', ' ').capitalize()}",
            "",
            what,
            "",
            "```mermaid",
            *diagram(life),
            "```",
            "",
            "| from | because of | which is | to |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            f"Made from the table by `{MADE_BY}`; change that, not this page.",
            "",
        ]
    )


def diagram(life: Life[Any]) -> list[str]:
    """Arrows between the same two phases are one arrow, with all their reasons."""
    first, *_ = life.rows
    reasons: dict[tuple[str, str], list[str]] = {}
    for source, because, to in life.rows:
        reasons.setdefault((source, to), []).append(because.__name__)
    sources = {source for source, _ in reasons}
    ends = dict.fromkeys(to for _, to in reasons if to not in sources)
    return [
        "stateDiagram-v2",
        f"    [*] --> {first[0]}",
        *(f"    {source} --> {to}: {', '.join(why)}" for (source, to), why in reasons.items()),
        *(f"    {end} --> [*]" for end in ends),
    ]


def mood(because: type[Event]) -> str:
    if issubclass(because, Observed):
        return "observed"
    return "decided" if issubclass(because, Decided) else "an order"
