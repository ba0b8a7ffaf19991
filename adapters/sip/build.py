"""Messages of our own: the answer to a request, and a request (RFC 3261 8.1.1, 8.2.6).

An answer repeats the request's own lines as they came; nothing is spelled anew that the
peer spelled already, so it recognises what it gets.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.sip.names import PHRASES

if TYPE_CHECKING:
    from adapters.sip.message import Request

SDP = "application/sdp"
MAKES_DIALOG = frozenset(("INVITE", "SUBSCRIBE", "REFER"))
NO_BODY = "Content-Length: 0\r\n\r\n"

Headers = Sequence[tuple[str, str]]


def response_to(
    request: "Request",
    code: int,
    reason: str = "",
    *,
    to_tag: str = "",
    headers: Headers = (),
    body: bytes = b"",
    content_type: str = "",
) -> bytes:
    """An answer (RFC 3261 8.2.6).

    ``to_tag`` is added where the request's To has none yet.  Record-Route goes back where
    the answer may make a dialog (12.1.1), and Timestamp in a 100 (8.2.6.1).  A request that
    was refused as malformed is answered with as much as there was of it.
    """
    fields = request.fields
    phrase = _one_line(reason) if reason else PHRASES.get(code, "Unknown")
    lines = [f"SIP/2.0 {code} {phrase}\r\nVia: " + "\r\nVia: ".join(fields["via"])]
    if "record-route" in fields and 100 < code < 300 and request.method in MAKES_DIALOG:
        lines += [f"Record-Route: {line}" for line in fields["record-route"]]
    try:
        to = fields["to"][0]
        if to_tag and not request.to_tag:
            to = f"{to};tag={to_tag}"
        lines.append(
            f"From: {fields['from'][0]}\r\nTo: {to}\r\n"
            f"Call-ID: {fields['call-id'][0]}\r\nCSeq: {fields['cseq'][0]}"
        )
    except KeyError:
        lines += _what_there_is(request)
    if code == 100 and "timestamp" in fields:
        lines.append(f"Timestamp: {fields['timestamp'][0]}")
    if headers:
        added = [f"{name}: {value}" for name, value in headers]
        _one_line("".join(added))
        lines += added
    if body:
        lines.append(_one_line(f"Content-Type: {content_type or SDP}"))
    return _finished(lines, body)


def _what_there_is(request: "Request") -> list[str]:
    names = (("From", "from"), ("To", "to"), ("Call-ID", "call-id"), ("CSeq", "cseq"))
    return [f"{name}: {request.fields[key][0]}" for name, key in names if key in request.fields]


def request_bytes(
    method: str, uri: str, headers: Headers, body: bytes = b"", content_type: str = ""
) -> bytes:
    """A request with these headers in this order; Content-Length is added."""
    lines = [f"{method} {uri} SIP/2.0"]
    lines += [f"{name}: {value}" for name, value in headers]
    return request_of_lines(lines, body, content_type)


def request_of_lines(lines: list[str], body: bytes = b"", content_type: str = "") -> bytes:
    """The same where its lines stand there already; they are taken over, not copied."""
    if body:
        lines.append(f"Content-Type: {content_type or SDP}")
    _one_line("".join(lines))
    return _finished(lines, body)


def _finished(lines: list[str], body: bytes) -> bytes:
    lines.append(f"Content-Length: {len(body)}\r\n\r\n" if body else NO_BODY)
    head = "\r\n".join(lines).encode("latin-1")
    return head + body if body else head


def _one_line(line: str) -> str:
    """ValueError where a value of ours would have broken out of its line.

    A CR or LF that came percent-encoded in a URI must not become a header of its own.
    """
    if "\n" in line or "\r" in line or "\0" in line:
        raise ValueError("a line end within a header")
    return line
