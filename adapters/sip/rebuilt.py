"""Requests as they must have been, made again from what was recorded of them.

After a restart the transaction layer needs the INVITE it was answering: for its Via lines,
to match what is repeated and to spell responses.  Bodies are left out; nobody asks again.
"""

from adapters.sip.dialog import Dialog
from adapters.sip.message import Request
from core.events.facts import Origin
from core.events.observed import RequestArrived


def invite_of(origin: Origin) -> Request:
    fields = {
        "via": [*origin.vias],
        "from": [origin.caller],
        "to": [origin.called],
        "call-id": [origin.call_id],
        "cseq": [f"{origin.cseq} INVITE"],
    }
    if origin.routes:
        fields["record-route"] = [*origin.routes]
    if origin.contact:
        fields["contact"] = [f"<{origin.contact}>"]
    return Request(f"INVITE {origin.uri} SIP/2.0", fields, b"", "")


def request_of(dialog: Dialog, seen: RequestArrived) -> Request:
    """One within a dialog: what they call local is remote to us."""
    fields = {
        "via": [*seen.vias],
        "from": [dialog.remote],
        "to": [dialog.local],
        "call-id": [dialog.call_id],
        "cseq": [f"{seen.number} {seen.method}"],
    }
    return Request(f"{seen.method} sip:siphotspot SIP/2.0", fields, b"", "")
