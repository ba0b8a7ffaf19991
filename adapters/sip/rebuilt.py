"""Requests as they must have been, made again from what was recorded of them.

After a restart the transaction layer needs the INVITE it was answering: for its Via lines,
to match what is repeated and to spell responses.  Bodies are left out; nobody asks again.
"""

from adapters.sip.dialog import Dialog
from adapters.sip.message import Request, parse, request_bytes
from core.events.facts import Origin
from core.events.observed import RequestArrived


def invite_of(origin: Origin) -> Request:
    headers = [("Via", via) for via in origin.vias]
    headers += [("Record-Route", line) for line in origin.routes]
    headers += [
        ("From", origin.caller),
        ("To", origin.called),
        ("Call-ID", origin.call_id),
        ("CSeq", f"{origin.cseq} INVITE"),
        ("Contact", origin.contact and f"<{origin.contact}>"),
    ]
    return _read(request_bytes("INVITE", origin.uri, headers))


def request_of(dialog: Dialog, seen: RequestArrived) -> Request:
    """One within a dialog: what they call local is remote to us."""
    headers = [("Via", via) for via in seen.vias]
    headers += [
        ("From", dialog.remote),
        ("To", dialog.local),
        ("Call-ID", dialog.call_id),
        ("CSeq", f"{seen.number} {seen.method}"),
    ]
    return _read(request_bytes(seen.method, "sip:siphotspot", headers))


def _read(data: bytes) -> Request:
    request = parse(data)
    assert isinstance(request, Request)
    return request
