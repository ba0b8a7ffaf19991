"""Who comes to a call that rings already: a phone that has just registered, and one that
dials ``*8`` to pick the call up.

Whether it is rung, and that whoever picks up has won, the call decides; here is found out
which call it is about, and it is given what it has to know.
"""

from collections.abc import Iterator

from adapters.sip.call_dialogs import CallDialogs
from adapters.sip.calls import Calls, keep_keys
from adapters.sip.dial_plan import DialPlan
from adapters.sip.directory import PhoneEntry
from adapters.sip.facts import origin_of
from adapters.sip.owner import Owner
from adapters.sip.pairing import answer_to
from adapters.sip.sdp import redacted
from adapters.sip.surroundings import Surroundings
from adapters.sip.transaction import ServerTransaction
from core.events.decided import BindingSet
from core.events.joined import LegJoined, PickupArrived
from core.events.turn import Turn
from core.machines.call import Call, Phase
from core.machines.ringing import alias_of
from core.machines.switchboard import name_of

NOT_ACCEPTABLE_HERE = 488


class Joining:
    def __init__(self, around: Surroundings, plan: DialPlan, calls: Calls) -> None:
        self.around = around
        self.plan = plan
        self.calls = calls

    def ringing(self) -> Iterator[tuple[str, CallDialogs]]:
        """The calls to the account that ring, the oldest first."""
        for stream in [*self.calls.ringing]:
            dialogs = self.calls.open[stream]
            if self.calls.state(stream).phase is not Phase.RINGING:
                del self.calls.ringing[stream]  # It will not ring again.
            elif dialogs.invite.kind == "incoming":
                yield stream, dialogs

    def follow(self, turn: Turn) -> None:
        """Called for every turn of a link: it may have been bound, anew or again."""
        if any(isinstance(entry, BindingSet) for entry in turn.did):
            member = name_of(turn.originator_id)
            for stream, dialogs in self.ringing():
                for target in self.plan.targets_of(member, dialogs.invite.line):
                    if is_new(self.calls.state(stream), target.leg):
                        self.calls.hear(LegJoined(target=target), stream)

    def pick_up(self, transaction: ServerTransaction, picker: PhoneEntry) -> bool:
        """Whether there was a call to be picked up; then its INVITE has had its answer."""
        request = transaction.request
        for stream, dialogs in self.ringing():
            offer = dialogs.invite.offer
            if not offer or dialogs.invite.line not in picker.lines:
                continue
            if answer_to(offer, redacted(request.body)):
                self.picked_up(transaction, picker, stream, dialogs)
            else:
                self.around.respond(transaction, NOT_ACCEPTABLE_HERE)
            return True
        return False

    def picked_up(
        self, transaction: ServerTransaction, picker: PhoneEntry, stream: str, dialogs: CallDialogs
    ) -> None:
        request = transaction.request
        leg = f"{self.plan.alias_of(picker)}.pickup"
        offer = redacted(request.body)
        dialogs.requests[leg, 0] = request
        keep_keys(dialogs, offer, request.body)
        self.calls.owe(Owner(stream, leg, leg, 0), transaction)
        seen = PickupArrived(
            leg=leg,
            offer=offer,
            origin=origin_of(request, transaction.flow),
            own=picker is self.around.directory.own,
        )
        self.calls.hear(seen, stream)


def is_new(call: Call, leg: str) -> bool:
    """Neither it nor another device of its phone has been tried and has refused."""
    if leg in call.legs:
        return False
    alias = alias_of(leg)
    return not any(one.refused for name, one in call.legs.items() if alias_of(name) == alias)
