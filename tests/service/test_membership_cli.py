"""What each command asks of the service."""

from pathlib import Path
from typing import Any

import pytest

from service import commands
from service.control import ControlError
from tests.service.test_cli import siphotspot


@pytest.mark.parametrize(
    ("words", "command", "said"),
    [
        ("connect 192.0.2.1", {"command": "connect", "name": "192.0.2.1"}, ""),
        ("disconnect", {"command": "disconnect", "name": ""}, ""),
        (
            "admit Kitchen",
            {"command": "admit", "name": "Kitchen"},
            "Kitchen is admitted; it is connected already\n",
        ),
        ("remove 4", {"command": "remove", "name": "4"}, ""),
    ],
)
def test_a_command_asks_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str, command: dict[str, str], said: str
) -> None:
    asked: list[tuple[Path, dict[str, Any]]] = []

    def ask(folder: Path, words: dict[str, Any]) -> dict[str, Any]:
        asked.append((folder, words))
        return {"ok": True, "said": "it is connected already"}

    monkeypatch.setattr(commands, "ask", ask)
    result = siphotspot(*words.split(), "--state-dir", tmp_path)
    assert (result.exit_code, result.output) == (0, said)
    assert asked == [(tmp_path, command)]


def test_the_service_says_no(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def ask(_folder: Path, _said: dict[str, Any]) -> dict[str, Any]:
        raise ControlError("4: there is no such client; there are: none")

    monkeypatch.setattr(commands, "ask", ask)
    result = siphotspot("remove", "4", "--state-dir", tmp_path)
    assert result.exit_code == 1
    assert result.output == "siphotspot: 4: there is no such client; there are: none\n"


@pytest.mark.parametrize("command", ["connect", "admit", "remove"])
def test_somebody_must_be_named(command: str) -> None:
    assert siphotspot(command).exit_code == 2
