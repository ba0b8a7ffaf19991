"""Facts that reached us from outside.  Adapters make these; machines never do.

An observation carries whatever a later step needs, so the core has no clock and no
dice.  A body (SDP) is recorded here, once: orders refer to it and do not copy it.
"""

from core.events.base import Observed
from core.events.facts import (
    Account,
    Challenge,
    Contact,
    Established,
    Media,
    Origin,
    Peer,
    Target,
)

# -- The caller --------------------------------------------------------------------


class InviteArrived(Observed, kw_only=True):
    """A caller's INVITE, with everybody it may ring.

    ``kind`` is ``incoming`` (from the account of a line), ``outgoing`` (a phone calls out
    on it) or ``internal`` (a phone dials an alias).  ``refusal`` is what the caller hears
    where nobody is there to ring, and ``why`` says so in words.
    """

    line: str
    caller: str
    offer: bytes
    targets: tuple[Target, ...]
    ring_s: int = 60
    kind: str = "incoming"
    called: str = ""
    name: str = ""  # The display name of the caller.
    refusal: int = 480
    why: str = "no phone is there to ring"
    origin: Origin = Origin()
    media: Media = Media()
    content_type: str = "application/sdp"
    own: bool = False  # The caller is the hotspot's own phone; no client of it.
    ring: str = "all"  # Or "hotspot-first", "in-turn": who of them rings when.
    step_s: int = 0  # How long phone 0 rings alone, or each in its turn.


class CallerAcked(Observed, kw_only=True):
    """The ACK to our 2xx; it holds the answer where the offer came in our 200."""

    answer: bytes = b""


class CallerCancelled(Observed, kw_only=True):
    reason: str = ""  # The Reason header (RFC 3326), where there was one.


class CallerHungUp(Observed, kw_only=True):
    """BYE, in the confirmed dialog or already in the early one."""

    cseq: int = 0


class AckTimedOut(Observed):
    """64*T1 after our 2xx the caller has not acknowledged it (RFC 3261 13.3.1.4)."""


# -- A leg -------------------------------------------------------------------------


class LegProgressed(Observed, kw_only=True):
    """A provisional response: 100 to 199.  From now on CANCEL is allowed."""

    leg: str
    code: int
    answer: bytes = b""  # Early media.
    peer: Peer = Peer()


class LegAnswered(Observed, kw_only=True):
    """A 2xx to the INVITE, carrying the answer to our offer."""

    leg: str
    answer: bytes
    peer: Peer = Peer()


class LegRefused(Observed, kw_only=True):
    """A final response of 300 or above; 487 after our own CANCEL included."""

    leg: str
    code: int


class LegChallenged(Observed, kw_only=True):
    """401 or 407 from the server of the line."""

    leg: str
    code: int
    challenge: Challenge


class LegUnreachable(Observed, kw_only=True):
    """No final response will come: timer B fired, the transport failed (RFC 3261
    17.1.1.2, 8.1.3.1), or no 487 followed our CANCEL within 64*T1 (9.1)."""

    leg: str


class LegForked(Observed, kw_only=True):
    """Another 2xx to the INVITE, from another branch: it forked outside (RFC 3261 13.2.2.4)."""

    leg: str
    peer: Peer


class LegHungUp(Observed, kw_only=True):
    """BYE."""

    leg: str
    cseq: int = 0


# -- Requests within the call ----------------------------------------------------------


class RequestArrived(Observed, kw_only=True):
    """One side asks the other something: re-INVITE, UPDATE, INFO, MESSAGE ...

    ``by`` is ``caller`` or the name of the leg; ``number`` is its CSeq, which tells its
    requests apart.
    """

    by: str
    method: str
    number: int
    body: bytes = b""
    content_type: str = ""
    contact: str = ""  # The new remote target, where the request may refresh it (12.2.2).
    vias: tuple[str, ...] = ()
    flow: str = ""


class RequestAnswered(Observed, kw_only=True):
    """The final response of the other side to what ``by`` had asked."""

    by: str
    number: int
    code: int
    body: bytes = b""
    content_type: str = ""
    contact: str = ""
    challenge: Challenge = Challenge()  # Of a 401 or 407 from the server of a line.


class RequestAcked(Observed, kw_only=True):
    """The ACK to the 2xx of a re-INVITE."""

    by: str
    number: int
    body: bytes = b""


class RequestUnanswered(Observed, kw_only=True):
    """The other side never answered, or the asker never acknowledged its answer."""

    by: str
    number: int


# -- A transfer --------------------------------------------------------------------------


class TransferAsked(Observed, kw_only=True):
    """REFER: ``by`` hands the other side over to ``called`` (RFC 3515).

    ``number`` is its CSeq.  ``targets`` are who that may ring, each a leg of its own name;
    where there are none, ``refusal`` says why not.  ``line`` is the one that they are on.
    """

    by: str
    number: int
    called: str = ""
    targets: tuple[Target, ...] = ()
    ring_s: int = 60
    line: str = ""
    outside: bool = False
    refusal: int = 480
    contact: str = ""  # The new remote target of the dialog.
    vias: tuple[str, ...] = ()
    flow: str = ""
    replaces: str = ""  # The stream of the call whose other side it is to be joined with.
    party: str = ""  # That side of it.
    dialog: Established = Established()


