"""The life of a call, first ring to last release.

A caller's INVITE arrives: from the account of a line, or from a phone that dials an
alias or calls out.  Everybody it may ring gets a leg.  The first leg to answer wins the
call; the others are cancelled and told it was completed elsewhere.  The caller
acknowledges, people talk and may ask each other things (hold, resume), somebody hangs
up.  Or nobody takes the call: all are busy, one refuses for everybody, time runs out,
the caller gives up; then the caller hears so at once.  A call has ended only when every
leg has reported and the caller is done, so nothing rings on after it.

    IDLE -> RINGING -> ANSWERED -> TALKING -> CLOSING -> ENDED

Read downwards: the phases, the tables, what is remembered, what is decided in each
phase in the order a call meets them, and how the record becomes memory again.  What the
two sides ask each other while they talk is told in ``passing``, the life of a leg in ``legs``.
"""

from collections.abc import Callable
from enum import StrEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    CallAnswered,
    CallClosed,
    CallConfirmed,
    CallEnded,
    CallRang,
    LegDoomed,
)
from core.events.observed import (
    AckTimedOut,
    CallerAcked,
    CallerCancelled,
    CallerHungUp,
    HotspotClosing,
    InviteArrived,
    LegAnswered,
    LegChallenged,
    LegHungUp,
    LegProgressed,
    LegRefused,
    LegUnreachable,
    RequestArrived,
    RingTimedOut,
)
from core.events.orders import (
    COMPLETED_ELSEWHERE,
    AckLeg,
    AnswerCaller,
    AuthorizeLeg,
    CancelLeg,
    InviteLeg,
    RefuseCaller,
    RefuseRequest,
    ReleaseCaller,
    ReleaseLeg,
    RingCaller,
    StartTimer,
    StopTimer,
)
from core.machines import passing
from core.machines.legs import LEG as LEG
from core.machines.legs import REPORTED
from core.machines.legs import Leg as Leg
from core.machines.legs import LegPhase as LegPhase
from core.machines.legs import evolve as evolve_leg
from core.machines.life import Life
from core.machines.passing import Passed

# -- Phases ------------------------------------------------------------------------


class Phase(StrEnum):
    IDLE = auto()
    RINGING = auto()
    ANSWERED = auto()  # We sent 200 to the caller and wait for the ACK.
    TALKING = auto()
    CLOSING = auto()  # Over, but some leg has not yet reported.
    ENDED = auto()


class CallerPhase(StrEnum):
    WAITING = auto()  # For a final response.
    ANSWERED = auto()  # It has our 2xx and has not acknowledged it: no BYE yet (RFC 3261 15).
    ACKED = auto()
    DONE = auto()


# -- The tables --------------------------------------------------------------------

CALL = Life(
    of="call",
    phases=Phase,
    rows=[
        # from           because of     to
        (Phase.IDLE,     CallRang,      Phase.RINGING),
        (Phase.IDLE,     CallClosed,    Phase.CLOSING),
        (Phase.RINGING,  CallAnswered,  Phase.ANSWERED),
        (Phase.ANSWERED, CallConfirmed, Phase.TALKING),
        (Phase.RINGING,  CallClosed,    Phase.CLOSING),
        (Phase.ANSWERED, CallClosed,    Phase.CLOSING),
        (Phase.TALKING,  CallClosed,    Phase.CLOSING),
        (Phase.CLOSING,  CallEnded,     Phase.ENDED),
    ],
)  # fmt: skip

CALLER = Life(
    of="caller",
    phases=CallerPhase,
    rows=[
        # from                 because of       to
        (CallerPhase.WAITING,  AnswerCaller,    CallerPhase.ANSWERED),
        (CallerPhase.WAITING,  RefuseCaller,    CallerPhase.DONE),
        (CallerPhase.ANSWERED, CallerAcked,     CallerPhase.ACKED),
        (CallerPhase.ANSWERED, CallerHungUp,    CallerPhase.DONE),
        (CallerPhase.ANSWERED, ReleaseCaller,   CallerPhase.DONE),
        (CallerPhase.ACKED,    CallerHungUp,    CallerPhase.DONE),
        (CallerPhase.ACKED,    ReleaseCaller,   CallerPhase.DONE),
    ],
)  # fmt: skip

RING = RingTimedOut.__name__
ACK = AckTimedOut.__name__

ACK_WITHIN_S = 32  # 64*T1 (RFC 3261 13.3.1.4).
AUTHORIZED_MAX = 3

# -- Memory ------------------------------------------------------------------------


