"""Every machine of the house by its stream, and which of them hear an observation.

Most observations are meant for one stream.  What one machine decides may be news to
another: that a line is registered concerns the hotspot, that the hotspot is being
deactivated concerns every call and every client, what another hotspot lends us concerns
our lines.  Each hearer takes a turn of its own, so each stream tells its own story, and
all these turns are recorded together.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from core.events.base import Decision, Observed
from core.events.decided import (
    CallEnded,
    CallFreed,
    CallTransferred,
    DeactivationBegan,
    LineCleared,
    LineFailed,
    LineKept,
    LineRegistered,
    LinkCleared,
    LinkLeft,
    TransferBegan,
    TransferFailed,
    UplinkChanged,
    UplinkCleared,
    UplinkConnected,
    UplinkLeft,
    UplinkLost,
)
from core.events.observed import (
    HotspotClosing,
    LineCameUp,
    LineConfigured,
    LineWentDown,
    LineWithdrawn,
    MemberGone,
    PartyKept,
    PartyReturned,
    PartyTaken,
)
from core.events.turn import Machine, Turn, remember, take
from core.machines import call, client_link, hotspot, line, uplink
from core.machines.life import IllegalTurn

MACHINES: dict[str, Machine[Any]] = {
    "call": call,
    "line": line,
    "link": client_link,
    "uplink": uplink,
    "hotspot": hotspot,
}
DOWN = (LineFailed, LineKept, LineCleared)
LENT = (UplinkConnected, UplinkChanged)
TAKEN_BACK = (UplinkChanged, UplinkLost, UplinkLeft, UplinkCleared)
JOINS = (TransferBegan, TransferFailed, CallTransferred)
NEWS = frozenset((
    LineRegistered, *DOWN, DeactivationBegan, CallEnded, CallFreed, LinkCleared, LinkLeft,
    UplinkConnected, *TAKEN_BACK, *JOINS,
))  # fmt: skip


def kind_of(stream: str) -> str:
    return stream.partition(":")[0]


def name_of(stream: str) -> str:
    return stream.partition(":")[2]


class Switchboard:
    """The state of every stream and the number of its last turn.

    ``hear`` makes the turns of now, ``remember`` takes those of the log; after either
    the state is the same, because both do nothing but evolve.
    """

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        self.states: dict[str, Any] = {}
        self.numbers: dict[str, int] = {}
        self.faults: list[str] = []  # Turns we should not have wanted to take.
        for turn in turns:
            self.remember(turn)

    def state(self, stream: str) -> Any:
        return self.states.get(stream) or MACHINES[kind_of(stream)].NEWBORN

    @property
    def hotspot(self) -> hotspot.Hotspot:
        state: hotspot.Hotspot = self.state(hotspot.STREAM)
        return state

    def members(self) -> tuple[str, ...]:
        """The calls and clients a deactivation has to see off."""
        return tuple(name for name, state in self.states.items() if lives(name, state))

    def hear(self, seen: Observed, at: int, stream: str) -> list[Turn]:
        """The turn of this stream, and those of whoever has to hear what it decided.

        Raises ``IllegalTurn`` and then has changed nothing.  Where a hearer is at fault,
        only its turn is missing: the others have been taken, and must be recorded.
        """
        turn = self._take(stream, seen, at)
        turns = [turn]
        if NEWS.isdisjoint(map(type, turn.did)):
            return turns  # As nearly always.
        waiting = deque(self._news(turn))
        while waiting:
            hearer, heard = waiting.popleft()
            try:
                turn = self._take(hearer, heard, at)
            except IllegalTurn as error:
                self.faults.append(f"{hearer}: {error}, at {heard!r}")
                continue
            turns.append(turn)
            waiting.extend(self._news(turn))
        return turns

    def remember(self, turn: Turn) -> None:
        stream = turn.originator_id
        machine = MACHINES[kind_of(stream)]
        self.states[stream] = remember(machine, self.state(stream), turn)
        self.numbers[stream] = turn.originator_version

    def forget(self, stream: str) -> None:
        """It is over, and nobody will speak of it again."""
        self.states.pop(stream, None)
        self.numbers.pop(stream, None)

    def _news(self, turn: Turn) -> Iterator[tuple[str, Observed]]:
        """What others have to hear of this turn, by the house as it stands now."""
        for event in turn.did:
            if type(event) in NEWS:
                yield from self._concerns(turn.originator_id, event)

    def _concerns(self, stream: str, event: Decision) -> Iterator[tuple[str, Observed]]:
        """Who else hears of it, and as what."""
        house = self.hotspot
        name = name_of(stream)
        if isinstance(event, LineRegistered) and name not in house.lines:
            yield hotspot.STREAM, LineCameUp(line=name)
        elif isinstance(event, DOWN) and name in house.lines:
            yield hotspot.STREAM, LineWentDown(line=name)
        elif isinstance(event, DeactivationBegan):
            for member in sorted(house.pending):
                yield member, HotspotClosing()
        elif isinstance(event, JOINS):
            if event.replaces in self.states:
                yield event.replaces, joining(event)
        elif kind_of(stream) == "uplink":
            yield from lending(event)
        elif stream in house.pending:
            yield hotspot.STREAM, MemberGone(member=stream)

    def _take(self, stream: str, seen: Observed, at: int) -> Turn:
        number = self.numbers.get(stream, 0) + 1
        machine = MACHINES[kind_of(stream)]
        state, did = take(machine, self.states.get(stream) or machine.NEWBORN, seen)
        self.states[stream], self.numbers[stream] = state, number
        return Turn(originator_id=stream, originator_version=number, at=at, seen=seen, did=did)


def joining(event: TransferBegan | TransferFailed | CallTransferred) -> Observed:
    """What becomes of the side that one call has lent to another."""
    match event:
        case TransferBegan(party=party):
            return PartyTaken(party=party)
        case TransferFailed(gone=gone):
            return PartyReturned(gone=gone)
    return PartyKept()


def lending(event: Decision) -> Iterator[tuple[str, Observed]]:
    """What becomes of our lines: the hotspot lends them and takes them back."""
    if isinstance(event, TAKEN_BACK):
        for name in event.withdrawn:
            yield f"line:{name}", LineWithdrawn(at_once=True)
    if isinstance(event, LENT):
        for lent in event.lines:
            yield f"line:{lent.line}", LineConfigured(account=lent.account)


def lives(stream: str, state: Any) -> bool:
    match kind_of(stream):
        case "call":
            return state.phase is not call.Phase.ENDED
        case "link":
            return state.phase in (client_link.Phase.CONNECTED, client_link.Phase.LOST)
    return False
