"""The hotspot's own phone in a call: no client, so no deactivation is meant for it.

It rings, answers and calls as any other phone does.  But when the hotspot closes, only
clients are let go: what is left between that phone and the world outside goes on.  And
it lives in this very process, so a new process begins with a phone that has forgotten
every call.  A part of ``call``; read that first.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.events.base import Observed
from core.events.decided import CallClosed, CallFreed
from core.events.observed import CallerHungUp, HotspotClosing, LegHungUp, LegUnreachable
from core.machines.caller import CallerPhase
from core.machines.legs import REPORTED, UP, LegPhase

if TYPE_CHECKING:
    from core.machines.call import Call

IN_PLAY = (LegPhase.INVITED, LegPhase.PROCEEDING, LegPhase.ANSWERED)
CONCERNS = (HotspotClosing, CallFreed, CallClosed)


def leg_of(call: "Call") -> str:
    """The leg toward the hotspot's own phone, "" where there is none."""
    return next((name for name, leg in call.legs.items() if leg.own), "")


def goes_on(call: "Call", closing: HotspotClosing) -> bool:
    """Whether both sides, or whoever may still answer, are that phone and the world outside."""
    if closing.everything:
        return False
    if call.kind != "incoming":
        return call.own and call.kind == "outgoing"
    name = call.winner or leg_of(call)
    return name in call.legs and call.legs[name].own and call.legs[name].phase in IN_PLAY


def clients_in(call: "Call") -> list[str]:
    """The legs toward clients that have still to report."""
    if call.kind == "outgoing":
        return []
    return [name for name, leg in call.legs.items() if not leg.own and leg.phase not in REPORTED]


def forgotten(call: "Call") -> list[Observed]:
    """What a new process has to see of a call that this phone has forgotten."""
    seen: list[Observed] = []
    if call.own and call.caller is not CallerPhase.DONE:
        seen.append(CallerHungUp())
    for name, leg in call.legs.items():
        if leg.own and leg.phase in UP:
            seen.append(LegHungUp(leg=name))
        elif leg.own and leg.phase not in (LegPhase.NEW, *REPORTED):
            seen.append(LegUnreachable(leg=name))
    return seen


def awaited(call: "Call", event: HotspotClosing | CallFreed | CallClosed) -> "Call":
    """Whether the hotspot closes and waits for its clients in this call."""
    closing = isinstance(event, HotspotClosing)
    return call if closing is call.closing else replace(call, closing=closing)
