"""The legs of a call: one INVITE of ours each, and what became of it.

A leg is invited, rings, and is answered or refused.  One that has lost is cancelled, but
not before it has shown a provisional response (RFC 3261 9.1): until then it is *doomed*.
One that was given up as unreachable may answer all the same; then it is released.

One leg comes the other way round: a phone that picks the call up has invited us.  It is
answered at once, and not released before it has acknowledged that (RFC 3261 15).  A part
of ``call``; read that first.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event
from core.events.decided import LegDoomed, LegHandedOver, LegPassedOver
from core.events.facts import Target
from core.events.joined import LegAcked, LegAckTimedOut
from core.events.observed import (
    LegAnswered,
    LegChallenged,
    LegHungUp,
    LegProgressed,
    LegRefused,
    LegUnreachable,
)
from core.events.orders import (
    AckLeg,
    AnswerLeg,
    AuthorizeLeg,
    CancelLeg,
    InviteLeg,
    ReleaseFork,
    ReleaseLeg,
    StopTimer,
)
from core.machines.life import Life
from core.machines.proof import Proof


class LegPhase(StrEnum):
    NEW = auto()  # Its turn to ring has not come.
    INVITED = auto()  # No provisional response yet: CANCEL is not allowed.
    DOOMED = auto()  # Lost while INVITED; cancelled at its first provisional.
    PROCEEDING = auto()
    CHALLENGED = auto()  # Refused until it sees credentials.
    CANCELLING = auto()
    ANSWERED = auto()
    LOST = auto()  # Given up as unreachable; it may yet answer, and is released then.
    LEAVING = auto()  # It has picked the call up and lost it; released with its ACK.
    RELEASED = auto()


LEG = Life(
    of="leg",
    phases=LegPhase,
    rows=[
        # from                because of      to
        (LegPhase.NEW,        InviteLeg,      LegPhase.INVITED),
        (LegPhase.NEW,        LegPassedOver,  LegPhase.RELEASED),
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
        (LegPhase.ANSWERED,   LegHandedOver,  LegPhase.RELEASED),
        (LegPhase.NEW,        AnswerLeg,      LegPhase.ANSWERED),
        (LegPhase.ANSWERED,   LegDoomed,      LegPhase.LEAVING),
        (LegPhase.LEAVING,    LegHungUp,      LegPhase.RELEASED),
        (LegPhase.LEAVING,    ReleaseLeg,     LegPhase.RELEASED),
    ],
)  # fmt: skip

SAYING: frozenset[type[Event]] = frozenset((
    LegDoomed, LegChallenged, LegRefused, LegAcked, CancelLeg, AuthorizeLeg, AckLeg, ReleaseFork,
))  # fmt: skip
CONCERNS = LEG.causes | SAYING

REPORTED = (LegPhase.CHALLENGED, LegPhase.LOST, LegPhase.RELEASED)
UP = (LegPhase.ANSWERED, LegPhase.LEAVING)  # Its dialog is there.
PICKUP_ACK = LegAckTimedOut.__name__


class Leg(Struct, frozen=True, gc=False):
    phase: LegPhase = LegPhase.NEW
    doom: str = ""
    refused: int = 0
    told: bool = True  # Told that the call was completed elsewhere.
    acked: bool = False  # The 2xx has its ACK; that of a pick-up may also have come too late.
    own: bool = False  # Toward the hotspot's own phone.
    waits: bool = True  # The caller waits for it also when the others have refused.
    picked: bool = False  # It has picked the call up: the INVITE came from it.
    let_go: bool = False  # Cancelled, or to be: what it says decides nothing any more.
    forks: tuple[str, ...] = ()  # The To tags of its other branches, all of them released.
    proof: Proof = Proof()


def leg_toward(target: Target) -> Leg:
    return Leg(told=target.told, own=target.own, waits=target.waits)


def evolve(leg: Leg, event: Event) -> Leg:
    """Most of what happens to it moves it to another phase and says no more than that."""
    phase = LEG[leg.phase, type(event)]
    if type(event) not in SAYING:
        return leg if phase is leg.phase else replace(leg, phase=phase)
    match event:
        case LegDoomed(reason=reason):
            return replace(leg, phase=phase, doom=reason, let_go=True)
        case CancelLeg():
            return replace(leg, phase=phase, let_go=True)
        case LegChallenged(code=code, challenge=asked) if phase is not leg.phase:
            return replace(leg, phase=phase, refused=code, proof=leg.proof.asked(asked))
        case LegRefused(code=code) if phase is not leg.phase:
            return replace(leg, phase=phase, refused=code)
        case AuthorizeLeg():
            return replace(leg, phase=phase, refused=0, proof=leg.proof.given())
        case AckLeg() | LegAcked():
            return replace(leg, acked=True)
        case ReleaseFork(tag=tag):
            return replace(leg, forks=(*leg.forks, tag))
    return leg if phase is leg.phase else replace(leg, phase=phase)


def let_go(legs: Mapping[str, Leg], reason: str, but: str = "") -> Decisions:
    """Have every other leg stop."""
    for name, leg in legs.items():
        if name != but:
            yield from stop(name, leg, reason)


def stop(name: str, leg: Leg, reason: str) -> Decisions:
    """In the way its phase allows."""
    why = reason if leg.told else ""
    match leg.phase:
        case LegPhase.NEW:
            yield LegPassedOver(leg=name)
        case LegPhase.INVITED:
            yield LegDoomed(leg=name, reason=why)
        case LegPhase.PROCEEDING:
            yield CancelLeg(leg=name, reason=why)
        case LegPhase.ANSWERED if leg.picked and not leg.acked:
            yield LegDoomed(leg=name, reason=why)
        case LegPhase.ANSWERED:
            if not leg.acked:
                yield AckLeg(leg=name)
            yield ReleaseLeg(leg=name, reason=why)
        case LegPhase.RELEASED if leg.picked and not leg.acked:
            yield StopTimer(timer=PICKUP_ACK, about=name)


def best_refusal(legs: Iterable[Leg]) -> int:
    """What serves the caller best: the lowest class that was heard (RFC 3261 16.7, step 6).

    A challenge was for us, not for the caller, and a 487 answers our own CANCEL; a phone
    does not redirect the calls of the house; where one is overloaded the house is not, so
    503 goes up as 500.  480 where nothing is left to say, as when no phone could be
    reached.  (A 6xx never waits to be chosen.)
    """
    spoken = [leg.refused for leg in legs if leg.refused >= 400]
    best = min((code for code in spoken if code not in (401, 407, 487)), default=480)
    return 500 if best == 503 else best
