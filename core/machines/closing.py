"""How a call comes to its end: whoever is left in it hears it.

A part of ``call``; read that first.
"""

from typing import TYPE_CHECKING

from core.events.base import Decisions
from core.events.decided import CallClosed
from core.events.orders import ReleaseCaller
from core.machines import passing, transferring
from core.machines.caller import CallerPhase
from core.machines.legs import let_go

if TYPE_CHECKING:
    from core.machines.call import Call


def hang_up(call: "Call", why: str) -> Decisions:
    """Of those who talk; what is under way between them comes to nothing."""
    yield from transferring.give_up(call)
    yield from release(call, why)


def release(call: "Call", why: str) -> Decisions:
    if call.caller is CallerPhase.ACKED and call.lent != "caller":
        yield ReleaseCaller()
    yield from close(call, why)


def close(call: "Call", why: str, reason: str = "") -> Decisions:
    yield CallClosed(why=why)
    yield from passing.abandon(call.passed)
    yield from let_go(call.legs, reason, but=call.lent or transferring.borrowed(call))
