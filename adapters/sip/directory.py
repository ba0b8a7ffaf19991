"""Who is who, as the owner configured it: what SIP needs to know of phones and lines.

Made by the service from its configuration; nothing of it is recorded.  Passwords are
asked for when a digest is computed and are held by whoever made this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from core.events.facts import Account


@dataclass(frozen=True)
class PhoneEntry:
    """A phone that registers with the hotspot.  ``lines`` are the numbers it rings for.

    A client that joined by discovery has one entry a line, all of them on one link.
    """

    user: str
    password: Callable[[], str] = field(repr=False)
    lines: tuple[str, ...] = ()
    told: bool = True  # Told that a call was completed elsewhere.
    client: str = ""  # Its id, where it joined by discovery.
    line: str = ""  # The one that this entry of it is for.
    name: str = ""  # What it calls itself.
    quiet: bool = False  # It is not to ring for calls from outside.
    attended: bool = True  # Somebody may be there to answer; else no caller waits for it alone.

    @cached_property
    def member(self) -> str:
        """By what the hotspot knows it: its aliases and its link bear this name."""
        return self.client or self.user

    @property
    def shown(self) -> str:
        return self.name or self.user


@dataclass(frozen=True)
class LineEntry:
    """An account at a provider.  ``shared``: this line is associated with the hotspot (S12)."""

    number: str
    account: Account
    password: Callable[[], str] = field(repr=False)
    display_name: str = ""
    shared: bool = True
    prefix: str = ""
    accept_any: bool = False  # Calls from wherever, not only from its server.
    asserted_identity: bool = False  # Its calls out bear P-Asserted-Identity (RFC 3325).
    proxy_user: str = ""  # Where the outbound proxy asks for credentials of its own.
    proxy_password: Callable[[], str] = field(default=str, repr=False)


@dataclass(frozen=True)
class Directory:
    phones: dict[str, PhoneEntry] = field(default_factory=dict)
    lines: dict[str, LineEntry] = field(default_factory=dict)
    realm: str = "siphotspot"
    ring_s: int = 60
    ring: str = "all"  # Which of them ring when (``core.machines.ringing``).
    step_s: int = 15  # For how long phone 0 rings alone, or each in its turn.
    correlate: bool = True  # X-CID on the legs toward phones.
    joined: Mapping[str, PhoneEntry] = field(default_factory=dict)  # By user: by discovery.
    own: PhoneEntry | None = None  # The hotspot's own phone, alias 0; it needs no password.
    client_transfer: bool = False  # Phones of the house may hand their calls over as well.
    own_lines: Mapping[str, LineEntry] = field(default_factory=dict)  # Of a client: to be let go.
    is_client: bool = False  # Of another hotspot: here nothing but the own phone rings or dials.

    def line_of(self, number: str, account: Account) -> LineEntry | None:
        """By whose password this account registers, and signs off."""
        own = self.own_lines.get(number)
        return own if own and own.account == account else self.lines.get(number)

    def phone(self, user: str) -> PhoneEntry | None:
        return self.phones.get(user) or self.joined.get(user)

    def everybody(self) -> list[PhoneEntry]:
        return [*self.phones.values(), *self.joined.values()]

    def entries_of(self, member: str) -> list[PhoneEntry]:
        """One of a phone, one a line of a client, its lowest line first."""
        return [phone for phone in self.everybody() if phone.member == member]
