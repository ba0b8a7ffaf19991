"""What an adapter must now do.  Imperative mood; carried out live, never in replay.

An order names what was seen and does not repeat it: the offer of a call is in the
``InviteArrived`` that opened its stream, an answer in the ``LegAnswered`` of its leg.
"""

from core.events.base import Order

COMPLETED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

# -- Toward a leg ------------------------------------------------------------------


class InviteLeg(Order, kw_only=True):
    """With the offer of the caller."""

    leg: str


class AuthorizeLeg(Order, kw_only=True):
    """INVITE once more, with credentials for the challenge that was seen."""

    leg: str


class CancelLeg(Order, kw_only=True):
    leg: str
    reason: str = ""


class AckLeg(Order, kw_only=True):
    """With the answer of the caller where its ACK held one."""

    leg: str


class AnswerLeg(Order, kw_only=True):
    """200 to the phone that has picked the call up, with what the caller offers."""

    leg: str


class ReleaseLeg(Order, kw_only=True):
    """BYE."""

    leg: str
    reason: str = ""


class AuthorizeRelease(Order, kw_only=True):
    """BYE once more, with credentials for the challenge that was seen."""

    party: str


class ReleaseFork(Order, kw_only=True):
    """ACK and BYE to the other branch of this leg, known by its To tag (RFC 3261 13.2.2.4)."""

    leg: str
    tag: str


# -- Toward the caller -------------------------------------------------------------


class RingCaller(Order, kw_only=True):
    """A provisional response; with the early media of a leg where one is named."""

    code: int = 180
    leg: str = ""


class AnswerCaller(Order, kw_only=True):
    """200, with the answer of this leg."""

    leg: str


class RefuseCaller(Order, kw_only=True):
    code: int


class ReleaseCaller(Order):
    """BYE."""


# -- Between the two sides of a call -----------------------------------------------


class PassRequest(Order, kw_only=True):
    """Ask the other side what this one asks."""

    by: str
    number: int
    method: str


class AuthorizeRequest(Order, kw_only=True):
    """The same request once more, with credentials for the challenge that was seen."""

    by: str
    number: int


class PassAnswer(Order, kw_only=True):
    """Give the asker the answer of the other side."""

    by: str
    number: int
    code: int


class PassAck(Order, kw_only=True):
    by: str
    number: int


class AckAnswer(Order, kw_only=True):
    """ACK to the other side's 2xx to a re-INVITE, whose asker will not send one any more.

    Without a body; a 2xx is acknowledged whatever became of the call (RFC 3261 13.2.2.4).
    """

    by: str
    number: int


class RefuseRequest(Order, kw_only=True):
    by: str
    number: int
    code: int


# -- Toward who transfers a call -------------------------------------------------------


class AcceptTransfer(Order, kw_only=True):
    """202 to the REFER."""

    by: str
    number: int


class NotifyTransfer(Order, kw_only=True):
    """NOTIFY how far it has got, as the status line of a response (RFC 3515 2.4.5)."""

    by: str
    number: int
    code: int


class AskOffer(Order, kw_only=True):
    """Re-INVITE this side, taken over from another call, without an offer."""

    by: str
    number: int


# -- Toward the registrar ----------------------------------------------------------


class RegisterLine(Order, kw_only=True):
    """``proxy`` counts the ways to the registrar, from 0."""

    expires_s: int = 3600
    proxy: int = 0


class AuthorizeRegistration(Order):
    """The same REGISTER once more, with credentials for the challenge that was seen."""


class UnregisterLine(Order, kw_only=True):
    """REGISTER with Expires: 0."""

    proxy: int = 0


# -- Toward a client that registers ------------------------------------------------


class AcceptRegister(Order):
    """200, with every binding and the time it has left."""


class RefuseRegister(Order, kw_only=True):
    code: int
    min_expires_s: int = 0


# -- By discovery: toward a client, and toward a hotspot -------------------------------


class WelcomeClient(Order, kw_only=True):
    """With its credentials for every line that is shared; they are not recorded."""

    alias: int


class DenyClient(Order, kw_only=True):
    reason: str


class DismissClient(Order, kw_only=True):
    """Goodbye, to this client."""

    reason: str


class SendJoin(Order, kw_only=True):
    """``alias`` is the one we had; 0 where we never had one."""

    alias: int = 0


class SendLeave(Order): ...


# -- Toward the clock --------------------------------------------------------------


class StartTimer(Order, kw_only=True):
    """Observe ``timer`` on this stream, ``after_s`` seconds after this turn's ``at``.

    A timer bears the name of the observation that its expiry is.  A stream has one of
    a name, or one of a name and what it is about: to start it again is to move it.
    """

    timer: str
    after_s: int
    about: str = ""


class StopTimer(Order, kw_only=True):
    timer: str
    about: str = ""
