"""The dialogs of one call, as a fold of its turns, and the messages its orders become.

``carry_out`` takes every turn of the call's stream, live and after a restart alike.  What
was seen and what was decided moves the dialogs (RFC 3261 12); an order becomes a message.
Where that message goes is the business of the ``Wire``: to the transaction layer when it
happens, or onto a list of what may have been left undone when the log is read again.
"""

from collections.abc import Callable
from typing import Any, Protocol

from adapters.sip.address import sip_uri, user_of
from adapters.sip.build import response_to
from adapters.sip.dialog import ALLOW, USER_AGENT, Dialog, Headers
from adapters.sip.digest import authorization
from adapters.sip.grammar import Malformed, quoted, split_at, wire
from adapters.sip.message import Flow, Request
from adapters.sip.owner import Owner
from adapters.sip.rebuilt import invite_of, request_of
from adapters.sip.sdp import with_relay
from adapters.sip.surroundings import Surroundings
from core.events import decided, observed, orders
from core.events.base import Event
from core.events.facts import Challenge, Target
from core.events.orders import COMPLETED_ELSEWHERE
from core.events.turn import Turn

CALLER = "caller"
SDP = "application/sdp"
Q850_ELSEWHERE = "Q.850;cause=26"  # Non-selected user clearing; some phones read only this.


class Wire(Protocol):
    """Where messages go."""

    def request(self, owner: Owner, branch: str, method: str, data: bytes, flow: Flow) -> None: ...
    def ack(self, owner: Owner, data: bytes, flow: Flow) -> None: ...
    def answer(self, owner: Owner, code: int, data: bytes) -> None: ...


