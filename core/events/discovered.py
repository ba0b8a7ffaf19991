"""Facts that reached us from outside before there was any SIP: by discovery.

Observations like those of ``observed``; both ends of a link are here.  A client is named
by the 32 hexadecimal digits of its id, a hotspot by those of its own.  Addresses are
"host:port"; ``sip`` is "transport:host:port".  No password stands in any of them.
"""

from core.events.base import Observed
from core.events.facts import Lent

# -- The hotspot's end -----------------------------------------------------------------


class ClientMet(Observed, kw_only=True):
    """A client asks to join, and may; ``alias`` is the one it would like, -1 its old one."""

    client: str
    alias: int = -1


class ClientAdmitted(Observed, kw_only=True):
    """The owner lets this client join, or no longer."""

    client: str
    admitted: bool = True


class JoinArrived(Observed, kw_only=True):
    """A client asks to join, for the first time or with something new to say.

    ``alias`` is the number that the hotspot keeps for it, ``refusal`` why it may not join:
    ``closed``, ``full``, ``key`` or ``approve``.  One that says what it said before is no
    observation: it is answered as before and lives on.
    """

    source: str
    mac: str = ""
    name: str = ""
    model: str = ""
    sip: str = ""
    alias: int = 0
    refusal: str = ""


class LeaveArrived(Observed):
    """Its user has disconnected it."""


class LinkTimedOut(Observed):
    """It has not been heard of for its time to live."""


# -- The client's end --------------------------------------------------------------------


class BeaconHeard(Observed, kw_only=True):
    """A hotspot announces itself.  ``fits``: it is the one to follow.

    ``lines`` are the numbers of those it lends.  A beacon that says nothing new is no
    observation.
    """

    source: str
    name: str
    epoch: int
    sip: str
    lines: tuple[str, ...] = ()
    fits: bool = False


class WelcomeArrived(Observed, kw_only=True):
    """The hotspot has taken us in, or lends us something else than before."""

    epoch: int
    alias: int
    display: str = ""
    lines: tuple[Lent, ...] = ()


class DenyArrived(Observed, kw_only=True):
    """``closed``, ``full``, ``key``, ``approve`` or ``version``."""

    reason: str


class GoodbyeArrived(Observed, kw_only=True):
    """This activation of the hotspot is over."""

    epoch: int
    reason: str = ""


class JoinUnanswered(Observed):
    """However often we asked to join."""


class UplinkTimedOut(Observed):
    """The hotspot has not answered us for the time to live."""


class UserDisconnected(Observed): ...


class UserConnected(Observed): ...


class ClientModeEnded(Observed):
    """This device is no client any more."""
