"""Who is meant: SIP URIs and the headers that carry them (RFC 3261 19.1 and 20.10).

Read only where a decision needs their structure; on the way through, a From or a
Contact stays the string that it was.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from adapters.sip.grammar import (
    BLANK,
    Malformed,
    bracketed,
    end_of_quotes,
    host_and_port,
    is_spelled_as_token,
    is_token,
    parameters,
    remembered,
    split_at,
    unescaped,
    unquoted,
)

# Separators make an unquoted display name ambiguous (RFC 4475 3.1.2.15).  Octets above
# ASCII are not legal there either, but many phones send them and nothing is lost by it.
is_plain_display = re.compile(r"[A-Za-z0-9.!%*_+`'~ \t\x80-\xff-]*").fullmatch
never_in_uri = re.compile(r"[\x00-\x20<>\"\x7f]").search
is_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*").fullmatch
needs_escape = re.compile(r"[^A-Za-z0-9\-_.!~*'()&=+$,;?/]")


class Address(NamedTuple):
    """A name-addr or addr-spec with the parameters of its header, not of its URI."""

    display: str
    uri: str
    params: Mapping[str, str]


class Uri(NamedTuple):
    """A URI taken apart.  ``port`` is 0 and ``user`` empty where there is none.

    ``user`` is percent-decoded and without a password; written into a URI again it must
    pass ``escaped_user``.  Of a scheme other than sip and sips, ``user`` holds all that is
    not a parameter and ``host`` is empty.
    """

    scheme: str
    user: str
    host: str
    port: int
    params: Mapping[str, str]
    headers: str


@remembered
def address(value: str) -> Address:
    """From, To, Contact, Route, Refer-To … as one value; ``*`` is a Contact too."""
    value = value.strip(BLANK)
    if value == "*":
        return Address("", "*", {})
    if value[:1] == '"':
        close = end_of_quotes(value, 0)
        if close < 0:
            raise Malformed("bad-address")
        display = unquoted(value[: close + 1])
        blank, bracket, rest = value[close + 1 :].partition("<")
        if not bracket or blank.strip(BLANK):
            raise Malformed("bad-address")
    else:
        display, bracket, rest = value.partition("<")
        if not bracket:
            return _without_brackets(value)
        if is_plain_display(display) is None:
            raise Malformed("bad-address")
        display = display.strip(BLANK)
    inner, bracket, tail = rest.partition(">")
    inner = inner.strip(BLANK)
    tail = tail.strip(BLANK)
    if not bracket or never_in_uri(inner) or ":" not in inner:
        raise Malformed("bad-address")
    if not tail:
        return Address(display, inner, {})
    if tail[0] != ";":
        raise Malformed("bad-address")
    return Address(display, inner, parameters(split_at(tail[1:], ";"), "bad-address"))


def _without_brackets(value: str) -> Address:
    """Everything after the first semicolon belongs to the header (RFC 3261 20.10).

    A comma or question mark would need the brackets, and guessing at them would bind
    something else than was meant (RFC 4475 3.1.2.13).
    """
    inner, semicolon, tail = value.partition(";")
    inner = inner.strip(BLANK)
    if never_in_uri(inner) or ":" not in inner or "?" in inner or "," in inner:
        raise Malformed("bad-address")
    if not semicolon:
        return Address("", inner, {})
    return Address("", inner, parameters(split_at(tail, ";"), "bad-address"))


@remembered
def tag_of(value: str) -> str:
    """The tag of a From or To, "" where it has none; refuses what ``address`` refuses.

    All messages of a dialog say the same two, and where one is new, nearly always only its tag
    is, and the rest is remembered.  An empty tag is none to some and one to others, so it is
    refused.
    """
    who, marked, tag = value.rpartition(";tag=")
    if not marked and is_bare(value):
        return ""
    if is_spelled_as_token(tag) and is_bare(who):
        return tag
    params = address(value).params
    if "tag" in params and not is_token(params["tag"]):
        raise Malformed("bad-address")
    return params.get("tag", "")


@remembered
def is_bare(value: str) -> bool:
    """Whether it is an address in angle brackets and nothing after them."""
    try:
        return value[-1:] == ">" and not address(value).params
    except Malformed:
        return False


@remembered
def uri(value: str) -> Uri:
    """RFC 3261 19.1.1, and any other scheme as far as its name (RFC 4475 3.3.2)."""
    scheme, colon, rest = value.partition(":")
    if not colon or not rest or is_scheme(scheme) is None or never_in_uri(value):
        raise Malformed("bad-uri")
    scheme = scheme.lower()
    if scheme not in ("sip", "sips"):
        opaque, *params = rest.split(";") if scheme == "tel" else [rest]
        return Uri(scheme, opaque, "", 0, parameters(params, "bad-uri"), "")
    userinfo, at, place = rest.rpartition("@")
    user = userinfo.partition(":")[0]
    if (at and not user) or "@" in userinfo:
        raise Malformed("bad-uri")
    place, _, headers = place.partition("?")
    sent_to, *params = place.split(";")
    host, port = host_and_port(sent_to)
    named = parameters([unescaped(param, "bad-uri") for param in params], "bad-uri")
    return Uri(scheme, unescaped(user, "bad-uri"), host, port, named, headers)


def escaped_user(user: str) -> str:
    """A user as it may stand in a URI (RFC 3261 25.1): no way to become host or header."""
    return needs_escape.sub(lambda found: f"%{ord(found[0]):02X}", user)


def sip_uri(user: str, host: str, port: int = 0) -> str:
    """``sip:user@host:port``, each part only where there is one."""
    who = f"{escaped_user(user)}@" if user else ""
    return f"sip:{who}{bracketed(host)}:{port}" if port else f"sip:{who}{bracketed(host)}"


@remembered
def user_of(value: str) -> str:
    """The user of a URI or of a From, To or Contact; "" where there is none to be found."""
    try:
        return uri(address(value).uri).user
    except Malformed:
        return ""
