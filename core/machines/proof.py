"""How often a request of ours is given credentials: its proof.

The server of a line may challenge whatever we ask of it (RFC 3261 22.2, 22.3): the INVITE of
a leg, what one side asks the other while they talk, the BYE.  Who gets no answer to its
challenge has refused the request.  A part of ``call``; read that first.
"""

from msgspec import Struct
from msgspec.structs import replace

from core.events.facts import Challenge

AUTHORIZED_MAX = 3


class Proof(Struct, frozen=True, gc=False):
    """Of one request, however often it is sent."""

    asker: tuple[bool, str] = (False, "")  # Who challenged it last (``Challenge.asker``).
    answered: tuple[tuple[bool, str], ...] = ()  # Whose challenges we have answered.

    def asked(self, challenge: Challenge) -> "Proof":
        return replace(self, asker=challenge.asker())

    def given(self) -> "Proof":
        return replace(self, answered=(*self.answered, self.asker))

    def may_be_given(self, challenge: Challenge) -> bool:
        """Each who asks once, a proxy on the way and the server (RFC 3261 22.3).

        A few times more where only the nonce was too old (RFC 7616 3.3).
        """
        if not challenge.nonce or len(self.answered) >= AUTHORIZED_MAX:
            return False
        return challenge.stale or challenge.asker() not in self.answered
