"""What of the calls leaves the memory, and when: the log keeps all of it.

A part of ``calls``; read that first.
"""

from math import inf
from typing import TYPE_CHECKING

from adapters.sip.address import tag_of
from adapters.sip.call_dialogs import REQUESTS_MOST
from adapters.sip.owner import Owner
from adapters.sip.surroundings import SECOND_NS
from adapters.sip.transaction import State
from core.machines.passing import find

if TYPE_CHECKING:
    from adapters.sip.call_dialogs import CallDialogs
    from adapters.sip.calls import Calls

KEPT_AFTER_END_NS = 64 * SECOND_NS  # A peer may repeat itself for 64*T1, and so may we.
FORGET_EVERY_NS = 5 * SECOND_NS

Opening = tuple[str, str, int]  # Call-ID, their tag and CSeq: what tells an INVITE from others.


def openings_of(dialogs: "CallDialogs") -> list[tuple[Opening, str]]:
    """The INVITEs that came to this call (RFC 3261 8.2.2.2), and whose they are."""
    found = []
    for party, cseq in dialogs.openings.items():
        dialog = dialogs.dialogs[party]
        found.append(((dialog.call_id, tag_of(dialog.remote), cseq), party))
    return found


def settle(calls: "Calls", dialogs: "CallDialogs") -> None:
    """Of what an ended call was asked only that stays whose answer, or its ACK, is still to come.

    It is most of what a call would leave behind.
    """
    kept = {}
    for (by, number), request in dialogs.requests.items():
        owner = Owner(dialogs.stream, by, by, number)
        owed = calls.answering.get(owner)
        if owed is None or owed.is_settled():
            calls.answering.pop(owner, None)
        else:
            kept[by, number] = request
    calls.ringing.pop(dialogs.stream, None)
    dialogs.requests = kept
    dialogs.flows.clear()
    dialogs.rewritten.clear()


def forget_later(calls: "Calls", stream: str, ended_at: int) -> None:
    """Together with others: each by itself would be a wake."""
    over = -(-(ended_at + KEPT_AFTER_END_NS) // FORGET_EVERY_NS) * FORGET_EVERY_NS
    calls.ended.setdefault(over, []).append(stream)
    calls.next_forgetting = min(calls.next_forgetting, over)


def forget_ended(calls: "Calls") -> None:
    """A call that ended long enough ago leaves the memory; the log keeps it."""
    while calls.next_forgetting <= calls.around.at:
        over = calls.ended.pop(int(calls.next_forgetting))
        calls.next_forgetting = min(calls.ended, default=inf)
        for stream in over:
            if dialogs := calls.open.pop(stream, None):
                forget_call(calls, dialogs)
        calls.around.house.forget({*over})


def forget_call(calls: "Calls", dialogs: "CallDialogs") -> None:
    stream = dialogs.stream
    calls.ringing.pop(stream, None)
    for opening, _ in openings_of(dialogs):
        calls.by_invite.pop(opening, None)
    for party, dialog in dialogs.dialogs.items():
        if party not in dialogs.elsewhere:
            calls.by_tag.pop(dialog.tag, None)
    for by, number in dialogs.requests:
        calls.answering.pop(Owner(stream, by, by, number), None)


def forget_answered(calls: "Calls", dialogs: "CallDialogs") -> None:
    """Requests that nobody says again: a call of hours is to grow no more than its log."""
    passed = calls.state(dialogs.stream).passed
    for by, number in [*dialogs.requests]:
        owner = Owner(dialogs.stream, by, by, number)
        known = calls.answering.get(owner)
        is_over = known is None or known.state is State.TERMINATED
        if number and is_over and find(passed, by, number) is None:
            calls.answering.pop(owner, None)
            for kept in (dialogs.requests, dialogs.flows, dialogs.passed, dialogs.asking):
                kept.pop((by, number), None)
    dialogs.requests_most = max(REQUESTS_MOST, 2 * len(dialogs.requests))
