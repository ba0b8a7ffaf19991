"""What a machine remembers of an event: a table like that of a life, and as plain.

A row says *while, because of, remembered by*.  Most events concern one row or none, so the
rows are brought together once, by the phase and the kind of event.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import product
from typing import Any, TypeVar

from core.events.base import Event

State = TypeVar("State")
Remember = Callable[[State, Any], State]
Row = tuple[Iterable[StrEnum], Iterable[type[Event]], Remember[State]]
Memory = dict[tuple[StrEnum, type[Event]], tuple[Remember[State], ...]]


def memory(rows: Iterable[Row[State]]) -> Memory[State]:
    """Where several rows are about the same step, each remembers what those before it left."""
    found: Memory[State] = {}
    for phases, kinds, remember in rows:
        for step in product(phases, kinds):
            found[step] = (*found.get(step, ()), remember)
    return found
