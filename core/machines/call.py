"""The life of a call, first ring to last release.

A caller's INVITE arrives: from the account of a line, or from a phone that dials an
alias or calls out.  Everybody it may ring gets a leg.  The first leg to answer wins the
call; the others are cancelled and told it was completed elsewhere.  The caller
acknowledges, people talk and may ask each other things (hold, resume), somebody hangs
up.  Or nobody takes the call: all are busy, one refuses for everybody, time runs out,
the caller gives up; then the caller hears so at once.  A call has ended only when every
leg has reported and the caller is done, so nothing rings on after it.  When the hotspot is
switched off its clients are let go; what its own phone has with the world goes on.

    IDLE -> RINGING -> ANSWERED -> TALKING -> CLOSING -> ENDED

Read downwards: the phases, the table, what is remembered, what is decided in each
phase in the order a call meets them, and how the record becomes memory again.  What the
two sides ask each other while they talk is told in ``passing``, the life of a leg in ``legs``,
the caller's in ``caller``, who rings when in ``ringing``, how a phone picks the call up in
``pickup``, how one side hands the other over in ``transferring`` and ``lending``, and what is
different for the hotspot's own phone in ``own``.
"""

from collections.abc import Callable
from enum import StrEnum, auto
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    CallAnswered,
    CallClosed,
    CallConfirmed,
    CallEnded,
    CallFreed,
    CallRang,
)
from core.events.joined import LegAckTimedOut, LegJoined, PickupArrived
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
    PartyKept,
    PartyReturned,
    PartyTaken,
    RequestAnswered,
    RequestArrived,
    RingStepTimedOut,
    RingTimedOut,
    TransferAsked,
)
from core.events.orders import (
    COMPLETED_ELSEWHERE,
    AckLeg,
    AnswerCaller,
    AuthorizeLeg,
    AuthorizeRequest,
    InviteLeg,
    RefuseCaller,
    RefuseRequest,
    ReleaseCaller,
    RingCaller,
    StartTimer,
    StopTimer,
)
from core.machines import lending, losing, own, passing, pickup, ringing, transferring
from core.machines.caller import CALLER as CALLER
from core.machines.caller import CallerPhase as CallerPhase
from core.machines.caller import says_elsewhere
from core.machines.closing import close, hang_up, release
from core.machines.legs import CONCERNS as LEG_CONCERNS
from core.machines.legs import LEG as LEG
from core.machines.legs import REPORTED, best_refusal, let_go
from core.machines.legs import Leg as Leg
from core.machines.legs import LegPhase as LegPhase
from core.machines.legs import evolve as evolve_leg
from core.machines.life import Life
from core.machines.memory import Memory, memory
from core.machines.passing import Passed
from core.machines.proof import Proof
from core.machines.transferring import Transfer

# -- Phases ------------------------------------------------------------------------


class Phase(StrEnum):
    IDLE = auto()
    RINGING = auto()
    ANSWERED = auto()  # We sent 200 to the caller and wait for the ACK.
    TALKING = auto()
    CLOSING = auto()  # Over, but some leg has not yet reported.
    ENDED = auto()


# -- The table ---------------------------------------------------------------------

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

ACK = AckTimedOut.__name__
ACK_WITHIN_S = 32  # 64*T1 (RFC 3261 13.3.1.4).
LEFT = {
    LegHungUp: "the called side hung up",  # A phone, or the world outside.
    LegAckTimedOut: "the phone never acknowledged the answer",
}

ONGOING = (Phase.RINGING, Phase.ANSWERED, Phase.TALKING)

# -- Memory ------------------------------------------------------------------------


class Call(Struct, frozen=True, gc=False):
    """Only what a later decision needs."""

    phase: Phase = Phase.IDLE
    caller: CallerPhase = CallerPhase.WAITING
    legs: dict[str, Leg] = {}
    winner: str = ""  # One side of the call; on the other one is the caller,
    first: str = "caller"  # or to whom the call has been transferred.
    rang: int = 0  # The provisional response the caller had last.
    early: str = ""  # The leg whose early media the caller hears.
    offerless: bool = False  # The offer comes in the 2xx, the answer in the ACK.
    passed: tuple[Passed, ...] = ()
    kind: str = "incoming"
    own: bool = False  # The caller is the hotspot's own phone.
    closing: bool = False  # The hotspot closes, and some client in it has still to report.
    ring: str = "all"  # Who rings when (``ringing``).
    step_s: int = 0
    transfer: Transfer | None = None
    lent: str = ""  # The side that speaks with another call for now.
    released: dict[str, Proof] = {}  # Those whose BYE was challenged.

    @property
    def sides(self) -> tuple[str, str]:
        return self.first, self.winner

    def leg_is(self, name: str, phase: LegPhase) -> bool:
        return name in self.legs and self.legs[name].phase is phase

    def is_in_play(self, name: str) -> bool:
        """Whether what this leg says may decide the call."""
        return name in self.legs and not self.legs[name].let_go

    def with_leg(self, name: str, leg: Leg) -> "Call":
        return replace(self, legs={**self.legs, name: leg})

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
            yield StartTimer(timer=ringing.RING, after_s=seen.ring_s)
            yield from ringing.ring_next(call)


