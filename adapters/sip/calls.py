"""The back-to-back user agent: what phones and servers say becomes what a call hears.

A request or response of a call is looked up (which call, which side), becomes one
observation, and the call's machine decides.  What it orders is carried out by
``CallDialogs``.  Nothing is decided here that the log would have to know.
"""

from math import inf

from adapters.sip import answered
from adapters.sip.address import user_of
from adapters.sip.build import SDP
from adapters.sip.call_dialogs import CALLER, CallDialogs
from adapters.sip.dial_plan import Plan, is_outside
from adapters.sip.dialog import ALLOW
from adapters.sip.facts import challenge_in, peer_of
from adapters.sip.forgetting import Opening, forget_answered, forget_later, openings_of, settle
from adapters.sip.message import Flow, Request, Response
from adapters.sip.owner import Owner
from adapters.sip.sdp import redacted
from adapters.sip.surroundings import SECOND_NS, Surroundings
from adapters.sip.transaction import ClientTransaction, ServerTransaction, TimedOut
from adapters.sip.transfer import Transfers
from core.events import joined, observed
from core.events.base import Observed
from core.events.decided import CallEnded
from core.events.facts import Media, Origin, Peer
from core.events.orders import CancelLeg, PassRequest, RefuseRequest
from core.events.turn import Turn
from core.machines.call import Call, CallerPhase, LegPhase, Phase
from core.machines.legs import UP
from core.machines.passing import find

PASSED_ON = ("INVITE", "UPDATE", "INFO", "MESSAGE")
OUT_OF_ORDER = 500
TIMER_C_NS = 180 * SECOND_NS  # RFC 3261 16.6
FORKS_MAX = 16  # Branches of one call that are released; more are no accident.


