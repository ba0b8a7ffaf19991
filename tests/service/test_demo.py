"""The demo as its user starts it, and what it says where something is missing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from trio.testing import MockClock
from typer.testing import CliRunner

from adapters.store.sqlite import writer
from core.events.base import Decision
from core.events.decided import CallEnded
from core.events.observed import InviteArrived
from core.events.orders import RefuseCaller
from core.events.turn import Turn, take
from core.machines import call
from service import demo, demo_device
from service.cli import app
from service.demo import look_back, played, told
from service.demo_acts import CALLS
from service.demo_device import SERVICE, Device
from service.demo_telling import Missing
from tests.service.demo_tellers import new_teller, words_of

DEMO = [sys.executable, "-c", SERVICE, "demo"]


@pytest.mark.slow
def test_everything_is_seen_on_the_wire(tmp_path: Path) -> None:
    """Processes, sockets, sound and a SIGKILL: about ten seconds."""
    command = [*DEMO, "--json", "--keep", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr
    steps = [json.loads(line) for line in ran.stdout.splitlines()]
    assert steps[-1]["step"] == "end"
    assert steps[-1]["right"]
    verified = {step["who"]: step["right"] for step in steps if step["step"] == "verify"}
    assert verified == dict.fromkeys(CALLS, True)
    drawn = [step["call"] for step in steps if step["step"] == "ladder"]
    assert len(drawn) == len(set(drawn)) == CALLS["hotspot"] + 2
    facts = [step["fact"] for step in steps if step["step"] == "seen"]
    assert any("SIGKILL" in fact for fact in facts)
    assert "client 2 got the goodbye, and its line is cleared" in facts
    for name in ("hotspot", "client-1", "client-2"):
        kept = {path.name for path in (tmp_path / name).iterdir()}
        assert kept == {"secret", "siphotspot.db", "siphotspot.db.lock"}
    again = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert again.returncode == 2
    assert "earlier demo" in again.stderr


@pytest.mark.slow
def test_it_takes_its_devices_along_where_it_is_ended(tmp_path: Path) -> None:
    command = [*DEMO, "--json", "--keep", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pid = 0
        for line in running.stdout:
            step = json.loads(line)
            if step["step"] == "happened" and "started" in step["what"]:
                pid = int(step["what"].split()[1])
                running.send_signal(signal.SIGTERM)
                break
        rest = running.stdout.read()
    assert running.returncode == 1
    end = json.loads(rest.splitlines()[-1])
    assert end["result"] == "MISSING: the rest: the demo got SIGTERM"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("place", "why"), [("file", "File exists"), ("file/folder", "Not a directory")]
)
def test_where_nothing_can_be_kept(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / place
    result = CliRunner().invoke(app, ["demo", "--keep", str(folder)])
    said = f"siphotspot: --keep {folder}: cannot be written ({why}); name another folder\n"
    assert (result.exit_code, result.output) == (2, said)


async def test_a_hotspot_that_does_not_start_is_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_device, "SERVICE", "print('no disk')")
    missing = await played(tmp_path, new_teller())
    assert missing == "hotspot does not start: no disk"


async def test_it_never_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(demo, "WHOLE_S", 1.0)
    monkeypatch.setattr(demo_device, "SERVICE", "import time; time.sleep(60)")
    missing = await played(tmp_path, new_teller())
    assert "have passed; the last that was seen: 1: the hotspot registers" in missing


def test_several_that_are_missing_are_all_named() -> None:
    inner = ExceptionGroup("", [Missing("a BYE"), Missing("an ACK")])
    several: list[Exception] = [inner, Missing("a 486")]
    group = ExceptionGroup("", several).subgroup(Missing)
    assert group is not None
    assert told(group) == ["a BYE", "an ACK", "a 486"]


# -- Looking back ------------------------------------------------------------------------

NOBODY = InviteArrived(line="1", caller="7000", offer=b"", targets=())


def device_with(folder: Path, *logged: tuple[Decision, ...]) -> Device:
    """One whose log holds so many calls that ring nobody, and what was decided of each."""
    device = Device("client 1", folder, new_teller())
    device.folder.mkdir()
    with writer(device.store) as log:
        log.append([
            Turn(originator_id=f"call:{n}", originator_version=1, at=n, seen=NOBODY, did=did)
            for n, did in enumerate(logged)
        ])  # fmt: skip
    return device


def test_a_log_that_is_decided_otherwise_is_what_is_missing(tmp_path: Path) -> None:
    device = device_with(tmp_path, (RefuseCaller(code=600), CallEnded()))
    with pytest.raises(Missing, match="the replay of client 1 decides otherwise"):
        look_back(device, device.tell, shown=0)


def test_a_log_that_lacks_a_call_is_what_is_missing(tmp_path: Path) -> None:
    _, did = take(call, call.NEWBORN, NOBODY)
    with pytest.raises(Missing, match="not so: client 1 has 6 calls in its log"):
        look_back(device := device_with(tmp_path, *[did] * 5), device.tell, shown=0)


def test_as_many_calls_are_drawn_as_are_asked_for(tmp_path: Path) -> None:
    _, did = take(call, call.NEWBORN, NOBODY)
    device = device_with(tmp_path, *[did] * CALLS["client 1"])
    look_back(device, device.tell, shown=1)
    words = words_of(device.tell)
    assert words.count("INVITE") == 1 + words.count("INVITE/")
    assert "replay verify, client 1: 6 turns of 6 streams" in words
