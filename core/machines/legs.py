"""The legs of a call: one INVITE of ours each, and what became of it.

A leg is invited, rings, and is answered or refused.  One that has lost is cancelled, but
not before it has shown a provisional response (RFC 3261 9.1): until then it is *doomed*.
One that was given up as unreachable may answer all the same; then it is released.  A
part of ``call``; read that first.
"""

from enum import StrEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Event
from core.events.decided import LegDoomed
from core.events.observed import (
    LegAnswered,
    LegChallenged,
    LegHungUp,
    LegProgressed,
    LegRefused,
    LegUnreachable,
)
from core.events.orders import AckLeg, AuthorizeLeg, CancelLeg, InviteLeg, ReleaseLeg
from core.machines.life import Life


class LegPhase(StrEnum):
    NEW = auto()
    INVITED = auto()  # No provisional response yet: CANCEL is not allowed.
    DOOMED = auto()  # Lost while INVITED; cancelled at its first provisional.
    PROCEEDING = auto()
    CHALLENGED = auto()  # Refused until it sees credentials.
    CANCELLING = auto()
    ANSWERED = auto()
    LOST = auto()  # Given up as unreachable; it may yet answer, and is released then.
    RELEASED = auto()


LEG = Life(
    of="leg",
    phases=LegPhase,
    rows=[
        # from                because of      to
        (LegPhase.NEW,        InviteLeg,      LegPhase.INVITED),
        (LegPhase.INVITED,    LegProgressed,  LegPhase.PROCEEDING),
        (LegPhase.PROCEEDING, LegProgressed,  LegPhase.PROCEEDING),
        (LegPhase.CANCELLING, LegProgressed,  LegPhase.CANCELLING),
        (LegPhase.DOOMED,     LegProgressed,  LegPhase.DOOMED),
        (LegPhase.INVITED,    LegChallenged,  LegPhase.CHALLENGED),
        (LegPhase.PROCEEDING, LegChallenged,  LegPhase.CHALLENGED),
        (LegPhase.DOOMED,     LegChallenged,  LegPhase.RELEASED),
        (LegPhase.CANCELLING, LegChallenged,  LegPhase.RELEASED),
        (LegPhase.CHALLENGED, AuthorizeLeg,   LegPhase.INVITED),
        (LegPhase.INVITED,    LegDoomed,      LegPhase.DOOMED),
        (LegPhase.DOOMED,     CancelLeg,      LegPhase.CANCELLING),
        (LegPhase.PROCEEDING, CancelLeg,      LegPhase.CANCELLING),
        (LegPhase.INVITED,    LegAnswered,    LegPhase.ANSWERED),
        (LegPhase.DOOMED,     LegAnswered,    LegPhase.ANSWERED),
        (LegPhase.PROCEEDING, LegAnswered,    LegPhase.ANSWERED),
        (LegPhase.CANCELLING, LegAnswered,    LegPhase.ANSWERED),
        (LegPhase.LOST,       LegAnswered,    LegPhase.ANSWERED),
        (LegPhase.INVITED,    LegRefused,     LegPhase.RELEASED),
        (LegPhase.DOOMED,     LegRefused,     LegPhase.RELEASED),
        (LegPhase.PROCEEDING, LegRefused,     LegPhase.RELEASED),
        (LegPhase.CANCELLING, LegRefused,     LegPhase.RELEASED),
        (LegPhase.INVITED,    LegUnreachable, LegPhase.LOST),
        (LegPhase.DOOMED,     LegUnreachable, LegPhase.LOST),
        (LegPhase.PROCEEDING, LegUnreachable, LegPhase.LOST),
        (LegPhase.CANCELLING, LegUnreachable, LegPhase.LOST),
        (LegPhase.ANSWERED,   LegHungUp,      LegPhase.RELEASED),
        (LegPhase.ANSWERED,   ReleaseLeg,     LegPhase.RELEASED),
    ],
)  # fmt: skip

REPORTED = (LegPhase.CHALLENGED, LegPhase.LOST, LegPhase.RELEASED)


class Leg(Struct, frozen=True):
    phase: LegPhase = LegPhase.NEW
    doom: str = ""
    refused: int = 0
    told: bool = True  # Told that the call was completed elsewhere.
    acked: bool = False  # It has our ACK to its 2xx.
    authorized: int = 0  # How often we have answered its challenges.


def evolve(leg: Leg, event: Event) -> Leg:
    phase = LEG[leg.phase, type(event)]
    match event:
        case LegDoomed(reason=reason):
            return replace(leg, phase=phase, doom=reason)
        case LegRefused(code=code) | LegChallenged(code=code) if phase is not leg.phase:
            return replace(leg, phase=phase, refused=code)
        case AuthorizeLeg():
            return replace(leg, phase=phase, authorized=leg.authorized + 1, refused=0)
        case AckLeg():
            return replace(leg, acked=True)
    return leg if phase is leg.phase else replace(leg, phase=phase)
