"""SIP messages: bytes in, a split message out, and bytes again (RFC 3261 7, 18.3, 20).

A message is split, not parsed.  The headers become a table of raw values, and only the
six on which every message's fate depends (Via, From, To, Call-ID, CSeq and the start
line) are read and checked at once.  So whoever holds a ``Request`` or ``Response`` need
not fear them, and everything else costs nothing until somebody asks for it.

What is refused and what is tolerated follows RFC 4475: odd spelling is accepted as long
as no two readers could understand it differently.  Whatever could be understood in two
ways (two Call-IDs, two lengths, a bare CR, a NUL) is refused.
"""

from adapters.sip.address import Address, Uri, address, escaped_user, sip_uri, tag_of, uri
from adapters.sip.build import request_bytes, response_to
from adapters.sip.grammar import (
    Malformed,
    bracketed,
    is_token,
    quoted,
    split_at,
    text,
    unquoted,
    wire,
)
from adapters.sip.head import (
    ABSENT_LENGTH,
    BAD_LENGTH,
    HEADER_BYTES,
    Fields,
    Head,
    content_length,
    end_of_head,
    read_cseq,
    read_length,
    read_status,
    split_head,
    table,
)
from adapters.sip.via import Flow, Via, read_via, stamped

__all__ = [
    "Address",
    "Flow",
    "Malformed",
    "Message",
    "Ping",
    "Request",
    "Response",
    "Stream",
    "Uri",
    "Via",
    "address",
    "bracketed",
    "escaped_user",
    "parse",
    "quoted",
    "reply_flow",
    "request_bytes",
    "response_to",
    "sip_uri",
    "stamp",
    "text",
    "unquoted",
    "uri",
    "wire",
]

BODY_BYTES = 65_536  # The largest over a stream; a datagram is bounded as it is.


class Message:
    """What requests and responses share, checked as it is made.

    ``fields`` holds the values of each header in the order they came, unfolded and
    trimmed, under its long name in lower case (``call-id``, also where it came as ``i``).
    Max-Forwards is not asked for: RFC 2543 had none.
    """

    __slots__ = ("body", "call_id", "cseq", "fields", "from_tag", "method", "to_tag", "via")

    def __init__(self, fields: Fields, body: bytes, fault: str) -> None:
        if fault:
            raise Malformed(fault)
        self.fields = fields
        self.body = body
        try:
            self.via = read_via(fields["via"][0])
            self.from_tag = tag_of(fields["from"][0])
            self.to_tag = tag_of(fields["to"][0])
            self.call_id = call_id = fields["call-id"][0]
            self.cseq, self.method = read_cseq(fields["cseq"][0])
        except KeyError as absent:
            raise Malformed(f"no-{absent.args[0]}") from None
        if not call_id or " " in call_id or "\t" in call_id:
            raise Malformed("bad-call-id")

    def first(self, name: str) -> str:
        """The first value of a header, "" where it is absent."""
        values = self.fields.get(name)
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        """The lines of a header, as they came."""
        return self.fields.get(name, [])

    def listed(self, name: str) -> list[str]:
        """The values of a header that may hold several, separated by commas or by lines."""
        lines = self.fields.get(name)
        if not lines:
            return []
        return [value for line in lines for value in split_at(line, ",") if value]


class Request(Message):
    __slots__ = ("uri",)

    def __init__(self, start: str, fields: Fields, body: bytes, fault: str) -> None:
        words = start.split(" ")
        if len(words) != 3:
            raise Malformed("bad-start-line")
        method, self.uri, version = words
        if version != "SIP/2.0" and version.upper() != "SIP/2.0":
            if version[:4].upper() == "SIP/":
                raise Malformed("version", 505)
            raise Malformed("bad-start-line")
        if not is_token(method):
            raise Malformed("bad-start-line")
        Message.__init__(self, fields, body, fault)
        if self.method != method:
            raise Malformed("cseq-method")
        check_target(self.uri)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.call_id}>"


