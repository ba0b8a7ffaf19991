"""The life of the hotspot: whether it serves, and who is who in the house.

Switched on, it waits for a line to be registered (S5), then it opens.  Without a
registered line it stalls and opens again with the next one; the phones keep their
links meanwhile and can call each other.  Where there is no account at all, that is what
it is for, and it waits for none.  Switched off, it has every call and every
client let go, strikes each off its list as it reports, and is disabled when the list is
empty.  Its own lines stay registered (S20).

    DISABLED -> WAITING <-> OPEN -> DEACTIVATING -> DISABLED

It also keeps the words on its settings (the latest on a key wins, whoever said it), those
that wait for the next start of the service, and the aliases of its clients, which outlive
them: the lowest free number, for ever.  Guests are those clients that nobody has listed:
they came by discovery.  As a client of another hotspot (``hotspot.mode``) this device is
none itself.
"""

import json
from collections.abc import Callable
from enum import StrEnum, auto
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    AliasGiven,
    AliasTaken,
    DeactivationBegan,
    HotspotDisabled,
    HotspotEnabled,
    HotspotOpened,
    HotspotStalled,
)
from core.events.discovered import ClientAdmitted, ClientMet
from core.events.observed import (
    ClientListed,
    ClientUnlisted,
    LineCameUp,
    LinesCounted,
    LineWentDown,
    MemberGone,
    SettingChanged,
    SettingPostponed,
)
from core.machines.life import Life

STREAM = "hotspot:main"
ENABLED = "hotspot.enabled"
MODE = "hotspot.mode"
CLIENT = "client"  # The mode in which we follow another hotspot.
SWITCHES = (ENABLED, MODE)
GUESTS_MAX = 10_000  # So many are remembered with their aliases, until the owner unlists some.
ANY = -1  # No alias, or whichever is free.

# -- Phases ------------------------------------------------------------------------


class Phase(StrEnum):
    DISABLED = auto()
    WAITING = auto()  # For a registered line.
    OPEN = auto()
    DEACTIVATING = auto()


# -- The table ---------------------------------------------------------------------

HOTSPOT = Life(
    of="hotspot",
    phases=Phase,
    rows=[
        # from               because of         to
        (Phase.DISABLED,     HotspotEnabled,    Phase.WAITING),
        (Phase.WAITING,      HotspotOpened,     Phase.OPEN),
        (Phase.OPEN,         HotspotStalled,    Phase.WAITING),
        (Phase.WAITING,      DeactivationBegan, Phase.DEACTIVATING),
        (Phase.OPEN,         DeactivationBegan, Phase.DEACTIVATING),
        (Phase.DEACTIVATING, HotspotDisabled,   Phase.DISABLED),
    ],
)  # fmt: skip

# -- Memory ------------------------------------------------------------------------


class Setting(Struct, frozen=True):
    """The latest word on a key, as JSON, and what the file says of it."""

    value: str
    in_file: str = ""


class Waiting(Struct, frozen=True):
    """A word that counts from the next start on, as JSON, and whose it is."""

    value: str
    who: str


class Hotspot(Struct, frozen=True):
    """Only what a later decision needs."""

    phase: Phase = Phase.DISABLED
    epoch: int = 0
    lines: frozenset[str] = frozenset()  # Those registered now.
    pending: frozenset[str] = frozenset()  # Who has still to be seen off.
    aliases: dict[str, int] = {}  # By client.
    settings: dict[str, Setting] = {}
    guests: frozenset[str] = frozenset()  # Clients that came by discovery.
    admitted: frozenset[str] = frozenset()  # Those that the owner lets join.
    postponed: dict[str, Waiting] = {}  # By key.
    has_account: bool = True  # Unless it has been told otherwise.

    def setting(self, key: str) -> Any:
        word = self.settings.get(key)
        return json.loads(word.value) if word else None

    def is_wanted(self) -> bool:
        return bool(self.setting(ENABLED)) and not self.is_client()

    def is_client(self) -> bool:
        return bool(self.setting(MODE) == CLIENT)

    def has_room_for(self, client: str) -> bool:
        return client in self.guests or len(self.guests) < GUESTS_MAX

    def is_serving(self) -> bool:
        """Clients may register and call."""
        return self.phase in (Phase.WAITING, Phase.OPEN)


NEWBORN = Hotspot()


def is_over(hotspot: Hotspot) -> bool:
    return False


# -- Decisions -----------------------------------------------------------------------


def decide(hotspot: Hotspot, seen: Observed) -> Decisions:
    """What we do about it.  Pure; ``hotspot`` already remembers ``seen``."""
    match seen:
        case ClientListed(client=client, alias=wanted):
            yield from give_alias(hotspot, client, wanted)
        case ClientMet(client=client, alias=wanted):
            yield from give_free_alias(hotspot, client, wanted)
        case ClientUnlisted(client=client) if client in hotspot.aliases:
            yield AliasTaken(client=client)
        case _:
            yield from WHILE[hotspot.phase](hotspot, seen)


def while_disabled(hotspot: Hotspot, seen: Observed) -> Decisions:
    match seen:
        case SettingChanged() if hotspot.is_wanted():
            yield HotspotEnabled(epoch=hotspot.epoch + 1)


def while_serving(hotspot: Hotspot, seen: Observed) -> Decisions:
    """Waiting or open."""
    match seen:
        case SettingChanged() if not hotspot.is_wanted():
            yield DeactivationBegan()


