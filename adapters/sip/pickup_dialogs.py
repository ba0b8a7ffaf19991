"""The dialogs that the other side opens: that of the caller, and of a phone that picks it up.

A part of ``call_dialogs``; read that first.
"""

from typing import TYPE_CHECKING

from adapters.sip.address import user_of
from adapters.sip.build import SDP
from adapters.sip.dialog import Dialog, flow_of
from adapters.sip.grammar import split_at
from adapters.sip.identifiers import DialogNames
from adapters.sip.pairing import answer_to
from adapters.sip.rebuilt import invite_of
from core.events import joined, orders
from core.events.base import Event
from core.events.facts import Origin, Target

if TYPE_CHECKING:
    from adapters.sip.call_dialogs import CallDialogs


def opened(dialogs: "CallDialogs", party: str, origin: Origin) -> None:
    """By an INVITE that we are to answer (RFC 3261 12.1.1)."""
    flow = flow_of(origin.flow)
    around = dialogs.around
    names = around.identifiers.dialog(dialogs.stream, party)
    names = DialogNames(origin.call_id, names.tag, names.branch)
    dialog = Dialog(names, flow, around.here(flow))
    dialog.local = f"{speakable(origin.called)};tag={dialog.tag}"
    dialog.remote = speakable(origin.caller)
    dialog.target = origin.contact
    if origin.routes:
        dialog.routes = tuple(route for line in origin.routes for route in split_at(line, ","))
    dialog.remote_cseq = origin.cseq
    dialog.aim()
    dialog.contact = dialog.contact_of(user_of(origin.called))
    dialogs.dialogs[party] = dialog
    dialogs.openings[party] = origin.cseq
    dialogs.flows[party, 0] = flow
    if (party, 0) not in dialogs.requests:
        dialogs.requests[party, 0] = invite_of(origin)


def speakable(value: str) -> str:
    """A From or To as we may say it ourselves: a NUL, escaped or not, is no part of our words."""
    return value.replace("\0", " ")


def leg_joined(dialogs: "CallDialogs", event: joined.LegJoined, _: Event) -> None:
    dialogs.targets[event.target.leg] = event.target


def picked_up(dialogs: "CallDialogs", event: joined.PickupArrived, _: Event) -> None:
    leg, origin = event.leg, event.origin
    dialogs.targets[leg] = Target(leg=leg, uri=origin.contact, flow=origin.flow, own=event.own)
    opened(dialogs, leg, origin)


def answer_leg(dialogs: "CallDialogs", order: orders.AnswerLeg, seen: Event) -> None:
    assert isinstance(seen, joined.PickupArrived)
    dialog = dialogs.dialogs[order.leg]
    body = answer_to(with_keys(dialogs, seen.offer), with_keys(dialogs, dialogs.invite.offer))
    body = dialogs.toward(dialog, body, dialogs.invite.media.toward_legs)
    dialogs.answer(order.leg, 0, 200, body, SDP, dialog.contact)


def answer_in(dialogs: "CallDialogs", seen: Event) -> bytes:
    """What the caller's 200 holds: an answer, or what the phone that picked up has offered."""
    if isinstance(seen, joined.PickupArrived):
        return answer_to(with_keys(dialogs, dialogs.invite.offer), with_keys(dialogs, seen.offer))
    answer: bytes = getattr(seen, "answer", b"")
    return answer


def with_keys(dialogs: "CallDialogs", body: bytes) -> bytes:
    return dialogs.unredacted.get(body, body)
