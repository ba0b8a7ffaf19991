"""What the two sides of a call ask each other, as messages: a part of ``call_dialogs``.

Each request is asked of the other side with a CSeq of that dialog, and once more with the
next one where the server of a line wants credentials (RFC 3261 22.2).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from adapters.sip import proving
from adapters.sip.build import SDP
from adapters.sip.owner import Owner
from core.events import observed, orders
from core.events.base import Event
from core.machines.passing import ASK

if TYPE_CHECKING:
    from adapters.sip.call_dialogs import CallDialogs


class Asking(NamedTuple):
    """A request as the one who is asked gets it: the same, however often it is sent."""

    party: str
    method: str
    body: bytes
    content_type: str


def ask(dialogs: "CallDialogs", by: str, number: int, asking: Asking) -> None:
    party, method, body, content_type = asking
    dialog = dialogs.dialogs[party]
    proven = proving.credentials(dialogs, party, dialog, method)
    cseq = dialog.next_cseq()
    if method == "INVITE":
        dialog.invite_cseq, dialog.credentials = cseq, proven
    dialogs.asking[by, number] = asking
    dialogs.passed[by, number] = (party, cseq)
    data = dialog.request(method, cseq, proven, body, content_type)
    owner = Owner(dialogs.stream, party, by, number)
    dialogs.wire.request(owner, dialog.branch_of(cseq), method, data, dialog.flow)


def pass_request(dialogs: "CallDialogs", order: orders.PassRequest, seen: Event) -> None:
    party = dialogs.other(order.by)
    asked, content_type = dialogs.offers.get(order.by, b""), SDP
    if isinstance(seen, observed.RequestArrived):
        asked, content_type = seen.body, seen.content_type
    body = dialogs.toward_party(party, asked, content_type)
    ask(dialogs, order.by, order.number, Asking(party, order.method, body, content_type))


def ask_offer(dialogs: "CallDialogs", order: orders.AskOffer, _: Event) -> None:
    ask(dialogs, order.by, order.number, Asking(order.by, "INVITE", b"", SDP))


def authorize_request(dialogs: "CallDialogs", order: orders.AuthorizeRequest, _: Event) -> None:
    ask(dialogs, order.by, order.number, dialogs.asking[order.by, order.number])


def request_answered(dialogs: "CallDialogs", event: observed.RequestAnswered, _: Event) -> None:
    party, _number = dialogs.passed.get((event.by, event.number), ("", 0))
    if event.contact and party:
        dialogs.dialogs[party].target = event.contact
        dialogs.dialogs[party].aim()
    if event.number == ASK and event.code < 300:
        dialogs.offers[event.by] = event.body
    if event.challenge.nonce and party:
        proving.asked(dialogs, party, event.challenge)
    else:
        dialogs.asking.pop((event.by, event.number), None)


def pass_answer(dialogs: "CallDialogs", order: orders.PassAnswer, seen: Event) -> None:
    assert isinstance(seen, observed.RequestAnswered)
    body = dialogs.toward_party(order.by, seen.body, seen.content_type)
    contact = ""
    request = dialogs.requests[order.by, order.number]
    if request.method in ("INVITE", "UPDATE") and order.code < 300:
        contact = dialogs.dialogs[order.by].contact
    dialogs.answer(order.by, order.number, order.code, body, seen.content_type, contact)


def pass_ack(dialogs: "CallDialogs", order: orders.PassAck, seen: Event) -> None:
    assert isinstance(seen, observed.RequestAcked | observed.RequestAnswered)
    party, cseq = dialogs.passed[order.by, order.number]
    dialog = dialogs.dialogs[party]
    body = dialogs.toward_party(party, seen.body, SDP)
    dialogs.send_ack(party, dialog, cseq, body, dialog.credentials)


def ack_answer(dialogs: "CallDialogs", order: orders.AckAnswer, _: Event) -> None:
    party, cseq = dialogs.passed[order.by, order.number]
    dialog = dialogs.dialogs[party]
    dialogs.send_ack(party, dialog, cseq, b"", dialog.credentials)


HANDLERS: dict[type[Event], Callable[["CallDialogs", Any, Event], None]] = {
    observed.RequestAnswered: request_answered,
    orders.PassRequest: pass_request,
    orders.AskOffer: ask_offer,
    orders.AuthorizeRequest: authorize_request,
    orders.PassAnswer: pass_answer,
    orders.PassAck: pass_ack,
    orders.AckAnswer: ack_answer,
}
