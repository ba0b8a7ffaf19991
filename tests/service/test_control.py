"""The owner's commands: what is understood, and that nothing is done by halves."""

import json
import socket
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing

from service import control, state
from service.runtime import Service
from tests.sip.stage import Stage


class Desk:
    """A phone that only remembers what it was asked, and shows it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.watchers = 0
        self.changes = control.Changes()

    async def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        self.changes.notify()
        return {"ok": True, "call": "1"}

    def report(self) -> dict[str, Any]:
        return {"calls": [asked["number"] for asked in self.asked]}


def service_on(stage: Stage, desk: Desk | None = None) -> Service:
    clock = SimpleNamespace(at=lambda: stage.at)
    service = SimpleNamespace(
        engine=stage.engine, clock=clock, step=stage.flush, settings_changed=stage.flush,
        desk=desk, changes=desk.changes if desk else control.Changes(),
    )  # fmt: skip
    return cast(Service, service)


def told(stage: Stage, command: object, desk: Desk | None = None) -> dict[str, Any]:
    line = command if isinstance(command, bytes) else json.dumps(command).encode()
    return trio.run(control.answer_to, line, service_on(stage, desk))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_setting_is_set_and_reset(stage: Stage) -> None:
    answer = told(stage, {"command": "set", "settings": ["hotspot.ring_timeout=9"]})
    assert answer == {"ok": True, "settings": {"hotspot.ring_timeout": 9}, "waiting": {}}
    answer = told(stage, {"command": "set", "reset": ["hotspot.ring_timeout"]})
    assert answer == {"ok": True, "settings": {}, "waiting": {}}


def test_what_waits_for_the_next_start_is_told_and_on_record_by_then(stage: Stage) -> None:
    words = ["hotspot.apply=restart", "hotspot.name=Attic", "hotspot.ring_timeout=9"]
    answer = told(stage, {"command": "set", "settings": words})
    waiting = {"hotspot.name": "Attic", "hotspot.ring_timeout": 9}
    assert answer == {
        "ok": True, "settings": {"hotspot.apply": "restart"}, "waiting": waiting,
    }  # fmt: skip
    shown = told(stage, {"command": "status"})["status"]
    assert shown["waiting"] == waiting
    assert shown["hotspot"]["name"] == "SIP Hotspot"
    stage.restart(at_once=True)
    shown = told(stage, {"command": "status"})["status"]
    assert shown["waiting"] == {}
    assert shown["settings"] == {"hotspot.apply": "restart", **waiting}


@pytest.mark.parametrize(
    "wrong", ["hotspot.nothing=1", "hotspot.enabled=maybe", "what", "line.5.enabled=true"]
)
def test_one_that_is_wrong_and_none_is_set(stage: Stage, wrong: str) -> None:
    command = {"command": "set", "settings": ["hotspot.ring_timeout=9", wrong]}
    assert told(stage, command)["ok"] is False
    assert stage.engine.differing() == {}


NINE = ["hotspot.ring_timeout=9"]


def test_what_is_not_stored_is_not_said_to_be_done(stage: Stage) -> None:
    stage.log.is_full = True
    first = told(stage, {"command": "set", "settings": NINE})
    assert first["ok"] is False
    assert first["error"].startswith("in effect, but not stored yet: no space is left for it.")
    assert stage.engine.differing() == {"hotspot.ring_timeout": 9}
    for command in ("set", "admit", "remove", "connect", "disconnect"):
        answer = told(stage, {"command": command, "settings": ["hotspot.enabled=false"]})
        assert answer["ok"] is False
        assert answer["error"].startswith("nothing is changed, for it could not be stored: no sp")
    assert stage.engine.differing() == {"hotspot.ring_timeout": 9}


def test_room_is_noticed_by_the_next_command(stage: Stage) -> None:
    stage.log.is_full = True
    told(stage, {"command": "set", "settings": NINE})
    stage.log.is_full = False
    assert told(stage, {"command": "set", "settings": ["sip.correlate=false"]})["ok"] is True
    stage.restart(at_once=True)
    assert stage.engine.differing() == {"hotspot.ring_timeout": 9, "sip.correlate": False}


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"1", b"null", b"{}", b'{"command": "fly"}', b"\xff",
             b'{"command": "set", "settings": 5}', b'{"command": "set", "settings": [5]}',
             b"[" * 60_000, b'{"command": "phone", "do": "call", "number": "2", "line": Infinity}'],
)  # fmt: skip
def test_what_is_no_command(stage: Stage, line: bytes) -> None:
    answer = told(stage, line)
    assert answer["ok"] is False
    assert answer["error"]


def test_nobody_is_there_to_ask(tmp_path: Path) -> None:
    with pytest.raises(control.ControlError, match="start it with siphotspot run"):
        control.ask(tmp_path, {"command": "status"})


def test_one_that_does_not_answer_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "ANSWER_S", 0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(control.place(tmp_path)))
        silent.listen()
        with pytest.raises(control.ControlError, match=r"has not answered within 0\.01 s"):
            control.ask(tmp_path, {"command": "status"})


def test_a_long_path_gets_a_short_one(tmp_path: Path) -> None:
    assert control.place(tmp_path) == tmp_path / state.CONTROL or len(str(tmp_path)) > 80
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    short = control.place(deep)
    assert len(str(short)) <= control.LONGEST_PATH
    assert (deep / state.CONTROL_PATH).read_text() == str(short)
    short.parent.rmdir()


async def test_the_short_path_goes_with_the_service(stage: Stage, tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, deep, service_on(stage))
        short = control.found(deep)
        assert short.exists()
        nursery.cancel_scope.cancel()
    assert not short.parent.exists()


# -- The phone of this device --------------------------------------------------------------


def test_the_phone_is_asked_and_its_answer_handed_on(stage: Stage) -> None:
    desk = Desk()
    command = {"command": "phone", "do": "call", "number": "2"}
    assert told(stage, command, desk) == {"ok": True, "call": "1"}
    assert desk.asked == [command]


def test_a_phone_that_cannot_be_on_record_says_so(stage: Stage) -> None:
    desk = Desk()
    stage.log.is_full = True
    told(stage, {"command": "set", "settings": NINE})
    answer = told(stage, {"command": "phone", "do": "call", "number": "2"}, desk)
    assert answer == {"ok": False, "error": "no new calls: no space is left for it"}
    assert desk.asked == []
    answer = told(stage, {"command": "phone", "do": "hangup"}, desk)
    assert answer["error"].startswith("in effect, but not stored yet: no space")
    assert told(stage, {"command": "phone", "do": "quiet", "on": True}, desk)["ok"] is True
    assert [asked["do"] for asked in desk.asked] == ["hangup", "quiet"]


def test_a_service_without_a_phone_says_so(stage: Stage) -> None:
    answer = told(stage, {"command": "phone", "do": "status"})
    assert answer == {"ok": False, "error": control.NO_PHONE}


# -- Who watches ---------------------------------------------------------------------------


class Watcher:
    """The peer's end of one connection to ``attend_one``."""

    def __init__(self, service: Service, nursery: trio.Nursery) -> None:
        self.stream, ours = trio.testing.memory_stream_pair()
        self.held = b""
        self.over = trio.Event()
        nursery.start_soon(self.attend, ours, service)

    async def attend(self, ours: trio.abc.Stream, service: Service) -> None:
        await control.attend_one(ours, service)
        self.over.set()

    async def next(self) -> dict[str, Any]:
        while b"\n" not in self.held:
            self.held += await self.stream.receive_some(65_536)
        line, _, self.held = self.held.partition(b"\n")
        shown: dict[str, Any] = json.loads(line)
        return shown


