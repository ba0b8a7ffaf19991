"""A phone picks up what rings elsewhere: the leg that comes the other way round.

Its own INVITE takes the call, so it is answered at once and wins.  What a caller is owed
it is owed too: no BYE before its ACK, or before that is overdue (RFC 3261 15).  A part of
``call``; read that first.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.events.base import Decisions, Observed
from core.events.joined import LegAcked, LegAckTimedOut, PickupArrived
from core.events.orders import AnswerLeg, ReleaseLeg, StartTimer, StopTimer
from core.machines.legs import PICKUP_ACK, UP, Leg, LegPhase

if TYPE_CHECKING:
    from core.machines.call import Call

ACK_WITHIN_S = 32  # 64*T1 (RFC 3261 13.3.1.4).


def answer(name: str) -> Decisions:
    yield AnswerLeg(leg=name)
    yield StartTimer(timer=PICKUP_ACK, after_s=ACK_WITHIN_S, about=name)


def settle(call: "Call", seen: Observed) -> Decisions:
    """Its ACK, or what stands for it; the call may be over by then."""
    match seen:
        case LegAcked(leg=name) if name in call.legs and call.legs[name].picked:
            if call.legs[name].phase in UP:
                yield StopTimer(timer=PICKUP_ACK, about=name)
            yield from leave(call, name)
        case LegAckTimedOut(about=name):
            yield from leave(call, name)


def leave(call: "Call", name: str) -> Decisions:
    if call.leg_is(name, LegPhase.LEAVING):
        yield ReleaseLeg(leg=name, reason=call.legs[name].doom)


# -- Record into memory --------------------------------------------------------------


def arrived(call: "Call", event: PickupArrived) -> "Call":
    """While the call rings."""
    if call.offerless or event.leg in call.legs:
        return call
    return call.with_leg(event.leg, Leg(picked=True, own=event.own))


def never_acked(call: "Call", event: LegAckTimedOut) -> "Call":
    leg = call.legs.get(event.about)
    return call.with_leg(event.about, replace(leg, acked=True)) if leg else call
