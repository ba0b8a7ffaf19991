"""The format of the log, as text: ``python -m tests.events.spelled > tests/events/events.txt``.

A difference in that file is a change of the format.  Only a line that grew at its end,
by a field with a default (``=``), can be read together with what was recorded before.
"""

from msgspec import NODEFAULT
from msgspec.structs import fields

from core.events import decided, discovered, facts, joined, observed, orders, released
from core.events.base import Event, events_in
from core.events.facts import Fact


def of_kind(kind: type[Event] | type[Fact]) -> str:
    return " ".join(f.name + ("" if f.default is NODEFAULT else "=") for f in fields(kind))


def spelled() -> str:
    lines = []
    for module in (facts, observed, joined, released, discovered, decided, orders):
        mood = module.__name__.rpartition(".")[2]
        lines += [f"{mood} {k.__name__} {of_kind(k)}".rstrip() for k in events_in(module)]
    return "\n".join(lines).replace("facts Fact\n", "") + "\n"


if __name__ == "__main__":
    print(spelled(), end="")
