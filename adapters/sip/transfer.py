"""REFER within a call: who may ask it, and whom that rings (RFC 3515).

What is found goes into the ``TransferAsked`` that the call hears, and nothing more is
decided here.  How its orders are spelled is told in ``transfer_dialogs``.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from adapters.sip.address import Uri, address, escaped_user, tag_of, uri, user_of
from adapters.sip.call_dialogs import CALLER, CallDialogs, seen_from
from adapters.sip.dial_plan import OUTSIDE, DialPlan, Plan, is_outside
from adapters.sip.directory import PhoneEntry
from adapters.sip.facts import peer_of
from adapters.sip.grammar import Malformed, unescaped
from adapters.sip.message import Flow
from adapters.sip.own_phone import OWN, is_local
from adapters.sip.owner import Owner
from adapters.sip.proving import line_of
from adapters.sip.sdp import origin_of
from adapters.sip.transaction import ServerTransaction
from core.events.facts import Established, Target
from core.events.observed import TransferAsked
from core.events.orders import AcceptTransfer, RefuseRequest
from core.machines.call import Call, Phase
from core.machines.lending import may_be_taken
from core.machines.passing import is_offering
from core.machines.transferring import remaining

if TYPE_CHECKING:
    from adapters.sip.calls import Calls


LEGS_MAX = 64  # That transfers have added to one call: more are no people's doing.


class Transfers:
    def __init__(self, calls: "Calls") -> None:
        self.calls = calls
        self.around = calls.around
        self.plan = DialPlan(calls.around)

    def referred(self, transaction: ServerTransaction, stream: str, party: str) -> None:
        """A REFER in the dialog that this party of a call has with us."""
        phone, call = self.who_may(stream, party), self.calls.state(stream)
        if phone is None:
            self.around.respond(transaction, 403)
            return
        if call.phase is not Phase.TALKING or party not in call.sides:
            self.around.respond(transaction, 491 if call.phase is Phase.ANSWERED else 481)
            return
        if sum("/" in leg for leg in call.legs) >= LEGS_MAX:
            self.around.drops["too-many-legs"] += 1
            self.around.respond(transaction, 503)
            return
        try:
            target, replaces = refer_to(transaction.request.all("refer-to"))
        except Malformed:
            self.around.respond(transaction, 400)
            return
        if refusal := unfit(target):
            self.around.respond(transaction, refusal)
        else:
            self.ask(transaction, stream, party, phone, target, replaces)

    def who_may(self, stream: str, party: str) -> PhoneEntry | None:
        """The phone that this party is, if it may transfer: ours, and a client where it is let.

        The phone of a device that is a client itself is a client's (S23).
        """
        dialogs, directory = self.calls.open[stream], self.around.directory
        if is_local(dialogs.dialogs[party].flow):
            may = directory.client_transfer or not directory.is_client
            return directory.own if may else None
        member = self.calls.phone_of(dialogs, party) if directory.client_transfer else ""
        return next(iter(directory.entries_of(member)), None) if member else None

    def ask(
        self,
        transaction: ServerTransaction,
        stream: str,
        party: str,
        phone: PhoneEntry,
        target: Uri,
        replaces: str,
    ) -> None:
        request, dialogs = transaction.request, self.calls.open[stream]
        call = self.calls.state(stream)
        dialogs.requests[party, request.cseq] = request
        self.calls.owe(Owner(stream, party, party, request.cseq), transaction)
        seen = TransferAsked(
            by=party,
            number=request.cseq,
            called=target.user,
            contact=peer_of(request).contact,
            vias=tuple(request.all("via")),
            flow=str(transaction.flow),
        )
        if replaces:
            seen = self.joined(seen, stream, phone, replaces)
        else:
            plan = self.planned(dialogs, call, party, phone, target)
            seen = replace(
                seen,
                targets=self.named(dialogs, call, party, plan),
                ring_s=plan.ring_s,
                line=plan.line,
                outside=plan.kind == "outgoing",
                refusal=plan.refusal,
            )
        turns = self.calls.hear(seen, stream)
        did = [entry for turn in turns for entry in turn.did]
        if not any(isinstance(entry, AcceptTransfer | RefuseRequest) for entry in did):
            self.around.respond(transaction, 481)

    def planned(
        self, dialogs: CallDialogs, call: Call, party: str, phone: PhoneEntry, target: Uri
    ) -> Plan:
        """As if the side that remains had dialled it, with what who refers may dial."""
        number, name = self.shown(dialogs, remaining(call, party))
        plan = Plan("internal", "", number, target.user, name=name)
        if phone is self.around.directory.own:
            line = self.plan.line_for_own(phone, target.params.get("line", ""))
            return self.plan.dialled(plan._replace(own=True), phone, line)
        return self.plan.dialled(plan, phone, self.plan.line_for(phone))

    def shown(self, dialogs: CallDialogs, party: str) -> tuple[str, str]:
        """The number and the name by which others know this party of the call."""
        directory, aliases = self.around.directory, self.around.house.board.hotspot.aliases
        if member := self.calls.phone_of(dialogs, party):
            entry = next(iter(directory.entries_of(member)), None)
            return str(aliases.get(member, 0)), entry.shown if entry else ""
        if is_local(dialogs.dialogs[party].flow):
            return OWN, ""
        if party == CALLER:
            return user_of(dialogs.invite.caller), dialogs.invite.name
        return user_of(dialogs.targets[party].called), ""

    def named(self, dialogs: CallDialogs, call: Call, party: str, plan: Plan) -> tuple[Target, ...]:
        """Each with a leg of its own in this call, called on behalf of the side that remains."""
        number, name = self.shown(dialogs, remaining(call, party))
        legs = len(call.legs)

        def caller(target: Target) -> str:
            here = self.around.here(Flow.read(target.flow))
            return target.caller or seen_from(here, number, name)

        return tuple(
            replace(target, leg=f"{target.leg}/{legs}", caller=caller(target))
            for target in plan.targets
        )

    def joined(
        self, seen: TransferAsked, stream: str, phone: PhoneEntry, replaces: str
    ) -> TransferAsked:
        """With the other side of a call that the same phone has (RFC 3891 3)."""
        found = self.find(replaces)
        if found is None or found[0] == stream or self.who_may(*found) is not phone:
            return replace(seen, refusal=481)
        other, by = found
        call, dialogs = self.calls.state(other), self.calls.open[other]
        if call.phase is not Phase.TALKING or by not in call.sides:
            return replace(seen, refusal=481)
        party = remaining(call, by)
        if not may_be_taken(call, party) or is_offering(call.passed, party):
            return replace(seen, refusal=491)
        legs = len(self.calls.state(stream).legs)
        target, line = self.known_as(dialogs, party), line_of(dialogs, party)
        return replace(
            seen,
            targets=(replace(target, leg=f"{target.leg}/{legs}"),),
            line=line.number if line else "",
            outside=is_outside(target.leg),
            replaces=other,
            party=party,
            dialog=established(dialogs, party),
        )

    def known_as(self, dialogs: CallDialogs, party: str) -> Target:
        """The side of another call, as a leg is named and shown."""
        dialog, number = dialogs.dialogs[party], self.shown(dialogs, party)[0]
        own = is_local(dialog.flow)
        is_phone = own or self.calls.phone_of(dialogs, party)
        return Target(
            leg=number if is_phone else OUTSIDE,
            uri=dialog.target,
            flow=str(dialog.flow),
            called=dialog.remote if is_phone else f"<sip:{escaped_user(number)}@siphotspot>",
            own=own,
        )

    def find(self, replaces: str) -> tuple[str, str] | None:
        """The call, and its party that has this dialog with us, if it is as it says.

        Whose tag is whose, phones see either way.
        """
        call_id, *named = replaces.split(";")
        tags = {name: value for name, _, value in (each.partition("=") for each in named)}
        for ours, theirs in (("to-tag", "from-tag"), ("from-tag", "to-tag")):
            found = self.calls.find(call_id, tags.get(ours, ""))
            if found is not None:
                stream, party = found
                remote = self.calls.open[stream].dialogs[party].remote
                return found if tag_of(remote) == tags.get(theirs) else None
        return None


def refer_to(lines: list[str]) -> tuple[Uri, str]:
    """Whom to call, and what of the Replaces that is to be in that INVITE (RFC 3891 6.1).

    Raises ``Malformed`` also where there is not exactly one (RFC 3515 2.4.2).
    """
    if len(lines) != 1:
        raise Malformed("bad-address")
    target = uri(address(lines[0]).uri)
    fields = [each.partition("=") for each in target.headers.split("&")]
    values = (value for name, _, value in fields if name.lower() == "replaces")
    return target, unescaped(next(values, ""), "bad-uri")


def established(dialogs: CallDialogs, party: str) -> Established:
    dialog = dialogs.dialogs[party]
    return Established(
        call_id=dialog.call_id,
        tag=dialog.tag,
        local=dialog.local,
        remote=dialog.remote,
        target=dialog.target,
        routes=tuple(dialog.routes),
        contact=dialog.contact,
        flow=str(dialog.flow),
        cseq=dialog.cseq,
        remote_cseq=dialog.remote_cseq,
        session=dialog.session or dialogs.session,
        sdp_version=dialog.sdp_version,
        origin=dialog.origin or origin_of(dialog.told),
    )


def unfit(target: Uri) -> int:
    """Why nobody can be called by this; 0 where somebody can."""
    if not target.user:
        return 400
    if target.scheme not in ("sip", "sips", "tel"):
        return 416
    return 0 if target.params.get("method", "INVITE").upper() == "INVITE" else 501
