"""Facts about ourselves.  A phase changes by exactly one of these."""

from core.events.base import Decided

# -- A call ------------------------------------------------------------------------


class CallRang(Decided): ...


class CallAnswered(Decided, kw_only=True):
    by: str


class CallConfirmed(Decided): ...


class LegDoomed(Decided, kw_only=True):
    """To be cancelled as soon as it shows a provisional response (RFC 3261 9.1)."""

    leg: str
    reason: str


class CallClosed(Decided, kw_only=True):
    """No further conversation; legs may still have to report."""

    why: str


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


class LinkCleared(Decided, kw_only=True):
    """The hotspot has let go of it."""

    why: str


class BindingSet(Decided, kw_only=True):
    """Address-of-record to contact (RFC 3261 10), added or refreshed."""

    contact: str
    expires_s: int
    flow: str
    device: int  # From 1; keeps its number while it is bound.


class BindingRemoved(Decided, kw_only=True):
    contact: str
    why: str


# -- The hotspot -------------------------------------------------------------------


class HotspotEnabled(Decided, kw_only=True):
    """Switched on; ``epoch`` rises at each activation."""

    epoch: int


class HotspotOpened(Decided):
    """A line is registered, so the hotspot serves (S5)."""


class HotspotStalled(Decided):
    """No line is registered any more."""


class DeactivationBegan(Decided): ...


class HotspotDisabled(Decided): ...


class AliasGiven(Decided, kw_only=True):
    client: str
    alias: int


class AliasTaken(Decided, kw_only=True):
    """The number is free again."""

    client: str
