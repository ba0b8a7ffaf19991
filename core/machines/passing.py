"""What the two sides of a call ask each other while they talk.

A re-INVITE holds and resumes, an INFO carries a digit: we are between two dialogs, so
we ask the other side the same and give back what it says.  Two offers at once are one
too many: the second is refused with 491, and its asker tries again a little later
(RFC 3261 14.2, RFC 3311 5.2).  Where the call ends meanwhile, whoever waits for an
answer hears 487, and a 2xx still gets its ACK (RFC 5407 3.2.3).  A part of ``call``;
read that first.
"""

from enum import StrEnum, auto
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import JoinOffered, JoinRefused
from core.events.observed import RequestAcked, RequestAnswered, RequestArrived, RequestUnanswered
from core.events.orders import (
    AckAnswer,
    AskOffer,
    AuthorizeRequest,
    PassAck,
    PassAnswer,
    PassRequest,
    RefuseRequest,
)
from core.machines.life import Life
from core.machines.proof import Proof

if TYPE_CHECKING:
    from core.machines.call import Call


class PassedPhase(StrEnum):
    NEW = auto()
    ASKED = auto()
    ANSWERED = auto()  # A final response has gone back; of an INVITE the ACK is awaited.
    UNANSWERED = auto()
    ABANDONED = auto()  # Nobody waits for it any more; the other side may yet answer an INVITE.
    DONE = auto()


PASSED = Life(
    of="request",
    phases=PassedPhase,
    rows=[
        # from                   because of         to
        (PassedPhase.NEW,        PassRequest,       PassedPhase.ASKED),
        (PassedPhase.NEW,        AskOffer,          PassedPhase.ASKED),
        (PassedPhase.ASKED,      AuthorizeRequest,  PassedPhase.ASKED),
        (PassedPhase.ASKED,      JoinOffered,       PassedPhase.ANSWERED),
        (PassedPhase.ASKED,      PassAnswer,        PassedPhase.ANSWERED),
        (PassedPhase.ASKED,      RequestUnanswered, PassedPhase.UNANSWERED),
        (PassedPhase.UNANSWERED, RefuseRequest,     PassedPhase.DONE),
        (PassedPhase.ASKED,      RefuseRequest,     PassedPhase.ABANDONED),
        (PassedPhase.ASKED,      AckAnswer,         PassedPhase.DONE),
        (PassedPhase.ASKED,      JoinRefused,       PassedPhase.DONE),
        (PassedPhase.ABANDONED,  AckAnswer,         PassedPhase.DONE),
        (PassedPhase.ABANDONED,  RequestUnanswered, PassedPhase.DONE),
        (PassedPhase.ANSWERED,   PassAck,           PassedPhase.DONE),
        (PassedPhase.ANSWERED,   AckAnswer,         PassedPhase.DONE),
        (PassedPhase.ANSWERED,   RequestUnanswered, PassedPhase.DONE),
    ],
)  # fmt: skip

JOIN = 0  # The number of what a new leg asks by the offer in its 2xx (``transferring``),
ASK = -1  # and of our asking the side of another call for an offer.
OFFERING = ("INVITE", "UPDATE")
UPWARD = {401: 403, 407: 403, 503: 500}  # What was meant for us, as its asker hears it.
CONCERNS = (
    PassRequest,
    AuthorizeRequest,
    PassAnswer,
    PassAck,
    AckAnswer,
    RefuseRequest,
    RequestAnswered,
    RequestUnanswered,
    AskOffer,
    JoinOffered,
    JoinRefused,
)


class Passed(Struct, frozen=True):
    """One request on its way through us."""

    by: str
    number: int
    method: str
    phase: PassedPhase = PassedPhase.NEW
    proof: Proof = Proof()


def find(passed: tuple[Passed, ...], by: str, number: int) -> Passed | None:
    return next((one for one in passed if one.by == by and one.number == number), None)


def of(passed: tuple[Passed, ...], event: Event) -> Passed | None:
    return find(passed, getattr(event, "by", ""), getattr(event, "number", 0))


