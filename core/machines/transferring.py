"""One side of a call hands the other over to somebody else: REFER (RFC 3515).

Who refers is told that we try, and from then on how far we get.  The other side remains as
it is, mostly on hold, while new legs ring on its behalf, without an offer.  What the first
of them offers in its 2xx is asked of the side that remains, as a re-INVITE would ask it, and
the answer goes back in the ACK (RFC 3725 4.1).  Then the new leg takes the place of who
referred, and that one is released.  Where nobody takes the call everything is as it was,
unless who referred has hung up meanwhile: then the call is over.

Or who refers has talked to the other one before, in a call that this one is to replace
(RFC 3891, RFC 5589 7).  Then nobody has to be rung: that call lends us its other side
(``lending``), which is asked for an offer and joined in the same way.  A part of ``call``;
read that and ``passing`` first.
"""

from enum import StrEnum, auto
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    CallTransferred,
    JoinOffered,
    JoinRefused,
    LegHandedOver,
    TransferAnswered,
    TransferBegan,
    TransferFailed,
)
from core.events.observed import (
    CallerHungUp,
    HotspotClosing,
    JoinDue,
    LegAnswered,
    LegChallenged,
    LegHungUp,
    LegProgressed,
    LegRefused,
    LegUnreachable,
    RequestAnswered,
    RequestUnanswered,
    RingTimedOut,
    TransferAsked,
)
from core.events.orders import (
    COMPLETED_ELSEWHERE,
    AcceptTransfer,
    AckAnswer,
    AckLeg,
    AskOffer,
    InviteLeg,
    NotifyTransfer,
    PassAck,
    PassRequest,
    RefuseRequest,
    ReleaseCaller,
    StartTimer,
    StopTimer,
)
from core.machines import passing
from core.machines.caller import CallerPhase
from core.machines.legs import REPORTED, Leg, LegPhase, best_refusal, leg_toward, let_go
from core.machines.life import Life
from core.machines.passing import ASK, JOIN

if TYPE_CHECKING:
    from core.machines.call import Call


class TransferPhase(StrEnum):
    NEW = auto()
    RINGING = auto()  # Or, where it has talked before, asked for its offer.
    ANSWERED = auto()  # The side that remains cannot be asked yet: other offers are under way.
    JOINING = auto()
    DONE = auto()


TRANSFER = Life(
    of="transfer",
    phases=TransferPhase,
    rows=[
        # from                    because of        to
        (TransferPhase.NEW,       TransferBegan,    TransferPhase.RINGING),
        (TransferPhase.RINGING,   TransferAnswered, TransferPhase.ANSWERED),
        (TransferPhase.RINGING,   JoinOffered,      TransferPhase.ANSWERED),
        (TransferPhase.ANSWERED,  PassRequest,      TransferPhase.JOINING),
        (TransferPhase.JOINING,   JoinRefused,      TransferPhase.ANSWERED),
        (TransferPhase.JOINING,   CallTransferred,  TransferPhase.DONE),
        (TransferPhase.RINGING,   TransferFailed,   TransferPhase.DONE),
        (TransferPhase.ANSWERED,  TransferFailed,   TransferPhase.DONE),
        (TransferPhase.JOINING,   TransferFailed,   TransferPhase.DONE),
    ],
)  # fmt: skip

JOIN_AGAIN_S = 2
JOIN_TRIES = 5
RING, AGAIN = RingTimedOut.__name__, JoinDue.__name__
CONCERNS: frozenset[type[Event]] = frozenset((
    TransferBegan, TransferAnswered, TransferFailed, JoinOffered, JoinRefused,
    CallTransferred, NotifyTransfer, PassRequest,
))  # fmt: skip


class Transfer(Struct, frozen=True):
    """The one that is under way; ``by`` has asked for it in the REFER of this number."""

    by: str
    number: int
    legs: tuple[str, ...]
    phase: TransferPhase = TransferPhase.NEW
    outside: bool = False  # On a line, so no deactivation is meant for it.
    leg: str = ""  # The one that has answered.
    rang: bool = False
    tries: int = 0  # How often its offer has met another one.
    replaces: str = ""  # The call that has lent us this leg.

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.leg,) if self.leg else self.legs


def legs_of(call: "Call", one: Transfer) -> dict[str, Leg]:
    return {name: call.legs[name] for name in one.legs}


def remaining(call: "Call", by: str) -> str:
    """The other side."""
    return call.winner if by == call.first else call.first


def has_left(call: "Call") -> bool:
    """Whether who referred has hung up, as many do as soon as they have referred."""
    by = call.transfer.by if call.transfer else ""
    if by == "caller":
        return call.caller is CallerPhase.DONE
    return not call.leg_is(by, LegPhase.ANSWERED)


def goes_on_without(call: "Call", seen: Observed) -> bool:
    """Whether it is who referred that has hung up, and others still have something to do."""
    by = call.transfer.by if call.transfer else ""
    match seen:
        case CallerHungUp():
            return by == "caller"
        case LegHungUp(leg=name):
            return by == name
    return False


