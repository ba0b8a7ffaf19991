"""What a transfer does to the dialogs of its call: a part of ``call_dialogs``; read that first.

Who refers hears 202, and in a NOTIFY each how far it has got (RFC 3515 2.4).  The new legs are
invited without an offer, and the one that answers is joined with the side that remains.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.sip.address import tag_of
from adapters.sip.build import Headers
from adapters.sip.dialog import Dialog, flow_of
from adapters.sip.identifiers import DialogNames
from adapters.sip.names import PHRASES
from adapters.sip.owner import Owner
from adapters.sip.sdp import origin_of
from core.events import decided, observed, orders
from core.events.base import Event
from core.events.facts import Established, Peer

if TYPE_CHECKING:
    from adapters.sip.call_dialogs import CallDialogs

FRAGMENT = "message/sipfrag;version=2.0"  # RFC 3420
SPENT_MOST = 100
WAITS_S = 180  # How long who refers may expect to hear of it.


def transfer_asked(dialogs: "CallDialogs", event: observed.TransferAsked, _: Event) -> None:
    asked = observed.RequestArrived(
        by=event.by,
        method="REFER",
        number=event.number,
        contact=event.contact,
        vias=event.vias,
        flow=event.flow,
    )
    dialogs.request_arrived(asked, asked)


def taken(dialogs: "CallDialogs", leg: str, facts: Established) -> Dialog:
    """As the other call had it, but for the branches of what is asked from now on."""
    names = dialogs.around.identifiers.dialog(dialogs.stream, leg)
    flow = flow_of(facts.flow)
    names = DialogNames(facts.call_id, facts.tag, names.branch)
    dialog = Dialog(names, flow, dialogs.around.here(flow))
    dialog.local, dialog.target = facts.local, facts.target
    dialog.addressee = facts.remote.partition(";tag=")[0]
    dialog.follow(Peer(tag=tag_of(facts.remote)))
    dialog.routes, dialog.contact = facts.routes, facts.contact
    dialog.cseq, dialog.remote_cseq = facts.cseq, facts.remote_cseq
    dialog.session, dialog.sdp_version = facts.session, facts.sdp_version
    dialog.origin = facts.origin
    return dialog


def accept_transfer(dialogs: "CallDialogs", order: orders.AcceptTransfer, seen: Event) -> None:
    assert isinstance(seen, observed.TransferAsked)
    dialogs.referrer = order.by
    remains = dialogs.dialogs[dialogs.other(order.by)]
    remains.origin = remains.origin or origin_of(remains.told)
    for target in seen.targets:
        dialogs.targets[target.leg] = target
        dialogs.lines[target.leg] = seen.line
        dialogs.offers[target.leg] = b""
        if seen.replaces:
            dialogs.dialogs[target.leg] = taken(dialogs, target.leg, seen.dialog)
    contact = dialogs.dialogs[order.by].contact
    dialogs.answer(order.by, order.number, 202, b"", "", contact)


def notify_transfer(dialogs: "CallDialogs", order: orders.NotifyTransfer, _: Event) -> None:
    dialog = dialogs.dialogs[order.by]
    is_over = order.code >= 200
    more: Headers = [
        ("Event", f"refer;id={order.number}"),
        (
            "Subscription-State",
            "terminated;reason=noresource" if is_over else f"active;expires={WAITS_S}",
        ),
        ("Contact", dialog.contact),
    ]
    body = f"SIP/2.0 {order.code} {PHRASES.get(order.code, 'Unknown')}\r\n".encode()
    cseq = dialog.next_cseq()
    data = dialog.request("NOTIFY", cseq, more, body, FRAGMENT)
    owner = Owner(dialogs.stream, order.by)
    dialogs.wire.request(owner, dialog.branch_of(cseq), "NOTIFY", data, dialog.flow)


def party_lent(dialogs: "CallDialogs", event: decided.PartyLent, _: Event) -> None:
    dialogs.elsewhere.add(event.party)


def party_regained(dialogs: "CallDialogs", event: decided.PartyRegained, _: Event) -> None:
    """What the other call has spent of the CSeq is not known here, and it may only grow."""
    dialogs.elsewhere.discard(event.party)
    dialogs.dialogs[event.party].cseq += SPENT_MOST


def handed_over(
    dialogs: "CallDialogs", event: decided.LegHandedOver | decided.CallerHandedOver, _: Event
) -> None:
    party = event.leg if isinstance(event, decided.LegHandedOver) else "caller"
    dialogs.elsewhere.add(party)


def call_transferred(dialogs: "CallDialogs", event: decided.CallTransferred, _: Event) -> None:
    first, second = (event.to if side == event.by else side for side in dialogs.sides)
    dialogs.sides = (first, second)


HANDLERS: dict[type[Event], Callable[["CallDialogs", Any, Event], None]] = {
    observed.TransferAsked: transfer_asked,
    orders.AcceptTransfer: accept_transfer,
    orders.NotifyTransfer: notify_transfer,
    decided.PartyLent: party_lent,
    decided.PartyRegained: party_regained,
    decided.LegHandedOver: handed_over,
    decided.CallerHandedOver: handed_over,
    decided.CallTransferred: call_transferred,
}
