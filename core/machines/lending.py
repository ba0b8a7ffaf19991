"""A call lends one of its sides to another call, which is to join it with one of its own.

An attended transfer: who refers has talked to both (RFC 5589 7).  While the other call tries,
the side that is lent speaks with that one alone, and nothing is asked of it here.  It comes
back where they could not be joined; where they are, or it has hung up, this call is over.  A
part of ``call``; read that and ``transferring`` first.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    CallerHandedOver,
    LegHandedOver,
    PartyLent,
    PartyRegained,
)
from core.events.observed import PartyKept, PartyReturned, PartyTaken
from core.events.orders import ReleaseCaller, ReleaseLeg
from core.machines.caller import CallerPhase
from core.machines.legs import LegPhase

if TYPE_CHECKING:
    from core.machines.call import Call

CONCERNS = (PartyLent, PartyRegained)


def may_be_taken(call: "Call", party: str) -> bool:
    return bool(party) and party in call.sides and not call.lent and call.transfer is None


def decide(call: "Call", seen: Observed) -> Decisions:
    match seen:
        case PartyTaken(party=party) if may_be_taken(call, party):
            yield PartyLent(party=party)
        case PartyReturned(gone=False) if call.lent:
            yield PartyRegained(party=call.lent)
        case PartyReturned() | PartyKept() if call.lent:
            yield from hand_over(call)


def ends(call: "Call", seen: Observed) -> bool:
    """Whether the other side is left alone by it."""
    match seen:
        case PartyReturned(gone=gone):
            return gone and bool(call.lent)
        case PartyKept():
            return bool(call.lent)
    return False


def settle(call: "Call", seen: Observed) -> Decisions:
    """The call has ended meanwhile: what comes back to it is released."""
    if not call.lent:
        return
    match seen:
        case PartyReturned(gone=False):
            party = call.lent
            yield PartyRegained(party=party)
            if party == "caller" and call.caller is CallerPhase.ACKED:
                yield ReleaseCaller()
            elif call.leg_is(party, LegPhase.ANSWERED):
                yield ReleaseLeg(leg=party)
        case PartyReturned() | PartyKept():
            yield from hand_over(call)


def hand_over(call: "Call") -> Decisions:
    """It is another call's, or it has hung up there; here it has nothing more to say."""
    if call.lent == "caller":
        if call.caller is CallerPhase.ACKED:
            yield CallerHandedOver()
    elif call.leg_is(call.lent, LegPhase.ANSWERED):
        yield LegHandedOver(leg=call.lent)


def evolve(call: "Call", event: Event) -> "Call":
    """What has been handed over for good stays lent: the call is over."""
    return replace(call, lent=event.party if isinstance(event, PartyLent) else "")
