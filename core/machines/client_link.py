"""The life of a client link: one phone of the house, from its first REGISTER to the last.

A phone registers and is bound: its address-of-record is now known to be at a contact,
for a while (RFC 3261 10).  It may be bound from several devices at once, and each of
them rings.  It registers again before its time is up; if it does not, that binding
expires.  With the last binding the phone is lost, until it comes back.  When the hotspot
is switched off every binding is removed and the link is cleared.

    ABSENT -> CONNECTED <-> LOST
                     \\-> CLEARED -> CONNECTED, when the hotspot is on again

Its alias is not its own: the hotspot keeps it, so that it outlives the link.
"""

from collections.abc import Callable
from enum import StrEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    BindingRemoved,
    BindingSet,
    LinkCleared,
    LinkConnected,
    LinkLost,
)
from core.events.observed import BindingExpired, ClientRemoved, HotspotClosing, RegisterArrived
from core.events.orders import AcceptRegister, RefuseRegister, StartTimer, StopTimer
from core.machines.life import Life

# -- Phases ------------------------------------------------------------------------


class Phase(StrEnum):
    ABSENT = auto()
    CONNECTED = auto()
    LOST = auto()  # It was here; its last binding has gone.
    CLEARED = auto()  # The hotspot has let go of it.


# -- The table ---------------------------------------------------------------------

LINK = Life(
    of="link",
    phases=Phase,
    rows=[
        # from            because of     to
        (Phase.ABSENT,    LinkConnected, Phase.CONNECTED),
        (Phase.LOST,      LinkConnected, Phase.CONNECTED),
        (Phase.CLEARED,   LinkConnected, Phase.CONNECTED),
        (Phase.CONNECTED, LinkLost,      Phase.LOST),
        (Phase.CONNECTED, LinkCleared,   Phase.CLEARED),
        (Phase.LOST,      LinkCleared,   Phase.CLEARED),
    ],
)  # fmt: skip

EXPIRY = BindingExpired.__name__

EXPIRES_MIN_S = 30
EXPIRES_MAX_S = 3600
DEVICES_MAX = 8

# -- Memory ------------------------------------------------------------------------


class Binding(Struct, frozen=True):
    """Where one device of the phone is."""

    contact: str
    flow: str
    device: int
    call_id: str  # Of the REGISTER that set it, with its CSeq: an older one changes nothing.
    cseq: int
    expires_s: int
    agent: str = ""


class Link(Struct, frozen=True):
    """Only what a later decision needs."""

    phase: Phase = Phase.ABSENT
    bindings: dict[str, Binding] = {}  # By contact.
    seen: RegisterArrived | None = None  # The REGISTER whose turn it is.

    def free_device(self) -> int:
        taken = {binding.device for binding in self.bindings.values()}
        return next(n for n in range(1, len(taken) + 2) if n not in taken)


NEWBORN = Link()


def is_over(link: Link) -> bool:
    return False  # A phone that is gone may come back.


# -- Decisions -----------------------------------------------------------------------


def decide(link: Link, seen: Observed) -> Decisions:
    """What we do about it.  Pure; ``link`` already remembers ``seen``."""
    return WHILE[link.phase](link, seen)


def while_unbound(link: Link, seen: Observed) -> Decisions:
    """Absent, lost or cleared."""
    match seen:
        case RegisterArrived() if code := refusal(link, seen):
            yield RefuseRegister(code=code, min_expires_s=EXPIRES_MIN_S if code == 423 else 0)
        case RegisterArrived():
            if any(wanted(seen).values()):
                yield LinkConnected()
            yield from bind(link, seen)
            yield AcceptRegister()
        case HotspotClosing() | ClientRemoved() if link.phase is Phase.LOST:
            yield LinkCleared(why=CLEARED_WHY[type(seen)])


def while_connected(link: Link, seen: Observed) -> Decisions:
    match seen:
        case RegisterArrived() if code := refusal(link, seen):
            yield RefuseRegister(code=code, min_expires_s=EXPIRES_MIN_S if code == 423 else 0)
        case RegisterArrived(everything=True):
            yield from unbind(link, link.bindings, why="the phone has signed off")
            yield LinkLost(why="the phone has signed off")
            yield AcceptRegister()
        case RegisterArrived():
            yield from bind(link, seen)
            if is_last_word(link, seen):
                yield LinkLost(why="the phone has signed off")
            yield AcceptRegister()
        case BindingExpired(about=contact) if contact in link.bindings:
            yield BindingRemoved(contact=contact, why="it was not refreshed")
            if len(link.bindings) == 1:
                yield LinkLost(why="it was not refreshed")
        case HotspotClosing() | ClientRemoved():
            why = CLEARED_WHY[type(seen)]
            yield from unbind(link, link.bindings, why)
            yield LinkCleared(why=why)


