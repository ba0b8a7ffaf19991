"""The side of a call whose INVITE we answer: once, and until it is done.

A part of ``call``; read that first.
"""

from enum import StrEnum, auto

from core.events.decided import CallerHandedOver
from core.events.observed import CallerAcked, CallerHungUp
from core.events.orders import AnswerCaller, RefuseCaller, ReleaseCaller
from core.machines.life import Life


class CallerPhase(StrEnum):
    WAITING = auto()  # For a final response.
    ANSWERED = auto()  # It has our 2xx and has not acknowledged it: no BYE yet (RFC 3261 15).
    ACKED = auto()
    DONE = auto()


CALLER = Life(
    of="caller",
    phases=CallerPhase,
    rows=[
        # from                 because of        to
        (CallerPhase.WAITING,  AnswerCaller,     CallerPhase.ANSWERED),
        (CallerPhase.WAITING,  RefuseCaller,     CallerPhase.DONE),
        (CallerPhase.ANSWERED, CallerAcked,      CallerPhase.ACKED),
        (CallerPhase.ANSWERED, CallerHungUp,     CallerPhase.DONE),
        (CallerPhase.ANSWERED, ReleaseCaller,    CallerPhase.DONE),
        (CallerPhase.ACKED,    CallerHungUp,     CallerPhase.DONE),
        (CallerPhase.ACKED,    ReleaseCaller,    CallerPhase.DONE),
        (CallerPhase.ACKED,    CallerHandedOver, CallerPhase.DONE),
    ],
)  # fmt: skip

# What completed elsewhere is said by SIP or by Q.850 (RFC 3326): "non-selected user clearing".
ELSEWHERE = {"sip": "cause=200", "q.850": "cause=26"}


def says_elsewhere(reason: str) -> bool:
    """Whether a CANCEL with this Reason leaves nobody with a missed call."""
    return any(map(is_elsewhere, reason.lower().split(",")))


def is_elsewhere(value: str) -> bool:
    protocol, *parameters = ("".join(each.split()) for each in value.split(";"))
    return ELSEWHERE.get(protocol) in parameters
