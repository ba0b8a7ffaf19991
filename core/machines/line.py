"""The life of a line, from its first REGISTER to the last.

A line is an account at a registrar: our own, or one that a hotspot lends to us.  Once
it is configured it registers, and again before its binding runs out.  Where the
registrar refuses or is silent, it waits, longer each time, and tries again.  Switched
off, it takes its binding back and is kept; withdrawn, it is cleared as well, and at once
where the lender is gone: then nothing of it is left here, whatever is still under way.

A challenge is answered once (and again where only the nonce was too old), a 423 by
asking for the time the registrar wants, a silent or overloaded registrar by trying the
next way to it, the backup proxy, before waiting.

What the owner wishes may change at any time, but a REGISTER under way is never
overtaken by another: the wish is remembered and acted upon when the answer is there.

    UNCONFIGURED -> REGISTERING -> REGISTERED <-> REFRESHING
                            FAILED, waiting       UNREGISTERING -> KEPT or UNCONFIGURED

Read downwards, as ``call``.
"""

from collections.abc import Callable
from enum import StrEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from core.events.base import Decisions, Event, Observed
from core.events.decided import LineCleared, LineFailed, LineKept, LineRegistered
from core.events.facts import Account
from core.events.observed import (
    LineConfigured,
    LineSwitchedOff,
    LineSwitchedOn,
    LineWithdrawn,
    RefreshDue,
    RegistrarUnreachable,
    RegistrationAccepted,
    RegistrationChallenged,
    RegistrationRefused,
    RetryDue,
)
from core.events.orders import (
    AuthorizeRegistration,
    RegisterLine,
    StartTimer,
    StopTimer,
    UnregisterLine,
)
from core.machines.life import Life

# -- Phases ------------------------------------------------------------------------


class Phase(StrEnum):
    UNCONFIGURED = auto()
    REGISTERING = auto()
    REGISTERED = auto()
    REFRESHING = auto()  # Registered, and a REGISTER is under way.
    FAILED = auto()  # Waiting to try again.
    UNREGISTERING = auto()
    KEPT = auto()  # Configured, and not to be registered.


class Wish(StrEnum):
    """What the owner wants of it."""

    CLEARED = auto()
    KEPT = auto()
    REGISTERED = auto()


# -- The table ---------------------------------------------------------------------

LINE = Life(
    of="line",
    phases=Phase,
    rows=[
        # from                because of      to
        (Phase.UNCONFIGURED,  RegisterLine,   Phase.REGISTERING),
        (Phase.KEPT,          RegisterLine,   Phase.REGISTERING),
        (Phase.FAILED,        RegisterLine,   Phase.REGISTERING),
        (Phase.REGISTERED,    RegisterLine,   Phase.REFRESHING),
        (Phase.REGISTERING,   LineRegistered, Phase.REGISTERED),
        (Phase.REFRESHING,    LineRegistered, Phase.REGISTERED),
        (Phase.REGISTERING,   LineFailed,     Phase.FAILED),
        (Phase.REFRESHING,    LineFailed,     Phase.FAILED),
        (Phase.REGISTERING,   RegisterLine,   Phase.REGISTERING),
        (Phase.REFRESHING,    RegisterLine,   Phase.REFRESHING),
        (Phase.REGISTERED,    UnregisterLine, Phase.UNREGISTERING),
        (Phase.REGISTERING,   LineKept,       Phase.KEPT),
        (Phase.REFRESHING,    LineKept,       Phase.KEPT),
        (Phase.FAILED,        LineKept,       Phase.KEPT),
        (Phase.UNREGISTERING, LineKept,       Phase.KEPT),
        (Phase.REGISTERED,    LineCleared,    Phase.UNCONFIGURED),
        (Phase.REGISTERING,   LineCleared,    Phase.UNCONFIGURED),
        (Phase.REFRESHING,    LineCleared,    Phase.UNCONFIGURED),
        (Phase.FAILED,        LineCleared,    Phase.UNCONFIGURED),
        (Phase.UNREGISTERING, LineCleared,    Phase.UNCONFIGURED),
        (Phase.KEPT,          LineCleared,    Phase.UNCONFIGURED),
    ],
)  # fmt: skip

WISHES: dict[type[Event], Wish] = {
    LineConfigured: Wish.REGISTERED,
    LineSwitchedOn: Wish.REGISTERED,
    LineSwitchedOff: Wish.KEPT,
    LineWithdrawn: Wish.CLEARED,
}

ANSWERS = (
    RegistrationAccepted,
    RegistrationChallenged,
    RegistrationRefused,
    RegistrarUnreachable,
)
UNDER_WAY = (Phase.REGISTERING, Phase.REFRESHING, Phase.UNREGISTERING)

REFRESH = RefreshDue.__name__
RETRY = RetryDue.__name__
RUNNING = {Phase.REGISTERED: REFRESH, Phase.FAILED: RETRY}  # The timer of a phase.

