"""What is remembered of an event: by nobody, by one, or by several in the order of the rows."""

from enum import StrEnum, auto

from core.events.base import Event
from core.events.decided import CallEnded, CallRang
from core.machines.memory import Memory, memory


class Phase(StrEnum):
    OFF = auto()
    ON = auto()


def first(told: str, event: Event) -> str:
    return f"{told} first:{type(event).__name__}"


def second(told: str, event: Event) -> str:
    return f"{told} second:{type(event).__name__}"


LAMP: Memory[str] = memory([
    (Phase,      [CallRang],            first),
    ([Phase.ON], [CallRang, CallEnded], second),
])  # fmt: skip


def test_rows_about_the_same_step_stand_in_their_order() -> None:
    assert LAMP[Phase.OFF, CallRang] == (first,)
    assert LAMP[Phase.ON, CallRang] == (first, second)
    assert LAMP[Phase.ON, CallEnded] == (second,)


def test_what_no_row_is_about_is_not_there() -> None:
    assert (Phase.OFF, CallEnded) not in LAMP
