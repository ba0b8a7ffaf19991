"""Every phase of a line must have an answer to everything it could be told."""

from itertools import product

import pytest
from msgspec.structs import replace

from core.events import observed, orders
from core.events.base import Observed
from core.events.decided import LineCleared, LineFailed, LineKept, LineRegistered
from core.events.facts import Account, Challenge
from core.events.observed import (
    RegistrarUnreachable,
    RegistrationAccepted,
    RegistrationChallenged,
    RegistrationRefused,
)
from core.events.turn import Turn, remember, take
from core.machines import line as machine
from core.machines.line import ANSWERS, UNDER_WAY, Line, Phase, Wish
from tests.events.samples import every_observation

REGISTERS = (orders.RegisterLine, orders.UnregisterLine, orders.AuthorizeRegistration)
CHALLENGED = RegistrationChallenged(challenge=Challenge(realm="r", nonce="n"))
STALE = RegistrationChallenged(challenge=Challenge(realm="r", nonce="n", stale=True))
SEEN: list[Observed] = [
    *every_observation(),
    CHALLENGED,
    RegistrationAccepted(granted_s=0),
    RegistrationRefused(code=503),
    RegistrationRefused(code=423, min_expires_s=7200),
]
PROXIED = Account(user="7001", proxies=("a", "b"))


@pytest.mark.parametrize("seen", SEEN, ids=str)
@pytest.mark.parametrize("phase", Phase)
def test_has_an_answer_to_everything(phase: Phase, seen: Observed) -> None:
    for wish, outdated, tried in product(Wish, (False, True), (0, 1)):
        before = Line(phase, wish, PROXIED, outdated=outdated, tried=tried)
        line, did = take(machine, before, seen)  # IllegalTurn escapes here.
        turn = Turn(originator_id="line:1", originator_version=1, at=1, seen=seen, did=did)
        assert remember(machine, before, turn) == line
        registers = [event for event in did if isinstance(event, REGISTERS)]
        assert len(registers) <= 1
        assert bool(registers) <= (line.phase in UNDER_WAY)
        if phase in UNDER_WAY and not isinstance(seen, ANSWERS):
            assert not registers, "one REGISTER under way at a time"
        if outdated and seen is CHALLENGED:
            assert not isinstance(registers[:1], orders.AuthorizeRegistration)


@pytest.mark.parametrize("phase", UNDER_WAY)
@pytest.mark.parametrize("answer", [CHALLENGED, STALE, RegistrationAccepted(granted_s=600)])
def test_a_password_never_answers_for_another_account(phase: Phase, answer: Observed) -> None:
    """I18: the REGISTER under way was for the account before; its challenge is not ours."""
    line = Line(phase, Wish.REGISTERED, Account(user="old"))
    line, _ = take(machine, line, observed.LineConfigured(account=Account(user="new")))
    line, did = take(machine, line, answer)
    assert orders.AuthorizeRegistration() not in did
    assert orders.RegisterLine(expires_s=3600, proxy=0) in did
    assert not line.outdated


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_a_wish_is_acted_upon_when_the_answer_is_there(phase: Phase) -> None:
    seen = [observed.LineWithdrawn(), observed.LineSwitchedOn(), RegistrarUnreachable()]
    line = Line(phase, Wish.REGISTERED, Account(user="7001"))
    for one in seen:
        line, did = take(machine, line, one)
    assert did == (LineCleared(),)
    assert line == Line(Phase.UNCONFIGURED, Wish.CLEARED)


def test_a_line_that_fails_in_its_unregistering_is_kept() -> None:
    line = Line(Phase.UNREGISTERING, Wish.KEPT)
    assert take(machine, line, RegistrationRefused(code=500))[1] == (LineKept(),)


def test_a_line_that_is_kept_does_not_say_why_it_failed_before() -> None:
    line = Line(Phase.FAILED, Wish.REGISTERED, Account(), why="the server does not answer")
    line, did = take(machine, line, observed.LineSwitchedOff())
    assert did[-1] == LineKept()
    assert line == Line(Phase.KEPT, Wish.KEPT, Account())


def test_what_a_423_taught_is_asked_for_from_then_on() -> None:
    line = Line(Phase.REGISTERING, Wish.REGISTERED, Account())
    line, did = take(machine, line, RegistrationRefused(code=423, min_expires_s=7200))
    assert did == (orders.RegisterLine(expires_s=7200, proxy=0),)
    line, did = take(machine, line, RegistrationRefused(code=423, min_expires_s=9000))
    assert isinstance(did[0], LineFailed)
    line, did = take(machine, line, observed.RetryDue())
    assert did == (orders.RegisterLine(expires_s=7200, proxy=0),)
    line, did = take(machine, line, RegistrationAccepted(granted_s=7200))
    assert did[0] == LineRegistered()
    assert not machine.is_over(replace(line, phase=Phase.UNCONFIGURED))


