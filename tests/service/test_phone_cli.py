"""``siphotspot phone``: what each command asks of the service, and what it prints."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service import commands, phone_cli
from service.control import ControlError
from tests.service.phone_samples import HOUSE_CALL, NOW, PHONE, call
from tests.service.test_cli import siphotspot

Asked = list[tuple[Path, dict[str, Any]]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A service that says yes to everything, and what it was asked."""
    heard: Asked = []

    def ask(folder: Path, command: dict[str, Any]) -> dict[str, Any]:
        heard.append((folder, command))
        return {"ok": True, "call": "3"}

    monkeypatch.setattr(commands, "ask", ask)
    monkeypatch.chdir("/")
    return heard


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("call 2", {"do": "call", "number": "2"}),
        ("call +4930123 --line 2", {"do": "call", "number": "+4930123", "line": "2"}),
        ("call 2 --record tmp/r.wav", {"do": "call", "number": "2", "record": "/tmp/r.wav"}),
        ("call 2 --play RELATIVE", {"do": "call", "number": "2", "play": "PLAY"}),
        ("answer", {"do": "answer"}),
        ("answer 3 --play PLAY", {"do": "answer", "call": "3", "play": "PLAY"}),
        ("answer --record /tmp/r.wav", {"do": "answer", "record": "/tmp/r.wav"}),
        ("decline", {"do": "decline"}),
        ("decline 3", {"do": "decline", "call": "3"}),
        ("hangup", {"do": "hangup"}),
        ("hangup 3", {"do": "hangup", "call": "3"}),
        ("hold 3", {"do": "hold", "call": "3"}),
        ("resume", {"do": "resume"}),
        ("digits 12#", {"do": "digits", "digits": "12#"}),
        ("digits * --call 3", {"do": "digits", "digits": "*", "call": "3"}),
        ("transfer 2", {"do": "transfer", "number": "2"}),
        ("transfer --to 3 --call 1", {"do": "transfer", "to": "3", "call": "1"}),
        ("quiet on", {"do": "quiet", "on": True}),
        ("quiet off", {"do": "quiet", "on": False}),
    ],
)
def test_a_command_asks_for(
    asked: Asked, tmp_path: Path, words: str, command: dict[str, Any]
) -> None:
    wav = tmp_path / "hello.wav"
    wav.touch()
    words = words.replace("RELATIVE", str(wav.relative_to("/"))).replace("PLAY", str(wav))
    result = siphotspot("phone", *words.split(), "--state-dir", tmp_path)
    assert (result.exit_code, result.output) == (0, "call 3\n")
    if command.get("play"):
        command = {**command, "play": str(wav)}
    assert asked == [(tmp_path, {"command": "phone", **command})]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], {"answer_after": 0}),
        (["--answer-after", "2.5"], {"answer_after": 2.5}),
        (["--record", "/tmp/r.wav"], {"answer_after": 0, "record": "/tmp/r.wav"}),
        (["--off"], {"answer_after": None}),
    ],
)
def test_automatic_says_all_it_knows(
    asked: Asked, words: list[str], command: dict[str, Any]
) -> None:
    result = siphotspot("phone", "automatic", *words)
    assert (result.exit_code, result.output) == (0, "")
    (_, said), = asked  # fmt: skip
    assert said == {"command": "phone", "do": "automatic", "play": None, "record": None, **command}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("quiet maybe", "quiet maybe: must be on or off\n"),
        ("transfer", "transfer to whom: either a NUMBER, or --to CALL\n"),
        ("transfer 2 --to 3", "transfer to whom: either a NUMBER, or --to CALL\n"),
        ("automatic --off --answer-after 0", "--off stands alone\n"),
        ("automatic --off --play hello.wav", "--off stands alone\n"),
        ("call 2 --play no/such.wav", "--play no/such.wav: there is no such file\n"),
        ("answer --play /tmp", "--play /tmp: there is no such file\n"),
        ("call 2 --record no/such.wav", "--record no/such.wav: there is no folder /no; make it"),
        ("--state-dir /tmp answer", "--state-dir stands after the command"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_asked(asked: Asked, words: str, said: str) -> None:
    result = siphotspot("phone", *words.split())
    assert result.exit_code == 2
    assert result.output.startswith(said)
    assert asked == []


def test_the_service_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(folder: Path, command: dict[str, Any]) -> dict[str, Any]:
        raise ControlError("call: 1 and 2 are both up; name one")

    monkeypatch.setattr(commands, "ask", ask)
    result = siphotspot("phone", "hangup")
    assert (result.exit_code, result.output) == (
        1,
        "siphotspot: call: 1 and 2 are both up; name one\n",
    )


# -- status --------------------------------------------------------------------------------

Told = Callable[..., dict[str, Any]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What ``status`` will be answered; its times are shown as in Greenwich."""

    def answered(**phone: Any) -> dict[str, Any]:
        answer = {"phone": {**PHONE, **phone}, "house": [HOUSE_CALL]}
        monkeypatch.setattr(commands, "ask", lambda folder, command: {"ok": True, **answer})
        return answer

    monkeypatch.setattr(time, "localtime", time.gmtime)
    return answered


def test_status_in_words(told: Told) -> None:
    told(
        quiet=True,
        answer_after=2.0,
        calls=[call("1"), call("2", "ended", number="7", by="\x1b", direction="out", why="busy")],
        missed=[call(at=NOW)],
    )
    assert siphotspot("phone", "status").output.splitlines() == [
        "phone    Our house, alias 0: hotspot, announcing",
        "line 1   4212@sip.provider.example: registered",
        "quiet    on: it does not ring",
        "answers  by itself after 2 s",
        "call 1   in  0123 Grandma: talking",
        "call 2   out 7 \\x1b: ended (busy)",
        "missed   2027-01-15 08:00 0123 Grandma",
        "house    sip:0123@provider.test -> 4212: ringing 0=proceeding 1=proceeding 1.2=invited",
    ]


def test_status_for_a_program(told: Told) -> None:
    answer = told()
    assert json.loads(siphotspot("phone", "status", "--json").output) == answer


# -- The screen ----------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on both sides, which nothing is written to."""
    monkeypatch.setattr(phone_cli, "is_on_a_terminal", lambda: True)


@pytest.mark.usefixtures("terminal")
def test_alone_it_is_the_screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown: list[Path] = []

    def screen(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(run=lambda mouse: shown.append(folder))

    monkeypatch.setitem(
        sys.modules, "service.phone_screen", SimpleNamespace(PhoneScreen=screen)
    )  # fmt: skip
    assert siphotspot("phone", "--state-dir", tmp_path).exit_code == 0
    monkeypatch.setenv("SIPHOTSPOT_STATE_DIR", str(tmp_path / "other"))
    assert siphotspot("phone").exit_code == 0
    assert shown == [tmp_path, tmp_path / "other"]


@pytest.mark.usefixtures("terminal")
def test_without_textual_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)
    result = siphotspot("phone")
    assert result.exit_code == 1
    assert "pip install 'siphotspot[tui]'" in result.output
    assert "siphotspot phone status, call, answer" in result.output


def test_without_a_terminal_the_commands_are_named() -> None:
    result = siphotspot("phone")
    assert result.exit_code == 1
    assert "siphotspot phone status --json" in result.output