class Response(Message):
    """``method`` is the one of its CSeq, and so is ``cseq_method``."""

    __slots__ = ("code", "cseq_method", "reason")

    def __init__(self, start: str, fields: Fields, body: bytes, fault: str) -> None:
        self.code, self.reason = read_status(start)
        Message.__init__(self, fields, body, fault)
        self.cseq_method = self.method

    def __repr__(self) -> str:
        return f"<Response {self.code} {self.method} {self.call_id}>"


def check_target(target: str) -> None:
    """Raises ``Malformed`` where no request can go there.

    At sight where it is usual; more colons are an IPv6 address, a password or a fault.
    """
    if target[:4] == "sip:" and target.count(":") <= 2 and '"' not in target and "<" not in target:
        return
    try:
        uri(target)
    except Malformed:
        raise Malformed("bad-request-uri") from None


# -- One datagram ------------------------------------------------------------------


def parse(data: bytes) -> Request | Response:
    """A datagram (RFC 3261 18.3): what its Content-Length leaves over is ignored."""
    if not data or data[0] in b"\r\n":
        data = data.lstrip(b"\r\n")  # RFC 3261 7.5
        if not data:
            raise Malformed("empty", 0)
    head, end, body = data.partition(b"\r\n\r\n")
    if end and len(head) > HEADER_BYTES:
        raise Malformed("head-too-large", 0)
    lines = head.decode("latin-1").split("\r\n")
    joined = "".join(lines)
    if not end or "\n" in joined or "\r" in joined or "\0" in joined:
        (start, fields, fault), body = _unusual(data)
    else:
        start, fields, fault = table(lines)
    stated = fields.get("content-length")
    if stated is not None and (length := read_length(stated[0])) != len(body):
        if 0 <= length < len(body):
            body = body[:length]
        else:
            fault = fault or ("bad-content-length" if length == BAD_LENGTH else "short-body")
    return checked(start, fields, fault, body)


def _unusual(data: bytes) -> tuple[Head, bytes]:
    ends, body_starts = end_of_head(data)
    if ends > HEADER_BYTES:
        raise Malformed("head-too-large", 0)
    if ends >= 0:
        return split_head(data[:body_starts].decode("latin-1")), data[body_starts:]
    start, fields, fault = split_head(data[:HEADER_BYTES].decode("latin-1"))
    return (start, fields, fault or "no-end-of-head"), b""


def checked(start: str, fields: Fields, fault: str, body: bytes) -> Request | Response:
    """The message.  What is raised for a request carries it as far as it could be read."""
    if start[:4] == "SIP/" or start[:4].upper() == "SIP/":
        try:
            return Response(start, fields, body, fault)
        except Malformed as malformed:
            malformed.status = 0  # RFC 3261 8.1.3: nobody answers an answer.
            raise
    try:
        return Request(start, fields, body, fault)
    except Malformed as malformed:
        malformed.request = refused = _refusable(start, fields)
        if refused is None or refused.method == "ACK":
            malformed.status = 0
        raise


def _refusable(start: str, fields: Fields) -> Request | None:
    """Just enough of a malformed request to answer it; its values may say anything.

    Where not even the Via makes sense (RFC 4475 3.1.2.1), the answer goes to its source.
    """
    if "via" not in fields:
        return None
    try:
        via = read_via(fields["via"][0])
    except Malformed:
        via = Via("", "", 0, "", "", 0)
    request = Request.__new__(Request)
    request.uri = ""
    request.fields = fields
    request.body = b""
    request.call_id = fields.get("call-id", [""])[0]
    request.cseq = 0
    request.method = start.partition(" ")[0]
    request.via = via
    request.from_tag = request.to_tag = ""
    return request


# -- A stream ----------------------------------------------------------------------


PING = b"\r\n\r\n"


class Ping:
    """CRLFCRLF, a keepalive that wants CRLF back (RFC 5626 3.5.1)."""


Framed = Request | Response | Malformed | Ping