async def watching(service: Service, nursery: trio.Nursery) -> Watcher:
    watcher = Watcher(service, nursery)
    await watcher.stream.send_all(b'{"command": "watch"}\n')
    return watcher


async def test_who_watches_is_shown_all_at_once_and_then_what_changes(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    service = service_on(stage, desk)
    async with trio.open_nursery() as nursery:
        watcher = await watching(service, nursery)
        first = await watcher.next()
        assert desk.watchers == 1
        assert (first["ok"], first["phone"]) == (True, {"calls": []})
        assert first["status"]["hotspot"]["name"] == stage.engine.config.hotspot.name
        service.changes.notify()  # Nothing that is shown: no line.
        await trio.testing.wait_all_tasks_blocked()
        await control.answer_to(b'{"command": "phone", "number": "2"}', service)
        assert (await watcher.next())["phone"] == {"calls": ["2"]}
        assert watcher.held == b""
        await watcher.stream.aclose()
        await watcher.over.wait()
        assert desk.watchers == 0


async def test_a_storm_of_changes_is_shown_ten_times_a_second(
    stage: Stage, autojump_clock: trio.testing.MockClock
) -> None:
    service = service_on(stage, Desk())
    shown: list[float] = []

    async def storm() -> None:
        while True:
            await control.answer_to(b'{"command": "phone", "number": "2"}', service)
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        watcher = await watching(service, nursery)
        nursery.start_soon(storm)
        for _ in range(5):
            await watcher.next()
            shown.append(trio.current_time())
        nursery.cancel_scope.cancel()
    assert [round(after - before, 6) for before, after in pairwise(shown)] == [0.1] * 4


async def test_one_that_goes_while_it_is_told_harms_nobody(stage: Stage) -> None:
    async def gone() -> None:
        raise trio.BrokenResourceError

    theirs, ours = trio.testing.memory_stream_pair()
    ours.send_stream.send_all_hook = gone
    await theirs.send_all(b'{"command": "watch"}\n')
    await control.attend_one(ours, service_on(stage))


async def test_a_bug_ends_one_connection(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    stage.engine.loud = False
    monkeypatch.setattr("service.status.report", broken)
    for asked in (b'{"command": "watch"}\n', b'{"command": "status"}\n'):
        theirs, ours = trio.testing.memory_stream_pair()
        await theirs.send_all(asked)
        await control.attend_one(ours, service_on(stage))
    assert len(stage.engine.house.faults) == 2


async def test_a_command_is_answered_over_a_stream(stage: Stage) -> None:
    async with trio.open_nursery() as nursery:
        watcher = Watcher(service_on(stage), nursery)
        await watcher.stream.send_all(b'{"command": ')
        await watcher.stream.send_all(b'"phone"}\n')
        assert (await watcher.next())["error"] == control.NO_PHONE
        await watcher.over.wait()


def test_nonsense_in_a_name_can_still_be_sent() -> None:
    name = {"name": "\udc80 Zo\xeb"}
    assert json.loads(control.line_of(name)) == name


async def test_a_change_between_looking_and_waiting_is_not_missed() -> None:
    changes = control.Changes()
    seen = changes.count
    changes.notify()
    await changes.after(seen)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(changes.after, changes.count)
        await trio.testing.wait_all_tasks_blocked()
        assert nursery.child_tasks
        changes.notify()
