"""Facts about ourselves.  A phase changes by exactly one of these."""

from core.events.base import Decided
from core.events.facts import LentLine

# -- A call ------------------------------------------------------------------------


class CallRang(Decided): ...


class CallAnswered(Decided, kw_only=True):
    by: str


class CallConfirmed(Decided): ...


class LegDoomed(Decided, kw_only=True):
    """It has lost, and its end has to wait: the CANCEL for its first provisional response
    (RFC 3261 9.1), the BYE for the ACK of a phone that picked the call up (15)."""

    leg: str
    reason: str


class LegPassedOver(Decided, kw_only=True):
    """It will not be rung: its turn had not come."""

    leg: str


class TransferBegan(Decided, kw_only=True):
    """Somebody is rung on behalf of the side that is handed over.

    Or nobody is: ``party``, a side of the call that is replaced, has been rung before.
    """

    replaces: str = ""
    party: str = ""


class TransferAnswered(Decided, kw_only=True):
    """This leg is to be joined with the side that remains."""

    leg: str


class JoinOffered(Decided, kw_only=True):
    """The side of another call, ``by``, has made the offer it was asked for."""

    by: str
    number: int


class JoinRefused(Decided, kw_only=True):
    """The side that remains does not take the offer of the new leg, ``by``."""

    by: str
    number: int
    code: int


class TransferFailed(Decided, kw_only=True):
    """Both sides of the call are as they were, and so is the call that was to be replaced."""

    code: int
    replaces: str = ""
    gone: bool = False  # Its side has hung up.


class CallTransferred(Decided, kw_only=True):
    """``to`` has taken the place of ``by``."""

    by: str
    to: str
    replaces: str = ""


class PartyLent(Decided, kw_only=True):
    """This side speaks with another call for now."""

    party: str


class PartyRegained(Decided, kw_only=True):
    party: str


class LegHandedOver(Decided, kw_only=True):
    """It is another call's."""

    leg: str


class CallerHandedOver(Decided):
    """He is another call's."""


class CallClosed(Decided, kw_only=True):
    """No further conversation; legs may still have to report."""

    why: str


class CallFreed(Decided):
    """No client is in it any more; it goes on, with the hotspot's own phone."""


class CallEnded(Decided):
    """Every leg has reported.  Nothing of this call is left anywhere."""


# -- A line ------------------------------------------------------------------------


class LineRegistered(Decided): ...


class LineFailed(Decided, kw_only=True):
    """Not registered; it will be tried again."""

    why: str


class LineKept(Decided):
    """Not registered, and not to be; the account stays."""


class LineCleared(Decided):
    """Not registered, and the account is forgotten."""


# -- A client link -----------------------------------------------------------------


class LinkConnected(Decided): ...


class LinkLost(Decided, kw_only=True):
    """It has no binding any more."""

    why: str


class LinkLeft(Decided):
    """Its user has disconnected it."""


class LinkCleared(Decided, kw_only=True):
    """The hotspot has let go of it."""

    why: str


class BindingSet(Decided, kw_only=True):
    """Address-of-record to contact (RFC 3261 10), added or refreshed."""

    contact: str
    expires_s: int
    flow: str
    device: int  # From 1; keeps its number while it is bound.
    line: str = ""


class BindingRemoved(Decided, kw_only=True):
    contact: str
    why: str
    line: str = ""


# -- A link as the client sees it ----------------------------------------------------


class HotspotFound(Decided): ...


class JoinBegan(Decided): ...


class JoinFailed(Decided, kw_only=True):
    why: str


class UplinkConnected(Decided, kw_only=True):
    """We are in, and these lines are ours for now."""

    alias: int
    lines: tuple[LentLine, ...] = ()


class UplinkChanged(Decided, kw_only=True):
    """The hotspot lends us something else; ``withdrawn`` are the lines it no longer does."""

    alias: int
    lines: tuple[LentLine, ...] = ()
    withdrawn: tuple[str, ...] = ()


class UplinkLost(Decided, kw_only=True):
    """The hotspot is gone without a word, and with it the lines it lent."""

    why: str
    withdrawn: tuple[str, ...] = ()


class UplinkLeft(Decided, kw_only=True):
    """The user has disconnected it: it is joined again at his word only."""

    withdrawn: tuple[str, ...] = ()


class UplinkCleared(Decided, kw_only=True):
    """The hotspot, or we, have ended it."""

    why: str
    withdrawn: tuple[str, ...] = ()


# -- The hotspot -------------------------------------------------------------------


class HotspotEnabled(Decided, kw_only=True):
    """Switched on; ``epoch`` rises at each activation."""

    epoch: int


class HotspotOpened(Decided):
    """A line is registered, or there is none at all, so the hotspot serves (S5)."""


class HotspotStalled(Decided):
    """No line is registered, and there are some."""


class DeactivationBegan(Decided): ...


class HotspotDisabled(Decided): ...


class AliasGiven(Decided, kw_only=True):
    client: str
    alias: int


class AliasTaken(Decided, kw_only=True):
    """The number is free again."""

    client: str