class Stream:
    """What arrives over one connection, cut into messages (RFC 3261 18.3).

    Whatever the pieces in which bytes arrive, the same messages come out.  A malformed
    message whose end is certain is handed out as ``Malformed``, and the next one is read.
    Where the end is not certain, nothing after it can be trusted: a last ``Malformed``,
    and ``broken`` says why; the connection should be closed.
    """

    __slots__ = ("_buffer", "_head", "_length", "_seen", "broken")

    def __init__(self) -> None:
        self.broken = ""
        self._buffer = bytearray()
        self._seen = 0  # Up to here there is no end of a head.
        self._head: Head | None = None  # Complete, and waits for its body.
        self._length = 0

    @property
    def waiting(self) -> bool:
        """Whether a message has begun that is not complete."""
        return self._head is not None or not self._may_become_ping()

    def feed(self, data: bytes) -> list[Framed]:
        found: list[Framed] = []
        if self.broken:
            return found
        self._buffer += data
        try:
            while (framed := self._next()) is not None:
                found.append(framed)
        except Malformed as malformed:
            self.broken = malformed.reason
            self._buffer.clear()
            self._head = None
            found.append(malformed)
        return found

    def _next(self) -> Framed | None:
        """The next message.  Malformed is raised only where framing is lost."""
        if self._head is None:
            if self._skip_line_ends():
                return Ping()
            if self._may_become_ping() or not self._read_head():
                return None
        head, length = self._head, self._length
        if head is None or len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._head = None
        try:
            return checked(*head, body)
        except Malformed as malformed:
            return malformed

    def _skip_line_ends(self) -> bool:
        """Between messages: True for a ping.  A lone CRLF is a pong, or decoration (7.5)."""
        buffer = self._buffer
        while buffer.startswith((b"\r", b"\n")) and not self._may_become_ping():
            if buffer.startswith(PING):
                del buffer[:4]
                return True
            del buffer[: 2 if buffer.startswith(b"\r\n") else 1]
        return False

    def _may_become_ping(self) -> bool:
        return len(self._buffer) < len(PING) and PING.startswith(self._buffer)

    def _read_head(self) -> bool:
        buffer = self._buffer
        head_ends, body_starts = end_of_head(buffer, self._seen)
        if max(head_ends, len(buffer) - 3 if head_ends < 0 else 0) > HEADER_BYTES:
            raise Malformed("head-too-large", 0)
        if head_ends < 0:
            self._seen = max(0, len(buffer) - 2)
            return False
        self._seen = 0
        head = split_head(buffer[:body_starts].decode("latin-1"))
        del buffer[:body_starts]
        start, fields, fault = head
        length = content_length(fields)
        # A faulty line may have been the true length, so no fault of the table is survived.
        if not fault and length == ABSENT_LENGTH:
            fault = "no-content-length"
        elif not fault and length == BAD_LENGTH:
            fault = "bad-content-length"
        elif not fault and length > BODY_BYTES:
            fault = "body-too-large"
        if fault:
            checked(start, fields, fault, b"")  # Raises, with what is needed for an answer.
        self._head = head
        self._length = length
        return True


# -- Where answers go --------------------------------------------------------------


def stamp(request: Request, flow: Flow) -> None:
    """Write into the top Via where the request really came from.

    RFC 3261 18.2.1: ``received`` where sent-by is not the source.  RFC 3581 4: where
    ``rport`` is there, both.  A ``received`` that the sender wrote itself goes.
    """
    via = request.via
    if via.rport is None:
        if via.host == flow.host and not via.received:
            return
    elif via.rport == flow.port and via.received == flow.host:
        return  # It is stamped already.
    lines = request.fields["via"]
    lines[0] = stamped(lines[0], via, flow)
    rport = None if via.rport is None else flow.port
    request.via = Via(via.transport, via.host, via.port, via.branch, flow.host, rport)


def reply_flow(request: Request, flow: Flow) -> Flow:
    """RFC 3261 18.2.2 and RFC 3581 4.

    Only ever to the address the request came from: ``maddr`` and a forged ``received``
    would make us a mirror that throws traffic at others.
    """
    if flow.transport != "udp" or request.via.rport is not None:
        return flow
    return flow._replace(port=request.via.port or 5060)