RETRY_FIRST_S = 60
RETRY_MAX_S = 1800
REFUSED_FIRST_S = 300  # 403 and its like: a wrong password does not mend itself in a minute.
REFRESH_EARLY_S = 60
AUTHORIZED_MAX = 3
TOO_BRIEF_MAX_S = 86_400
TRY_NEXT = (408, 500, 502, 503, 504)
DENIED = (401, 403, 407)  # What a registrar says to a wrong password.

# -- Memory ------------------------------------------------------------------------


class Line(Struct, frozen=True):
    """Only what a later decision needs."""

    phase: Phase = Phase.UNCONFIGURED
    wish: Wish = Wish.CLEARED
    account: Account = Account()
    failures: int = 0  # In a row.
    why: str = ""  # It failed last.
    proxy: int = 0  # The way to the registrar in use.
    tried: int = 0  # Ways tried since the last success.
    expires_s: int = 0  # What a 423 taught us; 0: what the account says.
    taught: int = 0  # How often since the last success.
    outdated: bool = False  # The REGISTER under way is for the account before this one.
    denied: bool = False  # The last answer did not accept our password, or asked for it.
    asker: tuple[bool, str] = (False, "")  # Who asked for it last (``Challenge.asker``).
    answered: tuple[tuple[bool, str], ...] = ()  # Whom, since the last REGISTER of its own.

    def is_denied(self) -> bool:
        return self.denied and self.phase is Phase.FAILED

    def asks_s(self) -> int:
        return self.expires_s or self.account.expires_s


NEWBORN = Line()


def is_over(line: Line) -> bool:
    return False  # An account that was cleared may be given again.


# -- Decisions, in the order a line meets them ---------------------------------------


def decide(line: Line, seen: Observed) -> Decisions:
    """What we do about it.  Pure; ``line`` already remembers ``seen``."""
    if isinstance(seen, LineWithdrawn) and seen.at_once:
        return forget(line)
    return WHILE[line.phase](line, seen)


def while_unconfigured(line: Line, seen: Observed) -> Decisions:
    match seen:
        case LineConfigured():
            yield from register(line)


def while_registering(line: Line, seen: Observed) -> Decisions:
    """Also while refreshing: a REGISTER is under way."""
    match seen:
        case _ if line.outdated and line.wish is Wish.REGISTERED and is_answer(seen):
            yield from register(line)
        case RegistrationAccepted(granted_s=granted_s) if granted_s > 0:
            yield LineRegistered()
            if line.wish is Wish.REGISTERED:
                yield StartTimer(timer=REFRESH, after_s=refresh_after_s(granted_s))
            else:
                yield UnregisterLine(proxy=line.proxy)
        case RegistrationChallenged() if may_authorize(line, seen):
            yield AuthorizeRegistration()
        case _ if not is_answer(seen):
            return
        case _ if line.wish is not Wish.REGISTERED:
            yield from settle(line)
        case RegistrationRefused(code=423, min_expires_s=wanted_s) if is_news(line, wanted_s):
            yield RegisterLine(expires_s=wanted_s, proxy=line.proxy)
        case _ if has_another_way(line, seen):
            yield RegisterLine(expires_s=line.asks_s(), proxy=next_proxy(line))
        case _:
            yield LineFailed(why=in_words(seen))
            yield StartTimer(timer=RETRY, after_s=retry_after_s(line, seen))


def while_registered(line: Line, seen: Observed) -> Decisions:
    match seen:
        case RefreshDue():
            yield from register(line)
        case LineConfigured():
            yield StopTimer(timer=REFRESH)
            yield from register(line)
        case LineSwitchedOff() | LineWithdrawn():
            yield StopTimer(timer=REFRESH)
            yield UnregisterLine(proxy=line.proxy)


def while_failed(line: Line, seen: Observed) -> Decisions:
    match seen:
        case RetryDue():
            yield from register(line)
        case LineConfigured() | LineSwitchedOn():
            yield StopTimer(timer=RETRY)
            yield from register(line)
        case LineSwitchedOff() | LineWithdrawn():
            yield StopTimer(timer=RETRY)
            yield from settle(line)


def while_unregistering(line: Line, seen: Observed) -> Decisions:
    """Whatever the registrar says to it in the end, this binding is no longer ours."""
    match seen:
        case RegistrationChallenged() if may_authorize(line, seen):
            yield AuthorizeRegistration()
        case _ if is_answer(seen):
            yield from settle(line)


def while_kept(line: Line, seen: Observed) -> Decisions:
    match seen:
        case LineConfigured() | LineSwitchedOn():
            yield from register(line)
        case LineWithdrawn():
            yield LineCleared()


WHILE: dict[Phase, Callable[[Line, Observed], Decisions]] = {
    Phase.UNCONFIGURED: while_unconfigured,
    Phase.REGISTERING: while_registering,
    Phase.REGISTERED: while_registered,
    Phase.REFRESHING: while_registering,
    Phase.FAILED: while_failed,
    Phase.UNREGISTERING: while_unregistering,
    Phase.KEPT: while_kept,
}