def is_offering(passed: tuple[Passed, ...], side: str) -> bool:
    """Whether this side is in the middle of an offer; not by one of its own that was given up."""
    return any(
        one.method in OFFERING and not (one.by == side and one.phase is PassedPhase.ABANDONED)
        for one in passed
    )


def may_authorize(passed: tuple[Passed, ...], seen: RequestAnswered) -> bool:
    """Whether it has to be asked once more, with credentials; its asker hears nothing of that."""
    one = of(passed, seen)
    if one is None or one.phase is not PassedPhase.ASKED:
        return False
    return one.proof.may_be_given(seen.challenge)


def decide(passed: tuple[Passed, ...], seen: Observed) -> Decisions:
    one = of(passed, seen)
    match seen:
        case RequestArrived(by=by, number=number, method=method) if one is None:
            if method in OFFERING and is_offering(passed, by):
                yield RefuseRequest(by=by, number=number, code=491)
            else:
                yield PassRequest(by=by, number=number, method=method)
        case RequestAnswered(by=by, number=number, code=code):
            if one and one.phase is PassedPhase.ASKED and number > JOIN:
                yield PassAnswer(by=by, number=number, code=UPWARD.get(code, code))
        case RequestAcked(by=by, number=number):
            if one and one.phase is PassedPhase.ANSWERED:
                yield PassAck(by=by, number=number)
        case RequestUnanswered(by=by, number=number):
            if one and one.phase is PassedPhase.UNANSWERED and number > JOIN:
                yield RefuseRequest(by=by, number=number, code=408)


def abandon(passed: tuple[Passed, ...]) -> Decisions:
    """The call is over: whoever still waits for an answer, or for an ACK, gets one."""
    for one in passed:
        match one.phase:
            case PassedPhase.ASKED:
                yield RefuseRequest(by=one.by, number=one.number, code=487)
            case PassedPhase.ANSWERED:
                yield AckAnswer(by=one.by, number=one.number)


def settle(passed: tuple[Passed, ...], seen: Observed) -> Decisions:
    """The call is over, and the other side answers what nobody waits for any more."""
    if isinstance(seen, RequestAnswered) and 200 <= seen.code < 300:
        one = of(passed, seen)
        if one and one.phase is PassedPhase.ABANDONED:
            yield AckAnswer(by=one.by, number=one.number)


def remember(call: "Call", event: Event) -> "Call":
    return replace(call, passed=evolve(call.passed, event))


def evolve(passed: tuple[Passed, ...], event: Event) -> tuple[Passed, ...]:
    """What is done is forgotten; an answer that needs no ACK is the end of it."""
    if isinstance(event, RequestAnswered):
        return heard(passed, event)
    if isinstance(event, PassRequest):
        new = Passed(event.by, event.number, event.method)
        return (*passed, replace(new, phase=PASSED[new.phase, PassRequest]))
    if isinstance(event, AskOffer):
        new = Passed(event.by, event.number, "INVITE")
        return (*passed, replace(new, phase=PASSED[new.phase, AskOffer]))
    one = of(passed, event)
    if one is None:
        return passed
    after = replace(one, phase=PASSED[one.phase, type(event)])
    if isinstance(event, AuthorizeRequest):
        after = replace(after, proof=one.proof.given())
    refused = isinstance(event, PassAnswer) and event.code >= 300
    ends = refused or (one.method != "INVITE" and isinstance(event, PassAnswer | RefuseRequest))
    others = tuple(other for other in passed if other is not one)
    return others if ends or after.phase is PassedPhase.DONE else (*others, after)


def heard(passed: tuple[Passed, ...], seen: RequestAnswered) -> tuple[Passed, ...]:
    """A refusal of what nobody waits for any more is the end of it."""
    one = of(passed, seen)
    if one is None or seen.code < 300:
        return passed
    if one.phase is PassedPhase.ASKED and seen.challenge.nonce:
        asked = replace(one, proof=one.proof.asked(seen.challenge))
        return tuple(asked if other is one else other for other in passed)
    if one.phase is not PassedPhase.ABANDONED:
        return passed
    return tuple(other for other in passed if other is not one)
