"""What a value in the configuration may be: one function for each kind of value.

A rule takes what TOML made of the file and returns what the service works with, or
refuses it in words that say what is allowed.  It never repeats a value in which a
password could stand: the refusal is printed, and may end up in a log.
"""

import json
import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Any, get_args

from msgspec import Struct

from service.secret import Secret

Rule = Callable[[object], Any]

CHARACTERS_MAX = 40
PORT_MAX = 65535
TRANSPORTS = ("udp", "tcp", "tls")


class Refused(ValueError):
    """What is wrong with a value, and what is allowed."""


def shown(value: object) -> str:
    """A value as it may have stood in the file, short enough for one line."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= CHARACTERS_MAX else f"{text[:CHARACTERS_MAX]}…"


# -- Addresses -----------------------------------------------------------------------


def bracketed(host: str) -> str:
    """A host as it is written in a URI (RFC 3986 3.2.2)."""
    return f"[{host}]" if ":" in host else host


class HostPort(Struct, frozen=True):
    """Where a request is sent; without a port the resolver finds one (RFC 3263 4.2)."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = bracketed(self.host)
        return host if self.port is None else f"{host}:{self.port}"


class Listen(Struct, frozen=True):
    """Where we listen.  Port 0 lets the system choose."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"


class PortRange(Struct, frozen=True):
    """Both ends belong to it.  It begins even, as RTP does (RFC 3550 11)."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __len__(self) -> int:
        return self.last - self.first + 1


HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{1,5}))?")
LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
HOST_CHARACTERS_MAX = 253


def split_host_port(text: str) -> tuple[str, int | None]:
    """``host``, ``host:port``, ``[v6]`` or ``[v6]:port``; raises ``ValueError`` otherwise."""
    found = HOST_PORT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    host: str = found["name"] if found["v6"] is None else str(IPv6Address(found["v6"]))
    port = None if found["port"] is None else int(found["port"])
    if port is not None and port > PORT_MAX:
        raise ValueError(text)
    return host, port


def is_host(host: str) -> bool:
    """An address or a name.  What ends in a number is an address (RFC 3261 25.1)."""
    if ":" in host:
        return True  # Was in brackets, and has been looked at.
    labels = host.removesuffix(".").split(".")
    if labels[-1].isdigit():
        try:
            IPv4Address(host)
        except AddressValueError:
            return False
        return True
    return len(host) <= HOST_CHARACTERS_MAX and all(map(LABEL.fullmatch, labels))


def host_port(value: object) -> HostPort:
    what = (
        'must be a host or host:port, as "sip.example.net", "192.0.2.1:5060" or'
        ' "[2001:db8::1]:5060", without "sip:" and without a user'
    )
    if not isinstance(value, str):
        raise Refused(what)
    try:
        host, port = split_host_port(value)
    except ValueError:
        raise Refused(what) from None
    if port == 0 or not is_host(host):
        raise Refused(what)
    return HostPort(host, port)


def optional_host_port(value: object) -> HostPort | None:
    return None if value == "" else host_port(value)


def domain(value: object) -> str:
    """The host of an address-of-record, as it is written in a URI; empty takes the default."""
    if value == "":
        return ""
    what = 'must be a domain or an address, as "example.net", without a port'
    try:
        target = host_port(value)
    except Refused:
        raise Refused(what) from None
    if target.port is not None:
        raise Refused(what)
    return str(target)


def address_port(value: object) -> tuple[str, int]:
    what = f'must be an address and a port, as "127.0.0.1:8088" or "[::1]:8088", not {shown(value)}'
    if not isinstance(value, str):
        raise Refused(what)
    try:
        host, port = split_host_port(value)
        host = str(ip_address(host))
    except ValueError:
        raise Refused(what) from None
    if port is None:
        raise Refused(what)
    return host, port


def web_listen(value: object) -> Listen:
    return Listen("tcp", *address_port(value))


