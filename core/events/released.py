"""Facts that reached us from outside about a side of a call that we have released.

Observations like those of ``observed``.
"""

from core.events.base import Observed
from core.events.facts import Challenge


class ReleaseChallenged(Observed, kw_only=True):
    """401 or 407 from the server of a line to our BYE.

    ``party`` is ``caller`` or the name of the leg; with its To tag, as "line;x", where that
    is another branch of it (``LegForked``).
    """

    party: str
    code: int
    challenge: Challenge
