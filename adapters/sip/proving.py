"""What the dialogs of a call prove to the server of a line: a part of ``call_dialogs``.

Whoever has challenged one request of a dialog is shown credentials with each that follows,
as long as they go where it is (RFC 3261 22.3).  Nobody else is: who has a proof in his hands
can try passwords on it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.sip.build import Headers
from adapters.sip.dial_plan import is_outside
from adapters.sip.dialog import Dialog
from adapters.sip.directory import LineEntry
from adapters.sip.proofs import Proofs, headers
from core.events import observed, orders
from core.events.base import Event
from core.events.facts import Challenge
from core.events.released import ReleaseChallenged

if TYPE_CHECKING:
    from adapters.sip.call_dialogs import CallDialogs

CALLER = "caller"


def line_of(dialogs: "CallDialogs", party: str) -> LineEntry | None:
    """The line whose server this party is; None where it is a phone."""
    is_server = dialogs.invite.kind == "incoming" if party == CALLER else is_outside(party)
    if not is_server:
        return None
    return dialogs.around.directory.lines.get(dialogs.lines.get(party, dialogs.invite.line))


def dialog_with(dialogs: "CallDialogs", party: str) -> Dialog:
    """Also with another branch of a leg: "line;tag"."""
    leg, _, tag = party.partition(";")
    return dialogs.forks[leg, tag] if tag else dialogs.dialogs[leg]


def asked(dialogs: "CallDialogs", party: str, challenge: Challenge) -> None:
    leg = party.partition(";")[0]
    proofs = dialogs.proofs.setdefault(leg, Proofs())
    proofs.asked(challenge)
    proofs.host = dialog_with(dialogs, party).flow.host


def leg_challenged(dialogs: "CallDialogs", event: observed.LegChallenged, _: Event) -> None:
    asked(dialogs, event.leg, event.challenge)


def release_challenged(dialogs: "CallDialogs", event: ReleaseChallenged, _: Event) -> None:
    asked(dialogs, event.party, event.challenge)


def authorize_release(dialogs: "CallDialogs", order: orders.AuthorizeRelease, _: Event) -> None:
    dialog = dialog_with(dialogs, order.party)
    dialogs.send_bye(order.party, dialog, dialog.parting)


def credentials(dialogs: "CallDialogs", party: str, dialog: Dialog, method: str) -> Headers:
    """For one more request of this dialog; none where nobody has asked for any."""
    leg = party.partition(";")[0]
    proofs = dialogs.proofs.get(leg)
    if proofs is None or proofs.host != dialog.flow.host:
        return ()
    line = line_of(dialogs, leg)
    if line is None:
        return ()
    uri, _routes = dialog.routed()
    return headers(proofs.spend(), line, line.account, method, uri, dialogs.cnonce_for)


HANDLERS: dict[type[Event], Callable[["CallDialogs", Any, Event], None]] = {
    observed.LegChallenged: leg_challenged,
    ReleaseChallenged: release_challenged,
    orders.AuthorizeRelease: authorize_release,
}
