"""Where a service keeps its store, if nobody says where."""

from pathlib import Path

import pytest

from service.paths import default_state_dir


@pytest.mark.parametrize(
    ("named", "xdg", "user", "folder"),
    [
        ("/named", "/xdg", 0, "/named"),
        ("", "/xdg", 1000, "/xdg/siphotspot"),
        ("", "/xdg", 0, "/xdg/siphotspot"),
        ("", "relative", 1000, "/home/ann/.local/state/siphotspot"),
        ("", "", 1000, "/home/ann/.local/state/siphotspot"),
        ("", "", 0, "/var/lib/siphotspot"),
    ],
)
def test_default(
    named: str, xdg: str, user: int, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPHOTSPOT_STATE_DIR", named)
    monkeypatch.setenv("XDG_STATE_HOME", xdg)
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert default_state_dir() == Path(folder)
