"""The life of an uplink: one hotspot as its client sees it, from its first beacon on.

In client mode a device has no account of its own.  It hears a hotspot, joins it if it is
the one to follow, and is welcomed with an alias and with lines, which it registers like
any account (S15).  While it is connected it follows no other.  The hotspot says goodbye,
is silent for too long, or denies us: then the lines it lent are withdrawn at once.  The
user may disconnect it; then it is joined again at the user's word only (S18).

    ABSENT -> FOUND -> JOINING -> CONNECTED -> LOST, CLEARED or LEFT -> JOINING

An activation of a hotspot has a number that only rises, its epoch.  With a new epoch the
credentials of the one before are dead, so we join again; an older one, or one that was
ended by a goodbye, is somebody repeating what was true once.

The passwords of the lines are in no event.  Who keeps them, asks again for what nobody
answered and counts the time to live is the adapter; what it asks of us is to decide.
"""

from collections.abc import Callable
from enum import StrEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import (
    HotspotFound,
    JoinBegan,
    JoinFailed,
    UplinkChanged,
    UplinkCleared,
    UplinkConnected,
    UplinkLeft,
    UplinkLost,
)
from core.events.discovered import (
    BeaconHeard,
    ClientModeEnded,
    DenyArrived,
    GoodbyeArrived,
    JoinUnanswered,
    UplinkTimedOut,
    UserConnected,
    UserDisconnected,
    WelcomeArrived,
)
from core.events.facts import Account, LentLine
from core.events.orders import SendJoin, SendLeave
from core.machines.life import Life

# -- Phases ------------------------------------------------------------------------


class Phase(StrEnum):
    ABSENT = auto()
    FOUND = auto()
    JOINING = auto()
    CONNECTED = auto()
    LOST = auto()  # It fell silent.
    LEFT = auto()  # The user has disconnected it.
    CLEARED = auto()  # It said goodbye or denied us, or we are no client any more.


# -- The table ---------------------------------------------------------------------

UPLINK = Life(
    of="uplink",
    phases=Phase,
    rows=[
        # from            because of       to
        (Phase.ABSENT,    HotspotFound,    Phase.FOUND),
        (Phase.FOUND,     JoinBegan,       Phase.JOINING),
        (Phase.LOST,      JoinBegan,       Phase.JOINING),
        (Phase.LEFT,      JoinBegan,       Phase.JOINING),
        (Phase.CLEARED,   JoinBegan,       Phase.JOINING),
        (Phase.FOUND,     UplinkLeft,      Phase.LEFT),
        (Phase.LOST,      UplinkLeft,      Phase.LEFT),
        (Phase.CLEARED,   UplinkLeft,      Phase.LEFT),
        (Phase.JOINING,   JoinFailed,      Phase.FOUND),
        (Phase.JOINING,   UplinkConnected, Phase.CONNECTED),
        (Phase.JOINING,   UplinkLeft,      Phase.LEFT),
        (Phase.JOINING,   UplinkCleared,   Phase.CLEARED),
        (Phase.CONNECTED, UplinkLost,      Phase.LOST),
        (Phase.CONNECTED, UplinkLeft,      Phase.LEFT),
        (Phase.CONNECTED, UplinkCleared,   Phase.CLEARED),
    ],
)  # fmt: skip

EXPIRES_S = 600  # What we ask the registrar of the hotspot for.

# -- Memory ------------------------------------------------------------------------


class Uplink(Struct, frozen=True):
    """Only what a later decision needs, and what the user sees of a hotspot."""

    phase: Phase = Phase.ABSENT
    beacon: BeaconHeard | None = None  # The latest that counted.
    welcome: WelcomeArrived | None = None  # While it is connected: the latest that counted.
    alias: int = 0  # The one we had last.
    lines: tuple[LentLine, ...] = ()  # Those it lends us.
    epoch: int = 0  # The highest we have heard of.
    ended: int = -1  # The epoch that a goodbye has ended.

    def names(self) -> tuple[str, ...]:
        return tuple(lent.line for lent in self.lines)


NEWBORN = Uplink()


def is_over(uplink: Uplink) -> bool:
    return False  # A hotspot that is gone may come back.


def is_of_the_past(uplink: Uplink, epoch: int) -> bool:
    """An activation that another has followed, or that a goodbye has ended."""
    return epoch < uplink.epoch or epoch <= uplink.ended


# -- Decisions, in the order an uplink meets them ------------------------------------


def decide(uplink: Uplink, seen: Observed) -> Decisions:
    """What we do about it.  Pure; ``uplink`` already remembers ``seen``."""
    return WHILE[uplink.phase](uplink, seen)


def while_absent(uplink: Uplink, seen: Observed) -> Decisions:
    match seen:
        case BeaconHeard() if counts(uplink, seen.epoch):
            yield HotspotFound()
            if seen.fits:
                yield from join(uplink)


def while_apart(uplink: Uplink, seen: Observed) -> Decisions:
    """Found, lost or cleared."""
    match seen:
        case BeaconHeard(fits=True) if counts(uplink, seen.epoch):
            yield from join(uplink)
        case UserConnected():
            yield from join(uplink)
        case UserDisconnected():
            yield UplinkLeft()


def while_left(uplink: Uplink, seen: Observed) -> Decisions:
    match seen:
        case UserConnected():
            yield from join(uplink)


