"""How a call comes about: from INVITE to ACK, at either end (RFC 3261 9 and 13).

Everything arrives once and in order, so there is nothing to repeat and no timer.
"""

from adapters.phone.leg import Headers, Leg
from adapters.phone.phone_call import REFUSALS, CallChanged, Ending, State, was_answered_elsewhere
from adapters.phone.session import NothingInCommon
from adapters.phone.within import settle
from adapters.sip.facts import peer_of
from adapters.sip.matching import refusal_ack
from adapters.sip.message import Request, Response
from adapters.sip.sdp import streams

# -- We call ---------------------------------------------------------------------------


def place(leg: Leg, more: Headers) -> None:
    leg.sent = leg.request("INVITE", more, leg.open_session(None).offer())
    leg.desk.tell(CallChanged(leg.call))


def response(leg: Leg, response: Response) -> None:
    if not leg.sent or response.cseq != leg.dialog.invite_cseq:
        return
    if response.code < 200:
        progress(leg, response)
    elif response.code < 300:
        answered(leg, response)
    else:
        leg.desk.send(refusal_ack(leg.sent, response))
        leg.sent = b""
        leg.end(REFUSALS.get(response.code, Ending.FAILED), response.code)


def progress(leg: Leg, response: Response) -> None:
    is_first, leg.has_progress = not leg.has_progress, True
    if leg.has_given_up:
        if is_first:
            leg.desk.send(leg.dialog.cancel([]))
        return
    if response.code > 100:
        leg.dialog.follow(peer_of(response))
    if response.code == 180:
        leg.become(State.RINGING)
    if response.body and leg.session is not None:
        try:
            leg.session.take_answer(response.body)
        except NothingInCommon:
            return  # The answer that counts is yet to come.
        leg.agreed()


def answered(leg: Leg, response: Response) -> None:
    """A 2xx that crossed our CANCEL is acknowledged and released (RFC 3261 15)."""
    leg.sent = b""
    leg.is_confirmed = True
    leg.dialog.follow(peer_of(response))
    leg.acknowledge()
    if leg.has_given_up or leg.session is None:
        leg.release()
        return
    try:
        if response.body or leg.session.terms is None:
            leg.session.take_answer(response.body)
    except NothingInCommon:
        leg.release()
        leg.end(Ending.FAILED, 488)
        return
    leg.become(State.TALKING)
    leg.agreed()
    settle(leg)


def give_up(leg: Leg) -> None:
    leg.has_given_up = True
    if leg.has_progress:
        leg.desk.send(leg.dialog.cancel([]))
    leg.end(Ending.CANCELLED)


# -- We are called ---------------------------------------------------------------------


def ring(leg: Leg) -> None:
    assert leg.invite is not None
    leg.respond(leg.invite, 180)
    leg.become(State.RINGING)


def open_media(leg: Leg) -> None:
    """Raises ``PhoneError`` where there is nowhere to hear; then it goes on ringing."""
    assert leg.invite is not None
    described = streams(leg.invite.body)
    leg.open_session(described[0].host if described else None)


def answer(leg: Leg) -> None:
    """``open_media`` comes before it; that there is something in common was seen at the ring."""
    request, session = leg.invite, leg.session
    assert request is not None
    assert session is not None
    body = session.answer(request.body) if request.body else session.offer()
    leg.invite = None
    leg.is_confirmed = True
    leg.unacked, leg.wants_answer = request.cseq, not request.body
    leg.respond(request, 200, body)
    leg.become(State.TALKING)
    leg.agreed()


def refuse(leg: Leg, code: int, ending: Ending) -> None:
    if leg.invite is not None:
        leg.respond(leg.invite, code)
        leg.invite = None
    leg.end(ending, code)


def cancelled(leg: Leg, request: Request) -> None:
    """RFC 3261 9.2: its own 200, and 487 for the INVITE, unless that was answered already."""
    leg.respond(request, 200)
    if leg.invite is not None:
        elsewhere = was_answered_elsewhere(request)
        refuse(leg, 487, Ending.ANSWERED_ELSEWHERE if elsewhere else Ending.MISSED)
