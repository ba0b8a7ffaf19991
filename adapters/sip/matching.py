"""Which message belongs to which transaction (RFC 3261 17.1.3 and 17.2.3).

Since RFC 3261 the branch of the top Via says it all.  Elements from before it send a branch
without the magic cookie, or none; then the rest of the request has to agree.
"""

from adapters.sip.message import Request, Response

MAGIC_COOKIE = "z9hG4bK"  # RFC 3261 8.1.1.7: what follows it is unique in space and time.
ACK_ECHOES = (b"Route: ", b"Max-Forwards: ", b"From: ", b"Call-ID: ")

Key = tuple[str | int, ...]


def is_unique(branch: str) -> bool:
    """Whether the branch identifies its transaction; a bare cookie does not (RFC 4475 3.1.2)."""
    return len(branch) > len(MAGIC_COOKIE) and branch.startswith(MAGIC_COOKIE)


def server_key(request: Request, method: str = "") -> Key:
    """Equal for a request, its repetitions and, where it is an INVITE, the ACK of a refusal.

    ``method`` asks for another request of the same branch: the INVITE of a CANCEL.
    """
    via = request.via
    method = method or request.method
    if method == "ACK":
        method = "INVITE"
    branch = via.branch
    if is_unique(branch):
        return (branch, via.host.lower(), via.port, method)
    return older_key(request, request.to_tag, method)


def older_key(request: Request, to_tag: str, method: str = "INVITE") -> Key:
    """The rule for elements from before RFC 3261 (17.2.3): everything that names a request.

    The first INVITE of a dialog has no To tag and its ACK has one, so the caller says which.
    """
    top = request.listed("via")[0]
    return (top, request.uri, to_tag, request.from_tag, request.call_id, request.cseq, method)


def refusal_ack(invite: bytes, response: Response) -> bytes:
    """The ACK for a final response of 300 or above, from the INVITE as we sent it (17.1.1.3).

    It has the INVITE's Request-URI, top Via, Route, From and Call-ID, the CSeq number with
    another method, and the To of the response, which has the tag.
    """
    head = invite[: invite.index(b"\r\n\r\n")]
    start, via, *lines = head.split(b"\r\n")
    ack = [b"ACK" + start[start.index(b" ") :], via]
    for line in lines:
        if line.startswith(ACK_ECHOES):
            ack.append(line)
        elif line.startswith(b"CSeq: "):  # The last of those that are echoed.
            ack.append(line[: line.index(b" ", 6)] + b" ACK")
            break
    ack.append(b"To: " + response.first("to").encode("latin-1"))
    ack.append(b"Content-Length: 0\r\n\r\n")
    return b"\r\n".join(ack)
