"""The house at work: the switchboard, its timers, and the turns that wait to be recorded.

Adapters bring observations here and are told each turn that follows, so that they can
carry out its orders.  What they make of them may leave the process only when the turns
in ``unrecorded`` have been recorded: whoever drives the house sees to that.
"""

from collections.abc import Callable, Collection, Iterable

from core.events.base import Observed
from core.events.decided import (
    LinkCleared,
    LinkConnected,
    LinkLeft,
    LinkLost,
    UplinkCleared,
    UplinkConnected,
    UplinkLeft,
    UplinkLost,
)
from core.events.observed import HotspotClosing
from core.events.turn import Turn
from core.machines.life import IllegalTurn
from core.machines.switchboard import Switchboard, kind_of
from core.machines.timers import Timers

LINKS = ("link:", "uplink:")
MOVES = (
    LinkConnected, LinkLost, LinkLeft, LinkCleared,
    UplinkConnected, UplinkLost, UplinkLeft, UplinkCleared,
)  # fmt: skip

Listener = Callable[[Turn], None]


class House:
    def __init__(self) -> None:
        self.board = Switchboard()
        self.timers = Timers()
        self.since: dict[str, int] = {}  # When each link came to be as it is.
        self.unrecorded: list[Turn] = []
        self.listeners: list[Listener] = []
        self.beside_calls: list[Listener] = []  # They hear all turns but those of calls: the most.
        self.faults = self.board.faults  # Turns we should not have wanted to take.

    def remember(self, turns: Iterable[Turn]) -> None:
        """Rebuild the house from its log."""
        for turn in turns:
            self.board.remember(turn)
            self.timers.remember(turn)
            self.note(turn)

    def hear(self, seen: Observed, at: int, stream: str) -> list[Turn]:
        """Take the turns that follow.  A bug of ours ends the call it is about, no more."""
        try:
            turns = self.board.hear(seen, at, stream)
        except IllegalTurn as error:
            self.faults.append(f"{stream}: {error}, at {seen!r}")
            if kind_of(stream) != "call" or isinstance(seen, HotspotClosing):
                return []
            return self.hear(HotspotClosing(everything=True), at, stream)
        self.unrecorded += turns
        for turn in turns:
            self.timers.remember(turn)
            is_of_a_call = turn.originator_id.startswith("call:")
            if not is_of_a_call:
                self.note(turn)
            for listener in self.listeners:
                listener(turn)
            if not is_of_a_call:
                for listener in self.beside_calls:
                    listener(turn)
        return turns

    def note(self, turn: Turn) -> None:
        stream = turn.originator_id
        if stream.startswith(LINKS) and any(isinstance(event, MOVES) for event in turn.did):
            self.since[stream] = turn.at

    def expire(self, at: int) -> None:
        """Let every timer that is due be heard, the earliest first."""
        for stream, seen in self.timers.expired(at):
            self.hear(seen, at, stream)

    def forget(self, streams: Collection[str]) -> None:
        """Many at once, for all that runs is looked through."""
        for stream in streams:
            self.board.forget(stream)
        self.timers.forget(streams)

    def take_unrecorded(self) -> list[Turn]:
        turns, self.unrecorded = self.unrecorded, []
        return turns
