"""What those say who were asked something within a call, or were released from it.

A part of ``calls``; read that first.
"""

from typing import TYPE_CHECKING

from adapters.sip import proving
from adapters.sip.call_dialogs import CallDialogs
from adapters.sip.facts import challenge_in, peer_of
from adapters.sip.message import Response
from adapters.sip.owner import Owner
from core.events import observed
from core.events.facts import Challenge
from core.events.released import ReleaseChallenged
from core.machines.passing import PassedPhase, find

if TYPE_CHECKING:
    from adapters.sip.calls import Calls

CHALLENGES = (401, 407)


def passed(calls: "Calls", owner: Owner, response: Response) -> None:
    """To a request that was passed between the two sides."""
    stream, party, by, number = owner.stream, owner.party, owner.by, owner.number
    dialogs = calls.open.get(stream)
    if dialogs is None or response.code < 200:
        return
    one = find(calls.state(stream).passed, by, number)
    if one is not None and one.phase in (PassedPhase.ASKED, PassedPhase.ABANDONED):
        contact = peer_of(response).contact if response.method in ("INVITE", "UPDATE") else ""
        seen = observed.RequestAnswered(
            by=by,
            number=number,
            code=response.code,
            body=calls.body_of(dialogs, response),
            content_type=response.first("content-type"),
            contact=contact,
            challenge=challenge_of(calls, dialogs, party, response),
        )
        calls.hear(seen, stream)
    elif response.method == "INVITE" and dialogs.dialogs[party].last_ack:
        dialog = dialogs.dialogs[party]
        calls.around.transactions.send_ack(dialog.last_ack, dialog.flow)


def released(calls: "Calls", owner: Owner, response: Response) -> None:
    """To our BYE: whatever else it is, it is the end of it (RFC 3261 15.1.1)."""
    dialogs = calls.open.get(owner.stream)
    if dialogs is None or response.code not in CHALLENGES:
        return
    challenge = challenge_of(calls, dialogs, owner.party, response)
    if challenge.nonce:
        seen = ReleaseChallenged(party=owner.party, code=response.code, challenge=challenge)
        calls.hear(seen, owner.stream)


def challenge_of(calls: "Calls", dialogs: CallDialogs, party: str, response: Response) -> Challenge:
    """What the server of a line asks us to prove; empty where anybody else asks.

    Within a dialog that may be whoever is called, or calls: he would have what he needs to
    try passwords on.
    """
    line = proving.line_of(dialogs, party.partition(";")[0])
    if line is None or response.code not in CHALLENGES:
        return Challenge()
    if proving.dialog_with(dialogs, party).flow.host not in calls.transfers.plan.addresses_of(line):
        calls.around.drops["challenged-by-a-stranger"] += 1
        return Challenge()
    return challenge_in(response) or Challenge()
