"""The engine: nothing leaves before it is recorded, whatever the disk does."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from eventsourcing.persistence import IntegrityError
from msgspec.structs import replace

from core.events.turn import Turn
from core.machines.call import Phase
from service.config import SettingError
from service.engine import RETRY_STORE_NS, RIDE_NS
from tests.sip.messages import OFFER
from tests.sip.stage import (
    SERVER,
    Stage,
    answer,
    codes,
    flow_of,
    methods,
    responses,
)
from tests.sip.test_calls import caller, phase

A, B, C = map(flow_of, "abc")


@pytest.fixture
def stage() -> Iterator[Stage]:
    built = Stage()
    yield built
    built.close()


def test_what_leaves_is_in_the_log_already(stage: Stage) -> None:
    stage.ring()
    assert stage.engine.house.unrecorded == []
    seen = [type(recorded.turn.seen).__name__ for recorded in stage.log.read()]
    assert seen.count("InviteArrived") == 1


def test_a_turn_that_nobody_waits_for_rides_with_the_next(stage: Stage) -> None:
    stage.answered()
    stage.wait(0.1)
    tried = stage.log.tried
    waiting = stage.engine.house.unrecorded
    stage.engine.change("sip.correlate", False, stage.at)
    assert stage.engine.flush(stage.at) == []
    assert len(waiting) == 1
    assert stage.log.tried == tried
    due = stage.engine.next_deadline()
    assert due is not None
    assert due <= stage.at + RIDE_NS
    stage.wait(0.06)
    assert stage.log.tried == tried + 1
    assert waiting == []


def test_a_full_disk_holds_what_it_could_not_record(stage: Stage) -> None:
    invites = stage.ring()
    stage.log.is_full = True
    held = stage.feed(answer(invites[1], 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    assert held == []
    assert stage.engine.store_failure
    stage.log.is_full = False
    left = stage.wait(2)
    assert codes(stage.to(SERVER))[0] == 200
    assert "CANCEL" in methods(left) or "ACK" in methods(left)
    assert stage.engine.house.unrecorded == []
    assert not stage.engine.exchange.refuse_new


def test_a_full_disk_means_no_new_calls(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    stage.log.is_full = True
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", call_id="1", body=OFFER)
    stage.feed(invite, SERVER)
    assert stage.to(SERVER) == []
    another = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", call_id="2", body=OFFER)
    (told,) = responses(stage.feed(another, SERVER))
    assert (told.code, told.first("retry-after")) == (503, "30")
    assert codes(stage.feed(stage.request("REGISTER", call_id="r"), A)) == [503]
    assert codes(stage.feed(stage.request("OPTIONS", call_id="o"), A)) == [200]
    assert len(stage.engine.exchange.calls.open) == 1


def test_the_disk_is_tried_once_a_second(stage: Stage) -> None:
    stage.answered()
    stage.log.is_full = True
    stage.engine.change("hotspot.enabled", False, stage.at)
    before = stage.log.tried
    stage.wait(10)
    assert 8 <= stage.log.tried - before <= 11
    assert RETRY_STORE_NS == 10**9


def test_while_the_disk_is_full_nothing_of_it_leaves_by_being_repeated(stage: Stage) -> None:
    ours, _ = stage.answered()
    stage.wait(0.1)
    stage.log.is_full = True
    asked = [caller(stage, "INFO", cseq=n, to=ours.first("to")) for n in (2, 3)]
    for one in asked:
        assert stage.feed(one, SERVER) == []
    stage.wait(5)
    assert stage.to(B) + stage.to(SERVER) == []
    assert [each for one in asked for each in stage.feed(one, SERVER)] == []
    stage.log.is_full = False
    stage.wait(1)
    numbers = [data.split(b"CSeq: ")[1].split()[0] for data in stage.to(B)]
    assert numbers[:2] == [b"2", b"3"]


def test_while_the_disk_is_full_no_timer_and_no_owner_is_obeyed(stage: Stage) -> None:
    for invite, flow in zip(stage.ring(), (A, B, C), strict=True):
        stage.feed(answer(invite, 180), flow)
    stage.wait(0.1)
    stage.log.is_full = True
    assert stage.wait(30) == []
    stage.engine.change("hotspot.enabled", False, stage.at)
    assert stage.wait(3) == []
    stage.log.is_full = False
    left = stage.wait(1)
    assert methods(left).count("CANCEL") >= 3
    assert [code for code in codes(left) if code > 400]


def test_while_the_disk_is_full_who_needs_no_record_is_answered_at_any_time(stage: Stage) -> None:
    stage.answered()
    stage.log.is_full = True
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.flush()
    for n in range(40):
        stage.wait(0.25)
        assert codes(stage.feed(stage.request("OPTIONS", call_id=f"{n}"), A))[-1:] == [200]


def test_while_the_disk_is_full_the_service_may_die_and_nobody_heard_of_it(stage: Stage) -> None:
    invites = stage.ring()
    stage.log.is_full = True
    ok = answer(invites[1], 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER)
    stage.feed(ok, B)
    stage.log.is_full = False
    stage.restart()
    assert phase(stage) is Phase.RINGING
    stage.feed(ok, B)
    assert codes(stage.to(SERVER)) == [200]


def test_a_turn_that_rode_does_not_keep_a_full_disk_busy(stage: Stage) -> None:
    stage.register_line()
    stage.wait(1)
    stage.log.is_full = True
    before = stage.log.tried
    stage.engine.change("sip.correlate", False, stage.at)
    stage.flush()
    stage.wait(5)
    assert 4 <= stage.log.tried - before <= 6
    stage.log.is_full = False
    stage.wait(2)
    assert stage.engine.house.unrecorded == []


def test_a_second_writer_stops_the_second(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def append(_turns: Sequence[Turn]) -> Sequence[int]:
        raise IntegrityError("another")

    monkeypatch.setattr(stage.log, "append", append)
    stage.engine.change("hotspot.enabled", False, stage.at)
    with pytest.raises(IntegrityError):
        stage.wait(1)


def test_the_word_of_the_owner_survives_a_restart(stage: Stage) -> None:
    stage.engine.change("hotspot.ring_timeout", 7, stage.at)
    assert stage.engine.differing() == {"hotspot.ring_timeout": 7}
    stage.wait(1)
    stage.restart()
    assert stage.engine.config.hotspot.ring_timeout == 7
    assert stage.engine.around.directory.ring_s == 7
    stage.engine.reset("hotspot.ring_timeout", stage.at)
    assert stage.engine.differing() == {}


def test_a_line_that_is_not_there_cannot_be_set(stage: Stage) -> None:
    stage.engine.may_change("line.1.enabled")
    with pytest.raises(SettingError):
        stage.engine.may_change("line.2.enabled")


def test_switched_off_every_call_ends_and_it_takes_its_aliases_back_with_it(stage: Stage) -> None:
    stage.answered()
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.fresh = []
    stage.flush()
    assert "BYE" in methods(stage.to(SERVER))
    assert "BYE" in methods(stage.to(B))
    stage.wait(64)
    before = dict(stage.engine.house.board.hotspot.aliases)
    stage.engine.change("hotspot.enabled", True, stage.at)
    stage.register("c", "b", "a")
    assert stage.engine.house.board.hotspot.aliases == before == {"a": 1, "b": 2, "c": 3}


def test_starting_twice_says_nothing_new(stage: Stage) -> None:
    stage.register_line()
    stage.wait(1)
    stage.restart()
    stage.wait(1)
    before = [*stage.log.read()]
    stage.restart()
    stage.wait(1)
    news = [recorded.turn.seen for recorded in stage.log.read()][len(before) :]
    assert [type(seen).__name__ for seen in news] == ["ServiceStarted"]


# -- hotspot.apply = "restart" ---------------------------------------------------------------


def waits(stage: Stage) -> dict[str, object]:
    return stage.engine.waiting()


def again(stage: Stage) -> None:
    stage.wait(1)
    stage.restart()


def test_what_waits_has_no_effect_before_the_next_start(stage: Stage) -> None:
    """S24."""
    stage.engine.change("hotspot.apply", "restart", stage.at)
    stage.register_line()
    stage.register()
    for key, value in (("hotspot.enabled", False), ("line.1.enabled", False)):
        stage.engine.change(key, value, stage.at)
    assert waits(stage) == {"hotspot.enabled": False, "line.1.enabled": False}
    stage.wait(60)
    assert stage.engine.house.board.hotspot.is_serving()
    assert stage.engine.differing() == {"hotspot.apply": "restart"}
    again(stage)
    assert waits(stage) == {}
    assert not stage.engine.house.board.hotspot.is_serving()
    assert not stage.engine.config.hotspot.enabled
    assert methods(stage.to(SERVER)) == ["REGISTER"]
    assert b"Expires: 0" in stage.to(SERVER)[0]


def test_of_two_words_that_wait_the_later_counts_and_one_that_changes_nothing_is_none(
    stage: Stage,
) -> None:
    stage.engine.change("hotspot.apply", "restart", stage.at)
    for name in ("Attic", "Barn"):
        stage.engine.change("hotspot.name", name, stage.at)
    assert waits(stage) == {"hotspot.name": "Barn"}
    stage.engine.reset("hotspot.name", stage.at)
    assert waits(stage) == {}
    again(stage)
    assert stage.engine.differing() == {"hotspot.apply": "restart"}


def test_a_setting_is_reset_at_the_next_start(stage: Stage) -> None:
    stage.engine.change("hotspot.name", "Attic", stage.at)
    stage.engine.change("hotspot.apply", "restart", stage.at)
    stage.engine.reset("hotspot.name", stage.at)
    assert waits(stage) == {"hotspot.name": "SIP Hotspot"}
    assert stage.engine.config.hotspot.name == "Attic"
    again(stage)
    assert stage.engine.config.hotspot.name == "SIP Hotspot"
    who = [getattr(recorded.turn.seen, "who", "") for recorded in stage.log.read()]
    assert who[-2] == "reset"


def test_a_word_that_counts_at_once_takes_the_place_of_one_that_waits(stage: Stage) -> None:
    stage.engine.change("hotspot.apply", "restart", stage.at)
    stage.engine.change("hotspot.name", "Attic", stage.at)
    stage.engine.change("hotspot.ring_timeout", 7, stage.at)
    stage.engine.reset("hotspot.apply", stage.at)
    assert waits(stage) == {"hotspot.name": "Attic", "hotspot.ring_timeout": 7}
    stage.engine.change("hotspot.name", "Barn", stage.at)
    assert stage.engine.config.hotspot.name == "Barn"
    assert waits(stage) == {"hotspot.ring_timeout": 7}
    again(stage)
    assert stage.engine.differing() == {"hotspot.name": "Barn", "hotspot.ring_timeout": 7}


def test_the_file_that_says_another_thing_by_then_has_the_last_word(stage: Stage) -> None:
    stage.engine.change("hotspot.apply", "restart", stage.at)
    stage.engine.change("hotspot.name", "Attic", stage.at)
    stage.engine.change("hotspot.ring_timeout", 7, stage.at)
    stage.config = replace(stage.config, hotspot=replace(stage.config.hotspot, name="Barn"))
    again(stage)
    assert stage.engine.config.hotspot.name == "Barn"
    assert stage.engine.config.hotspot.ring_timeout == 7
    assert waits(stage) == {}


def test_what_waits_for_a_line_that_is_gone_by_then_is_nothing(stage: Stage) -> None:
    stage.engine.change("hotspot.apply", "restart", stage.at)
    stage.engine.change("line.1.enabled", False, stage.at)
    stage.config = replace(stage.config, lines=())
    again(stage)
    assert waits(stage) == {}
    assert stage.engine.config.lines == ()


def test_the_file_can_say_that_changes_wait(stage: Stage) -> None:
    stage.config = replace(stage.config, hotspot=replace(stage.config.hotspot, apply="restart"))
    again(stage)
    stage.engine.change("hotspot.name", "Attic", stage.at)
    assert waits(stage) == {"hotspot.name": "Attic"}
    stage.restart(at_once=True)
    assert stage.engine.config.hotspot.name == "SIP Hotspot"
    stage.engine.change("hotspot.name", "Attic", stage.at)
    stage.engine.hasten()
    stage.flush()
    stage.restart(at_once=True)
    assert stage.engine.config.hotspot.name == "Attic"


def test_a_bug_ends_what_it_met_and_not_the_service(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    engine = stage.engine
    for part, methods_of_it in (
        (engine.exchange, ("receive", "failed", "handle_timers")),
        (engine.exchange.registrations, ("moved",)),
    ):
        for method in methods_of_it:
            monkeypatch.setattr(part, method, broken)
    acts: tuple[Callable[[], None], ...] = (
        lambda: engine.receive([(b"OPTIONS", A)], stage.at),
        lambda: engine.failed(A, stage.at),
        lambda: engine.handle_timers(stage.at),
        lambda: engine.moved(stage.at),
    )
    for act in acts:
        with pytest.raises(ZeroDivisionError):
            act()
    engine.loud = False
    for act in acts:
        act()
    wheres = [fault.removesuffix(": ZeroDivisionError()") for fault in engine.house.faults]
    assert wheres == [str(A), str(A), "timers", "interfaces"]
    assert engine.around.drops["fault"] == 4
