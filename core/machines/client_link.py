"""The life of a client link: one phone of the house, from its first word to the last.

A phone registers and is bound: its address-of-record is now known to be at a contact,
for a while (RFC 3261 10).  It may be bound from several devices at once, and each of
them rings.  It registers again before its time is up; if it does not, that binding
expires.  With the last binding the phone is lost, until it comes back.  When the hotspot
is switched off every binding is removed and the link is cleared.

A client that finds the hotspot by itself joins first and is welcomed with credentials for
each line that is shared; it registers for them one by one, and stays connected as long
as it says so in time, whatever its bindings do.  It may leave, and be denied.

    ABSENT -> CONNECTED <-> LOST or LEFT
                     \\-> CLEARED -> CONNECTED, when the hotspot is on again

Its alias is not its own: the hotspot keeps it, so that it outlives the link.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    BindingRemoved,
    BindingSet,
    LinkCleared,
    LinkConnected,
    LinkLeft,
    LinkLost,
)
from core.events.discovered import JoinArrived, LeaveArrived, LinkTimedOut
from core.events.observed import BindingExpired, ClientRemoved, HotspotClosing, RegisterArrived
from core.events.orders import (
    AcceptRegister,
    DenyClient,
    DismissClient,
    RefuseRegister,
    StartTimer,
    StopTimer,
    WelcomeClient,
)
from core.machines.life import Life

# -- Phases ------------------------------------------------------------------------


class Phase(StrEnum):
    ABSENT = auto()
    CONNECTED = auto()
    LOST = auto()  # It was here; its last binding has gone, or nothing was heard of it.
    LEFT = auto()  # Its user has disconnected it.
    CLEARED = auto()  # The hotspot has let go of it.


# -- The table ---------------------------------------------------------------------

LINK = Life(
    of="link",
    phases=Phase,
    rows=[
        # from            because of     to
        (Phase.ABSENT,    LinkConnected, Phase.CONNECTED),
        (Phase.LOST,      LinkConnected, Phase.CONNECTED),
        (Phase.LEFT,      LinkConnected, Phase.CONNECTED),
        (Phase.CLEARED,   LinkConnected, Phase.CONNECTED),
        (Phase.CONNECTED, LinkLost,      Phase.LOST),
        (Phase.CONNECTED, LinkLeft,      Phase.LEFT),
        (Phase.CONNECTED, LinkCleared,   Phase.CLEARED),
        (Phase.LOST,      LinkCleared,   Phase.CLEARED),
    ],
)  # fmt: skip

EXPIRY = BindingExpired.__name__

EXPIRES_MIN_S = 30
EXPIRES_MAX_S = 3600
DEVICES_MAX = 8  # For each line.

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
    line: str = ""


class Link(Struct, frozen=True):
    """Only what a later decision needs, and what its owner sees of a client."""

    phase: Phase = Phase.ABSENT
    bindings: dict[str, Binding] = {}  # By line and contact: ``key_of``.
    seen: RegisterArrived | None = None  # The REGISTER whose turn it is.
    client: JoinArrived | None = None  # As it joined last.
    joined: bool = False
    denied: JoinArrived | None = None  # As it was denied last, and not welcomed since.

    def of_line(self, line: str) -> dict[str, Binding]:
        return {key: bound for key, bound in self.bindings.items() if bound.line == line}

    def free_device(self, line: str) -> int:
        taken = {binding.device for binding in self.of_line(line).values()}
        return next(n for n in range(1, len(taken) + 2) if n not in taken)


NEWBORN = Link()


def is_over(link: Link) -> bool:
    return False  # A phone that is gone may come back.


# -- Decisions -----------------------------------------------------------------------


def decide(link: Link, seen: Observed) -> Decisions:
    """What we do about it.  Pure; ``link`` already remembers ``seen``."""
    return WHILE[link.phase](link, seen)


def while_unbound(link: Link, seen: Observed) -> Decisions:
    """Absent, lost, left or cleared."""
    match seen:
        case JoinArrived(refusal="", alias=alias):
            yield LinkConnected()
            yield WelcomeClient(alias=alias)
        case JoinArrived(refusal=reason):
            yield DenyClient(reason=reason)
        case RegisterArrived() if code := refusal(link, seen):
            yield refused(code)
        case RegisterArrived():
            if any(wanted(seen).values()):
                yield LinkConnected()
            yield from bind(link, seen)
            yield AcceptRegister()
        case HotspotClosing() | ClientRemoved() if link.phase is Phase.LOST:
            yield from clear(link, seen)


def while_connected(link: Link, seen: Observed) -> Decisions:
    match seen:
        case JoinArrived(refusal="", alias=alias):
            yield WelcomeClient(alias=alias)
        case JoinArrived(refusal=reason):
            why = DENIED_WHY.get(reason, reason)
            yield from unbind(link, link.bindings, why)
            yield LinkCleared(why=why)
            yield DenyClient(reason=reason)
        case RegisterArrived() if code := refusal(link, seen):
            yield refused(code)
        case RegisterArrived(everything=True):
            yield from unbind(link, link.of_line(seen.line), "the phone has signed off")
            yield from lose(link, "the phone has signed off")
            yield AcceptRegister()
        case RegisterArrived():
            yield from bind(link, seen)
            if is_last_word(link, seen):
                yield from lose(link, "the phone has signed off")
            yield AcceptRegister()
        case BindingExpired(about=key) if key in link.bindings:
            yield from unbind(link, [key], "it was not refreshed", has_expired=True)
            if len(link.bindings) == 1:
                yield from lose(link, "it was not refreshed")
        case LeaveArrived() if link.joined:
            yield from unbind(link, link.bindings, "its user has disconnected it")
            yield LinkLeft()
        case LinkTimedOut() if link.joined:
            yield from unbind(link, link.bindings, "nothing was heard of it")
            yield LinkLost(why="nothing was heard of it")
        case HotspotClosing() | ClientRemoved():
            yield from clear(link, seen)


WHILE: dict[Phase, Callable[[Link, Observed], Decisions]] = {
    Phase.ABSENT: while_unbound,
    Phase.LOST: while_unbound,
    Phase.LEFT: while_unbound,
    Phase.CLEARED: while_unbound,
    Phase.CONNECTED: while_connected,
}

CLEARED_WHY: dict[type[Observed], tuple[str, str]] = {
    HotspotClosing: ("the hotspot was deactivated", "deactivated"),
    ClientRemoved: ("its owner has removed it", "removed"),
}
DENIED_WHY = {
    "closed": "the hotspot is closed",
    "full": "there are too many clients",
    "key": "it does not hold the key",
    "approve": "its owner has not admitted it",
}


def conclude(link: Link) -> Decisions:
    return ()


def clear(link: Link, seen: Observed) -> Decisions:
    """Also one that is lost is told, in case it is there after all."""
    why, word = CLEARED_WHY[type(seen)]
    yield from unbind(link, link.bindings, why)
    yield LinkCleared(why=why)
    if link.client:
        yield DismissClient(reason=word)


def lose(link: Link, why: str) -> Decisions:
    """A phone is here as long as it is bound, a client that has joined until it goes."""
    if not link.joined:
        yield LinkLost(why=why)


def key_of(line: str, contact: str) -> str:
    """A client may register one contact for several lines, and each has its own time."""
    return f"{line} {contact}" if line else contact


def refusal(link: Link, seen: RegisterArrived) -> int:
    """Why this REGISTER changes nothing at all, or 0 (RFC 3261 10.3, steps 6 and 7)."""
    if bool(seen.line) is not link.joined:
        return 403
    bound = {binding.contact: binding for binding in link.of_line(seen.line).values()}
    touched = bound if seen.everything else wanted(seen)
    if any(is_stale(bound[uri], seen) for uri in touched if uri in bound):
        return 500
    if any(0 < contact.expires_s < EXPIRES_MIN_S for contact in seen.contacts):
        return 423
    new = [uri for uri, for_s in wanted(seen).items() if for_s and uri not in bound]
    return 503 if len(bound) + len(new) > DEVICES_MAX else 0


def refused(code: int) -> RefuseRegister:
    return RefuseRegister(code=code, min_expires_s=EXPIRES_MIN_S if code == 423 else 0)


def wanted(seen: RegisterArrived) -> dict[str, int]:
    """How long each contact is to be kept; of one that is named twice the last word counts."""
    return {contact.uri: contact.expires_s for contact in seen.contacts}


def is_stale(binding: Binding, seen: RegisterArrived) -> bool:
    """Out of order.  The very REGISTER that set it is a repetition, and welcome."""
    return binding.call_id == seen.call_id and binding.cseq > seen.cseq


def bind(link: Link, seen: RegisterArrived) -> Decisions:
    """Each contact for itself: set, refreshed, or removed where it asks for 0 seconds."""
    for contact, for_s in wanted(seen).items():
        key = key_of(seen.line, contact)
        bound = link.bindings.get(key)
        if for_s:
            device = bound.device if bound else link.free_device(seen.line)
            yield from bind_device(contact, min(for_s, EXPIRES_MAX_S), seen, device)
            if bound is None:
                link = replace(link, bindings={**link.bindings, key: held(device, seen.line)})
        elif bound:
            yield from unbind(link, [key], "the phone has signed off")


def bind_device(contact: str, for_s: int, seen: RegisterArrived, device: int) -> Decisions:
    line = seen.line
    yield BindingSet(contact=contact, expires_s=for_s, flow=seen.flow, device=device, line=line)
    yield StartTimer(timer=EXPIRY, after_s=for_s, about=key_of(line, contact))


def unbind(link: Link, keys: Iterable[str], why: str, has_expired: bool = False) -> Decisions:
    for key in keys:
        bound = link.bindings[key]
        yield BindingRemoved(contact=bound.contact, why=why, line=bound.line)
        if not has_expired:
            yield StopTimer(timer=EXPIRY, about=key)


def is_last_word(link: Link, seen: RegisterArrived) -> bool:
    """It takes back every binding there is, and asks for none."""
    asked = wanted(seen)
    bound = {binding.contact for binding in link.bindings.values()}
    return not any(asked.values()) and bool(bound) and asked.keys() >= bound


def held(device: int, line: str) -> Binding:
    """Holds the number of a device that this same REGISTER has just bound."""
    return Binding("", "", device, "", 0, 0, line=line)


# -- Record into memory --------------------------------------------------------------


def evolve(link: Link, event: Event) -> Link:
    """Remember one recorded event.  Asks nobody, refuses only what the table forbids."""
    phase = LINK[link.phase, type(event)]
    match event:
        case RegisterArrived():
            return replace(link, seen=event)
        case JoinArrived(refusal=""):
            return replace(link, client=event, joined=True, denied=None)
        case JoinArrived():
            return replace(link, denied=event)
        case ClientRemoved():
            return replace(link, denied=None)
        case LinkLost() | LinkLeft() | LinkCleared():
            return replace(link, phase=phase, joined=False)
        case BindingSet():
            return with_binding(link, event)
        case BindingRemoved(contact=contact, line=line):
            key = key_of(line, contact)
            kept = {name: bound for name, bound in link.bindings.items() if name != key}
            return replace(link, bindings=kept)
    return link if phase is link.phase else replace(link, phase=phase)


def with_binding(link: Link, event: BindingSet) -> Link:
    assert link.seen is not None
    seen = link.seen
    binding = Binding(
        event.contact,
        event.flow,
        event.device,
        seen.call_id,
        seen.cseq,
        event.expires_s,
        seen.agent,
        event.line,
    )
    return replace(link, bindings={**link.bindings, key_of(event.line, event.contact): binding})
