"""What those have yet to say who have lost or were released.

Nothing of it decides the call any more.  A part of ``call``; read that first.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.observed import LegAnswered, LegForked, LegProgressed
from core.events.orders import (
    COMPLETED_ELSEWHERE,
    AckLeg,
    AuthorizeRelease,
    CancelLeg,
    ReleaseFork,
    ReleaseLeg,
)
from core.events.released import ReleaseChallenged
from core.machines import pickup
from core.machines.caller import CallerPhase
from core.machines.legs import LegPhase
from core.machines.proof import Proof

if TYPE_CHECKING:
    from core.machines.call import Call

CONCERNS = (ReleaseChallenged, AuthorizeRelease)


def settle(call: "Call", seen: Observed) -> Decisions:
    """A leg that lost speaks again: cancel it at last, or release its late answer.

    So is every further branch of a leg that forked outside.  A server that lets nobody go
    without credentials is given them, or it would go on with the call, and charge for it.
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
        case ReleaseChallenged(party=party) if may_authorize(call, seen):
            yield AuthorizeRelease(party=party)
        case _:
            yield from pickup.settle(call, seen)


def has_lost(call: "Call", name: str) -> bool:
    """Whether it has answered, and nobody wants it any more."""
    is_wanted = name in call.sides or (call.transfer is not None and name in call.transfer.wanted)
    return call.leg_is(name, LegPhase.ANSWERED) and not is_wanted


def may_authorize(call: "Call", seen: ReleaseChallenged) -> bool:
    party, _, tag = seen.party.partition(";")
    leg = call.legs.get(party)
    if party == "caller":
        is_released = call.caller is CallerPhase.DONE
    elif leg is None:
        is_released = False
    else:
        is_released = tag in leg.forks if tag else leg.phase is LegPhase.RELEASED
    proof = call.released.get(seen.party, Proof())
    return is_released and proof.may_be_given(seen.challenge)


def evolve(call: "Call", event: Event) -> "Call":
    """Who was asked for credentials with a BYE, and by whom."""
    match event:
        case ReleaseChallenged(party=party, challenge=challenge):
            proof = call.released.get(party, Proof()).asked(challenge)
        case AuthorizeRelease(party=party):
            proof = call.released.get(party, Proof()).given()
        case _:
            return call
    return replace(call, released=call.released | {party: proof})
