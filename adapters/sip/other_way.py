"""Where a request within a dialog goes when the connection it waits on is lost.

To a new one, as RFC 3261 12.2.1.1 has it: one that the phone has registered by since, else one
that we open to where it listens.
"""

from typing import TYPE_CHECKING

from adapters.sip.message import Flow
from adapters.sip.owner import Owner
from adapters.sip.transaction import ClientTransaction

if TYPE_CHECKING:
    from adapters.sip.call_dialogs import CallDialogs
    from adapters.sip.calls import Calls


def other_way(calls: "Calls", client: ClientTransaction) -> Flow | None:
    """None where there is none, or where it is no request within a dialog."""
    owner = client.owner
    if not isinstance(owner, Owner) or (client.method == "INVITE" and not owner.by):
        return None
    dialogs = calls.open.get(owner.stream)
    if dialogs is None or client.method == "CANCEL":
        return None
    dialog = dialogs.dialogs.get(owner.party)
    if dialog is None:
        return None
    return dialog.other_way(client.flow, bound_way(calls, dialogs, owner.party, client.flow))


def bound_way(calls: "Calls", dialogs: "CallDialogs", party: str, lost: Flow) -> Flow | None:
    """The connection by which this phone has registered since: under the same contact, else
    the latest from the same host, where a contact names the port of the connection.
    """
    board, target = calls.around.house.board, dialogs.dialogs[party].target
    bindings = board.state(f"link:{calls.phone_of(dialogs, party)}").bindings.values()
    found = None
    for bound in sorted(bindings, key=lambda bound: bound.contact == target):
        flow = Flow.read(bound.flow)
        is_like_it = (flow.transport, flow.host) == (lost.transport, lost.host)
        if is_like_it and flow != lost and flow.transport != "udp":
            found = flow
    return found
