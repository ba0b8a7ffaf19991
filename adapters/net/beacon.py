"""How hotspot and clients speak with each other before there is any SIP: the codec.

One datagram is one msgpack map of at most 1,200 octets.  ``v`` is the version, ``t`` the
kind, the other keys are the fields below; with a key ``ts`` (Unix milliseconds) and ``sig``
come on top (``signature``).  Keys that nobody knows are passed over.  ``decode`` holds what
comes from the network to every bound that is written here, and ``encode`` keeps to them.

Nothing outside knows how a datagram is spelled, so the codec of another maker's phones can
stand beside this one.
"""

from ipaddress import ip_address
from typing import Annotated, Any, Final, get_args

import msgpack
from msgspec import Meta, Struct, ValidationError, convert, to_builtins
from msgspec.structs import replace

from adapters.net.signature import is_signed, is_stale, signature

VERSION: Final = 1
OCTETS_MAX: Final = 1200
LINES_MAX: Final = 6
NAME_MAX: Final = 64
DISPLAY_MAX: Final = 32  # Also of a line's label: six of them must fit into a datagram.
OCTETS_A_CHARACTER: Final = 3  # In UTF-8, on average; what is longer is cut.

Identity = Annotated[bytes, Meta(min_length=16, max_length=16)]
Mac = Annotated[bytes, Meta(min_length=6, max_length=6)]
Name = Annotated[str, Meta(max_length=NAME_MAX)]
Display = Annotated[str, Meta(max_length=DISPLAY_MAX)]
Prefix = Annotated[str, Meta(pattern=r"\A[0-9*#]{0,16}\Z")]
User = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,40}\Z")]
Password = Annotated[str, Meta(pattern=r"\A[!-~]{0,44}\Z")]
Domain = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9.:\[\]-]{1,64}\Z")]
Transport = Annotated[str, Meta(pattern=r"\A(udp|tcp|tls)\Z")]
Reason = Annotated[str, Meta(pattern=r"\A(closed|full|key|approve|version)\Z")]
Word = Annotated[str, Meta(pattern=r"\A[a-z-]{0,32}\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Number = Annotated[int, Meta(ge=1, le=LINES_MAX)]
Alias = Annotated[int, Meta(ge=1, le=9999)]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
TimeToLive = Annotated[int, Meta(ge=15, le=3600)]  # Seconds.


class Sip(Struct, frozen=True, array_like=True):
    """Where SIP is spoken; ``host`` is an IP address."""

    transport: Transport
    host: Annotated[str, Meta(max_length=45)]
    port: Port


class Label(Struct, frozen=True, array_like=True):
    """A line that the hotspot shares, as people know it."""

    number: Number
    label: Display
    prefix: Prefix


class Grant(Struct, frozen=True, array_like=True):
    """What a client registers with for one line.  The password is in no ``repr``."""

    number: Number
    user: User
    password: Password
    domain: Domain

    def __repr__(self) -> str:
        return f"Grant(number={self.number}, user={self.user!r}, domain={self.domain!r})"

    def __rich_repr__(self) -> Any:
        yield from (("number", self.number), ("user", self.user), ("domain", self.domain))


class Solicit(Struct, frozen=True, tag_field="t", tag="solicit"):
    """Client to group: who is there?"""

    client: Identity


class Beacon(Struct, frozen=True, tag_field="t", tag="beacon"):
    """Hotspot to group, every few seconds and when somebody solicits."""

    hotspot: Identity
    name: Name
    epoch: Count  # Rises at each activation.
    seq: Count
    sip: Sip
    lines: Annotated[tuple[Label, ...], Meta(max_length=LINES_MAX)]
    ttl: TimeToLive


class Join(Struct, frozen=True, tag_field="t", tag="join"):
    """Client to hotspot, again every third of the time to live."""

    client: Identity
    hotspot: Identity
    mac: Mac
    name: Name
    model: Name
    sip: Sip
    alias: Alias | None = None  # Wanted again; None asks for the one it had.


class Welcome(Struct, frozen=True, tag_field="t", tag="welcome"):
    """Hotspot to client: joined, and this is what to register with."""

    client: Identity
    hotspot: Identity
    epoch: Count
    alias: Alias
    display: Display
    lines: Annotated[tuple[Grant, ...], Meta(max_length=LINES_MAX)]
    ttl: TimeToLive


class Deny(Struct, frozen=True, tag_field="t", tag="deny"):
    """Hotspot to client: not joined.  ``closed``, ``full``, ``key``, ``approve``, ``version``."""

    client: Identity
    hotspot: Identity
    reason: Reason


class Leave(Struct, frozen=True, tag_field="t", tag="leave"):
    """Client to hotspot: its user disconnected it."""

    client: Identity
    hotspot: Identity


class Goodbye(Struct, frozen=True, tag_field="t", tag="goodbye"):
    """Hotspot to group and to each client: this activation is over."""

    hotspot: Identity
    epoch: Count
    reason: Word


Datagram = Solicit | Beacon | Join | Welcome | Deny | Leave | Goodbye
KINDS = {kind.__struct_config__.tag for kind in get_args(Datagram)}


class Dropped(Exception):
    """A datagram that is not taken.  ``reason`` is a short stable name to count by.

    ``malformed``, ``oversize``, ``version``, ``unknown-type``, ``unsigned``, ``signature`` or
    ``stale``.  ``client`` and ``hotspot`` are there where it was a join all the same, so
    that its sender can be told why (``Deny``: ``version`` or ``key``).
    """

    def __init__(
        self, reason: str, client: bytes | None = None, hotspot: bytes | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.client = client
        self.hotspot = hotspot


# -- Out -----------------------------------------------------------------------------------


def encode(datagram: Datagram, key: bytes | None, at_ns: int) -> bytes:
    """The octets to send.  With a key they are signed, and a welcome bears no password.

    Names that people gave are cut where they are too long.  Any other value out of bounds
    is a mistake of the caller: ``ValueError``.
    """
    if key is not None and isinstance(datagram, Welcome):
        lines = tuple(replace(grant, password="") for grant in datagram.lines)
        datagram = replace(datagram, lines=lines)
    fields = to_builtins(cut(datagram), builtin_types=(bytes,))
    try:
        checked(fields)
    except ValueError as error:
        raise ValueError(f"{type(datagram).__name__} cannot be sent: {error}") from None
    fields["v"] = VERSION
    if key is not None:
        fields["ts"] = at_ns // 1_000_000
        fields["sig"] = signature(key, packed(fields))
    data = packed(fields)
    assert len(data) <= OCTETS_MAX, "the bounds above leave room for all of them"
    return data


def packed(fields: dict[str, Any]) -> bytes:
    return bytes(msgpack.packb({name: fields[name] for name in sorted(fields)}))


def cut(datagram: Datagram) -> Datagram:
    match datagram:
        case Beacon():
            lines = tuple(
                replace(line, label=fitted(line.label, DISPLAY_MAX)) for line in datagram.lines
            )
            return replace(datagram, name=fitted(datagram.name, NAME_MAX), lines=lines)
        case Join():
            name, model = fitted(datagram.name, NAME_MAX), fitted(datagram.model, NAME_MAX)
            return replace(datagram, name=name, model=model)
        case Welcome():
            return replace(datagram, display=fitted(datagram.display, DISPLAY_MAX))
    return datagram


def fitted(text: str, characters_max: int) -> str:
    """A person's words as far as they fit, and without what would not be seen."""
    seen = "".join(character for character in text if character.isprintable())
    octets = seen[:characters_max].encode()[: characters_max * OCTETS_A_CHARACTER]
    return octets.decode(errors="ignore")


# -- In ------------------------------------------------------------------------------------


def decode(data: bytes, key: bytes | None, at_ns: int) -> Datagram:
    """What the datagram says, every bound kept; raises ``Dropped`` and nothing else.

    Without a key a signature is not looked at.
    """
    if len(data) > OCTETS_MAX:
        raise Dropped("oversize")
    fields = unpacked(data)
    joining = identities(fields)
    if key is not None:
        prove(fields, key, at_ns // 1_000_000, joining)
    version = fields.get("v")
    if type(version) is not int or version < 1:
        raise Dropped("malformed")
    if version > VERSION:
        raise Dropped("version", *joining)
    kind = fields.get("t")
    if not isinstance(kind, str):
        raise Dropped("malformed")
    if kind not in KINDS:
        raise Dropped("unknown-type")
    try:
        return checked(fields)
    except ValueError:
        raise Dropped("malformed") from None


def unpacked(data: bytes) -> dict[str, Any]:
    try:
        fields = msgpack.unpackb(data)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
        raise Dropped("malformed") from None
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise Dropped("malformed")
    return fields


def identities(fields: dict[str, Any]) -> tuple[bytes | None, bytes | None]:
    """Who wants to join whom, in any version; no one where it is no join."""
    client, hotspot = fields.get("client"), fields.get("hotspot")
    if fields.get("t") == "join" and is_identity(client) and is_identity(hotspot):
        return client, hotspot
    return None, None


def is_identity(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 16


def prove(
    fields: dict[str, Any], key: bytes, now_ms: int, joining: tuple[bytes | None, bytes | None]
) -> None:
    claimed, sent_ms = fields.pop("sig", None), fields.get("ts")
    if not isinstance(claimed, bytes) or type(sent_ms) is not int:
        raise Dropped("unsigned", *joining)
    try:
        proven = is_signed(key, packed(fields), claimed)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise Dropped("malformed") from None
    if not proven:
        raise Dropped("signature", *joining)
    if is_stale(sent_ms, now_ms):
        raise Dropped("stale", *joining)


def checked(fields: dict[str, Any]) -> Datagram:
    """Raises ``ValueError`` that names the field where a bound is not kept."""
    try:
        datagram: Datagram = convert(fields, Datagram, builtin_types=(bytes,))
    except ValidationError as error:
        raise ValueError(str(error)) from None
    match datagram:
        case Beacon():
            check_texts(datagram.name, *(line.label for line in datagram.lines))
            check_numbers(datagram.lines)
            check_sip(datagram.sip)
        case Join():
            check_texts(datagram.name, datagram.model)
            check_sip(datagram.sip)
        case Welcome():
            check_texts(datagram.display)
            check_numbers(datagram.lines)
    return datagram


def check_texts(*texts: str) -> None:
    for text in texts:
        if not text.isprintable():
            raise ValueError("a name is not one line of printable characters")


def check_numbers(lines: tuple[Label | Grant, ...]) -> None:
    if len({line.number for line in lines}) < len(lines):
        raise ValueError("a line stands twice in `$.lines`")


def check_sip(sip: Sip) -> None:
    address = ip_address(sip.host)
    if address.is_unspecified or address.is_multicast or "%" in sip.host:
        raise ValueError(f"nobody can be reached at `$.sip` host {sip.host}")