class Call(Struct, frozen=True):
    """Only what a later decision needs."""

    phase: Phase = Phase.IDLE
    caller: CallerPhase = CallerPhase.WAITING
    legs: dict[str, Leg] = {}
    winner: str = ""
    rang: int = 0  # The provisional response the caller had last.
    early: str = ""  # The leg whose early media the caller hears.
    offerless: bool = False  # The offer comes in the 2xx, the answer in the ACK.
    passed: tuple[Passed, ...] = ()

    def leg_is(self, name: str, phase: LegPhase) -> bool:
        return name in self.legs and self.legs[name].phase is phase

    def pending(self) -> list[str]:
        return [name for name, leg in self.legs.items() if leg.phase not in REPORTED]


NEWBORN = Call()


def is_over(call: Call) -> bool:
    return call.phase is Phase.ENDED


# -- Decisions, in the order a call meets them ---------------------------------------


def decide(call: Call, seen: Observed) -> Decisions:
    """What we do about it.  Pure; ``call`` already remembers ``seen``."""
    return WHILE[call.phase](call, seen)


def while_idle(call: Call, seen: Observed) -> Decisions:
    match seen:
        case InviteArrived(targets=()):
            yield RefuseCaller(code=seen.refusal)
            yield CallClosed(why=seen.why)
        case InviteArrived():
            yield CallRang()
            yield StartTimer(timer=RING, after_s=seen.ring_s)
            for target in seen.targets:
                yield InviteLeg(leg=target.leg)


def while_ringing(call: Call, seen: Observed) -> Decisions:
    match seen:
        case LegProgressed(leg=name) if call.leg_is(name, LegPhase.PROCEEDING):
            yield from let_ring(call, seen)
        case LegAnswered(leg=winner) if call.leg_is(winner, LegPhase.ANSWERED):
            if not call.offerless:
                yield AckLeg(leg=winner)
            yield AnswerCaller(leg=winner)
            yield CallAnswered(by=winner)
            yield StopTimer(timer=RING)
            yield StartTimer(timer=ACK, after_s=ACK_WITHIN_S)
            yield from let_go(call, reason=COMPLETED_ELSEWHERE, but=winner)
        case LegRefused(leg=name, code=code) if code >= 600 and name in call.legs:
            yield from refuse(call, code, why="a phone refused for everybody")
        case LegChallenged(leg=name) if may_authorize(call, seen):
            yield AuthorizeLeg(leg=name)
        case LegRefused() | LegChallenged() | LegUnreachable() if not call.pending():
            yield from refuse(call, best_refusal(call), why="nobody took the call")
        case RingTimedOut():
            yield from refuse(call, 480, why="nobody answered in time")
        case CallerCancelled() | CallerHungUp():
            yield from refuse(call, 487, why="the caller gave up")
        case HotspotClosing():
            yield from refuse(call, 480, why="the hotspot was deactivated")


def while_answered(call: Call, seen: Observed) -> Decisions:
    match seen:
        case CallerAcked():
            if call.offerless:
                yield AckLeg(leg=call.winner)
            yield CallConfirmed()
            yield StopTimer(timer=ACK)
        case AckTimedOut():
            yield ReleaseCaller()
            yield from close(call, why="the caller never acknowledged the answer")
        case LegHungUp(leg=name) if name == call.winner:
            yield from close(call, why="the phone hung up")
        case CallerHungUp():
            yield StopTimer(timer=ACK)
            yield from close(call, why="the caller hung up")
        case HotspotClosing():
            yield from close(call, why="the hotspot was deactivated")
        case RequestArrived():
            yield RefuseRequest(by=seen.by, number=seen.number, code=491)
        case _:
            yield from settle_losers(call, seen)


def while_talking(call: Call, seen: Observed) -> Decisions:
    match seen:
        case LegHungUp(leg=name) if name == call.winner:
            yield ReleaseCaller()
            yield from close(call, why="the phone hung up")
        case CallerHungUp():
            yield from close(call, why="the caller hung up")
        case HotspotClosing():
            yield ReleaseCaller()
            yield from close(call, why="the hotspot was deactivated")
        case RequestArrived() if seen.by not in ("caller", call.winner):
            pass
        case _:
            yield from settle_losers(call, seen)
            yield from passing.decide(call.passed, seen)


def while_closing(call: Call, seen: Observed) -> Decisions:
    """A caller who owes us the ACK gets its BYE with that, or when it never comes."""
    match seen:
        case CallerAcked() if call.caller is CallerPhase.ACKED:
            yield ReleaseCaller()
            yield StopTimer(timer=ACK)
        case AckTimedOut() if call.caller is CallerPhase.ANSWERED:
            yield ReleaseCaller()
        case CallerHungUp():
            yield StopTimer(timer=ACK)
        case _:
            yield from while_ended(call, seen)


def while_ended(call: Call, seen: Observed) -> Decisions:
    yield from settle_losers(call, seen)
    yield from passing.settle(call.passed, seen)


