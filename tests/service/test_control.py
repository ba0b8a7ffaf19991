"""The owner's commands: what is understood, and that nothing is done by halves."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from service import control, state
from service.runtime import Service
from tests.sip.stage import Stage


def told(stage: Stage, command: object) -> dict[str, Any]:
    clock = SimpleNamespace(at=lambda: stage.at)
    service = SimpleNamespace(engine=stage.engine, clock=clock, step=stage.flush)
    line = command if isinstance(command, bytes) else json.dumps(command).encode()
    return control.answer_to(line, cast(Service, service))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_setting_is_set_and_reset(stage: Stage) -> None:
    answer = told(stage, {"command": "set", "settings": ["hotspot.ring_timeout=9"]})
    assert answer == {"ok": True, "settings": {"hotspot.ring_timeout": 9}}
    answer = told(stage, {"command": "set", "reset": ["hotspot.ring_timeout"]})
    assert answer == {"ok": True, "settings": {}}


@pytest.mark.parametrize("wrong", ["hotspot.nothing=1", "hotspot.enabled=maybe", "what"])
def test_one_that_is_wrong_and_none_is_set(stage: Stage, wrong: str) -> None:
    command = {"command": "set", "settings": ["hotspot.ring_timeout=9", wrong]}
    assert told(stage, command)["ok"] is False
    assert stage.engine.differing() == {}


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"1", b"null", b"{}", b'{"command": "fly"}', b"\xff",
             b'{"command": "set", "settings": 5}', b'{"command": "set", "settings": [5]}'],
)  # fmt: skip
def test_what_is_no_command(stage: Stage, line: bytes) -> None:
    answer = told(stage, line)
    assert answer["ok"] is False
    assert answer["error"]


def test_nobody_is_there_to_ask(tmp_path: Path) -> None:
    with pytest.raises(control.ControlError, match="start it with siphotspot run"):
        control.ask(tmp_path, {"command": "status"})


def test_a_long_path_gets_a_short_one(tmp_path: Path) -> None:
    assert control.place(tmp_path) == tmp_path / state.CONTROL or len(str(tmp_path)) > 80
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    short = control.place(deep)
    assert len(str(short)) <= control.LONGEST_PATH
    assert (deep / state.CONTROL_PATH).read_text() == str(short)
    short.parent.rmdir()
