"""The legs that have lost, and what they have yet to say.

Nothing of it decides the call any more.  A part of ``call``; read that first.
"""

from typing import TYPE_CHECKING

from core.events.base import Decisions, Observed
from core.events.observed import LegAnswered, LegForked, LegProgressed
from core.events.orders import COMPLETED_ELSEWHERE, AckLeg, CancelLeg, ReleaseFork, ReleaseLeg
from core.machines import pickup
from core.machines.legs import LegPhase

if TYPE_CHECKING:
    from core.machines.call import Call


def settle(call: "Call", seen: Observed) -> Decisions:
    """A leg that lost speaks again: cancel it at last, or release its late answer.

    So is every further branch of a leg that forked outside.
    """
    match seen:
        case LegProgressed(leg=name) if call.leg_is(name, LegPhase.DOOMED):
            yield CancelLeg(leg=name, reason=call.legs[name].doom)
        case LegAnswered(leg=name) if has_lost(call, name):
            elsewhere = call.winner and call.legs[name].told
            yield AckLeg(leg=name)
            yield ReleaseLeg(leg=name, reason=COMPLETED_ELSEWHERE if elsewhere else "")
        case LegForked(leg=name, peer=peer) if name in call.legs:
            if peer.tag not in call.legs[name].forks:
                yield ReleaseFork(leg=name, tag=peer.tag)
        case _:
            yield from pickup.settle(call, seen)


def has_lost(call: "Call", name: str) -> bool:
    """Whether it has answered, and nobody wants it any more."""
    is_wanted = name in call.sides or (call.transfer is not None and name in call.transfer.wanted)
    return call.leg_is(name, LegPhase.ANSWERED) and not is_wanted