WHILE: dict[Phase, Callable[[Call, Observed], Decisions]] = {
    Phase.IDLE: while_idle,
    Phase.RINGING: while_ringing,
    Phase.ANSWERED: while_answered,
    Phase.TALKING: while_talking,
    Phase.CLOSING: while_closing,
    Phase.ENDED: while_ended,
}


def conclude(call: Call) -> Decisions:
    if call.phase is Phase.CLOSING and call.caller is CallerPhase.DONE and not call.pending():
        yield CallEnded()


def let_ring(call: Call, seen: LegProgressed) -> Decisions:
    """The caller hears the first 180, and the early media of one leg and no other."""
    if seen.code == 100:
        return
    if seen.answer and not call.early:
        yield RingCaller(code=seen.code, leg=seen.leg)
    elif not call.rang:
        yield RingCaller(code=seen.code)
    elif seen.code == 180 and call.rang != 180:
        yield RingCaller()


def may_authorize(call: Call, seen: LegChallenged) -> bool:
    """Once; and a few times more where only the nonce was too old (RFC 7616 3.3)."""
    if not call.leg_is(seen.leg, LegPhase.CHALLENGED):
        return False
    times = call.legs[seen.leg].authorized
    return times == 0 or (seen.challenge.stale and times < AUTHORIZED_MAX)


def let_go(call: Call, reason: str, but: str = "") -> Decisions:
    """Have every other leg stop, each in the way its phase allows."""
    for name, leg in call.legs.items():
        if name == but:
            continue
        why = reason if leg.told else ""
        match leg.phase:
            case LegPhase.INVITED:
                yield LegDoomed(leg=name, reason=why)
            case LegPhase.PROCEEDING:
                yield CancelLeg(leg=name, reason=why)
            case LegPhase.ANSWERED:
                if not leg.acked:
                    yield AckLeg(leg=name)
                yield ReleaseLeg(leg=name, reason=why)


def refuse(call: Call, code: int, why: str) -> Decisions:
    """The caller hears it at once, whatever the legs have yet to say."""
    yield RefuseCaller(code=code)
    yield StopTimer(timer=RING)
    yield from close(call, why)


def close(call: Call, why: str) -> Decisions:
    yield CallClosed(why=why)
    yield from passing.abandon(call.passed)
    yield from let_go(call, reason="")


def settle_losers(call: Call, seen: Observed) -> Decisions:
    """A leg that lost speaks again: cancel it at last, or release its late answer."""
    match seen:
        case LegProgressed(leg=name) if call.leg_is(name, LegPhase.DOOMED):
            yield CancelLeg(leg=name, reason=call.legs[name].doom)
        case LegAnswered(leg=name) if name != call.winner and call.leg_is(name, LegPhase.ANSWERED):
            elsewhere = call.winner and call.legs[name].told
            yield AckLeg(leg=name)
            yield ReleaseLeg(leg=name, reason=COMPLETED_ELSEWHERE if elsewhere else "")


def best_refusal(call: Call) -> int:
    """What serves the caller best: the lowest class that was heard (RFC 3261 16.7, step 6).

    A challenge was for us, not for the caller; a phone does not redirect the calls of
    the house; where one is overloaded the house is not, so 503 goes up as 500.  480
    where nothing is left to say, as when no phone could be reached.  (A 6xx never
    waits to be chosen.)
    """
    spoken = [leg.refused for leg in call.legs.values() if leg.refused >= 400]
    best = min((code for code in spoken if code not in (401, 407)), default=480)
    return 500 if best == 503 else best


# -- Record into memory --------------------------------------------------------------


def evolve(call: Call, event: Event) -> Call:
    """Remember one recorded event.  Asks nobody, refuses only what the tables forbid."""
    kind = type(event)
    phase = CALL[call.phase, kind]
    caller = CALLER[call.caller, kind]
    if phase is not call.phase or caller is not call.caller:
        call = replace(call, phase=phase, caller=caller)
    match event:
        case InviteArrived() if call.phase is Phase.IDLE:
            legs = {target.leg: Leg(told=target.told) for target in event.targets}
            return replace(call, legs=legs, offerless=not event.offer)
        case CallAnswered(by=name):
            return replace(call, winner=name)
        case RingCaller(code=code, leg=early):
            return replace(call, rang=code, early=early or call.early)
    if leg := call.legs.get(getattr(event, "leg", "")):
        after = evolve_leg(leg, event)
        return call if after is leg else with_leg(call, event.leg, after)  # type: ignore[attr-defined]
    if kind in passing.CONCERNS:
        return replace(call, passed=passing.evolve(call.passed, event))
    return call


def with_leg(call: Call, name: str, leg: Leg) -> Call:
    return replace(call, legs={**call.legs, name: leg})