def sip_listen(value: object) -> Listen:
    what = (
        f"must be transport:address:port with transport {listed(TRANSPORTS)},"
        f' as "udp:0.0.0.0:5060" or "tcp:[::]:5060", not {shown(value)}'
    )
    transport, _, where = value.partition(":") if isinstance(value, str) else ("", "", "")
    if transport not in TRANSPORTS:
        raise Refused(what)
    try:
        return Listen(transport, *address_port(where))
    except Refused:
        raise Refused(what) from None


def multicast_address(value: object) -> str:
    """An IPv4 group (RFC 5771); discovery has no other."""
    try:
        if isinstance(value, str) and (address := IPv4Address(value)).is_multicast:
            return str(address)
    except AddressValueError:
        pass
    raise Refused(
        f"must be a multicast address from 224.0.0.0 to 239.255.255.255, not {shown(value)}"
    )


MEDIA_PORT_MIN = 1024
MEDIA_PORTS_MIN = 4  # Two streams of one call, each with RTP and RTCP.


def port_range(value: object) -> PortRange:
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", value) if isinstance(value, str) else None
    if found is None:
        raise Refused(f'must be two ports, as "16384-16999", not {shown(value)}')
    ports = PortRange(int(found[1]), int(found[2]))
    if ports.first < MEDIA_PORT_MIN or ports.last > PORT_MAX:
        raise Refused(f"must lie between {MEDIA_PORT_MIN} and {PORT_MAX}, not {shown(value)}")
    if ports.first % 2:
        raise Refused(f"must begin with an even port, as RTP does, not {ports.first}")
    if ports.last - ports.first + 1 < MEDIA_PORTS_MIN:
        raise Refused(f"must hold at least {MEDIA_PORTS_MIN} ports, not {shown(value)}")
    return ports


# -- Truth, numbers, choices, lists ----------------------------------------------------


def listed(allowed: tuple[str, ...]) -> str:
    *others, last = map(shown, allowed)
    return f"{', '.join(others)} or {last}" if others else last


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused(f"must be true or false, not {shown(value)}")
    return value


def whole(least: int, most: int) -> Rule:
    def rule(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Refused(f"must be a whole number from {least} to {most}, not {shown(value)}")
        return value

    return rule


def one_of(choice: object) -> Rule:
    """One of the words of a ``Literal``."""
    allowed: tuple[str, ...] = get_args(choice)

    def rule(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise Refused(f"must be {listed(allowed)}, not {shown(value)}")
        return value

    return rule


def list_of(each: Rule, least: int = 0) -> Rule:
    """A list in which nothing stands twice."""

    def rule(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) < least:
            raise Refused("must be a list in [ ]" + (", not an empty one" if least else ""))
        items = tuple(map(each, value))
        if len(set(items)) < len(items):
            raise Refused("names the same thing twice")
        return items

    return rule


# -- Text ------------------------------------------------------------------------------


def text(least: int = 0, most: int = 128) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str):
            raise Refused(f"must be text in quotes, not {shown(value)}")
        if not value.isprintable():
            raise Refused("must be one line of printable characters")
        if not least <= len(value) <= most:
            raise Refused(f"must have {least} to {most} characters, not {len(value)}")
        return value

    return rule


def user(value: object) -> str:
    """The user part of a SIP URI (RFC 3261 25.1), as it is written there."""
    if not isinstance(value, str):
        raise Refused(f'must be text in quotes, as "4212", not {shown(value)}')
    if not re.fullmatch(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2}){1,128}", value):
        raise Refused("must be the user part of a SIP address alone: no blank, no @, no :")
    return value


def prefix(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9*#]{0,16}", value):
        raise Refused(f"must be at most 16 digits, * or #, not {shown(value)}")
    return value


def password(value: object) -> Secret:
    if not isinstance(value, str):
        raise Refused("must be text in quotes")
    if not value or not value.isprintable():
        raise Refused("must be one line of printable characters, and not empty")
    return Secret(value)


def store_url(value: object) -> str:
    """May name a user and a password, so a refusal does not repeat it."""
    if isinstance(value, str) and re.fullmatch(r"sqlite:[^\0]+|postgresql://\S+", value):
        return value
    raise Refused('must be "sqlite:" and a file, or "postgresql://" and a database')
