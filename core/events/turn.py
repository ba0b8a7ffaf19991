"""A turn: one observation and everything it led to.  The unit of recording.

A machine is a module with a ``NEWBORN`` state, ``decide``, ``conclude`` and ``evolve``.  It
takes its turn by remembering what was seen, deciding, remembering what it decided, and
concluding what follows from that alone.  The turn is recorded whole or not at all, and
only then are its orders carried out.
"""

from typing import Protocol, TypeVar

from msgspec import Struct

from core.events.base import Decision, Decisions, Event, Observed

State = TypeVar("State")


class Turn(Struct, frozen=True, kw_only=True, gc=False):
    """The domain event of ``eventsourcing``, which gives the first two their names."""

    originator_id: str  # The stream: "call:…", "line:…".
    originator_version: int  # The number of this turn in it, from 1.
    at: int  # Unix nanoseconds, by the clock of the shell.
    seen: Observed
    did: tuple[Decision, ...]


class Machine(Protocol[State]):
    NEWBORN: State

    def decide(self, state: State, seen: Observed, /) -> Decisions: ...
    def conclude(self, state: State, /) -> Decisions: ...
    def evolve(self, state: State, event: Event, /) -> State: ...
    def is_over(self, state: State, /) -> bool: ...


def take(
    machine: Machine[State], state: State, seen: Observed
) -> tuple[State, tuple[Decision, ...]]:
    """Remember what was seen, decide, remember the decisions, conclude."""
    evolve = machine.evolve
    state = evolve(state, seen)
    did = [*machine.decide(state, seen)]
    for event in did:
        state = evolve(state, event)
    for event in machine.conclude(state):
        did.append(event)
        state = evolve(state, event)
    return state, tuple(did)


def remember(machine: Machine[State], state: State, turn: Turn) -> State:
    """What ``take`` remembered, from the record alone."""
    state = machine.evolve(state, turn.seen)
    for event in turn.did:
        state = machine.evolve(state, event)
    return state
