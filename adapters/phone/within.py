"""What happens within a call: the ACK, hold, other offers, transfer, and BYE.

(RFC 3261 12.2, 14 and 15, RFC 3311, RFC 3264 8.4, RFC 3515, RFC 3891.)
"""

from collections.abc import Callable

from adapters.phone.dtmf import KEYS
from adapters.phone.leg import ALLOW, Headers, Leg
from adapters.phone.phone_call import (
    DigitHeard,
    Ending,
    State,
    TransferEnded,
    was_answered_elsewhere,
)
from adapters.phone.session import NothingInCommon
from adapters.sip.matching import refusal_ack
from adapters.sip.message import Request, Response

PENDING = 491
OWNER_WAITS, OTHER_WAITS = 3, 1  # Seconds; who made the Call-ID waits longer.
OUT_OF_ORDER = 500
GONE = (408, 481)  # The dialog is no more (RFC 3261 12.2.1.2).

# -- Hold ------------------------------------------------------------------------------


def hold(leg: Leg, on: bool) -> None:
    leg.hold_wished, leg.patience = on, 0
    settle(leg)


def settle(leg: Leg) -> None:
    """Ask for what is wished as soon as no other offer is under way (RFC 3261 14.1)."""
    session = leg.session
    is_free = leg.is_confirmed and not (leg.sent or leg.unacked or leg.patience)
    if session is None or not is_free or not leg.call.is_open:
        return
    if session.on_hold != leg.hold_wished:
        session.on_hold = leg.hold_wished
        leg.sent = leg.request("INVITE", body=session.offer())


def invite_response(leg: Leg, response: Response) -> None:
    """To our re-INVITE; a 2xx that is repeated wants its ACK again."""
    if response.code < 200 or response.cseq != leg.dialog.invite_cseq:
        return
    if not leg.sent:
        if response.code < 300 and leg.dialog.last_ack:
            leg.desk.send(leg.dialog.last_ack)
        return
    sent, leg.sent = leg.sent, b""
    if response.code < 300:
        leg.follow(response)
        leg.acknowledge()
        changed(leg, response.body)
    else:
        leg.desk.send(refusal_ack(sent, response))
        refused(leg, response.code)


def changed(leg: Leg, answer: bytes) -> None:
    session = leg.session
    if session is None or not leg.call.is_open:
        return
    try:
        session.take_answer(answer)
    except NothingInCommon:
        leg.release()
        leg.end(Ending.FAILED, 488)
        return
    leg.become(State.HELD if session.on_hold else State.TALKING)
    leg.agreed()
    settle(leg)


def refused(leg: Leg, code: int) -> None:
    """The session is as it was before (RFC 3261 14.1)."""
    if not leg.call.is_open or leg.session is None:
        return
    if code in GONE:
        leg.release()
        leg.end(Ending.FAILED, code)
        return
    leg.session.on_hold = not leg.session.on_hold
    if code == PENDING:
        leg.patience = OWNER_WAITS if leg.call.direction == "out" else OTHER_WAITS
    else:
        leg.hold_wished = leg.session.on_hold


def retry(leg: Leg) -> None:
    """Called every second: what crossed is asked again, by one side sooner (RFC 3261 14.1)."""
    if leg.patience:
        leg.patience -= 1
        settle(leg)


# -- What the other side asks ----------------------------------------------------------


def request(leg: Leg, request: Request) -> None:
    """One in this dialog, ACK and CANCEL apart (RFC 3261 12.2.2)."""
    handler = HANDLERS.get(request.method)
    if handler is None:
        leg.respond(request, 405, more=[("Allow", ALLOW)])
    elif not leg.call.is_open:
        leg.respond(request, 481)
    elif request.cseq <= leg.dialog.remote_cseq and request.method != "BYE":
        leg.respond(request, OUT_OF_ORDER)
    else:
        leg.dialog.remote_cseq = max(leg.dialog.remote_cseq, request.cseq)
        leg.patience = 0
        handler(leg, request)


def acked(leg: Leg, request: Request) -> None:
    if not leg.unacked or request.cseq != leg.unacked:
        return
    leg.unacked = 0
    if leg.hangs_up_at_ack:
        leg.release()
        return
    if leg.wants_answer and leg.session is not None:
        leg.wants_answer = False
        try:
            leg.session.take_answer(request.body)
        except NothingInCommon:
            leg.release()
            leg.end(Ending.FAILED, 488)
            return
        leg.agreed()
    settle(leg)


