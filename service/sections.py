"""The configuration as the service holds it: every key, its type, its rule, its default.

A field with a rule is a key of the file; one without is worked out when the file is
read.  All of it is frozen: a change at run time is an event of the log and makes a new
value (``service.settings``), and the file of the owner is never rewritten.
"""

from typing import Annotated, Literal, NamedTuple, get_type_hints

from msgspec import Struct
from msgspec.structs import force_setattr

from service import rules
from service.rules import HostPort, Listen, PortRange, Rule
from service.secret import Secret

LINES_MAX = 6
ALIAS_MAX = 999
CLIENTS_MAX = 9999

Mode = Literal["hotspot", "client"]
Monitor = Literal["multicast", "broadcast"]
Ring = Literal["all", "hotspot-first", "in-turn"]
Apply = Literal["live", "restart"]
Join = Literal["open", "key", "approve"]
Transport = Literal["udp", "tcp", "tls"]
AcceptFrom = Literal["server", "any"]
MediaMode = Literal["direct", "relay", "rtpengine"]
Durability = Literal["process", "power"]

# -- The tables of the file ------------------------------------------------------------


class Hotspot(Struct, frozen=True, kw_only=True):
    """``[hotspot]``: the service as the household sees it."""

    enabled: Annotated[bool, rules.boolean] = True
    mode: Annotated[Mode, rules.one_of(Mode)] = "hotspot"
    name: Annotated[str, rules.text(1, 64)] = "SIP Hotspot"
    monitor: Annotated[Monitor, rules.one_of(Monitor)] = "multicast"
    address: Annotated[str, rules.multicast_address] = "224.0.2.0"
    port: Annotated[int, rules.whole(1, 65535)] = 16360
    interface: Annotated[str | None, rules.text(1, 15)] = None  # All that are usable.
    ring_timeout: Annotated[int, rules.whole(1, 600)] = 60  # Seconds.
    ring: Annotated[Ring, rules.one_of(Ring)] = "all"
    ring_step: Annotated[int, rules.whole(1, 600)] = 15  # Seconds.
    client_transfer: Annotated[bool, rules.boolean] = False
    max_clients: Annotated[int, rules.whole(1, CLIENTS_MAX)] = 64
    apply: Annotated[Apply, rules.one_of(Apply)] = "live"
    join: Annotated[Join, rules.one_of(Join)] = "open"
    join_key_file: Annotated[str, rules.text(1, 4096)] = "join.key"
    join_key: Secret | None = None  # Read only where ``join`` asks for it.


class Sip(Struct, frozen=True, kw_only=True):
    """``[sip]``"""

    listen: Annotated[tuple[Listen, ...], rules.list_of(rules.sip_listen, least=1)] = (
        Listen("udp", "0.0.0.0", 5060),
        Listen("tcp", "0.0.0.0", 5060),
    )
    correlate: Annotated[bool, rules.boolean] = True  # X-CID on the legs toward phones.


class Line(Struct, frozen=True, kw_only=True):
    """``[[line]]``: an account, as its provider gave it."""

    number: Annotated[int, rules.whole(1, LINES_MAX)]
    enabled: Annotated[bool, rules.boolean] = True
    server: Annotated[HostPort, rules.host_port]
    user: Annotated[str, rules.user]
    auth_user: Annotated[str, rules.text()] = ""  # Default: ``user``.
    password: Annotated[Secret, rules.password]
    password_file: Annotated[str, rules.text(1, 4096)] = ""
    display_name: Annotated[str, rules.text()] = ""
    domain: Annotated[str, rules.domain] = ""  # Of the address-of-record; default: the server's.
    proxy: Annotated[HostPort | None, rules.optional_host_port] = None
    proxy_user: Annotated[str, rules.text()] = ""
    proxy_password_file: Annotated[str, rules.text(0, 4096)] = ""
    proxy_password: Secret | None = None
    backup_proxy: Annotated[HostPort | None, rules.optional_host_port] = None
    server_name: Annotated[str, rules.domain] = ""  # In its certificate; default: ``domain``.
    transport: Annotated[Transport, rules.one_of(Transport)] = "udp"
    hotspot: Annotated[bool, rules.boolean] = True
    prefix: Annotated[str, rules.prefix] = ""
    expires: Annotated[int, rules.whole(60, 86400)] = 3600  # Seconds.
    accept_from: Annotated[AcceptFrom, rules.one_of(AcceptFrom)] = "server"
    asserted_identity: Annotated[bool, rules.boolean] = False  # P-Asserted-Identity on calls out.

    def __post_init__(self) -> None:
        """Some defaults come from another key; nobody who reads them has to know."""
        force_setattr(self, "auth_user", self.auth_user or self.user)
        force_setattr(self, "domain", self.domain or rules.bracketed(self.server.host))
        force_setattr(self, "server_name", self.server_name or self.domain)