def while_joining(uplink: Uplink, seen: Observed) -> Decisions:
    match seen:
        case WelcomeArrived() if counts(uplink, seen.epoch):
            yield UplinkConnected(alias=seen.alias, lines=lent_by(uplink, seen))
        case DenyArrived(reason=reason):
            yield JoinFailed(why=DENIED_WHY.get(reason, reason))
        case JoinUnanswered():
            yield JoinFailed(why="it does not answer")
        case GoodbyeArrived() if uplink.ended == uplink.epoch:
            yield UplinkCleared(why="it said goodbye")
        case UserDisconnected():
            yield SendLeave()
            yield UplinkLeft()
        case ClientModeEnded():
            yield SendLeave()
            yield UplinkCleared(why="this device is no client any more")


def while_connected(uplink: Uplink, seen: Observed) -> Decisions:
    names = uplink.names()
    match seen:
        case BeaconHeard() if counts(uplink, seen.epoch):
            yield from follow(uplink, seen)
        case WelcomeArrived() if counts(uplink, seen.epoch):
            yield from change(uplink, seen)
        case DenyArrived(reason=reason):
            yield UplinkCleared(why=DENIED_WHY.get(reason, reason), withdrawn=names)
        case GoodbyeArrived() if uplink.ended == uplink.epoch:
            yield UplinkCleared(why="it said goodbye", withdrawn=names)
        case UplinkTimedOut():
            yield UplinkLost(why="nothing was heard of it", withdrawn=names)
        case UserDisconnected():
            yield SendLeave()
            yield UplinkLeft(withdrawn=names)
        case ClientModeEnded():
            yield SendLeave()
            yield UplinkCleared(why="this device is no client any more", withdrawn=names)


WHILE: dict[Phase, Callable[[Uplink, Observed], Decisions]] = {
    Phase.ABSENT: while_absent,
    Phase.FOUND: while_apart,
    Phase.JOINING: while_joining,
    Phase.CONNECTED: while_connected,
    Phase.LOST: while_apart,
    Phase.LEFT: while_left,
    Phase.CLEARED: while_apart,
}

DENIED_WHY = {
    "closed": "it is closed",
    "full": "it has no room for another client",
    "key": "it wants a join key that we do not hold",
    "approve": "its owner has not admitted us yet",
    "version": "it speaks another version",
}


def conclude(uplink: Uplink) -> Decisions:
    return ()


def counts(uplink: Uplink, epoch: int) -> bool:
    """Whether what was seen has been remembered: what is of the past has not."""
    return epoch == uplink.epoch and epoch > uplink.ended


def join(uplink: Uplink) -> Decisions:
    yield JoinBegan()
    yield SendJoin(alias=uplink.alias)


def follow(uplink: Uplink, seen: BeaconHeard) -> Decisions:
    """Its beacon says something new: another activation, or where it is now."""
    assert uplink.welcome is not None
    if seen.epoch > uplink.welcome.epoch:
        yield UplinkLost(why="it was switched off and on again", withdrawn=uplink.names())
        yield from join(uplink)
    elif lent_by(uplink, uplink.welcome) != uplink.lines:
        yield from change(uplink, uplink.welcome)


def change(uplink: Uplink, welcome: WelcomeArrived) -> Decisions:
    """Every line is registered anew: with another epoch its password is another."""
    lines = lent_by(uplink, welcome)
    kept = {lent.line for lent in lines}
    withdrawn = tuple(name for name in uplink.names() if name not in kept)
    yield UplinkChanged(alias=welcome.alias, lines=lines, withdrawn=withdrawn)


def lent_by(uplink: Uplink, welcome: WelcomeArrived) -> tuple[LentLine, ...]:
    """The accounts to register: the server is the hotspot (S16), where its beacon says."""
    transport, _, server = uplink.beacon.sip.partition(":") if uplink.beacon else ("", "", "")
    return tuple(
        LentLine(
            line=lent.line,
            account=Account(
                server=server,
                user=lent.user,
                auth_user=lent.user,
                domain=lent.domain or server,
                transport=transport,
                expires_s=EXPIRES_S,
                display_name=welcome.display,
            ),
        )
        for lent in welcome.lines
    )


# -- Record into memory --------------------------------------------------------------


def evolve(uplink: Uplink, event: Event) -> Uplink:
    """Remember one recorded event.  Asks nobody, refuses only what the table forbids."""
    phase = UPLINK[uplink.phase, type(event)]
    match event:
        case BeaconHeard(epoch=epoch) if not is_of_the_past(uplink, epoch):
            return replace(uplink, beacon=event, epoch=epoch)
        case WelcomeArrived(epoch=epoch) if not is_of_the_past(uplink, epoch):
            return replace(uplink, welcome=event, epoch=epoch)
        case GoodbyeArrived(epoch=epoch) if not is_of_the_past(uplink, epoch):
            return replace(uplink, ended=epoch, epoch=epoch)
        case UserConnected():
            # His word counts for more than what anybody has said.
            return replace(uplink, epoch=NEWBORN.epoch, ended=NEWBORN.ended)
        case UplinkConnected(alias=alias, lines=lines) | UplinkChanged(alias=alias, lines=lines):
            return replace(uplink, phase=phase, alias=alias, lines=lines)
        case UplinkLost() | UplinkLeft() | UplinkCleared():
            return replace(uplink, phase=phase, welcome=None, lines=())
    return uplink if phase is uplink.phase else replace(uplink, phase=phase)