class CallDialogs:
    def __init__(self, stream: str, around: Surroundings, wire: Wire) -> None:
        self.stream = stream
        self.around = around
        self.wire = wire
        self.dialogs: dict[str, Dialog] = {}  # By party.
        self.invite = observed.InviteArrived(line="", caller="", offer=b"", targets=())
        self.winner = ""
        self.requests: dict[tuple[str, int], Request] = {}  # By asker and number; 0: the INVITE.
        self.flows: dict[tuple[str, int], Flow] = {}  # Where each of them is answered.
        self.passed: dict[tuple[str, int], tuple[str, int]] = {}  # To whom, with what CSeq.
        self.challenges: dict[str, Challenge] = {}
        self.unredacted: dict[bytes, bytes] = {}  # Bodies with keys in them, never recorded.
        self.unspelled: list[str] = []  # Legs whose INVITE could not be made.
        self.session = 0
        self.rewritten: dict[tuple[str, int, tuple[int, ...], bytes], bytes] = {}

    def carry_out(self, turn: Turn) -> None:
        seen = turn.seen
        handler = HANDLERS.get(type(seen))
        if handler:
            handler(self, seen, seen)
        for entry in turn.did:
            handler = HANDLERS.get(type(entry))
            if handler is None:
                continue
            try:
                handler(self, entry, seen)
            except (Malformed, ValueError):  # Something in it cannot be spelled (build).
                if isinstance(entry, orders.InviteLeg):
                    self.unspelled.append(entry.leg)

    # -- What was seen -------------------------------------------------------------------

    def invite_arrived(self, event: observed.InviteArrived, _: Event) -> None:
        origin = event.origin
        flow = Flow.read(origin.flow)
        names = self.around.identifiers.dialog(self.stream, CALLER)
        dialog = Dialog(names._replace(call_id=origin.call_id), flow, self.around.here(flow))
        dialog.local = f"{origin.called};tag={dialog.tag}"
        dialog.remote = origin.caller
        dialog.target = origin.contact
        dialog.routes = [route for line in origin.routes for route in split_at(line, ",")]
        dialog.remote_cseq = origin.cseq
        dialog.aim()
        dialog.contact = self.contact_of(dialog, user_of(origin.called))
        self.dialogs[CALLER] = dialog
        self.invite = event
        self.flows[CALLER, 0] = flow
        if (CALLER, 0) not in self.requests:
            self.requests[CALLER, 0] = invite_of(origin)
        if event.media.toward_legs:
            self.session = self.around.identifiers.number(self.stream, "session")

    def leg_spoke(self, event: observed.LegProgressed | observed.LegAnswered, _: Event) -> None:
        if dialog := self.dialogs.get(event.leg):
            if isinstance(event, observed.LegProgressed):
                dialog.progress = (event.code, event.peer.tag)
            dialog.follow(event.peer)
            if isinstance(event, observed.LegAnswered):
                dialog.aim()

    def leg_challenged(self, event: observed.LegChallenged, _: Event) -> None:
        self.challenges[event.leg] = event.challenge

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
        self.flows[key] = Flow.read(event.flow)
        if key not in self.requests:
            self.requests[key] = request_of(dialog, event)

    def request_answered(self, event: observed.RequestAnswered, _: Event) -> None:
        party, _number = self.passed.get((event.by, event.number), ("", 0))
        if event.contact and party:
            self.dialogs[party].target = event.contact
            self.dialogs[party].aim()

    # -- Toward a leg ----------------------------------------------------------------------

    def invite_leg(self, order: orders.InviteLeg, _: Event) -> None:
        target = next(target for target in self.invite.targets if target.leg == order.leg)
        flow = Flow.read(target.flow)
        around = self.around
        names = around.identifiers.dialog(self.stream, order.leg)
        dialog = Dialog(names, flow, around.here(flow))
        dialog.local = f"{target.caller or self.caller_at(dialog)};tag={names.tag}"
        dialog.target = dialog.invite_uri = target.uri
        dialog.remote = dialog.addressee = target.called or f"<{target.uri}>"
        dialog.contact = self.contact_of(dialog, target.contact)
        self.dialogs[order.leg] = dialog
        self.send_invite(order.leg, dialog, target, [])

    def authorize_leg(self, order: orders.AuthorizeLeg, _: Event) -> None:
        """Once more, in the same dialog-to-be, with the next CSeq (RFC 3261 22.2)."""
        dialog = self.dialogs[order.leg]
        challenge = self.challenges[order.leg]
        target = next(target for target in self.invite.targets if target.leg == order.leg)
        line = self.around.directory.lines.get(self.invite.line)
        if line is None:
            return
        account = line.account
        cnonce = self.around.identifiers.derived(self.stream, challenge.nonce, octets=8)
        value = authorization(
            challenge, "INVITE", dialog.invite_uri, account.auth_user, line.password(), 1, cnonce
        )
        name = "Proxy-Authorization" if challenge.proxy else "Authorization"
        dialog.remote, dialog.target, dialog.routes = dialog.addressee, dialog.invite_uri, []
        self.send_invite(order.leg, dialog, target, [(name, value)])

    def send_invite(self, leg: str, dialog: Dialog, target: Target, more: Headers) -> None:
        invite = self.invite
        cseq = dialog.invite_cseq = dialog.next_cseq()
        dialog.credentials = list(more)
        if self.around.directory.correlate and target.leg != "line":
            more = [*more, ("X-CID", invite.origin.call_id)]
        dialog.sdp_version = 0  # It is the same offer, however often it is sent.
        body = self.toward(dialog, invite.offer, invite.media.toward_legs)
        hops = max(1, invite.origin.hops - 1)
        data = dialog.request("INVITE", cseq, more, body, invite.content_type, hops)
        owner = Owner(self.stream, leg)
        self.wire.request(owner, dialog.branch_of(cseq), "INVITE", data, dialog.flow)

    def cancel_leg(self, order: orders.CancelLeg, _: Event) -> None:
        dialog = self.dialogs[order.leg]
        data = dialog.cancel(reasons(order.reason))
        branch = dialog.branch_of(dialog.invite_cseq)
        self.wire.request(Owner(self.stream, order.leg), branch, "CANCEL", data, dialog.flow)

    def ack_leg(self, order: orders.AckLeg, seen: Event) -> None:
        dialog = self.dialogs[order.leg]
        answer = seen.answer if isinstance(seen, observed.CallerAcked) else b""
        body = self.toward(dialog, answer, self.invite.media.toward_legs)
        self.send_ack(order.leg, dialog, dialog.invite_cseq, body, dialog.credentials)

    def send_ack(
        self, party: str, dialog: Dialog, cseq: int, body: bytes, more: Headers | None = None
    ) -> None:
        dialog.last_ack = dialog.request("ACK", cseq, more, body)
        self.wire.ack(Owner(self.stream, party), dialog.last_ack, dialog.flow)

    def release_leg(self, order: orders.ReleaseLeg, _: Event) -> None:
        self.send_bye(order.leg, reasons(order.reason))

    def send_bye(self, party: str, more: Headers) -> None:
        dialog = self.dialogs[party]
        cseq = dialog.next_cseq()
        data = dialog.request("BYE", cseq, more)
        owner = Owner(self.stream, party)
        self.wire.request(owner, dialog.branch_of(cseq), "BYE", data, dialog.flow)

    # -- Toward the caller -------------------------------------------------------------------

    def ring_caller(self, order: orders.RingCaller, seen: Event) -> None:
        body = seen.answer if order.leg and isinstance(seen, observed.LegProgressed) else b""
        self.answer_caller_with(order.code, body)

    def answer_caller(self, order: orders.AnswerCaller, seen: Event) -> None:
        self.answer_caller_with(200, getattr(seen, "answer", b""))

    def refuse_caller(self, order: orders.RefuseCaller, _: Event) -> None:
        self.answer_caller_with(order.code, b"")

    def answer_caller_with(self, code: int, body: bytes) -> None:
        dialog = self.dialogs[CALLER]
        body = self.toward(dialog, body, self.invite.media.toward_caller)
        self.answer(CALLER, 0, code, body, SDP, dialog.contact if code < 300 else "")

    def release_caller(self, _order: orders.ReleaseCaller, _: Event) -> None:
        self.send_bye(CALLER, [])

    # -- Between the two sides ---------------------------------------------------------------

    def call_answered(self, event: decided.CallAnswered, _: Event) -> None:
        self.winner = event.by

    def pass_request(self, order: orders.PassRequest, seen: Event) -> None:
        assert isinstance(seen, observed.RequestArrived)
        party = self.winner if order.by == CALLER else CALLER
        dialog = self.dialogs[party]
        cseq = dialog.next_cseq()
        if order.method == "INVITE":
            dialog.invite_cseq = cseq
        self.passed[order.by, order.number] = (party, cseq)
        body = self.toward_party(party, seen.body, seen.content_type)
        data = dialog.request(order.method, cseq, None, body, seen.content_type)
        owner = Owner(self.stream, party, order.by, order.number)
        self.wire.request(owner, dialog.branch_of(cseq), order.method, data, dialog.flow)

    def pass_answer(self, order: orders.PassAnswer, seen: Event) -> None:
        assert isinstance(seen, observed.RequestAnswered)
        body = self.toward_party(order.by, seen.body, seen.content_type)
        contact = ""
        request = self.requests[order.by, order.number]
        if request.method in ("INVITE", "UPDATE") and order.code < 300:
            contact = self.dialogs[order.by].contact
        self.answer(order.by, order.number, order.code, body, seen.content_type, contact)

    def pass_ack(self, order: orders.PassAck, seen: Event) -> None:
        assert isinstance(seen, observed.RequestAcked)
        party, cseq = self.passed[order.by, order.number]
        body = self.toward_party(party, seen.body, SDP)
        self.send_ack(party, self.dialogs[party], cseq, body)

    def ack_answer(self, order: orders.AckAnswer, _: Event) -> None:
        party, cseq = self.passed[order.by, order.number]
        self.send_ack(party, self.dialogs[party], cseq, b"")

    def refuse_request(self, order: orders.RefuseRequest, _: Event) -> None:
        self.answer(order.by, order.number, order.code, b"", "", "")

    def answer(
        self, party: str, number: int, code: int, body: bytes, content_type: str, contact: str
    ) -> None:
        request = self.requests.get((party, number))
        if request is None:
            return
        headers: Headers = [("Contact", contact), ("Allow", ALLOW)] if contact else []
        headers.append(("User-Agent", USER_AGENT))
        tag = self.dialogs[party].tag
        data = response_to(
            request, code, to_tag=tag, headers=headers, body=body, content_type=content_type
        )
        self.wire.answer(Owner(self.stream, party, party, number), code, data)

    # -- Bodies and addresses ----------------------------------------------------------------

    def toward_party(self, party: str, body: bytes, content_type: str) -> bytes:
        if content_type.partition(";")[0].strip().lower() != SDP:
            return body
        media = self.invite.media
        ports = media.toward_caller if party == CALLER else media.toward_legs
        return self.toward(self.dialogs[party], body, ports)

    def toward(self, dialog: Dialog, body: bytes, ports: tuple[int, ...]) -> bytes:
        """The SDP as this side is given it: with its keys, and through the relay if there is one.

        The version in its o= line grows with each that a side is sent (RFC 3264 8).
        """
        if not body:
            return body
        body = self.unredacted.get(body, body)
        if not ports:
            return body
        dialog.sdp_version += 1
        host = dialog.here.rpartition(":")[0].strip("[]")
        key = (host, dialog.sdp_version, ports, body)
        if key not in self.rewritten:
            self.rewritten.clear()
            version = dialog.sdp_version
            self.rewritten[key] = with_relay(body, host, ports, self.session, version)
        return self.rewritten[key]

    def contact_of(self, dialog: Dialog, user: str) -> str:
        transport = "" if dialog.flow.transport == "udp" else f";transport={dialog.flow.transport}"
        host, _, port = dialog.here.rpartition(":")
        return f"<{sip_uri(user, host.strip('[]'), int(port))}{transport}>"

    def caller_at(self, dialog: Dialog) -> str:
        """The caller as a phone sees him: at our address, so that calling back goes through us."""
        host, _, port = dialog.here.rpartition(":")
        user = user_of(self.invite.caller)
        name = f"{quoted(wire(self.invite.name))} " if self.invite.name else ""
        return f"{name}<{sip_uri(user, host.strip('[]'), int(port) if port != '5060' else 0)}>"