WHILE: dict[Phase, Callable[[Link, Observed], Decisions]] = {
    Phase.ABSENT: while_unbound,
    Phase.LOST: while_unbound,
    Phase.CLEARED: while_unbound,
    Phase.CONNECTED: while_connected,
}

CLEARED_WHY: dict[type[Observed], str] = {
    HotspotClosing: "the hotspot was deactivated",
    ClientRemoved: "its owner has removed it",
}


def conclude(link: Link) -> Decisions:
    yield from ()


def refusal(link: Link, seen: RegisterArrived) -> int:
    """Why this REGISTER changes nothing at all, or 0 (RFC 3261 10.3, steps 6 and 7)."""
    touched = link.bindings if seen.everything else wanted(seen)
    if any(is_stale(link.bindings[uri], seen) for uri in touched if uri in link.bindings):
        return 500
    if any(0 < contact.expires_s < EXPIRES_MIN_S for contact in seen.contacts):
        return 423
    new = [uri for uri, for_s in wanted(seen).items() if for_s and uri not in link.bindings]
    return 503 if len(link.bindings) + len(new) > DEVICES_MAX else 0


def wanted(seen: RegisterArrived) -> dict[str, int]:
    """How long each contact is to be kept; of one that is named twice the last word counts."""
    return {contact.uri: contact.expires_s for contact in seen.contacts}


def is_stale(binding: Binding, seen: RegisterArrived) -> bool:
    """Out of order.  The very REGISTER that set it is a repetition, and welcome."""
    return binding.call_id == seen.call_id and binding.cseq > seen.cseq


def bind(link: Link, seen: RegisterArrived) -> Decisions:
    """Each contact for itself: set, refreshed, or removed where it asks for 0 seconds."""
    for contact, for_s in wanted(seen).items():
        bound = link.bindings.get(contact)
        if for_s:
            device = bound.device if bound else link.free_device()
            yield from bind_device(contact, min(for_s, EXPIRES_MAX_S), seen.flow, device)
            if bound is None:
                link = replace(link, bindings={**link.bindings, contact: held(device)})
        elif bound:
            yield from unbind(link, [contact], why="the phone has signed off")


def bind_device(contact: str, for_s: int, flow: str, device: int) -> Decisions:
    yield BindingSet(contact=contact, expires_s=for_s, flow=flow, device=device)
    yield StartTimer(timer=EXPIRY, after_s=for_s, about=contact)


def unbind(link: Link, contacts: list[str] | dict[str, Binding], why: str) -> Decisions:
    for contact in contacts:
        yield BindingRemoved(contact=contact, why=why)
        yield StopTimer(timer=EXPIRY, about=contact)


def is_last_word(link: Link, seen: RegisterArrived) -> bool:
    """It takes back every binding there is, and asks for none."""
    asked = wanted(seen)
    return not any(asked.values()) and bool(link.bindings) and asked.keys() >= set(link.bindings)


def held(device: int) -> Binding:
    """Holds the number of a device that this same REGISTER has just bound."""
    return Binding("", "", device, "", 0, 0)


# -- Record into memory --------------------------------------------------------------


def evolve(link: Link, event: Event) -> Link:
    """Remember one recorded event.  Asks nobody, refuses only what the table forbids."""
    phase = LINK[link.phase, type(event)]
    match event:
        case RegisterArrived():
            return replace(link, seen=event)
        case BindingSet(contact=contact, flow=flow, device=device, expires_s=expires_s):
            assert link.seen is not None
            seen = link.seen
            binding = Binding(contact, flow, device, seen.call_id, seen.cseq, expires_s, seen.agent)
            return replace(link, bindings={**link.bindings, contact: binding})
        case BindingRemoved(contact=contact):
            kept = {uri: bound for uri, bound in link.bindings.items() if uri != contact}
            return replace(link, bindings=kept)
    return link if phase is link.phase else replace(link, phase=phase)