def offered(leg: Leg, request: Request) -> None:
    """A re-INVITE or UPDATE (RFC 3261 14.2, RFC 3311 5.2)."""
    if leg.sent:
        leg.respond(request, PENDING)
    elif leg.unacked or not leg.is_confirmed or leg.session is None:
        leg.respond(request, OUT_OF_ORDER, more=[("Retry-After", "1")])
    elif request.method == "UPDATE" and not request.body:
        leg.follow(request)
        leg.respond(request, 200)
    else:
        answer_offer(leg, request)


def answer_offer(leg: Leg, request: Request) -> None:
    session = leg.session
    assert session is not None
    try:
        body = session.answer(request.body) if request.body else session.offer()
    except NothingInCommon:
        leg.respond(request, 488)
        return
    leg.follow(request)
    if request.method == "INVITE":
        leg.unacked, leg.wants_answer = request.cseq, not request.body
    leg.respond(request, 200, body)
    if request.body:
        leg.agreed()
    settle(leg)


def hung_up(leg: Leg, request: Request) -> None:
    """Also before it was answered, which callers do that cannot cancel (RFC 3261 15)."""
    leg.respond(request, 200)
    if leg.invite is not None:
        leg.respond(leg.invite, 487)
        leg.invite = None
        leg.end(Ending.MISSED)
    elif was_answered_elsewhere(request):
        leg.end(Ending.ANSWERED_ELSEWHERE)
    else:
        leg.end(Ending.TRANSFERRED if leg.call.is_transferring else Ending.PEER_HUNG_UP)


def informed(leg: Leg, request: Request) -> None:
    """A digit, as some phones send them (application/dtmf-relay); else nothing for us."""
    leg.respond(request, 200)
    for line in request.body.decode("latin-1").splitlines():
        name, _, value = line.partition("=")
        digit = value.strip().upper()
        if name.strip().lower() == "signal" and len(digit) == 1 and digit in KEYS:
            leg.desk.tell(DigitHeard(leg.call.id, digit))


def asked_what_we_can(leg: Leg, request: Request) -> None:
    leg.respond(request, 200, more=[("Allow", ALLOW), ("Accept", "application/sdp")])


# -- Transfer --------------------------------------------------------------------------


def refer(leg: Leg, target: str, partner: Leg | None) -> None:
    """``target`` is a URI; with a partner it says which dialog it replaces (RFC 3891)."""
    leg.partner = partner
    for one in (leg, partner):
        if one is not None:
            one.change(one.call._replace(is_transferring=True))
    headers: Headers = [
        ("Refer-To", f"<{target}>"),
        ("Referred-By", leg.dialog.local.partition(";tag=")[0]),
        ("Contact", leg.dialog.contact),
    ]
    leg.request("REFER", headers)


def refer_response(leg: Leg, response: Response) -> None:
    if response.code >= 300:
        transferred(leg, response.code)


def notified(leg: Leg, request: Request) -> None:
    """How far the other side got (RFC 3515 2.4.4); silence about it is a failure."""
    if request.first("event").partition(";")[0].strip().lower() != "refer":
        leg.respond(request, 489, more=[("Allow-Events", "refer")])
        return
    leg.respond(request, 200)
    state = request.first("subscription-state").partition(";")[0].strip().lower()
    code = status_in(request.body)
    if code >= 200 or state == "terminated":
        transferred(leg, code)


def status_in(fragment: bytes) -> int:
    """The status line of a message/sipfrag (RFC 3420); 0 where there is none."""
    words = fragment.partition(b"\r\n")[0].split()
    is_status = len(words) > 1 and words[0] == b"SIP/2.0" and len(words[1]) == 3
    return int(words[1]) if is_status and words[1].isdigit() else 0


def transferred(leg: Leg, code: int) -> None:
    """Success ends our part in it; after a failure everything is as it was."""
    if not leg.call.is_transferring:
        return
    succeeded = 200 <= code < 300
    partner, leg.partner = leg.partner, None
    leg.desk.tell(TransferEnded(leg.call.id, succeeded, code))
    if succeeded:
        leg.release()
        leg.end(Ending.TRANSFERRED)
        return
    for one in (leg, partner):
        if one is not None:
            one.change(one.call._replace(is_transferring=False))


HANDLERS: dict[str, Callable[[Leg, Request], None]] = {
    "INVITE": offered,
    "UPDATE": offered,
    "BYE": hung_up,
    "INFO": informed,
    "OPTIONS": asked_what_we_can,
    "NOTIFY": notified,
}
