"""The dialogs of one call, as a fold of its turns, and the messages its orders become.

``carry_out`` takes every turn of the call's stream, live and after a restart alike.  What
was seen and what was decided moves the dialogs (RFC 3261 12); an order becomes a message.
Where that message goes is the business of the ``Wire``: to the transaction layer when it
happens, or onto a list of what may have been left undone when the log is read again.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from adapters.sip import passing_dialogs, pickup_dialogs, proving, transfer_dialogs
from adapters.sip.address import escaped_user, sip_uri, user_of
from adapters.sip.build import SDP, Headers, response_to
from adapters.sip.dial_plan import is_outside
from adapters.sip.dialog import ALLOW, USER_AGENT, Dialog, flow_of
from adapters.sip.grammar import Malformed, quoted, wire
from adapters.sip.message import Flow, Request
from adapters.sip.owner import Owner
from adapters.sip.proofs import Proofs, headers
from adapters.sip.rebuilt import request_of
from adapters.sip.sdp import with_relay
from adapters.sip.surroundings import Surroundings
from core.events import decided, joined, observed, orders
from core.events.base import Event
from core.events.facts import Challenge, Target
from core.events.orders import COMPLETED_ELSEWHERE
from core.events.turn import Turn

CALLER = "caller"
OURSELVES = (("Allow", ALLOW), ("User-Agent", USER_AGENT))
REQUESTS_MOST = 64
Q850_ELSEWHERE = "Q.850;cause=26"  # Non-selected user clearing; some phones read only this.


class Wire(Protocol):
    """Where messages go."""

    def request(self, owner: Owner, branch: str, method: str, data: bytes, flow: Flow) -> None: ...
    def ack(self, owner: Owner, data: bytes, flow: Flow) -> None: ...
    def answer(self, owner: Owner, code: int, data: bytes) -> None: ...


NOT_YET = observed.InviteArrived(line="", caller="", offer=b"", targets=())


class CallDialogs:
    def __init__(self, stream: str, around: Surroundings, wire: Wire) -> None:
        self.stream = stream
        self.around = around
        self.wire = wire
        self.dialogs: dict[str, Dialog] = {}  # By party.
        self.forks: dict[tuple[str, str], Dialog] = {}  # By leg and To tag: its other branches.
        self.invite = NOT_YET
        self.targets: dict[str, Target] = {}  # By leg.
        self.sides = (CALLER, "")  # Who talks: the second one is the leg that has won.
        self.referrer = ""  # Who has handed the other side over last (``transfer_dialogs``).
        self.lines: dict[str, str] = {}  # By leg of a transfer: the line that it calls out on.
        self.offers: dict[str, bytes] = {}  # By leg of a transfer: what its 2xx offers.
        self.elsewhere: set[str] = set()  # Whose dialog is another call's by now.
        self.openings: dict[str, int] = {}  # The CSeq of its INVITE, by who has invited us.
        self.requests: dict[tuple[str, int], Request] = {}  # By asker and number; 0: the INVITE.
        self.flows: dict[tuple[str, int], Flow] = {}  # Where each of them is answered.
        self.requests_most = REQUESTS_MOST  # So many, and those that are over are forgotten.
        self.passed: dict[tuple[str, int], tuple[str, int]] = {}  # To whom, with what CSeq.
        self.asking: dict[tuple[str, int], passing_dialogs.Asking] = {}  # As long as it waits.
        self.proofs: dict[str, Proofs] = {}  # By party: what our requests have to prove.
        self.unredacted: dict[bytes, bytes] = {}  # Bodies with keys in them, never recorded.
        self.unspelled: list[str] = []  # Legs whose INVITE could not be made.
        self.session = 0
        self.rewritten: dict[tuple[str, int, int, tuple[int, ...], bytes], bytes] = {}

    def carry_out(self, turn: Turn) -> None:
        seen, handler_of = turn.seen, HANDLERS.get
        if handler := handler_of(type(seen)):
            handler(self, seen, seen)
        for entry in turn.did:
            if handler := handler_of(type(entry)):
                try:
                    handler(self, entry, seen)
                except (Malformed, ValueError):  # Something in it cannot be spelled (build).
                    if isinstance(entry, orders.InviteLeg | orders.AuthorizeLeg):
                        self.unspelled.append(entry.leg)

    # -- What was seen -------------------------------------------------------------------

    def invite_arrived(self, event: observed.InviteArrived, _: Event) -> None:
        self.invite = event
        self.targets = {target.leg: target for target in event.targets}
        pickup_dialogs.opened(self, CALLER, event.origin)
        if event.media.toward_legs:
            self.session = self.around.identifiers.number(self.stream, "session")

    def leg_progressed(self, event: observed.LegProgressed, _: Event) -> None:
        if dialog := self.dialogs.get(event.leg):
            dialog.progress = (event.code, event.peer.tag)
            dialog.follow(event.peer)

    def leg_answered(self, event: observed.LegAnswered, _: Event) -> None:
        if dialog := self.dialogs.get(event.leg):
            dialog.follow(event.peer)
            dialog.aim()
            if event.leg in self.offers:
                self.offers[event.leg] = event.answer

    def leg_forked(self, event: observed.LegForked, _: Event) -> None:
        leg, tag = event.leg, event.peer.tag
        names = self.around.identifiers.dialog(self.stream, f"{leg};{tag}")
        flow = flow_of(self.targets[leg].flow)
        self.forks[leg, tag] = self.dialogs[leg].forked(event.peer, names.branch, flow)

    def hung_up(self, event: observed.CallerHungUp | observed.LegHungUp, _: Event) -> None:
        party = event.leg if isinstance(event, observed.LegHungUp) else CALLER
        if dialog := self.dialogs.get(party):
            dialog.remote_cseq = max(dialog.remote_cseq, event.cseq)

    def request_arrived(self, event: observed.RequestArrived, _: Event) -> None:
        dialog = self.dialogs[event.by]
        dialog.remote_cseq = max(dialog.remote_cseq, event.number)
        if event.contact:
            dialog.target = event.contact
            dialog.aim()
        key = (event.by, event.number)
        self.flows[key] = flow_of(event.flow)
        if key not in self.requests:
            self.requests[key] = request_of(dialog, event)

    # -- Toward a leg ----------------------------------------------------------------------

    def invite_leg(self, order: orders.InviteLeg, _: Event) -> None:
        target = self.targets[order.leg]
        flow = flow_of(target.flow)
        around = self.around
        names = around.identifiers.dialog(self.stream, order.leg)
        dialog = Dialog(names, flow, around.here(flow))
        dialog.local = f"{target.caller or self.caller_at(dialog)};tag={names.tag}"
        dialog.target = dialog.invite_uri = target.uri
        dialog.remote = dialog.addressee = target.called or f"<{target.uri}>"
        dialog.contact = dialog.contact_of(target.contact)
        self.dialogs[order.leg] = dialog
        self.send_invite(order.leg, dialog, ())

    def authorize_leg(self, order: orders.AuthorizeLeg, _: Event) -> None:
        """Once more, in the same dialog-to-be, with the next CSeq (RFC 3261 22.2)."""
        dialog = self.dialogs[order.leg]
        proofs = self.proofs[order.leg].spend()
        line = proving.line_of(self, order.leg)
        if line is None:  # It is ours no more: nobody can be asked.
            self.unspelled.append(order.leg)
            return
        proven = headers(proofs, line, line.account, "INVITE", dialog.invite_uri, self.cnonce_for)
        dialog.remote, dialog.target, dialog.routes = dialog.addressee, dialog.invite_uri, ()
        dialog.progress = (0, "")
        self.send_invite(order.leg, dialog, proven)

    def cnonce_for(self, challenge: Challenge) -> str:
        return self.around.identifiers.derived(self.stream, challenge.nonce, octets=8)

    def send_invite(self, leg: str, dialog: Dialog, proven: Headers) -> None:
        invite = self.invite
        cseq = dialog.invite_cseq = dialog.next_cseq()
        dialog.credentials = more = proven
        if is_outside(leg):
            more = (*proven, *self.identity(leg))
        elif self.around.directory.correlate:
            more = (*proven, ("X-CID", invite.origin.call_id))
        dialog.sdp_version = 0  # It is the same offer, however often it is sent.
        offer = b"" if leg in self.offers else invite.offer
        body = self.toward(dialog, offer, invite.media.toward_legs)
        hops = max(1, invite.origin.hops - 1)
        data = dialog.request("INVITE", cseq, more, body, invite.content_type, hops)
        owner = Owner(self.stream, leg)
        self.wire.request(owner, dialog.branch_of(cseq), "INVITE", data, dialog.flow)

    def identity(self, leg: str) -> Headers:
        """Who calls out, where the server of the line trusts us to say so (RFC 3325 9.1)."""
        line = proving.line_of(self, leg)
        if line is None or not line.asserted_identity:
            return ()
        user = escaped_user(line.account.user)
        return (("P-Asserted-Identity", f"<sip:{user}@{line.account.domain}>"),)

    def cancel_leg(self, order: orders.CancelLeg, _: Event) -> None:
        dialog = self.dialogs[order.leg]
        data = dialog.cancel(reasons(order.reason))
        branch = dialog.branch_of(dialog.invite_cseq)
        self.wire.request(Owner(self.stream, order.leg), branch, "CANCEL", data, dialog.flow)

    def ack_leg(self, order: orders.AckLeg, seen: Event) -> None:
        dialog = self.dialogs[order.leg]
        answer = seen.answer if isinstance(seen, observed.CallerAcked) else b""
        if isinstance(seen, observed.RequestAnswered) and seen.code < 300:  # By whom it is joined.
            answer = seen.body
        body = self.toward(dialog, answer, self.ports_of(order.leg))
        self.send_ack(order.leg, dialog, dialog.invite_cseq, body, dialog.credentials)

    def send_ack(self, party: str, dialog: Dialog, cseq: int, body: bytes, more: Headers) -> None:
        dialog.last_ack = dialog.request("ACK", cseq, more, body)
        self.wire.ack(Owner(self.stream, party), dialog.last_ack, dialog.flow)

    def release_fork(self, order: orders.ReleaseFork, _: Event) -> None:
        """Without a body: to an offer in its 2xx nobody has an answer."""
        dialog, party = self.forks[order.leg, order.tag], f"{order.leg};{order.tag}"
        self.send_ack(party, dialog, dialog.invite_cseq, b"", dialog.credentials)
        self.send_bye(party, dialog, ())

    def release_leg(self, order: orders.ReleaseLeg, _: Event) -> None:
        self.send_bye(order.leg, self.dialogs[order.leg], reasons(order.reason))

    def send_bye(self, party: str, dialog: Dialog, more: Headers) -> None:
        dialog.parting = more
        proven = proving.credentials(self, party, dialog, "BYE")
        cseq = dialog.next_cseq()
        data = dialog.request("BYE", cseq, (*proven, *more))
        owner = Owner(self.stream, party)
        self.wire.request(owner, dialog.branch_of(cseq), "BYE", data, dialog.flow)

    # -- Toward the caller -------------------------------------------------------------------

    def ring_caller(self, order: orders.RingCaller, seen: Event) -> None:
        body = seen.answer if order.leg and isinstance(seen, observed.LegProgressed) else b""
        self.answer_caller_with(order.code, body)

    def answer_caller(self, order: orders.AnswerCaller, seen: Event) -> None:
        self.answer_caller_with(200, pickup_dialogs.answer_in(self, seen))

    def refuse_caller(self, order: orders.RefuseCaller, _: Event) -> None:
        self.answer_caller_with(order.code, b"")

    def answer_caller_with(self, code: int, body: bytes) -> None:
        dialog = self.dialogs[CALLER]
        body = self.toward(dialog, body, self.invite.media.toward_caller)
        self.answer(CALLER, 0, code, body, SDP, dialog.contact if code < 300 else "")

    def release_caller(self, _order: orders.ReleaseCaller, _: Event) -> None:
        self.send_bye(CALLER, self.dialogs[CALLER], ())

    # -- Between the two sides ---------------------------------------------------------------

    def call_answered(self, event: decided.CallAnswered, _: Event) -> None:
        self.sides = (CALLER, event.by)

    def refuse_request(self, order: orders.RefuseRequest, _: Event) -> None:
        self.answer(order.by, order.number, order.code, b"", "", "")

    def answer(
        self, party: str, number: int, code: int, body: bytes, content_type: str, contact: str
    ) -> None:
        request = self.requests.get((party, number))
        if request is None or (code == 408 and request.method != "INVITE"):  # RFC 4320 4.2.
            return
        headers: Headers = (("Contact", contact), *OURSELVES) if contact else OURSELVES[1:]
        tag = self.dialogs[party].tag
        data = response_to(
            request, code, to_tag=tag, headers=headers, body=body, content_type=content_type
        )
        self.wire.answer(Owner(self.stream, party, party, number), code, data)

    # -- Bodies and addresses ----------------------------------------------------------------

    def toward_party(self, party: str, body: bytes, content_type: str) -> bytes:
        if content_type.partition(";")[0].strip().lower() != SDP:
            return body
        return self.toward(self.dialogs[party], body, self.ports_of(party))

    def other(self, party: str) -> str:
        """Who talks with it, or will, where it is to take the place of who referred."""
        first, second = self.sides
        place = party if party in self.sides else self.referrer
        return second if place == first else first

    def ports_of(self, party: str) -> tuple[int, ...]:
        is_first = party == CALLER or (party in self.offers and self.other(party) != self.sides[0])
        return self.invite.media.toward_caller if is_first else self.invite.media.toward_legs

    def toward(self, dialog: Dialog, body: bytes, ports: tuple[int, ...]) -> bytes:
        """The SDP as this side is given it: with its keys, and through the relay if there is one.

        The version in its o= line grows with each that a side is sent (RFC 3264 8).
        """
        if not body:
            return body
        body = self.unredacted.get(body, body)
        if not ports:
            return dialog.described(body)
        dialog.sdp_version += 1
        host = self.around.relay_toward(dialog.flow, dialog.here)
        session = dialog.session or self.session
        key = (host, session, dialog.sdp_version, ports, body)
        if key not in self.rewritten:
            self.rewritten.clear()
            version = dialog.sdp_version
            self.rewritten[key] = with_relay(body, host, ports, session, version)
        return self.rewritten[key]

    def caller_at(self, dialog: Dialog) -> str:
        return seen_from(dialog.here, user_of(self.invite.caller), self.invite.name)


Handler = Callable[[CallDialogs, Any, Event], None]

HANDLERS: dict[type[Event], Handler] = {
    observed.InviteArrived: CallDialogs.invite_arrived,
    observed.LegProgressed: CallDialogs.leg_progressed,
    observed.LegAnswered: CallDialogs.leg_answered,
    observed.LegForked: CallDialogs.leg_forked,
    joined.LegJoined: pickup_dialogs.leg_joined,
    joined.PickupArrived: pickup_dialogs.picked_up,
    observed.LegHungUp: CallDialogs.hung_up,
    observed.CallerHungUp: CallDialogs.hung_up,
    observed.RequestArrived: CallDialogs.request_arrived,
    orders.InviteLeg: CallDialogs.invite_leg,
    orders.AuthorizeLeg: CallDialogs.authorize_leg,
    orders.CancelLeg: CallDialogs.cancel_leg,
    orders.AckLeg: CallDialogs.ack_leg,
    orders.AnswerLeg: pickup_dialogs.answer_leg,
    orders.ReleaseLeg: CallDialogs.release_leg,
    orders.ReleaseFork: CallDialogs.release_fork,
    orders.RingCaller: CallDialogs.ring_caller,
    orders.AnswerCaller: CallDialogs.answer_caller,
    orders.RefuseCaller: CallDialogs.refuse_caller,
    orders.ReleaseCaller: CallDialogs.release_caller,
    decided.CallAnswered: CallDialogs.call_answered,
    orders.RefuseRequest: CallDialogs.refuse_request,
    **passing_dialogs.HANDLERS,
    **proving.HANDLERS,
    **transfer_dialogs.HANDLERS,
}


@lru_cache(maxsize=64)  # All the phones that ring see the same caller.
def seen_from(here: str, number: str, name: str) -> str:
    """A caller as a phone sees him: at our address, so that calling back goes through us."""
    host, _, port = here.rpartition(":")
    shown = f"{quoted(wire(name))} " if name else ""
    return f"{shown}<{sip_uri(number, host.strip('[]'), int(port) if port != '5060' else 0)}>"


def reasons(reason: str) -> Headers:
    """RFC 3326; what completed elsewhere is said twice, since phones differ in what they read."""
    if not reason:
        return ()
    said = ("Reason", reason)
    return (said, ("Reason", Q850_ELSEWHERE)) if reason == COMPLETED_ELSEWHERE else (said,)
