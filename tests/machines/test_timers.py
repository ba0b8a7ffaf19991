"""Which timers run is a fold of the log; a dead entry of the heap is nobody's."""

from core.events import observed
from core.events.base import Decision, Observed
from core.events.facts import Target
from core.events.orders import StartTimer, StopTimer
from core.events.turn import Turn
from core.machines.switchboard import Switchboard
from core.machines.timers import SECOND_NS, Timers

INVITE = observed.InviteArrived(line="1", caller="x", offer=b"o", targets=(Target(leg="A"),))
NOTHING = observed.CallerAcked()


def turn(*did: Decision, at: int = 0, seen: Observed = NOTHING, stream: str = "link:A") -> Turn:
    return Turn(originator_id=stream, originator_version=1, at=at, seen=seen, did=did)


def after(*turns: Turn) -> Timers:
    timers = Timers()
    for one in turns:
        timers.remember(one)
    return timers


def test_a_timer_runs_until_it_is_seen_or_stopped() -> None:
    (rang,) = Switchboard().hear(INVITE, 5, "call:1")
    answered = Switchboard([rang]).hear(observed.LegAnswered(leg="A", answer=b"a"), 6, "call:1")
    timed_out = Switchboard([rang]).hear(observed.RingTimedOut(), 6, "call:1")
    assert after(rang).due("call:1", "RingTimedOut") == 5 + 60 * SECOND_NS
    assert after(rang, *timed_out).running == {}
    assert list(after(rang, *answered).running) == [("call:1", "AckTimedOut", "")]


def test_one_of_a_name_for_each_thing_it_is_about() -> None:
    start = StartTimer(timer="BindingExpired", after_s=1, about="a")
    other = StartTimer(timer="BindingExpired", after_s=2, about="b")
    timers = after(turn(start, other), turn(StopTimer(timer="BindingExpired", about="a")))
    assert timers.due("link:A", "BindingExpired", "a") is None
    assert timers.due("link:A", "BindingExpired", "b") == 2 * SECOND_NS
    seen = observed.BindingExpired(about="b")
    timers.remember(turn(seen=seen))
    assert timers.running == {}


def test_to_start_it_again_is_to_move_it() -> None:
    start = StartTimer(timer="RefreshDue", after_s=1)
    timers = after(turn(start, stream="line:1"), turn(start, at=SECOND_NS, stream="line:1"))
    assert list(timers.expired(SECOND_NS)) == []
    assert list(timers.expired(2 * SECOND_NS)) == [("line:1", observed.RefreshDue())]
    assert list(timers.expired(2 * SECOND_NS)) == []


def test_started_twice_for_the_same_instant_it_is_seen_once() -> None:
    start = StartTimer(timer="RefreshDue", after_s=1)
    timers = after(turn(start, stream="line:1"), turn(start, stream="line:1"))
    assert len(list(timers.expired(SECOND_NS))) == 1
    assert timers.next_due() is None


def test_the_earliest_first_and_those_that_come_meanwhile() -> None:
    late = StartTimer(timer="BindingExpired", after_s=3, about="late")
    soon = StartTimer(timer="BindingExpired", after_s=1, about="soon")
    again = StartTimer(timer="BindingExpired", after_s=1, about="again")
    timers = after(turn(late, soon))
    seen = []
    for _, expired in timers.expired(5 * SECOND_NS):
        seen.append(expired)
        if len(seen) == 1:
            timers.remember(turn(again, at=SECOND_NS))
    abouts = [getattr(one, "about", "") for one in seen]
    assert abouts == ["soon", "again", "late"]


def test_a_stream_that_is_forgotten_has_none() -> None:
    start = StartTimer(timer="BindingExpired", after_s=1, about="a")
    timers = after(turn(start), turn(start, stream="link:B"))
    timers.forget(("link:A",))
    assert [stream for stream, _ in timers.expired(SECOND_NS)] == ["link:B"]