def while_deactivating(hotspot: Hotspot, seen: Observed) -> Decisions:
    """Switched on again meanwhile, it is still seen to its end first."""
    yield from ()


WHILE: dict[Phase, Callable[[Hotspot, Observed], Decisions]] = {
    Phase.DISABLED: while_disabled,
    Phase.WAITING: while_serving,
    Phase.OPEN: while_serving,
    Phase.DEACTIVATING: while_deactivating,
}


def conclude(hotspot: Hotspot) -> Decisions:
    """What follows from who is there now."""
    phase, epoch = hotspot.phase, hotspot.epoch
    if phase is Phase.DEACTIVATING and not hotspot.pending:
        yield HotspotDisabled()
        if not hotspot.is_wanted():
            return
        yield HotspotEnabled(epoch=epoch + 1)
        phase = Phase.WAITING
    is_ready = bool(hotspot.lines) or not hotspot.has_account
    if phase is Phase.WAITING and is_ready:
        yield HotspotOpened()
    elif phase is Phase.OPEN and not is_ready:
        yield HotspotStalled()


def give_alias(hotspot: Hotspot, client: str, wanted: int) -> Decisions:
    """The one its owner chose, else the one it has, else the lowest free."""
    has = hotspot.aliases.get(client, ANY)
    holder = next((name for name, alias in hotspot.aliases.items() if alias == wanted), client)
    taken = set(hotspot.aliases.values())
    if wanted not in (ANY, has):
        if holder != client:
            yield AliasTaken(client=holder)
        yield AliasGiven(client=client, alias=wanted)
        if holder != client:  # It moves to what is free now; nobody is left without a number.
            yield AliasGiven(client=holder, alias=lowest_free(taken - {has}))
    elif has == ANY:
        yield AliasGiven(client=client, alias=lowest_free(taken))


def give_free_alias(hotspot: Hotspot, client: str, wanted: int) -> Decisions:
    """A guest takes no number from anybody: the one it would like where that is free."""
    taken = set(hotspot.aliases.values())
    if wanted > 0 and wanted not in taken:
        yield AliasGiven(client=client, alias=wanted)
    elif client not in hotspot.aliases:
        yield AliasGiven(client=client, alias=lowest_free(taken))


def lowest_free(taken: set[int]) -> int:
    return next(n for n in range(1, len(taken) + 2) if n not in taken)


# -- Record into memory --------------------------------------------------------------


def evolve(hotspot: Hotspot, event: Event) -> Hotspot:
    """Remember one recorded event.  Asks nobody, refuses only what the table forbids."""
    phase = HOTSPOT[hotspot.phase, type(event)]
    if phase is not hotspot.phase:
        hotspot = replace(hotspot, phase=phase)
    match event:
        case SettingChanged():
            return remember_setting(hotspot, event)
        case SettingPostponed():
            return postpone(hotspot, event)
        case HotspotEnabled(epoch=epoch):
            return replace(hotspot, epoch=epoch)
        case LinesCounted(count=count):
            return replace(hotspot, has_account=count > 0)
        case LineCameUp(line=line):
            return replace(hotspot, lines=hotspot.lines | {line})
        case LineWentDown(line=line):
            return replace(hotspot, lines=hotspot.lines - {line})
        case ClientMet(client=client):
            return replace(hotspot, guests=hotspot.guests | {client})
        case ClientAdmitted(client=client, admitted=True):
            return replace(hotspot, admitted=hotspot.admitted | {client})
        case ClientAdmitted(client=client):
            return replace(hotspot, admitted=hotspot.admitted - {client})
        case ClientUnlisted(client=client):
            guests, admitted = hotspot.guests - {client}, hotspot.admitted - {client}
            return replace(hotspot, guests=guests, admitted=admitted)
        case MemberGone(member=member):
            return replace(hotspot, pending=hotspot.pending - {member})
        case AliasGiven(client=client, alias=alias):
            return replace(hotspot, aliases={**hotspot.aliases, client: alias})
        case AliasTaken(client=client):
            kept = {name: alias for name, alias in hotspot.aliases.items() if name != client}
            return replace(hotspot, aliases=kept)
    return hotspot


def remember_setting(hotspot: Hotspot, seen: SettingChanged) -> Hotspot:
    """The latest word wins, whoever said it (the file speaks at each start, when it changed)."""
    known = hotspot.settings.get(seen.key)
    in_file = seen.value if seen.who == "file" else known.in_file if known else ""
    word = Setting(value=seen.value, in_file=in_file)
    hotspot = replace(
        hotspot,
        settings={**hotspot.settings, seen.key: word},
        postponed=without(hotspot.postponed, seen.key),
    )
    if seen.key in SWITCHES and hotspot.phase is not Phase.DEACTIVATING:
        return replace(hotspot, pending=frozenset(seen.members))
    return hotspot


def postpone(hotspot: Hotspot, seen: SettingPostponed) -> Hotspot:
    postponed = without(hotspot.postponed, seen.key)
    known = hotspot.settings.get(seen.key)
    if known is None or known.value != seen.value:
        postponed[seen.key] = Waiting(value=seen.value, who=seen.who)
    return replace(hotspot, postponed=postponed)


def without(postponed: dict[str, Waiting], key: str) -> dict[str, Waiting]:
    return {each: word for each, word in postponed.items() if each != key}