class Phone(Struct, frozen=True, kw_only=True):
    """``[[phone]]``: an ordinary SIP phone that does not speak the discovery protocol."""

    user: Annotated[str, rules.user]
    password: Annotated[Secret, rules.password]
    password_file: Annotated[str, rules.text(1, 4096)] = ""
    alias: Annotated[int | None, rules.whole(0, ALIAS_MAX)] = None  # The lowest free.
    lines: Annotated[
        tuple[int, ...] | None,  # None: every line that is shared.
        rules.list_of(rules.whole(1, LINES_MAX)),
    ] = None
    log_answered_elsewhere: Annotated[bool, rules.boolean] = False
    quiet: Annotated[bool, rules.boolean] = False  # It does not ring for calls from outside.


class Media(Struct, frozen=True, kw_only=True):
    """``[media]``"""

    mode: Annotated[MediaMode, rules.one_of(MediaMode)] = "relay"
    ports: Annotated[PortRange, rules.port_range] = PortRange(16384, 16999)


class Store(Struct, frozen=True, kw_only=True):
    """``[store]``"""

    url: Annotated[str, rules.store_url] = "sqlite:siphotspot.db"  # Relative to the state folder.
    durability: Annotated[Durability, rules.one_of(Durability)] = "process"
    keep_days: Annotated[int, rules.whole(1, 36500)] = 90

    def __repr__(self) -> str:
        """The address of a database may hold a password."""
        scheme, _, _ = self.url.partition("://")
        url = self.url if scheme == self.url else f"{scheme}://***"
        return f"Store(url={url!r}, durability={self.durability!r}, keep_days={self.keep_days})"


class Web(Struct, frozen=True, kw_only=True):
    """``[web]``"""

    listen: Annotated[Listen, rules.web_listen] = Listen("tcp", "127.0.0.1", 8088)


# -- The whole -------------------------------------------------------------------------


class Problem(Struct, frozen=True):
    """One thing in the file that is wrong, or that we pass over."""

    line: int  # 0: of the file as a whole.
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message

    def at(self, file: object) -> str:
        """As compilers say it, so that editors find the place."""
        return f"{file}:{self.line}: {self}" if self.line else f"{file}: {self}"


class Config(Struct, frozen=True, kw_only=True):
    """All of the file, with every default filled in and every secret read."""

    hotspot: Hotspot = Hotspot()
    sip: Sip = Sip()
    lines: tuple[Line, ...] = ()
    phones: tuple[Phone, ...] = ()
    media: Media = Media()
    store: Store = Store()
    web: Web = Web()
    passed_over: tuple[Problem, ...] = ()

    @classmethod
    def default(cls) -> "Config":
        """A ready hotspot without an account: the phones of the house can call each other."""
        return cls()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the file sets and this version does not act on yet, by name."""
        return tuple(str(each) for each in self.passed_over)

    def line(self, number: int) -> Line | None:
        return next((line for line in self.lines if line.number == number), None)

    def lines_of(self, phone: Phone) -> tuple[int, ...]:
        """The lines for which it rings; it calls out on the first."""
        if phone.lines is not None:
            return phone.lines
        return tuple(line.number for line in self.lines if line.hotspot)


# -- What the file may say -------------------------------------------------------------


class Table(NamedTuple):
    """A kind of table in the file and the keys that it knows."""

    kind: type[Struct]
    rules: dict[str, Rule]
    repeated: bool  # ``[[line]]``, not ``[line]``.


def table(kind: type[Struct], repeated: bool = False) -> Table:
    hints = get_type_hints(kind, include_extras=True)
    rules = {
        name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")
    }
    return Table(kind, rules, repeated)


TABLES = {
    "hotspot": table(Hotspot),
    "sip": table(Sip),
    "line": table(Line, repeated=True),
    "phone": table(Phone, repeated=True),
    "media": table(Media),
    "store": table(Store),
    "web": table(Web),
}