@pytest.mark.parametrize(
    ("failures", "seen", "after_s"),
    [
        (0, RegistrarUnreachable(), 30),
        (0, RegistrarUnreachable(draw=1.0), 60),
        (1, RegistrarUnreachable(draw=0.5), 90),
        (9, RegistrarUnreachable(draw=1.0), 1800),
        (10_000, RegistrarUnreachable(draw=1.0), 1800),
        (0, RegistrationRefused(code=503, retry_after_s=300), 300),
        (9, RegistrationRefused(code=503, retry_after_s=300), 900),
        (0, RegistrationRefused(code=503, retry_after_s=1_000_000), 1800),
        (0, RegistrationRefused(code=403), 150),
        (0, RegistrationRefused(code=408), 30),
        (0, CHALLENGED, 150),
        (3, CHALLENGED, 900),
        (0, RegistrationAccepted(granted_s=0), 30),
    ],
)
def test_waits_longer_each_time(failures: int, seen: Observed, after_s: int) -> None:
    assert machine.retry_after_s(Line(failures=failures), seen) == after_s


def test_a_proxy_on_the_way_and_the_registrar_are_both_answered_once() -> None:
    proxy = RegistrationChallenged(challenge=Challenge(realm="p", nonce="n", proxy=True))
    line = Line(Phase.REGISTERING, Wish.REGISTERED, PROXIED)
    for seen, orders_made in ((proxy, 1), (CHALLENGED, 1), (proxy, 0)):
        line, did = take(machine, line, seen)
        assert did.count(orders.AuthorizeRegistration()) == orders_made
    assert line.is_denied()


def test_no_server_asks_for_ever() -> None:
    line = Line(Phase.REGISTERING, Wish.REGISTERED, PROXIED)
    asked = 0
    while line.phase is not Phase.FAILED:
        asked += 1
        challenge = Challenge(realm=f"r{asked}", nonce="n")
        line, _ = take(machine, line, RegistrationChallenged(challenge=challenge))
    assert asked == machine.AUTHORIZED_MAX + 1


@pytest.mark.parametrize(
    ("seen", "is_denied"),
    [
        (RegistrationRefused(code=403), True),
        (RegistrationRefused(code=503), False),
        (RegistrationRefused(code=404), False),
        (RegistrarUnreachable(), False),
        (RegistrationAccepted(granted_s=0), False),
    ],
)
def test_a_wrong_password_is_told_from_other_failures(seen: Observed, is_denied: bool) -> None:
    line = Line(Phase.REGISTERING, Wish.REGISTERED, Account(user="7001"))
    line, _ = take(machine, line, CHALLENGED)
    line, _ = take(machine, line, seen)
    assert (line.phase, line.is_denied()) == (Phase.FAILED, is_denied)


@pytest.mark.parametrize(
    ("granted_s", "after_s"), [(3600, 3540), (120, 60), (90, 45), (60, 30), (2, 1), (1, 1)]
)
def test_refreshes_before_the_binding_runs_out(granted_s: int, after_s: int) -> None:
    assert machine.refresh_after_s(granted_s) == after_s


@pytest.mark.parametrize("phase", Phase)
def test_nothing_is_left_of_a_line_whose_lender_is_gone(phase: Phase) -> None:
    """S19: server, user and display name are gone at once, whatever was under way."""
    account = Account(server="den", user="us.1", display_name="Den 4")
    line = Line(phase, Wish.REGISTERED, account if phase is not Phase.UNCONFIGURED else Account())
    line, did = take(machine, line, observed.LineWithdrawn(at_once=True))
    assert line == Line(Phase.UNCONFIGURED, Wish.CLEARED)
    assert not any(isinstance(event, REGISTERS) for event in did)
    stopped = {event.timer for event in did if isinstance(event, orders.StopTimer)}
    running = {Phase.REGISTERED: {"RefreshDue"}, Phase.FAILED: {"RetryDue"}}
    assert stopped == running.get(phase, set())


@pytest.mark.parametrize("answer", [CHALLENGED, RegistrationAccepted(granted_s=600)])
def test_an_answer_that_comes_after_that_says_nothing(answer: Observed) -> None:
    line = Line(Phase.REGISTERING, Wish.REGISTERED, Account(user="us.1"))
    line, _ = take(machine, line, observed.LineWithdrawn(at_once=True))
    assert take(machine, line, answer)[1] == ()