class Calls:
    """Every call that is not forgotten, and the dialogs by which its messages are known."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.open: dict[str, CallDialogs] = {}
        self.by_tag: dict[str, tuple[str, str]] = {}  # Ours: of which call, and whose dialog.
        self.by_invite: dict[Opening, tuple[str, str]] = {}
        self.answering: dict[Owner, ServerTransaction] = {}
        self.ringing: dict[str, None] = {}  # Those that may ring yet, the oldest first.
        self.transfers = Transfers(self)
        self.ended: dict[int, list[str]] = {}  # Which calls leave the memory, by when.
        self.next_forgetting: float = inf

    def state(self, stream: str) -> Call:
        state: Call = self.around.house.board.state(stream)
        return state

    def hear(self, seen: Observed, stream: str) -> list[Turn]:
        return self.around.house.hear(seen, self.around.at, stream)

    # -- A call begins -----------------------------------------------------------------------

    def begin(
        self,
        transaction: ServerTransaction,
        stream: str,
        origin: Origin,
        plan: Plan,
        media: Media,
    ) -> None:
        """An INVITE that nobody refused: everything a call has to know goes into its first turn."""
        request = transaction.request
        offer = redacted(request.body)
        seen = observed.InviteArrived(
            line=plan.line,
            caller=plan.caller,
            called=plan.called,
            name=plan.name,
            offer=offer,
            targets=plan.targets,
            ring_s=plan.ring_s,
            kind=plan.kind,
            refusal=plan.refusal,
            why="" if plan.targets else plan.why,
            origin=origin,
            media=media,
            content_type=request.first("content-type") or SDP,
            own=plan.own,
            ring=plan.ring,
            step_s=plan.step_s,
        )
        dialogs = self.open[stream] = CallDialogs(stream, self.around, self)
        self.ringing[stream] = None
        dialogs.requests[CALLER, 0] = request
        keep_keys(dialogs, offer, request.body)
        self.owe(Owner(stream, CALLER, CALLER, 0), transaction)
        self.around.respond(transaction, 100)
        self.hear(seen, stream)

    def stream_of(self, request: Request) -> str:
        """Of the call that this INVITE has opened, or would open now.

        Now is part of its name: somebody may say again what he has said long ago, and what the
        log has of that is another call.
        """
        said = (request.call_id, request.from_tag, request.cseq)
        if found := self.by_invite.get(said):
            return found[0]
        return self.around.identifiers.call(*said, self.around.at)

    # -- Turns become messages ---------------------------------------------------------------

    def carry_out(self, dialogs: CallDialogs, turn: Turn) -> None:
        """Called for every turn of a call, once its machine has taken it."""
        stream = turn.originator_id
        known, elsewhere = len(dialogs.dialogs), len(dialogs.elsewhere)
        dialogs.carry_out(turn)
        if len(dialogs.dialogs) != known or len(dialogs.elsewhere) != elsewhere:
            self.know(dialogs)
        while dialogs.unspelled:
            self.around.drops["unspelled"] += 1
            self.hear(observed.LegUnreachable(leg=dialogs.unspelled.pop()), stream)
        for entry in turn.did:
            kind = type(entry)
            if kind is CallEnded:
                settle(self, dialogs)
                forget_later(self, stream, self.around.at)
            elif kind is CancelLeg:
                dialog = dialogs.dialogs[entry.leg]  # type: ignore[union-attr]
                branch = dialog.branch_of(dialog.invite_cseq)
                self.around.transactions.give_up_after_cancel(branch, self.around.at)

    def know(self, dialogs: CallDialogs) -> None:
        for opening, party in openings_of(dialogs):
            self.by_invite[opening] = (dialogs.stream, party)
        for party, dialog in dialogs.dialogs.items():
            if party not in dialogs.elsewhere:
                self.by_tag[dialog.tag] = (dialogs.stream, party)

    def request(self, owner: Owner, branch: str, method: str, data: bytes, flow: Flow) -> None:
        sent = self.around.transactions.send_request(
            branch, method, data, flow, owner, self.around.at
        )
        if owner.by:
            self.bound(sent)

    def bound(self, sent: ClientTransaction) -> None:
        """How long a re-INVITE may ring; the first one of a leg has the ring time of its call."""
        if sent.method == "INVITE":
            sent.proceeds = TIMER_C_NS

    def ack(self, owner: Owner, data: bytes, flow: Flow) -> None:
        self.around.transactions.send_ack(data, flow)

    def owe(self, owner: Owner, transaction: ServerTransaction) -> None:
        """An answer; who asked may yet owe us the ACK to that."""
        transaction.owner = owner
        self.answering[owner] = transaction

    def answer(self, owner: Owner, code: int, data: bytes) -> None:
        transaction = self.answering.get(owner)
        if transaction is not None:
            self.around.transactions.respond(transaction, data, code, self.around.at)

    # -- Responses of legs, and of whoever was asked something ----------------------------------

    def response(self, owner: Owner, response: Response) -> None:
        if owner.by:
            answered.passed(self, owner, response)
            return
        if response.method != "INVITE":
            if response.method == "BYE":
                answered.released(self, owner, response)
            return
        leg, dialogs = owner.party, self.open.get(owner.stream)
        if dialogs is None or leg not in dialogs.dialogs:
            return
        code = response.code
        if code < 200:
            self.progress_of_leg(dialogs, leg, response)
        elif code < 300:
            self.answer_of_leg(dialogs, leg, response)
        elif is_outside(leg) and code in (401, 407) and (asked := challenge_in(response)):
            self.hear(observed.LegChallenged(leg=leg, code=code, challenge=asked), owner.stream)
        else:
            self.hear(observed.LegRefused(leg=leg, code=code), owner.stream)

    def progress_of_leg(self, dialogs: CallDialogs, leg: str, response: Response) -> None:
        code = response.code
        body = self.body_of(dialogs, response) if response.body else b""
        if dialogs.dialogs[leg].progress == (code, response.to_tag) and not body:
            self.around.drops["repeated-progress"] += 1
            return
        peer = peer_of(response) if code > 100 else Peer()
        seen = observed.LegProgressed(leg=leg, code=code, answer=body, peer=peer)
        self.hear(seen, dialogs.stream)

    def stray(self, response: Response) -> None:
        """A 2xx that comes after its transaction was given up still has to be released."""
        found = self.find(response.call_id, response.from_tag)
        if found and response.method == "INVITE" and 200 <= response.code < 300:
            stream, party = found
            dialogs = self.open[stream]
            if response.cseq != dialogs.dialogs[party].invite_cseq:
                self.around.drops["answer-to-an-older-invite"] += 1
            elif party in self.state(stream).legs and party not in dialogs.openings:
                self.answer_of_leg(dialogs, party, response)

    def answer_of_leg(self, dialogs: CallDialogs, leg: str, response: Response) -> None:
        """The first 2xx of a leg is for its call to hear; the same again wants the same ACK."""
        if self.state(dialogs.stream).legs[leg].phase in (LegPhase.ANSWERED, LegPhase.RELEASED):
            self.answered_again(dialogs, leg, response)
            return
        body = self.body_of(dialogs, response)
        peer = peer_of(response)
        self.hear(observed.LegAnswered(leg=leg, answer=body, peer=peer), dialogs.stream)

    def answered_again(self, dialogs: CallDialogs, leg: str, response: Response) -> None:
        """By the same branch, or by another one: then the INVITE forked outside (13.2.2.4)."""
        tag, dialog = response.to_tag, dialogs.dialogs[leg]
        has_answered = dialog.last_ack or self.state(dialogs.stream).leg_is(leg, LegPhase.ANSWERED)
        known = dialog if has_answered and dialog.is_with(tag) else dialogs.forks.get((leg, tag))
        if known is not None:
            if known.last_ack:
                self.around.transactions.send_ack(known.last_ack, known.flow)
        elif len(dialogs.forks) < FORKS_MAX:
            self.hear(observed.LegForked(leg=leg, peer=peer_of(response)), dialogs.stream)
        else:
            self.around.drops["too-many-branches"] += 1

    def phone_of(self, dialogs: CallDialogs, party: str) -> str:
        """The name of this side's link where it is a phone of the house."""
        if party == CALLER:
            phone = self.around.directory.phone(user_of(dialogs.invite.origin.caller))
            return phone.member if phone and dialogs.invite.kind != "incoming" else ""
        aliases = self.around.house.board.hotspot.aliases.items()
        alias = party.partition("/")[0].partition(".")[0]
        return next((member for member, number in aliases if str(number) == alias), "")

    def timed_out(self, owner: Owner, ended: TimedOut) -> None:
        if owner.stream not in self.open:
            return  # Its call is forgotten: nobody waits for it any more.
        if owner.by:
            if find(self.state(owner.stream).passed, owner.by, owner.number):
                seen = observed.RequestUnanswered(by=owner.by, number=owner.number)
                self.hear(seen, owner.stream)
        elif (
            isinstance(ended.transaction, ClientTransaction)
            and ended.transaction.method == "INVITE"
        ):
            self.hear(observed.LegUnreachable(leg=owner.party), owner.stream)

    # -- Requests within a call ------------------------------------------------------------------

    def find(self, call_id: str, tag: str) -> tuple[str, str] | None:
        """The call, and its party that has this dialog with us; the tag is ours."""
        found = self.by_tag.get(tag)
        if found is None:
            return None
        stream, party = found
        return found if self.open[stream].dialogs[party].call_id == call_id else None

    def acked(self, request: Request) -> None:
        """The ACK to a 2xx of ours (RFC 3261 13.3.1.4)."""
        found = self.find(request.call_id, request.to_tag)
        if found is None:
            self.around.drops["stray-ack"] += 1
            return
        stream, party = found
        call = self.state(stream)
        dialogs = self.open[stream]
        body = self.body_of(dialogs, request)
        number = 0 if request.cseq == dialogs.openings.get(party) else request.cseq
        transaction = self.answering.get(Owner(stream, party, party, number))
        if transaction is not None:
            self.around.transactions.acknowledged(transaction)
        if number == 0 and party != CALLER:
            if not call.legs[party].acked:
                self.hear(joined.LegAcked(leg=party), stream)
        elif number == 0:
            if call.caller is CallerPhase.ANSWERED:
                self.hear(observed.CallerAcked(answer=body), stream)
        elif find(call.passed, party, number):
            self.hear(observed.RequestAcked(by=party, number=number, body=body), stream)

    def cancelled(self, transaction: ServerTransaction) -> None:
        """RFC 3261 9.2: its own 200 at once, and the INVITE's 487 if it still waits."""
        request = transaction.request
        invite = self.around.transactions.find_invite(request)
        if invite is None:
            self.around.respond(transaction, 481)
            return
        found = self.by_invite.get(invite.opening)
        if found is None:
            self.around.respond(transaction, 200)
            return
        stream, party = found
        self.around.respond(transaction, 200, to_tag=self.open[stream].dialogs[party].tag)
        if party == CALLER and self.state(stream).phase is Phase.RINGING:
            reason = ", ".join(request.all("reason"))
            self.hear(observed.CallerCancelled(reason=reason), stream)

    def within(self, transaction: ServerTransaction, flow: Flow) -> None:
        """A request in a dialog of ours (RFC 3261 12.2.2)."""
        request = transaction.request
        found = self.find(request.call_id, request.to_tag)
        if found is None:
            self.around.respond(transaction, 481)
            return
        stream, party = found
        dialogs = self.open[stream]
        dialog = dialogs.dialogs[party]
        if (party, request.from_tag) in dialogs.forks:
            self.around.respond(transaction, 200 if request.method == "BYE" else 481)
        elif request.cseq <= dialog.remote_cseq and request.method != "BYE":
            self.around.respond(transaction, OUT_OF_ORDER)
        elif request.method == "BYE":
            self.hung_up(transaction, stream, party)
        elif request.method == "OPTIONS":
            self.around.respond(transaction, 200)
        elif request.method == "REFER":
            self.transfers.referred(transaction, stream, party)
        elif request.method in PASSED_ON:
            self.asked(transaction, stream, party)
        else:
            self.around.respond(transaction, 405, headers=[("Allow", ALLOW)])

    def hung_up(self, transaction: ServerTransaction, stream: str, party: str) -> None:
        """200 whatever we think of the call: who says BYE has left (RFC 3261 15.1.2)."""
        request = transaction.request
        self.around.respond(transaction, 200)
        for by, number in self.open[stream].requests:  # It waits for no 2xx (RFC 5407 3.1.6).
            owed = self.answering.get(Owner(stream, by, by, number)) if by == party else None
            if owed is not None:
                self.around.transactions.acknowledged(owed)
        call = self.state(stream)
        if party == CALLER:
            if call.caller is not CallerPhase.DONE:
                self.hear(observed.CallerHungUp(cseq=request.cseq), stream)
        elif party in call.legs and call.legs[party].phase in UP:
            self.hear(observed.LegHungUp(leg=party, cseq=request.cseq), stream)

    def asked(self, transaction: ServerTransaction, stream: str, party: str) -> None:
        """re-INVITE and its like: for the call to pass on or refuse."""
        request = transaction.request
        dialogs = self.open[stream]
        offering = request.method in ("INVITE", "UPDATE")
        if request.method == "INVITE":
            self.around.respond(transaction, 100)
        if len(dialogs.requests) >= dialogs.requests_most:
            forget_answered(self, dialogs)
        dialogs.requests[party, request.cseq] = request
        self.owe(Owner(stream, party, party, request.cseq), transaction)
        seen = observed.RequestArrived(
            by=party,
            method=request.method,
            number=request.cseq,
            body=self.body_of(dialogs, request),
            content_type=request.first("content-type"),
            contact=peer_of(request).contact if offering else "",
            vias=tuple(request.all("via")),
            flow=str(transaction.flow),
        )
        turns = self.hear(seen, stream)
        did = [entry for turn in turns for entry in turn.did]
        if not any(isinstance(entry, PassRequest | RefuseRequest) for entry in did):
            self.around.respond(transaction, 481)

    def body_of(self, dialogs: CallDialogs, message: Request | Response) -> bytes:
        """As it may be recorded: keys stay in memory, for whom they are meant (RFC 4568)."""
        if not message.body:
            return b""
        body = redacted(message.body)
        keep_keys(dialogs, body, message.body)
        return body


def keep_keys(dialogs: CallDialogs, recorded: bytes, body: bytes) -> None:
    if recorded is not body:
        dialogs.unredacted[recorded] = body