def while_ringing(call: Call, seen: Observed) -> Decisions:
    match seen:
        case LegProgressed(leg=name) if call.leg_is(name, LegPhase.PROCEEDING):
            yield from ringing.let_ring(call, seen)
        case LegAnswered(leg=winner) if ringing.may_win(call, winner):
            if not call.offerless:
                yield AckLeg(leg=winner)
            yield from answer(call, winner)
        case PickupArrived(leg=winner) if call.leg_is(winner, LegPhase.NEW):
            yield from pickup.answer(winner)
            yield from answer(call, winner)
        case LegJoined(target=target) if call.leg_is(target.leg, LegPhase.NEW):
            if not ringing.has_to_wait(call, target.leg):
                yield InviteLeg(leg=target.leg)
        case LegRefused(leg=name, code=code) if code >= 600 and call.is_in_play(name):
            yield from refuse(call, code, why="one refused for everybody")
        case LegChallenged(leg=name) if ringing.may_authorize(call, seen):
            yield AuthorizeLeg(leg=name)
        case LegRefused() | LegChallenged() | LegUnreachable() if ringing.is_left_alone(call):
            if ringing.who_waits(call):
                yield from ringing.pass_over(call)
            else:
                yield from refuse(call, best_refusal(call.legs.values()), "nobody took the call")
        case RingStepTimedOut() if ringing.who_waits(call):
            yield from ringing.step(call)
        case RingStepTimedOut():
            yield from refuse(call, best_refusal(call.legs.values()), "nobody took the call")
        case RingTimedOut():
            yield from refuse(call, 480, why="nobody answered in time")
        case CallerCancelled(reason=said) if says_elsewhere(said):
            yield from refuse(call, 487, "it was completed elsewhere", COMPLETED_ELSEWHERE)
        case CallerCancelled() | CallerHungUp():
            yield from refuse(call, 487, why="the caller gave up")
        case HotspotClosing() if own.goes_on(call, seen):
            if own.clients_in(call):
                yield from let_go(call.legs, reason="", but=own.leg_of(call))
            if call.step_s:
                yield StopTimer(timer=ringing.STEP)
        case HotspotClosing():
            yield from refuse(call, 480, why="the hotspot was deactivated")
        case _:
            yield from losing.settle(call, seen)


def while_answered(call: Call, seen: Observed) -> Decisions:
    match seen:
        case CallerAcked():
            if call.offerless:
                yield AckLeg(leg=call.winner)
            yield CallConfirmed()
            yield StopTimer(timer=ACK)
        case LegRefused():
            pass  # One that has lost has reported, as most do before the ACK.
        case AckTimedOut():
            yield ReleaseCaller()
            yield from close(call, why="the caller never acknowledged the answer")
        case LegHungUp(leg=name) | LegAckTimedOut(about=name) if name == call.winner:
            yield from close(call, why=LEFT[type(seen)])
        case CallerHungUp():
            yield StopTimer(timer=ACK)
            yield from close(call, why="the caller hung up")
        case HotspotClosing() if not own.goes_on(call, seen):
            yield from close(call, why="the hotspot was deactivated")
        case RequestArrived() | TransferAsked():
            yield RefuseRequest(by=seen.by, number=seen.number, code=491)
        case _:
            yield from losing.settle(call, seen)