class PartyTaken(Observed, kw_only=True):
    """Another call takes this side of ours, to join it with one of its own."""

    party: str


class PartyReturned(Observed, kw_only=True):
    """They could not be joined; ``gone``: it has hung up over it."""

    gone: bool = False


class PartyKept(Observed):
    """They are joined."""


class JoinDue(Observed):
    """Two offers had crossed: now the one that joins the two sides may be made again."""


# -- Media -------------------------------------------------------------------------


class MediaFellSilent(Observed, kw_only=True):
    """The relay has heard no packet of one side for a while."""

    side: str  # "caller" or "leg"
    seconds: int


class MediaCounted(Observed, kw_only=True):
    """What the relay passed on, in packets, when it was closed."""

    from_caller: int
    from_leg: int


# -- The account at its registrar --------------------------------------------------


class LineConfigured(Observed, kw_only=True):
    """The owner, or a hotspot that lends us this line, has given it an account."""

    account: Account


class LineSwitchedOn(Observed): ...


class LineSwitchedOff(Observed):
    """The owner has switched it off.  Its account stays."""


class LineWithdrawn(Observed, kw_only=True):
    """Its account is no longer ours to use: cleared, or the lender said goodbye.

    ``at_once``: there is nobody any more to take the binding back from.
    """

    at_once: bool = False


class RegistrationAccepted(Observed, kw_only=True):
    """A 2xx to our REGISTER, and for how long."""

    granted_s: int


class RegistrationChallenged(Observed, kw_only=True):
    challenge: Challenge


class RegistrationRefused(Observed, kw_only=True):
    """A final refusal of our REGISTER."""

    code: int
    retry_after_s: int = 0
    min_expires_s: int = 0  # Of a 423 (RFC 3261 10.3).
    draw: float = 0.0  # From 0 to 1, by the dice of the shell.


class RegistrarUnreachable(Observed, kw_only=True):
    """No answer to our REGISTER, or no way to send it."""

    draw: float = 0.0
    why: str = ""  # There is no way.


# -- A client that registers -----------------------------------------------------------


class RegisterArrived(Observed, kw_only=True):
    """An authenticated REGISTER of a phone (RFC 3261 10.3).

    ``everything`` is ``Contact: *``; neither that nor a contact is a query.
    """

    call_id: str
    cseq: int
    contacts: tuple[Contact, ...] = ()
    everything: bool = False
    flow: str = ""
    agent: str = ""
    line: str = ""  # Of a client that joined by discovery: the line it registers for.


class ClientRemoved(Observed):
    """The owner has taken this phone out of the configuration."""


# -- The house ---------------------------------------------------------------------


class SettingChanged(Observed, kw_only=True):
    """A word on a setting: from the file, or from its owner at run time.

    Values are JSON texts.  ``members`` are the streams that live in the house now: what
    a deactivation has to see off.
    """

    key: str
    value: str
    before: str = ""
    who: str = "owner"  # or "file", or "reset"
    members: tuple[str, ...] = ()


class SettingPostponed(Observed, kw_only=True):
    """A word on a setting that is to count from the next start of the service on.

    The value that the setting has now is the word that nothing is to change.
    """

    key: str
    value: str
    who: str = "owner"  # or "reset"


class ClientListed(Observed, kw_only=True):
    """A client is known by name; ``alias`` is the one its owner chose, -1 where none."""

    client: str
    alias: int = -1


class ClientUnlisted(Observed, kw_only=True):
    client: str


class LinesCounted(Observed, kw_only=True):
    """How many accounts the configuration has; a hotspot with none waits for none."""

    count: int


class LineCameUp(Observed, kw_only=True):
    line: str


class LineWentDown(Observed, kw_only=True):
    line: str


class HotspotClosing(Observed, kw_only=True):
    """The hotspot is being deactivated: let go of every client.

    ``everything``: of the calls of the hotspot's own phone too.
    """

    everything: bool = False


class MemberGone(Observed, kw_only=True):
    """A call has ended or has no client in it any more, or a client has been cleared."""

    member: str


class ServiceStarted(Observed, kw_only=True):
    """The process has read its log and is back; heard by the hotspot."""

    version: str = ""


# -- Timers: what a StartTimer order asked to be told --------------------------------


class RingTimedOut(Observed): ...


class RingStepTimedOut(Observed):
    """Phone 0 has rung alone for long enough, or the phone whose turn it is."""


class RefreshDue(Observed): ...


class RetryDue(Observed): ...


class BindingExpired(Observed, kw_only=True):
    about: str  # The contact.