def leave(call: "Call") -> Decisions:
    """What the two had asked each other nobody waits for any more."""
    yield from passing.abandon(tuple(asked for asked in call.passed if asked.number > JOIN))


def has_to_wait(call: "Call", by: str) -> bool:
    """Nobody is there to be asked: the other side is lent to another call, or not joined yet."""
    if by in call.sides:
        return bool(call.lent)
    return call.transfer is not None and by == call.transfer.leg


# -- Decisions, while the call is talking ------------------------------------------------


def decide(call: "Call", seen: Observed) -> Decisions:
    one = call.transfer
    match seen:
        case TransferAsked():
            yield from begin(call, seen)
        case LegProgressed(leg=name, code=code) if one and code > 100 and may_win(call, name):
            if not one.rang and not has_left(call):
                yield NotifyTransfer(by=one.by, number=one.number, code=180)
        case LegAnswered(leg=name) if one and may_win(call, name):
            yield TransferAnswered(leg=name)
            yield StopTimer(timer=RING)
            yield from let_go(legs_of(call, one), COMPLETED_ELSEWHERE, but=name)
            yield from join(call, one, name)
        case JoinDue() if one and one.phase is TransferPhase.ANSWERED:
            yield from join(call, one, one.leg)
        case RequestAnswered() if one and is_about_offering(one, seen):
            if one.phase is TransferPhase.RINGING:
                yield JoinOffered(by=one.leg, number=ASK)
                yield from join(call, one, one.leg)
        case RequestAnswered(code=code) if one and is_about_joining(one, seen):
            if code < 300:
                yield from joined(call, one)
            else:
                yield JoinRefused(by=one.leg, number=JOIN, code=code)
                yield StartTimer(timer=AGAIN, after_s=JOIN_AGAIN_S)


def begin(call: "Call", asked: TransferAsked) -> Decisions:
    """Where nobody is there to ring it is accepted all the same, and fails at once."""
    by, number = asked.by, asked.number
    one = call.transfer
    if one and one.phase is not TransferPhase.NEW:
        yield RefuseRequest(by=by, number=number, code=491)
        return
    yield AcceptTransfer(by=by, number=number)
    if one is None:
        yield NotifyTransfer(by=by, number=number, code=asked.refusal)
        return
    yield TransferBegan(replaces=asked.replaces, party=asked.party)
    yield NotifyTransfer(by=by, number=number, code=100)
    if asked.replaces:
        yield AskOffer(by=one.leg, number=ASK)
        return
    yield StartTimer(timer=RING, after_s=asked.ring_s)
    for name in one.legs:
        yield InviteLeg(leg=name)


def may_win(call: "Call", name: str) -> bool:
    one = call.transfer
    is_ringing = one is not None and one.phase is TransferPhase.RINGING and name in one.legs
    return is_ringing and call.is_in_play(name)


def join(call: "Call", one: Transfer, name: str) -> Decisions:
    """Ask the side that remains, unless it is being asked, or asks, something else."""
    others = tuple(each for each in call.passed if each.by != name)
    if passing.is_offering(others, remaining(call, one.by)):
        yield StartTimer(timer=AGAIN, after_s=JOIN_AGAIN_S)
    else:
        yield PassRequest(by=name, number=JOIN, method="INVITE")


def is_about_joining(one: Transfer, seen: RequestAnswered | RequestUnanswered) -> bool:
    """By the side that remains, asked with the offer of the new leg."""
    is_joining = one.phase is TransferPhase.JOINING
    return is_joining and seen.by == one.leg and seen.number == JOIN


def is_about_offering(one: Transfer, seen: RequestAnswered | RequestUnanswered) -> bool:
    """By the new leg, where it was asked for an offer."""
    return seen.by == one.leg and seen.number == ASK


def joined(call: "Call", one: Transfer) -> Decisions:
    """Both have answered each other, and nobody waits for who referred any more."""
    yield PassAck(by=one.leg, number=ASK) if one.replaces else AckLeg(leg=one.leg)
    yield AckAnswer(by=one.leg, number=JOIN)
    yield from leave(call)
    left = has_left(call)
    if not left:
        yield NotifyTransfer(by=one.by, number=one.number, code=200)
    yield CallTransferred(by=one.by, to=one.leg, replaces=one.replaces)
    if not left and one.by == "caller":
        yield ReleaseCaller()
    elif not left:
        yield from let_go({one.by: call.legs[one.by]}, reason="")


# -- What comes of it where it fails -------------------------------------------------------