Handler = Callable[[CallDialogs, Any, Event], None]

HANDLERS: dict[type[Event], Handler] = {
    observed.InviteArrived: CallDialogs.invite_arrived,
    observed.LegProgressed: CallDialogs.leg_spoke,
    observed.LegAnswered: CallDialogs.leg_spoke,
    observed.LegChallenged: CallDialogs.leg_challenged,
    observed.LegHungUp: CallDialogs.hung_up,
    observed.CallerHungUp: CallDialogs.hung_up,
    observed.RequestArrived: CallDialogs.request_arrived,
    observed.RequestAnswered: CallDialogs.request_answered,
    orders.InviteLeg: CallDialogs.invite_leg,
    orders.AuthorizeLeg: CallDialogs.authorize_leg,
    orders.CancelLeg: CallDialogs.cancel_leg,
    orders.AckLeg: CallDialogs.ack_leg,
    orders.ReleaseLeg: CallDialogs.release_leg,
    orders.RingCaller: CallDialogs.ring_caller,
    orders.AnswerCaller: CallDialogs.answer_caller,
    orders.RefuseCaller: CallDialogs.refuse_caller,
    orders.ReleaseCaller: CallDialogs.release_caller,
    decided.CallAnswered: CallDialogs.call_answered,
    orders.PassRequest: CallDialogs.pass_request,
    orders.PassAnswer: CallDialogs.pass_answer,
    orders.PassAck: CallDialogs.pass_ack,
    orders.AckAnswer: CallDialogs.ack_answer,
    orders.RefuseRequest: CallDialogs.refuse_request,
}


def reasons(reason: str) -> Headers:
    """RFC 3326; what completed elsewhere is said twice, since phones differ in what they read."""
    if not reason:
        return []
    said = [("Reason", reason)]
    return [*said, ("Reason", Q850_ELSEWHERE)] if reason == COMPLETED_ELSEWHERE else said
