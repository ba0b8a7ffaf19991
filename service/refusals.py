"""What the service says of who was refused: which name, from where, and why.

Anybody on the network can cause these lines, so each name and address has one a minute, so
many may be remembered and no more are said.  ``status`` counts them all.
"""

from adapters.sip.authentication import Verdict
from adapters.sip.surroundings import SECOND_NS
from replay.text import clip, printable

AGAIN_AFTER_NS = 60 * SECOND_NS
KEPT_MAX = 100  # Names and addresses; whoever tries out more of them is not written down.
NAME_COLUMNS = 40


class Refusals:
    def __init__(self) -> None:
        self.said: dict[tuple[str, str], int] = {}  # When, by the name as spelled and the address.

    def line(self, why: str, user: str, host: str, at: int) -> str:
        """Nothing where this one has had its line, or too many others had theirs."""
        name = spelled(user)
        if at - self.said.get((name, host), at - AGAIN_AFTER_NS) < AGAIN_AFTER_NS:
            return ""
        self.forget(at)
        if len(self.said) >= KEPT_MAX:
            return ""
        self.said[name, host] = at
        if why == Verdict.UNKNOWN:
            return f'nobody here is called "{name}" ({host})'
        return f"phone {name} from {host}: wrong password"

    def forget(self, at: int) -> None:
        self.said = {who: then for who, then in self.said.items() if at - then < AGAIN_AFTER_NS}


def spelled(user: str) -> str:
    """One line, without an end of the quotation in it, and not too long."""
    return clip(printable(user[: NAME_COLUMNS + 1]).replace('"', r"\""), NAME_COLUMNS)
