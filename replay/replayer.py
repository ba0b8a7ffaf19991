"""Feed the observed half of a log to today's machines; the rest must come out again."""

from collections.abc import Callable, Iterable
from itertools import takewhile, zip_longest
from typing import Any, NamedTuple

from msgspec import Struct

from core.events.base import Decision
from core.events.log import Recorded
from core.events.turn import Turn, take
from core.machines.life import IllegalTurn
from core.machines.switchboard import MACHINES, Switchboard, kind_of

Today = tuple[Decision, ...] | Exception


class Divergence(NamedTuple):
    """Today's machines would not have done what the log says was done."""

    position: int
    turn: Turn
    before: Any  # The state in which it was seen.
    today: Today

    def __str__(self) -> str:
        stream, number = self.turn.originator_id, self.turn.originator_version
        recorded = [str(event) for event in self.turn.did]
        if isinstance(self.today, IllegalTurn):
            today = [f"illegal turn: {self.today}"]
        elif isinstance(self.today, Exception):
            today = [f"broken: {self.today!r}"]
        else:
            today = [str(event) for event in self.today]
        width = max(map(len, ["recorded", *recorded]))
        sides = [
            f"  {' ' if then == now else '!'} {then:{width}}  {now}"
            for then, now in zip_longest(recorded, today, fillvalue="-")
        ]
        return "\n".join(
            [
                f"position {self.position}, {stream} turn {number}: {self.turn.seen}",
                f"    while {self.before.phase}",
                f"    {'recorded':{width}}  today",
                *sides,
            ]
        )


class Disorder(NamedTuple):
    """The log is not one: a turn is missing, comes twice, or is nobody's."""

    position: int
    turn: Turn
    why: str

    def __str__(self) -> str:
        stream, number = self.turn.originator_id, self.turn.originator_version
        return f"position {self.position}, {stream} turn {number}: {self.why}"


class Verification(Struct):
    """How far it went, and what was found first, if anything."""

    turns: int = 0
    streams: int = 0
    calls: int = 0
    position: int = 0
    fault: Divergence | Disorder | None = None

    def __str__(self) -> str:
        counted = (
            f"{many(self.turns, 'turn')} of {many(self.streams, 'stream')},"
            f" {many(self.calls, 'call')} among them"
        )
        return f"{counted}: today's machines {'differ' if self.fault else 'agree'}"


def many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def verify(log: Iterable[Recorded]) -> Divergence | Disorder | None:
    """The first turn that today's machines would take otherwise, if there is one."""
    return verification(log).fault


def verification(
    log: Iterable[Recorded], told: Callable[[int], None] = lambda position: None
) -> Verification:
    """Turn by turn until something is wrong; ``told`` hears the position it has come to.

    All of a log or whole streams of it: a machine decides by its own stream alone.
    """
    house = Switchboard()
    result = Verification()
    for position, turn in log:
        result.fault = first_fault(house, result.position, Recorded(position, turn))
        result.turns += 1
        result.position = position
        if turn.originator_version == 1:
            result.streams += 1
            result.calls += kind_of(turn.originator_id) == "call"
        if result.fault:
            break
        told(position)
    return result


def first_fault(house: Switchboard, last: int, recorded: Recorded) -> Divergence | Disorder | None:
    """What is wrong with this turn; if nothing is, the house has remembered it."""
    position, turn = recorded
    if why := disorder(house, last, recorded):
        return Disorder(position, turn, why)
    before = house.state(turn.originator_id)
    try:
        _, today = take(MACHINES[kind_of(turn.originator_id)], before, turn.seen)
        if today == turn.did:
            house.remember(turn)
            return None
    except Exception as error:  # IllegalTurn, or whatever else a machine of today breaks with.
        return Divergence(position, turn, before, error)
    return Divergence(position, turn, before, today)


def disorder(house: Switchboard, last: int, recorded: Recorded) -> str:
    position, turn = recorded
    expected = house.numbers.get(turn.originator_id, 0) + 1
    if kind_of(turn.originator_id) not in MACHINES:
        return "no machine has streams of this kind"
    if position <= last:
        return f"the position does not grow, the turn before it stands at {last}"
    if turn.originator_version != expected:
        return f"this should be turn {expected} of its stream"
    return ""


def house_at(log: Iterable[Recorded], position: int) -> Switchboard:
    """Every machine as it stood after the turn at this position."""
    until = takewhile(lambda recorded: recorded.position <= position, log)
    return Switchboard(recorded.turn for recorded in until)
