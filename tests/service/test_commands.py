"""``run``, ``status`` and ``set``, as somebody types them."""

import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service import commands
from service.cli import app

CLIENT = {
    "alias": 1, "user": "c0ffee" + 26 * "0", "ip": "192.0.2.7", "mac": "02:00:00:00:00:07",
    "name": "Kitchen", "line": "1,2", "state": "connected", "since": "2026-01-01T00:00:00+00:00",
}  # fmt: skip
AWAY = {**CLIENT, "alias": None, "user": "attic", "ip": "", "mac": "", "line": "", "since": ""}

HOTSPOT = {"mode": "hotspot", "name": "House", "state": "open", "epoch": 1}
EMPTY: dict[str, Any] = {
    "hotspot": HOTSPOT, "lines": [], "clients": [], "hotspots": [], "calls": [], "settings": {},
    "waiting": {}, "notice": "", "store": "",
}  # fmt: skip


def siphotspot(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_in_use_is_a_line_and_no_traceback(tmp_path: Path, transport: str) -> None:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if transport == "tcp":
            other.listen()
        address = f"{transport}:127.0.0.1:{other.getsockname()[1]}"
        file = tmp_path / "house.toml"
        file.write_text(f'[sip]\nlisten = ["{address}"]\n')
        result = siphotspot("run", "--config", file, "--state-dir", tmp_path / "state")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.output == (
        f"siphotspot: {address}: another program uses this address (perhaps this one, started "
        "twice); stop it, or choose another port in sip.listen\n"
    )


def test_a_row_of_the_table_of_devices() -> None:
    """S13: IP, MAC, alias and line."""
    assert commands.phone_in_words(CLIENT) == (
        "phone 1   Kitchen (c0ffee00): connected at 192.0.2.7 mac 02:00:00:00:00:07 line 1,2 "
        "since 2026-01-01T00:00:00+00:00"
    )
    assert commands.phone_in_words(AWAY) == "phone -   attic: connected"


def test_a_phone_that_was_cleared_has_to_come_by_itself() -> None:
    """A client that joined does so anyway."""
    cleared = {"state": "cleared"}
    assert commands.phone_in_words({**AWAY, **cleared, "line": "1"}) == (
        "phone -   attic: cleared line 1; it has to register again"
    )
    assert ": cleared at 192.0.2.7" in commands.phone_in_words({**CLIENT, **cleared})


def test_a_strangers_name_does_not_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"call": "1", "from": "\x1b[2J", "to": "2", "state": "ringing", "legs": {}}
    report = {**EMPTY, "calls": [call]}
    monkeypatch.setattr(commands, "ask", lambda *_: {"ok": True, "status": report})
    assert siphotspot("status").output.splitlines() == [
        "hotspot  House: open, activation 1",
        "call     1 \\x1b[2J -> 2: ringing ",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hotspot.ring=all"], "hotspot.ring: as in the file"),
        (["hotspot.port = 1"], "hotspot.port = 1 (differs from the file)"),
        (["--reset", "hotspot.name"], "hotspot.name: as in the file"),
        (["line.1.enabled=false"],
         "line.1.enabled = false from the next start on (hotspot.apply)"),
        (["hotspot.x=x"], 'hotspot.x = "Ünser 家\\u0007" (differs from the file)'),
    ],
)  # fmt: skip
def test_set_says_what_has_become_of_what_was_set(
    monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    differing = {"hotspot.port": 1, "hotspot.x": "Ünser 家\a"}
    answer = {"settings": differing, "waiting": {"line.1.enabled": False}}
    monkeypatch.setattr(commands, "ask", lambda *_: {"ok": True, **answer})
    assert siphotspot("set", *words).output == f"{said}\n"


def test_what_was_of_no_use_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    report = {**EMPTY, "drops": {"wrong-password": 2, "stray-ack": 1}}
    monkeypatch.setattr(commands, "ask", lambda *_: {"ok": True, "status": report})
    assert siphotspot("status").output.splitlines() == [
        "hotspot  House: open, activation 1",
        "refused  2 wrong passwords, 1 message that belongs to nothing",
    ]


def test_status_says_names_in_their_own_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    report = {**EMPTY, "settings": {"hotspot.name": "Ünser 家\a\x9b"}}
    monkeypatch.setattr(commands, "ask", lambda *_: {"ok": True, "status": report})
    said = 'set      hotspot.name = "Ünser 家\\u0007\\x9b"'
    assert siphotspot("status").output.splitlines()[1] == said


def test_a_client_is_told_why_it_is_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = {"name": "House", "ip": "192.0.2.1", "state": "found", "why": "it is closed"}
    line = {"number": 1, "user": "", "server": "", "state": "unconfigured", "reason": ""}
    mine = {**HOTSPOT, "mode": "client"}
    report = {**EMPTY, "hotspot": mine, "hotspots": [heard], "lines": [line]}
    monkeypatch.setattr(commands, "ask", lambda *_: {"ok": True, "status": report})
    assert siphotspot("status").output.splitlines() == [
        "client   House",
        "line 1   no account: unconfigured",
        "hears    House at 192.0.2.1, alias 0: found (it is closed)",
    ]