def while_talking(call: Call, seen: Observed) -> Decisions:
    match seen:
        case LegHungUp() | CallerHungUp() if transferring.goes_on_without(call, seen):
            yield from transferring.leave(call)
        case LegHungUp(leg=name) | LegAckTimedOut(about=name) if name in call.sides:
            yield from hang_up(call, why=LEFT[type(seen)])
        case CallerHungUp() if "caller" in call.sides:
            yield from hang_up(call, why="the caller hung up")
        case HotspotClosing() if not own.goes_on(call, seen):
            yield from hang_up(call, why="the hotspot was deactivated")
        case RequestArrived() | TransferAsked() if transferring.has_to_wait(call, seen.by):
            yield RefuseRequest(by=seen.by, number=seen.number, code=491)
        case RequestArrived() | TransferAsked() if seen.by not in call.sides:
            pass
        case PartyTaken() | PartyReturned() | PartyKept():
            yield from lending.decide(call, seen)
            if lending.ends(call, seen):
                yield from hang_up(call, why="it has become part of another call")
        case LegChallenged(leg=name) if ringing.may_authorize(call, seen):
            yield AuthorizeLeg(leg=name)
        case RequestAnswered() if passing.may_authorize(call.passed, seen):
            yield AuthorizeRequest(by=seen.by, number=seen.number)
        case _ if code := transferring.failure(call, seen):
            yield from transferring.fail(call, seen, code)
            if transferring.has_left(call):
                yield from release(call, why="nobody took the call that was handed over")
        case _:
            yield from losing.settle(call, seen)
            yield from transferring.decide(call, seen)
            yield from passing.decide(call.passed, seen)
            yield from passing.settle(call.passed, seen)


def while_closing(call: Call, seen: Observed) -> Decisions:
    """A caller who owes us the ACK gets its BYE with that, or when it never comes."""
    match seen:
        case CallerAcked() if call.caller is CallerPhase.ACKED and call.lent != "caller":
            yield ReleaseCaller()
            yield StopTimer(timer=ACK)
        case AckTimedOut() if call.caller is CallerPhase.ANSWERED:
            yield ReleaseCaller()
        case CallerHungUp():
            yield StopTimer(timer=ACK)
        case _:
            yield from while_ended(call, seen)


def while_ended(call: Call, seen: Observed) -> Decisions:
    yield from losing.settle(call, seen)
    yield from lending.settle(call, seen)
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
        return [CallEnded()]
    if call.closing and not own.clients_in(call):
        return [CallFreed()]
    return ()


def answer(call: Call, winner: str) -> Decisions:
    yield AnswerCaller(leg=winner)
    yield CallAnswered(by=winner)
    yield from ringing.stop(call)
    yield StartTimer(timer=ACK, after_s=ACK_WITHIN_S)
    yield from let_go(call.legs, reason=COMPLETED_ELSEWHERE, but=winner)


def refuse(call: Call, code: int, why: str, reason: str = "") -> Decisions:
    """The caller hears it at once, whatever the legs have yet to say."""
    yield RefuseCaller(code=code)
    yield from ringing.stop(call)
    yield from close(call, why, reason)


# -- Record into memory --------------------------------------------------------------


def evolve(call: Call, event: Event) -> Call:
    """Remember one recorded event.  Asks nobody, refuses only what the tables forbid."""
    for remember in MEMORY.get((call.phase, type(event)), ()):
        call = remember(call, event)
    return call


def moved(call: Call, event: Event) -> Call:
    return replace(call, phase=CALL[call.phase, type(event)])


def caller_moved(call: Call, event: Event) -> Call:
    return replace(call, caller=CALLER[call.caller, type(event)])


def leg_moved(call: Call, event: Any) -> Call:
    name = event.leg
    leg = call.legs.get(name)
    if leg is None:
        return call
    after = evolve_leg(leg, event)
    return call if after is leg else call.with_leg(name, after)


MEMORY: Memory[Call] = memory([
    # while           because of                    remembered by
    (Phase,           CALL.causes,                  moved),
    (Phase,           CALLER.causes,                caller_moved),
    ([Phase.IDLE],    [InviteArrived],              ringing.invited),
    ([Phase.RINGING], [LegJoined],                  ringing.joined),
    ([Phase.RINGING], [PickupArrived],              pickup.arrived),
    (Phase,           [RingCaller],                 ringing.heard),
    (Phase,           [CallAnswered],               ringing.won),
    (Phase,           [LegAckTimedOut],             pickup.never_acked),
    (Phase,           LEG_CONCERNS,                 leg_moved),
    ([Phase.TALKING], [TransferAsked],              transferring.asked),
    (Phase,           transferring.CONCERNS,        transferring.evolve),
    (Phase,           passing.CONCERNS,             passing.remember),
    (Phase,           lending.CONCERNS,             lending.evolve),
    (Phase,           losing.CONCERNS,              losing.evolve),
    (ONGOING,         own.CONCERNS,                 own.awaited),
])  # fmt: skip
