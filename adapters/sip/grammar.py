"""The small rules that all of SIP's text shares (RFC 3261 25.1).

Inside the SIP layer text is ``str`` decoded as latin-1: each octet is one character, so
whatever a peer sends can be echoed octet by octet, valid UTF-8 or not.  ``text`` turns
such a string into what a person should see, ``wire`` turns a person's string into such
a one.

Nothing here may be slow on hostile input: every pattern is a character class repeated
once, and every scan looks at each character a bounded number of times.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from adapters.sip.message import Request

Read = TypeVar("Read")

REMEMBERED, REMEMBERED_LENGTH = 2048, 256
BLANK = " \t"  # Not str.strip()'s own idea: that would eat the last octet of "à" in UTF-8.

is_spelled_as_token = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+").fullmatch
is_spelled_as_host = re.compile(r"[A-Za-z0-9._-]+").fullmatch
is_spelled_as_ipv6 = re.compile(r"[0-9A-Fa-f:.]+").fullmatch
percent_escape = re.compile(r"%(?:([0-9A-Fa-f]{2})|)")
quoted_pair = re.compile(r"\\(.)", re.DOTALL)


class Malformed(Exception):
    """What a peer sent is not SIP.  Its fault, never ours.

    ``reason`` is a short stable name to count by.  ``status`` is what to answer, 0 where
    silence is the only right answer (a response, an ACK).  ``request`` is the request as
    far as it could be read, just enough for ``response_to``; None where not even its Via
    says who waits for an answer.
    """

    def __init__(self, reason: str, status: int = 400, request: "Request | None" = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.request = request


def text(value: str) -> str:
    """What a person should see: the octets read as UTF-8."""
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def wire(value: str) -> str:
    """The inverse of ``text``: a person's string as the octets that will be sent."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("latin-1")


class Known(dict[str, Read]):
    """What was read of a text; a flood of invented ones only empties it."""

    def __init__(self, read: Callable[[str], Read]) -> None:
        self.read = read

    def __missing__(self, value: str) -> Read:
        found = self.read(value)
        if len(value) < REMEMBERED_LENGTH:
            if len(self) >= REMEMBERED:
                self.clear()
            self[value] = found
        return found


def remembered(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """What was read lately is not read again: a dialog's headers say the same in each message.

    Only for what nobody can change once it is read.  Long values are not worth the memory.
    What is known costs no frame of Python, which a cache in a function would.
    """
    return Known(read).__getitem__


def is_token(value: str) -> bool:
    """RFC 3261 25.1 token.  Nearly all that are met are plain letters and digits."""
    return (value.isalnum() and value.isascii()) or is_spelled_as_token(value) is not None


def quoted(value: str) -> str:
    """As a quoted-string that nothing can break out of (RFC 3261 25.1).

    CR, LF and NUL cannot stand in one, not even escaped as far as real peers go; they
    become spaces.
    """
    safe = value.translate({0: " ", 10: " ", 13: " "})
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(value: str) -> str:
    """The content of a quoted-string; anything else is taken as it stands."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    inner = value[1:-1]
    return quoted_pair.sub(r"\1", inner) if "\\" in inner else inner


def end_of_quotes(value: str, start: int) -> int:
    """Where the quoted-string that opens at ``start`` is closed; -1 where it never is."""
    at = start + 1
    while True:
        close = value.find('"', at)
        if close < 0:
            return -1
        escape = value.find("\\", at, close)
        if escape < 0:
            return close
        at = escape + 2


def split_at(value: str, separator: str) -> list[str]:
    """Cut at separators that stand outside quotes and angle brackets, and trim the pieces.

    Quotes or brackets that are never closed hold the rest of the value together.
    """
    if separator not in value:
        return [value.strip(BLANK)]
    if '"' not in value and "<" not in value:
        return [piece.strip(BLANK) for piece in value.split(separator)]
    pieces = []
    start = at = 0
    opener = re.compile(f'[{separator}"<]')
    while found := opener.search(value, at):
        at = found.start()
        if value[at] == separator:
            pieces.append(value[start:at].strip(BLANK))
            start = at = at + 1
            continue
        close = end_of_quotes(value, at) if value[at] == '"' else value.find(">", at)
        if close < 0:
            break
        at = close + 1
    pieces.append(value[start:].strip(BLANK))
    return pieces


def parameters(pieces: list[str], reason: str) -> dict[str, str]:
    """``;name=value`` pieces, names in lower case, quotes taken off, "" where there is no value.

    RFC 3261 7.3.1: no name may appear twice.  Two readers that would pick different ones
    are how requests are smuggled, so it is refused.
    """
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        name = name.strip(BLANK).lower()
        value = value.strip(BLANK)
        if not is_token(name) or name in found:
            raise Malformed(reason)
        if '"' in value:
            if value[0] != '"' or end_of_quotes(value, 0) != len(value) - 1:
                raise Malformed(reason)
            value = unquoted(value)
        found[name] = value
    return found


def unescaped(value: str, reason: str) -> str:
    """Percent-decoding, once and only once (RFC 4475 3.1.1.3), to octets."""
    if "%" not in value:
        return value

    def octet(match: re.Match[str]) -> str:
        if match[1] is None:
            raise Malformed(reason)
        return chr(int(match[1], 16))

    return percent_escape.sub(octet, value)


# The same few peers come again and again; a flood of invented ones only empties the cache.
@lru_cache(maxsize=512)
def host_and_port(value: str) -> tuple[str, int]:
    """``host[:port]`` in lower case, IPv6 without its brackets; port 0 where there is none."""
    if value[:1] == "[":
        host, bracket, rest = value[1:].partition("]")
        if not bracket or ":" not in host or is_spelled_as_ipv6(host) is None:
            raise Malformed("bad-host")
        rest = rest.strip(BLANK)
        if rest and rest[0] != ":":
            raise Malformed("bad-host")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = value.partition(":")
        host = host.rstrip(BLANK)
        if is_spelled_as_host(host) is None:
            raise Malformed("bad-host")
    if not colon:
        return host.lower(), 0
    number = decimal(port.strip(BLANK), 65_535)
    if number < 1:
        raise Malformed("bad-port")
    return host.lower(), number


def decimal(value: str, largest: int) -> int:
    """A number of at most ``largest``, or -1.  Leading zeros are legal (RFC 4475 3.1.1.1)."""
    if not value.isdecimal() or len(value) > 64:
        return -1
    number = int(value)
    return number if number <= largest else -1


def bracketed(host: str) -> str:
    """A host as it stands in a URI or Via: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