def failure(call: "Call", seen: Observed) -> int:
    """With which code it fails because of this; 0 where it does not."""
    one = call.transfer
    if one is None:
        return 0
    is_ringing = one.phase is TransferPhase.RINGING
    match seen:
        case LegRefused(leg=name, code=code) if code >= 600 and may_win(call, name):
            return code
        case LegRefused() | LegChallenged() | LegUnreachable() if is_ringing:
            legs = legs_of(call, one).values()
            return best_refusal(legs) if all(leg.phase in REPORTED for leg in legs) else 0
        case LegAnswered(leg=name, answer=b"") if may_win(call, name):
            return 488  # It offers nothing.
        case RingTimedOut() if is_ringing:
            return 480
        case HotspotClosing() if not one.outside:
            return 480 if any(not leg.own for leg in legs_of(call, one).values()) else 0
        case LegHungUp(leg=name) if name == one.leg:
            return 480
        case RequestAnswered(code=code, body=offer) if is_ringing and is_about_offering(one, seen):
            return passing.UPWARD.get(code, code) if code >= 300 else 0 if offer else 488
        case RequestAnswered(code=code) if is_about_joining(one, seen):
            is_over = code >= 300 and (code != 491 or one.tries >= JOIN_TRIES)
            return passing.UPWARD.get(code, code) if is_over else 0
        case RequestUnanswered(by=name, number=number) if name == one.leg and number <= JOIN:
            return 408
    return 0


def fail(call: "Call", seen: Observed, code: int) -> Decisions:
    """The new legs are let go; where nobody else is left, the call that ends will do the rest."""
    one = call.transfer
    assert one is not None
    yield from settle_joining(call, seen)
    yield from come_to_nothing(call, one, code)
    if not has_left(call) and not one.replaces:
        yield from let_go(legs_of(call, one), reason="")


def settle_joining(call: "Call", seen: Observed) -> Decisions:
    """Of what we have asked to join the two, nothing is left open."""
    for asked in call.passed:
        if asked.number > JOIN:
            continue
        if passing.of((asked,), seen) is None:
            if not has_left(call):
                yield from passing.abandon((asked,))
        elif isinstance(seen, RequestUnanswered):
            yield RefuseRequest(by=asked.by, number=asked.number, code=408)
        elif isinstance(seen, RequestAnswered) and seen.code < 300:
            yield AckAnswer(by=asked.by, number=asked.number)
        elif isinstance(seen, RequestAnswered):
            yield JoinRefused(by=asked.by, number=asked.number, code=seen.code)


def come_to_nothing(call: "Call", one: Transfer, code: int) -> Decisions:
    is_there = call.leg_is(one.leg, LegPhase.ANSWERED)
    gone = bool(one.replaces) and not is_there
    yield TransferFailed(code=code, replaces=one.replaces, gone=gone)
    if one.replaces and is_there:
        yield LegHandedOver(leg=one.leg)
    if one.phase is not TransferPhase.RINGING:
        yield StopTimer(timer=AGAIN)
    elif not one.replaces:
        yield StopTimer(timer=RING)
    if not has_left(call):
        yield NotifyTransfer(by=one.by, number=one.number, code=code)


def borrowed(call: "Call") -> str:
    """The leg that is another call's; it goes back to that."""
    return call.transfer.leg if call.transfer and call.transfer.replaces else ""


def give_up(call: "Call") -> Decisions:
    """The call ends over it; who referred hears that before its BYE."""
    if call.transfer is not None:
        yield from come_to_nothing(call, call.transfer, 487)


# -- Record into memory --------------------------------------------------------------


def evolve(call: "Call", event: Event) -> "Call":
    """What becomes of the transfer that is under way, where there is one."""
    one = call.transfer
    if one is None or is_of_another(one, event):
        return call
    one = replace(one, phase=TRANSFER[one.phase, type(event)])
    match event:
        case CallTransferred(by=by, to=name):
            sides = [name if side == by else side for side in call.sides]
            is_own = call.own and by != "caller"
            return replace(call, transfer=None, first=sides[0], winner=sides[1], own=is_own)
        case TransferFailed():
            return replace(call, transfer=None)
        case TransferAnswered(leg=name):
            one = replace(one, leg=name)
        case JoinRefused():
            one = replace(one, tries=one.tries + 1)
        case NotifyTransfer(code=180):
            one = replace(one, rang=True)
    return replace(call, transfer=one)


def is_of_another(one: Transfer, event: Event) -> bool:
    """Of what is asked only the joining itself is a step of the transfer."""
    match event:
        case PassRequest(by=by):
            return by != one.leg
        case JoinRefused(by=by, number=number):
            return (by, number) != (one.leg, JOIN)
    return False


def asked(call: "Call", event: TransferAsked) -> "Call":
    """While they talk.  A leg that another call lends us has answered long ago."""
    new = {target.leg: leg_toward(target) for target in event.targets}
    is_new = call.transfer is None and not call.lent and not new.keys() & call.legs.keys()
    if not new or not is_new or event.by not in call.sides:
        return call
    one = Transfer(event.by, event.number, tuple(new), outside=event.outside)
    if event.replaces:
        name = event.targets[0].leg
        new[name] = replace(new[name], phase=LegPhase.ANSWERED, acked=True)
        one = replace(one, leg=name, replaces=event.replaces)
    return replace(call, legs=call.legs | new, transfer=one)
