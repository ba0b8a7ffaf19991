"""Who of the phones rings when, and whom the caller still waits for.

Either all ring at once; or phone 0 rings alone for a while and the others after it
(``hotspot-first``); or one rings after the other, by their aliases, each for its time and
the last no longer (``in-turn``).  Who is busy or cannot be reached is passed over at once.
The ring time bounds all of it.  A phone that joins late rings with those it belongs to.  A
part of ``call``; read that first.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.events.base import Decisions
from core.events.decided import CallAnswered
from core.events.joined import LegJoined
from core.events.observed import (
    InviteArrived,
    LegChallenged,
    LegProgressed,
    RingStepTimedOut,
    RingTimedOut,
)
from core.events.orders import InviteLeg, RingCaller, StartTimer, StopTimer
from core.machines.legs import Leg, LegPhase, leg_toward, let_go

if TYPE_CHECKING:
    from core.machines.call import Call

RING = RingTimedOut.__name__
STEP = RingStepTimedOut.__name__

HOTSPOT_FIRST = "hotspot-first"
IN_TURN = "in-turn"
PHONE_0 = "0"
RINGING = (LegPhase.INVITED, LegPhase.PROCEEDING)


def alias_of(leg: str) -> str:
    """Two devices of one phone have one turn."""
    return leg.partition(".")[0]


def who_rings(call: "Call") -> dict[str, Leg]:
    return {name: leg for name, leg in call.legs.items() if leg.phase in RINGING}


def who_waits(call: "Call") -> list[str]:
    """Those whose turn has not come."""
    return [name for name, leg in call.legs.items() if leg.phase is LegPhase.NEW]


def next_of(call: "Call") -> list[str]:
    """Whose turn is next."""
    waiting = who_waits(call)
    if call.ring == HOTSPOT_FIRST:
        return [name for name in waiting if alias_of(name) == PHONE_0] or waiting
    if call.ring == IN_TURN:
        first = min(map(alias_of, waiting), key=lambda alias: (len(alias), alias))
        return [name for name in waiting if alias_of(name) == first]
    return waiting


def ring_next(call: "Call") -> Decisions:
    """The last turn ends too, but where all ring there is no next."""
    names = next_of(call)
    for name in names:
        yield InviteLeg(leg=name)
    if call.ring == IN_TURN or len(names) < len(who_waits(call)):
        yield StartTimer(timer=STEP, after_s=call.step_s)


def pass_over(call: "Call") -> Decisions:
    """Before its time was over nobody rang any more."""
    if call.ring == HOTSPOT_FIRST:
        yield StopTimer(timer=STEP)
    yield from ring_next(call)


def step(call: "Call") -> Decisions:
    """The time of those who ring is over; phone 0 goes on among the others."""
    if call.ring == IN_TURN:
        yield from let_go(who_rings(call), reason="")
    yield from ring_next(call)


def stop(call: "Call") -> Decisions:
    yield StopTimer(timer=RING)
    if call.step_s:
        yield StopTimer(timer=STEP)


def has_to_wait(call: "Call", joined: str) -> bool:
    """Whether those with whom this late one rings wait themselves."""
    return call.ring == IN_TURN or who_waits(call) != [joined]


def may_win(call: "Call", name: str) -> bool:
    """Also an answer that has crossed the end of its turn, but none of who was sent away."""
    if not call.leg_is(name, LegPhase.ANSWERED):
        return False
    return call.is_in_play(name) or (call.ring == IN_TURN and not call.closing)


def is_left_alone(call: "Call") -> bool:
    """Nobody rings any more, or only a phone at which nobody sits, after others refused."""
    ringing = who_rings(call).values()
    if not ringing:
        return True
    is_unattended = not any(leg.waits for leg in ringing) and not who_waits(call)
    return is_unattended and any(leg.waits and leg.refused for leg in call.legs.values())


def let_ring(call: "Call", seen: LegProgressed) -> Decisions:
    """The caller hears the first 180, and the early media of one leg and no other."""
    if seen.code == 100:
        return
    if seen.answer and not call.early:
        yield RingCaller(code=seen.code, leg=seen.leg)
    elif not call.rang:
        yield RingCaller(code=seen.code)
    elif seen.code == 180 and call.rang != 180:
        yield RingCaller()


def may_authorize(call: "Call", seen: LegChallenged) -> bool:
    leg = call.legs.get(seen.leg)
    if leg is None or leg.phase is not LegPhase.CHALLENGED:
        return False
    return leg.proof.may_be_given(seen.challenge)


# -- Record into memory --------------------------------------------------------------


def invited(call: "Call", event: InviteArrived) -> "Call":
    """While there is no call yet."""
    return replace(
        call,
        legs={target.leg: leg_toward(target) for target in event.targets},
        offerless=not event.offer,
        kind=event.kind,
        own=event.own,
        ring=event.ring,
        step_s=event.step_s,
    )


def joined(call: "Call", event: LegJoined) -> "Call":
    """While the call rings."""
    target = event.target
    return call if target.leg in call.legs else call.with_leg(target.leg, leg_toward(target))


def heard(call: "Call", event: RingCaller) -> "Call":
    return replace(call, rang=event.code, early=event.leg or call.early)


def won(call: "Call", event: CallAnswered) -> "Call":
    return replace(call, winner=event.by)
