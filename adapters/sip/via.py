"""The way back: flows, and the Via header that says where a response must go.

(RFC 3261 18.2 and 20.42, RFC 3581.)
"""

from typing import NamedTuple

from msgspec import Struct

from adapters.sip.grammar import (
    BLANK,
    Malformed,
    bracketed,
    decimal,
    end_of_quotes,
    host_and_port,
    is_spelled_as_token,
    is_token,
    remembered,
    split_at,
)

UNDERSTOOD = frozenset(("branch", "rport", "received"))


class Flow(NamedTuple):
    """One peer through one of our sockets.

    ``local`` is the name of the listening socket, such as ``127.0.0.1:5060``; ``host`` and
    ``port`` are the remote's.
    """

    transport: str
    local: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}/{self.local}/{bracketed(self.host)}:{self.port}"

    @staticmethod
    def read(text: str) -> "Flow":
        """The inverse of ``str``.  ValueError where it is not one: it came from ourselves."""
        return flow_named(text)


@remembered
def flow_named(text: str) -> Flow:
    transport, local, remote = text.split("/")
    host, colon, port = remote.rpartition(":")
    if not colon:
        raise ValueError(f"no port in flow {text!r}")
    return Flow(transport, local, host.removeprefix("[").removesuffix("]"), int(port))


class Via(Struct, frozen=True):
    """One Via value.  ``port`` is 0 where sent-by has none.

    ``rport`` is None where the parameter is absent and 0 where it asks to be filled in
    (RFC 3581 3).
    """

    transport: str
    host: str
    port: int
    branch: str
    received: str
    rport: int | None


def read_via(value: str) -> Via:
    """The first of the Via values in a line.

    Its branch is new with each transaction, so that to remember it would cost more than to read
    it; all the rest was said before by the same few peers and is not read again.
    """
    before, _, rest = value.partition(";branch=")
    branch, more, after = rest.partition(";")
    if is_spelled_as_token(branch):
        way = way_of(f"{before};{after}" if more else before)
        if way is not None:
            return Via(way.transport, way.host, way.port, branch, way.received, way.rport)
    return via_in_full(value)


@remembered
def way_of(value: str) -> Via | None:
    """A Via whose branch is cut out.

    None where it cannot be told from this alone whether that was the branch and the only one.
    """
    if "branch" in value.lower() or "," in value or '"' in value or "<" in value:
        return None
    return via_in_full(value)


def via_in_full(value: str) -> Via:
    """As ``read_via``, in any spelling and whatever was read before."""
    if (
        value[:8] != "SIP/2.0/"
        or value.count(" ") != 1
        or "," in value
        or '"' in value
        or "<" in value
        or "\t" in value
    ):
        value = _in_one_spelling(value)
    protocol, _, rest = value.partition(" ")
    transport = protocol[8:]
    if not is_token(transport):
        raise Malformed("bad-via")
    branch = received = None
    rport = None
    sent_by, *params = rest.split(";")
    for param in params:
        name, equals, said = param.partition("=")
        if name == "branch" and branch is None:
            branch = said
        elif name == "rport" and rport is None:
            rport = decimal(said, 65_535) if equals else 0
        elif name == "received" and received is None:
            received = said.strip("[]")
        elif name in UNDERSTOOD:
            raise Malformed("bad-via")  # Twice: which one would the next element believe?
        elif name.lower() in UNDERSTOOD:
            spelled = _in_one_spelling(value)
            if spelled == value:
                raise Malformed("bad-via")  # It stands behind a quote that is never closed.
            return via_in_full(spelled)
        elif not is_token(name):
            raise Malformed("bad-via")
    host, port = host_and_port(sent_by)
    if rport == -1:
        raise Malformed("bad-via")
    return Via(transport.upper(), host, port, branch or "", received or "", rport)


def _in_one_spelling(value: str) -> str:
    """White space may stand round the slashes (RFC 4475 3.1.1.1) and the separators.

    Other versions are read too, so that a request of SIP/7.0 can be answered 505.
    Parameters with quotes are left out: they say nothing to us and may hold semicolons.
    """
    elements = split_at(value, ",")
    if "" in elements:
        raise Malformed("bad-via")
    protocol, *params = split_at(elements[0], ";")
    parts = protocol.split("/", 2)
    if len(parts) != 3 or parts[0].strip(BLANK).upper() != "SIP":
        raise Malformed("bad-via")
    if not is_token(parts[1].strip(BLANK)):
        raise Malformed("bad-via")
    transport, blank, sent_by = parts[2].strip(BLANK).replace("\t", " ").partition(" ")
    if not blank:
        raise Malformed("bad-via")
    kept = [f"SIP/2.0/{transport} {sent_by.strip(BLANK)}"]
    for param in params:
        name, said = _name(param), param.partition("=")[2].strip(BLANK)
        if '"' in param:
            if name in UNDERSTOOD or said[:1] != '"' or end_of_quotes(said, 0) != len(said) - 1:
                raise Malformed("bad-via")
        elif "<" in param or " " in said or "\t" in said:
            raise Malformed("bad-via")
        else:
            kept.append(f"{name}={said}" if "=" in param else name)
    return ";".join(kept)


def stamped(value: str, via: Via, flow: Flow) -> str:
    """A Via line with what its sender could not know: the address it came from.

    RFC 3261 18.2.1 and RFC 3581 4.  A ``received`` or ``rport`` that the sender filled in
    itself is not believed.
    """
    source = f"received={flow.host}"
    if via.rport is not None:
        source = f"{source};rport={flow.port}"
    parts = value.split(";")
    if not via.received and "rport" in parts and "," not in value and '"' not in value:
        parts[parts.index("rport")] = source
        return ";".join(parts)
    element = split_at(value, ",")[0]
    rest = value[len(element) :] if value.startswith(element) else ""
    kept = [part for part in split_at(element, ";") if _name(part) not in ("received", "rport")]
    return ";".join([*kept, source]) + rest


def _name(param: str) -> str:
    return param.partition("=")[0].strip(BLANK).lower()