def conclude(line: Line) -> Decisions:
    return ()


def register(line: Line) -> Decisions:
    yield RegisterLine(expires_s=line.asks_s(), proxy=line.proxy)


def forget(line: Line) -> Decisions:
    """There is nobody to unregister with, and a REGISTER under way is answered to nobody."""
    if timer := RUNNING.get(line.phase):
        yield StopTimer(timer=timer)
    if line.phase is not Phase.UNCONFIGURED:
        yield LineCleared()


def settle(line: Line) -> Decisions:
    """No binding and no REGISTER under way: do as was wished."""
    if line.wish is Wish.CLEARED:
        yield LineCleared()
        return
    yield LineKept()
    if line.wish is Wish.REGISTERED:
        yield from register(line)


def is_answer(seen: Observed) -> bool:
    return isinstance(seen, ANSWERS)


def is_news(line: Line, wanted_s: int) -> bool:
    """A 423 is obeyed, once, where it asks for more than we have just asked for."""
    return not line.taught and line.asks_s() < wanted_s <= TOO_BRIEF_MAX_S


def may_authorize(line: Line, seen: RegistrationChallenged) -> bool:
    """Each who asks once, the proxy on the way and the registrar (RFC 3261 22.3).

    A few times more where only the nonce was too old (RFC 7616 3.3).  Never where it
    challenges the account before this one: the password is not for it.
    """
    if line.outdated or len(line.answered) >= AUTHORIZED_MAX:
        return False
    return seen.challenge.stale or line.asker not in line.answered


def has_another_way(line: Line, seen: Observed) -> bool:
    silent = isinstance(seen, RegistrarUnreachable)
    overloaded = isinstance(seen, RegistrationRefused) and seen.code in TRY_NEXT
    return (silent or overloaded) and line.tried + 1 < len(line.account.proxies)


def next_proxy(line: Line) -> int:
    return (line.proxy + 1) % max(1, len(line.account.proxies))


def in_words(seen: Observed) -> str:
    match seen:
        case RegistrationRefused(code=code):
            return f"the server refused the registration with {code}"
        case RegistrationChallenged():
            return "the server does not accept the password"
        case RegistrationAccepted():
            return "the server grants no time"
        case RegistrarUnreachable(why=why) if why:
            return why
    return "the server does not answer"


def refresh_after_s(granted_s: int) -> int:
    return max(granted_s - REFRESH_EARLY_S, granted_s // 2, 1)


def retry_after_s(line: Line, seen: Observed) -> int:
    """Twice as long each time, by half at random (RFC 5626 4.5); a Retry-After is obeyed."""
    draw = getattr(seen, "draw", 0.0)
    asked = getattr(seen, "retry_after_s", 0)
    code = getattr(seen, "code", 0)
    hopeless = isinstance(seen, RegistrationChallenged) or (400 <= code < 500 and code != 408)
    first = REFUSED_FIRST_S if hopeless else RETRY_FIRST_S
    longest = min(RETRY_MAX_S, first * 2 ** min(line.failures, 10))
    return max(min(asked, RETRY_MAX_S), int(longest * (1 + draw) / 2))


# -- Record into memory --------------------------------------------------------------


def evolve(line: Line, event: Event) -> Line:
    """Remember one recorded event.  Asks nobody, refuses only what the table forbids."""
    phase = LINE[line.phase, type(event)]
    match event:
        case LineConfigured(account=account):
            new = Line(phase=phase, wish=Wish.REGISTERED, account=account)
            return replace(new, outdated=line.phase in UNDER_WAY)
        case RegisterLine(proxy=proxy, expires_s=expires_s):
            tried = line.tried + 1 if proxy != line.proxy else line.tried
            taught = line.taught + 1 if expires_s != line.asks_s() else line.taught
            line = replace(line, phase=phase, proxy=proxy, expires_s=expires_s, outdated=False)
            return replace(line, tried=tried, taught=taught, answered=())
        case AuthorizeRegistration():
            return replace(line, answered=(*line.answered, line.asker))
        case UnregisterLine():
            return replace(line, phase=phase, answered=())
        case RegistrationChallenged(challenge=challenge):
            return replace(line, phase=phase, denied=True, asker=challenge.asker())
        case RegistrationRefused(code=code):
            return replace(line, phase=phase, denied=code in DENIED)
        case RegistrationAccepted() | RegistrarUnreachable():
            return replace(line, phase=phase, denied=False)
        case LineRegistered():
            return replace(line, phase=phase, failures=0, tried=0, taught=0, why="")
        case LineFailed(why=why):
            line = replace(line, phase=phase, failures=line.failures + 1, why=why)
            return replace(line, tried=0, taught=0)
        case LineKept():
            return replace(line, phase=phase, why="")
        case LineCleared():
            return Line(phase=phase, wish=line.wish)
    wish = line.wish if line.wish is Wish.CLEARED else WISHES.get(type(event), line.wish)
    if phase is line.phase and wish is line.wish:
        return line
    return replace(line, phase=phase, wish=wish)
