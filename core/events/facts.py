"""What an observation carries besides plain values.

Facts are recorded inside observations and never stand alone in the log.  As with
events, a new field goes last and has a default.
"""

from typing import dataclass_transform

from msgspec import Struct, field


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Fact(Struct, frozen=True, array_like=True, gc=False):
    """Two are equal where all their fields are."""


class Target(Fact, kw_only=True):
    """Where one leg of a fork goes: a device of a phone, or the server of a line."""

    leg: str  # "3" for the phone with alias 3, "3.2" for its second device, "line" for the server.
    uri: str = ""  # The Request-URI: the Contact it registered, or the number at the line's domain.
    flow: str = ""  # The way it registered by, or the way to the line's server.
    told: bool = True  # Told that a call was completed elsewhere; else it shows a missed call.
    caller: str = ""  # The From of its INVITE, without a tag; where empty, the caller as he is.
    called: str = ""  # The To of its INVITE; where empty, the Request-URI.
    contact: str = ""  # The user of our Contact there.
    own: bool = False  # The hotspot's own phone; no client of it.
    waits: bool = True  # The caller waits for it also when the others have refused.


class Origin(Fact, kw_only=True):
    """What of a caller's INVITE its responses and the requests of its dialog need.

    RFC 3261 8.2.6.2 and 12.1.1.  Header values stand here as they were received.
    """

    flow: str = ""
    vias: tuple[str, ...] = ()
    caller: str = ""  # From
    called: str = ""  # To
    call_id: str = ""
    cseq: int = 0
    contact: str = ""  # The remote target.
    routes: tuple[str, ...] = ()  # The lines of Record-Route, as received.
    hops: int = 70  # Max-Forwards
    uri: str = "sip:siphotspot"  # The Request-URI.


class Peer(Fact, kw_only=True):
    """What a response with a To tag tells of the dialog (RFC 3261 12.1.2)."""

    tag: str = ""
    contact: str = ""
    routes: tuple[str, ...] = ()  # Record-Route, value by value; the route set is its reverse.


class Established(Fact, kw_only=True):
    """A dialog that one call takes over from another (RFC 3261 12); all as in its requests."""

    call_id: str = ""
    tag: str = ""
    local: str = ""  # From, with our tag.
    remote: str = ""  # To, with theirs.
    target: str = ""
    routes: tuple[str, ...] = ()
    contact: str = ""
    flow: str = ""
    cseq: int = 0  # The last that was spent, on either side.
    remote_cseq: int = 0
    session: int = 0  # Of our o= line, where a relay is between (RFC 4566 5.2).
    sdp_version: int = 0
    origin: str = ""  # The o= line it was told last, where no relay is between.


class Media(Fact, kw_only=True):
    """The ports of the relay, one even port a media stream; none in direct mode."""

    toward_caller: tuple[int, ...] = ()
    toward_legs: tuple[int, ...] = ()


class Challenge(Fact, kw_only=True):
    """A digest challenge (RFC 7616 3.3).  It holds nothing secret."""

    realm: str = ""
    nonce: str = ""  # Empty: there is none.
    opaque: str = ""
    algorithm: str = "MD5"
    qop: str = ""
    stale: bool = False
    proxy: bool = False  # Proxy-Authenticate: answered in Proxy-Authorization.

    def asker(self) -> tuple[bool, str]:
        """Who asks: a proxy on the way or the server itself, and its realm."""
        return self.proxy, self.realm


class Contact(Fact, kw_only=True):
    """One Contact of a REGISTER, and for how long it is asked to be kept."""

    uri: str
    expires_s: int


class Account(Fact, kw_only=True):
    """An account at its registrar, without its password."""

    server: str = ""
    user: str = ""
    auth_user: str = ""
    domain: str = ""
    proxies: tuple[str, ...] = ()  # Tried in turn; the server itself where there are none.
    transport: str = "udp"
    expires_s: int = 3600
    display_name: str = ""  # What a hotspot that lends it calls us.


class Lent(Fact, kw_only=True):
    """A line that a hotspot lends to a client: what to register as, without the password."""

    line: str
    user: str
    domain: str = ""


class LentLine(Fact, kw_only=True):
    """The same as the account that we register."""

    line: str
    account: Account
