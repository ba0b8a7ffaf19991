"""A call as the person at the phone sees it, and what the phone tells of it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal, NamedTuple

from adapters.phone.conversation import Terms
from adapters.sip.grammar import split_at
from adapters.sip.message import Request

Direction = Literal["in", "out"]


class State(StrEnum):
    """``CALLING`` until the other side rings, then ``RINGING``, at either end of the call."""

    CALLING = "calling"
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"  # By us.
    ENDED = "ended"


class Ending(StrEnum):
    """Why it ended."""

    OPEN = ""
    MISSED = "missed"
    ANSWERED_ELSEWHERE = "answered elsewhere"
    BUSY_HERE = "busy here"
    DO_NOT_DISTURB = "do not disturb"
    DECLINED_HERE = "declined here"
    CANCELLED = "cancelled"
    BUSY = "busy"
    DECLINED = "declined"
    NO_SUCH_NUMBER = "no such number"
    NO_ANSWER = "no answer"
    FAILED = "failed"
    HUNG_UP = "hung up"
    PEER_HUNG_UP = "the other side hung up"
    TRANSFERRED = "transferred"


REFUSALS = {
    404: Ending.NO_SUCH_NUMBER,
    484: Ending.NO_SUCH_NUMBER,
    604: Ending.NO_SUCH_NUMBER,
    408: Ending.NO_ANSWER,
    480: Ending.NO_ANSWER,
    486: Ending.BUSY,
    600: Ending.BUSY,
    403: Ending.DECLINED,
    603: Ending.DECLINED,
    487: Ending.CANCELLED,
}


class PhoneCall(NamedTuple):
    """``code`` is the final response that refused it, 0 where none did."""

    id: str
    direction: Direction
    number: str
    name: str = ""
    state: State = State.CALLING
    ending: Ending = Ending.OPEN
    code: int = 0
    is_held_by_peer: bool = False
    is_transferring: bool = False

    @property
    def is_open(self) -> bool:
        return self.state is not State.ENDED

    @property
    def is_missed(self) -> bool:
        """Not where another phone has it, nor where this one's owner has seen it and declined."""
        return self.ending in (Ending.MISSED, Ending.BUSY_HERE, Ending.DO_NOT_DISTURB)

    @property
    def is_established(self) -> bool:
        return self.state in (State.TALKING, State.HELD)


class CallChanged(NamedTuple):
    """The call began, ended or is in another state than before."""

    call: PhoneCall


class TermsAgreed(NamedTuple):
    """Sound can flow, or flows otherwise from now on: early media, answer, hold."""

    call: str
    terms: Terms


class DigitsDialled(NamedTuple):
    """By the person at this phone, to be sent within the sound (RFC 4733)."""

    call: str
    digits: str


class DigitHeard(NamedTuple):
    """In a SIP INFO; those within the sound are the conversation's."""

    call: str
    digit: str


class TransferEnded(NamedTuple):
    """``code`` is what the other side met at the new number (RFC 3515 2.4.5)."""

    call: str
    succeeded: bool
    code: int


Happening = CallChanged | TermsAgreed | DigitsDialled | DigitHeard | TransferEnded
Listener = Callable[[Happening], None]


class PhoneError(Exception):
    """The phone cannot do what its owner asked; the text says why and what it can do."""


def was_answered_elsewhere(request: Request) -> bool:
    """Whether a CANCEL or BYE says that another phone has the call (RFC 3326)."""
    for reason in request.listed("reason"):
        protocol, *params = split_at(reason, ";")
        said = (protocol.strip().lower(), *(param.replace(" ", "").lower() for param in params))
        if said[0] == "sip" and "cause=200" in said[1:]:
            return True
        if said[0] == "q.850" and "cause=26" in said[1:]:
            return True
    return False
