"""The house at work: turns are handed on, timers run, a fault of ours is contained."""

import pytest

from core.events import observed
from core.events.base import Observed
from core.events.facts import Contact, Target
from core.events.turn import Turn
from core.machines import call, hotspot, ringing
from core.machines.call import Phase
from core.machines.house import House
from core.machines.life import IllegalTurn
from core.machines.timers import SECOND_NS

INVITE = observed.InviteArrived(line="1", caller="x", offer=b"o", targets=(Target(leg="A"),))
REGISTER = observed.RegisterArrived(
    call_id="c", cseq=1, contacts=(Contact(uri="sip:a@a", expires_s=60),)
)


def test_every_turn_is_told_once_and_waits_to_be_recorded_once() -> None:
    house, told = House(), list[Turn]()
    house.listeners.append(told.append)
    turns = house.hear(INVITE, 0, "call:1") + house.hear(observed.CallerCancelled(), 1, "call:1")
    assert told == turns
    assert house.take_unrecorded() == turns
    assert house.take_unrecorded() == []


def test_who_has_nothing_to_do_with_calls_hears_all_the_rest() -> None:
    house, told, beside = House(), list[Turn](), list[Turn]()
    house.listeners.append(told.append)
    house.beside_calls.append(beside.append)
    house.hear(INVITE, 0, "call:1")
    turns = house.hear(REGISTER, 5, "link:A")
    assert [turn.originator_id for turn in told] == ["call:1", "link:A"]
    assert beside == turns
    again = House()
    again.beside_calls.append(beside.append)
    again.remember(told)
    assert beside == turns


def test_a_house_that_remembers_tells_nobody_and_records_nothing() -> None:
    house, told = House(), list[Turn]()
    turns = house.hear(INVITE, 0, "call:1") + house.hear(REGISTER, 5, "link:A")
    again = House()
    again.listeners.append(told.append)
    again.remember(turns)
    assert (told, again.take_unrecorded()) == ([], [])
    assert again.board.states == house.board.states
    assert again.timers.running == house.timers.running
    assert again.since == house.since == {"link:A": 5}


def test_timers_are_heard_when_they_are_due_the_earliest_first() -> None:
    house = House()
    house.hear(INVITE, 0, "call:1")
    house.hear(REGISTER, 0, "link:A")
    house.take_unrecorded()
    house.expire(59 * SECOND_NS)
    assert house.take_unrecorded() == []
    house.hear(INVITE, -SECOND_NS, "call:2")
    house.take_unrecorded()
    house.expire(60 * SECOND_NS)
    seen = [(turn.originator_id, type(turn.seen).__name__) for turn in house.take_unrecorded()]
    assert seen == [
        ("call:2", "RingTimedOut"),
        ("call:1", "RingTimedOut"),
        ("link:A", "BindingExpired"),
    ]
    assert house.timers.next_due() is None


def test_a_fault_of_ours_ends_the_call_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.hear(INVITE, 0, "call:1")
    house.hear(INVITE, 0, "call:2")
    monkeypatch.setattr(ringing, "let_ring", broken)
    (turn,) = house.hear(observed.LegProgressed(leg="A", code=180), 1, "call:1")
    assert turn.seen == observed.HotspotClosing(everything=True)
    assert house.board.state("call:1").phase is Phase.CLOSING
    assert house.board.state("call:2").phase is Phase.RINGING
    (fault,) = house.faults
    assert fault.startswith("call:1: bug, at LegProgressed")


def broken(*_: object, **__: object) -> object:
    raise IllegalTurn("bug")


def test_where_even_that_fails_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.hear(INVITE, 0, "call:1")
    monkeypatch.setattr(call, "refuse", broken)
    assert house.hear(observed.CallerCancelled(), 1, "call:1") == []
    assert len(house.faults) == 2


def test_a_fault_in_another_machine_leaves_it_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    monkeypatch.setattr(hotspot, "give_alias", broken)
    seen: Observed = observed.ClientListed(client="A")
    assert house.hear(seen, 0, hotspot.STREAM) == []
    assert house.board.states == {}


def test_what_is_forgotten_rings_no_timer() -> None:
    house = House()
    house.hear(INVITE, 0, "call:1")
    house.forget(("call:1",))
    assert house.timers.next_due() is None
    assert house.board.states == {}
