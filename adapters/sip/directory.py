"""Who is who, as the owner configured it: what SIP needs to know of phones and lines.

Made by the service from its configuration; nothing of it is recorded.  Passwords are
asked for when a digest is computed and are held by whoever made this.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from core.events.facts import Account


@dataclass(frozen=True)
class PhoneEntry:
    """A phone that registers with the hotspot.  ``lines`` are the numbers it rings for."""

    user: str
    password: Callable[[], str] = field(repr=False)
    lines: tuple[str, ...] = ()
    told: bool = True  # Told that a call was completed elsewhere.


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


@dataclass(frozen=True)
class Directory:
    phones: dict[str, PhoneEntry] = field(default_factory=dict)
    lines: dict[str, LineEntry] = field(default_factory=dict)
    realm: str = "siphotspot"
    ring_s: int = 60
    correlate: bool = True  # X-CID on the legs toward phones.
