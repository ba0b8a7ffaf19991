"""Facts that reached us from outside about who comes to a call that rings already.

Observations like those of ``observed``: a phone that registers late, and one that picks
the call up.
"""

from core.events.base import Observed
from core.events.facts import Origin, Target


class LegJoined(Observed, kw_only=True):
    """A phone has registered while the call rings, and may be rung too."""

    target: Target


class PickupArrived(Observed, kw_only=True):
    """A phone's own INVITE takes the call that rings.

    Its leg is called after its alias, as "3.pickup"; its offer is all that it says of
    itself, so it is also its answer to the offer of the caller.
    """

    leg: str
    offer: bytes
    origin: Origin = Origin()
    own: bool = False  # The hotspot's own phone.


class LegAcked(Observed, kw_only=True):
    """The ACK of a phone that has picked the call up, to our 2xx."""

    leg: str


class LegAckTimedOut(Observed, kw_only=True):
    """64*T1 after our 2xx the phone that picked the call up has not acknowledged it."""

    about: str  # The leg.
