"""The command line reads a store and changes nothing; whatever is wrong is one plain line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import rich.console
from rich.console import Console
from typer.testing import CliRunner, Result

from adapters.store import sqlite
from core.events.log import Log
from core.events.orders import AckLeg
from core.events.turn import Turn
from service import replay_cli
from service.replay_cli import replay_app, store_path
from tests.replay.golden import FOLDER
from tests.replay.stories import EVERYTHING, store
from tests.store.turns import killed_after, turn

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("state") / "siphotspot.db"
    store(path, EVERYTHING)
    return path


@pytest.fixture
def run(path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("SIPHOTSPOT_STATE_DIR", str(path.parent))

    def run(*words: str) -> Result:
        result = CliRunner().invoke(replay_app, list(words))
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    return run


def kept(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


# -- What it says --------------------------------------------------------------------------


def test_calls_for_people(run: Run) -> None:
    said = run("calls").stdout.splitlines()
    expected = kept("calls.txt").splitlines()
    assert [line.split()[2:] for line in said[1:]] == [line.split()[2:] for line in expected[1:]]


def test_calls_for_programs(run: Run) -> None:
    rows = [json.loads(line) for line in run("calls", "--json").stdout.splitlines()]
    assert [(row["call"], row["outcome"]) for row in rows] == [
        ("b-answers", "answered"),
        ("all-busy", "busy"),
        ("cancelled", "cancelled"),
        ("switched-off", "failed"),
    ]
    keys = ["call", "at", "line", "from", "to", "rang", "answered_by", "outcome", "seconds"]
    assert [*rows[0]] == keys


@pytest.mark.parametrize(("last", "calls"), [("1", 1), ("3", 3), ("99", 4)])
def test_the_last_calls_in_their_order(run: Run, last: str, calls: int) -> None:
    told = [
        json.loads(line)["call"]
        for line in run("calls", "--json", "--last", last).stdout.split("\n")[:-1]
    ]
    assert told == ["b-answers", "all-busy", "cancelled", "switched-off"][-calls:]


@pytest.mark.parametrize("call", ["call:b-answers", "b-answers", "b"])
def test_show_by_any_of_its_names(run: Run, call: str) -> None:
    said = run("show", call).stdout.splitlines()
    assert said[1:] == kept("call-b-answers.show.txt").splitlines()[1:]


def test_show_another_machine(run: Run) -> None:
    said = run("show", "hotspot:main").stdout.splitlines()
    assert said[1:] == kept("hotspot-main.show.txt").splitlines()[1:]


def test_show_for_programs_is_what_is_exported(run: Run) -> None:
    shown = run("show", "last", "--json").stdout
    assert (
        shown == run("export", "last").stdout == run("export", "last", "--format", "jsonl").stdout
    )
    assert {json.loads(line)["stream"] for line in shown.splitlines()} == {"call:switched-off"}


def test_ladder(run: Run) -> None:
    said = run("ladder", "cancelled").stdout.splitlines()
    assert said[1:] == kept("call-cancelled.ladder.txt").splitlines()[1:]
    assert run("ladder", "b-answers", "--format", "mermaid").stdout == kept(
        "call-b-answers.mermaid"
    )


def test_verify_agrees(run: Run) -> None:
    result = run("verify")
    assert result.exit_code == 0
    assert result.stdout == "32 turns of 7 streams, 4 calls among them: today's machines agree\n"
    assert run("verify", "b", "last").stdout.splitlines() == [
        "9 turns of 1 stream, 1 call among them: today's machines agree",
        "5 turns of 1 stream, 1 call among them: today's machines agree",
    ]


# -- What is wrong -------------------------------------------------------------------------


def test_verify_differs(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = Log(sqlite.settings(str(path)))
    first = turn("call:1", 1)
    log.append([Turn(originator_id="call:1", originator_version=1, at=1, seen=first.seen,
                     did=(AckLeg(leg="A"),))])  # fmt: skip
    log.close()
    for words in (["verify"], ["verify", "1"]):
        result = run(*words, "--store", str(path))
        assert result.exit_code == 1
        assert "position 1, call:1 turn 1: CallerAcked" in result.stdout
        assert "! AckLeg(leg='A')  -" in result.stdout


def test_a_turn_that_nobody_can_read_any_more_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = Log(sqlite.settings(str(path)))
    log.append([turn("call:1", 1)])
    assert isinstance(log.recorder, sqlite.Recorder)
    log.recorder.writer.execute("UPDATE stored_events SET state = x'c1'")
    log.close()
    for words in (["verify"], ["calls"], ["show", "1"]):
        result = run(*words, "--store", str(path))
        assert result.exit_code == 2
        assert "the log cannot be read: call:1 turn 1" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "x"], 'no call "x"; the last ones are b-answers, all-busy, cancelled, switched-'),
        (["verify", "x"], 'no call "x"'),
        (["export", ""], 'no call ""'),
        (["ladder", "hotspot:main"], "only a call has a ladder"),
        (["ladder", "last", "--format", "svg"], "not built yet: there is text and mermaid"),
        (["ladder", "last", "--format", "html"], "not built yet: there is text and mermaid"),
        (["ladder", "last", "--format", "png"], 'no "png": there is text and mermaid'),
        (["export", "last", "--format", "pcapng"], "not built yet: there is jsonl"),
        (["calls", "--last", "0"], "Invalid value"),
        (["calls", "--store", "postgresql://user:secret@db/log"], "PostgreSQL cannot be read yet"),
        (["calls", "--store", "nowhere.db"], "nowhere.db: there is no such file"),
        (["calls", "--store", "sqlite:nowhere.db"], "nowhere.db: there is no such file"),
        (["calls", "--state-dir", "nowhere"], "siphotspot.db: there is no such file"),
        (["calls", "--store", "."], ".: this is not a file"),
        (["calls", "--store", __file__], "not a database"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    run: Run, words: list[str], message: str
) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "secret" not in result.output
    assert result.stdout == ""


@pytest.mark.parametrize(("command", "formats"), [("ladder", "text|mermaid"), ("export", "jsonl")])
def test_help_offers_what_is_built(run: Run, command: str, formats: str) -> None:
    said = run(command, "--help").stdout
    assert f"--format {formats} " in said
    assert not any(later in said for later in ("html", "svg", "pcapng"))


def test_an_ambiguous_call_names_who_may_be_meant(run: Run, tmp_path: Path) -> None:
    log = Log(sqlite.settings(str(tmp_path / "log.db")))
    log.append([turn("call:ab1", 1), turn("call:ab2", 1), turn("call:b", 1)])
    log.close()
    result = run("show", "ab", "--store", str(tmp_path / "log.db"))
    assert result.exit_code == 2
    assert '"ab" may be any of ab1, ab2: say more of the name' in result.stderr


def test_a_log_without_calls(run: Run, tmp_path: Path) -> None:
    with sqlite.writer(tmp_path / "log.db"):
        pass
    place = ("--state-dir", str(tmp_path), "--store", "sqlite:log.db")
    assert len(run("calls", *place).stdout.splitlines()) == 1
    assert run("calls", "--json", *place).stdout == ""
    assert run("verify", *place).stdout.startswith("0 turns of 0 streams, 0 calls")
    assert "the log holds no calls" in run("show", "last", *place).stderr


# -- The store -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "state_dir", "file"),
    [
        (None, None, "/state/siphotspot.db"),
        (None, "/other", "/other/siphotspot.db"),
        ("log.db", None, "log.db"),
        ("log.db", "/other", "log.db"),
        ("sqlite:log.db", None, "log.db"),
        ("sqlite:log.db", "/other", "/other/log.db"),
        ("sqlite:/var/log.db", "/other", "/var/log.db"),
        ("sqlite:///var/log.db", None, "/var/log.db"),
        ("c:log.db", None, "c:log.db"),
    ],
)
def test_where_the_store_is(
    named: str | None, state_dir: str | None, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPHOTSPOT_STATE_DIR", "/state")
    assert store_path(named, Path(state_dir) if state_dir else None) == Path(file)


def test_nothing_of_the_store_is_changed(run: Run, path: Path) -> None:
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    for words in (["calls"], ["show", "last"], ["ladder", "last"], ["verify"], ["export", "last"]):
        assert run(*words).exit_code == 0
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_while_a_service_runs_and_after_it_was_killed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "siphotspot.db"
    place = ("--state-dir", str(tmp_path))
    with sqlite.writer(path) as log:
        log.append([turn("call:1", 1)])
        assert run("verify", *place).stdout.startswith("1 turn of")
        log.append([turn("call:1", 2)])
        assert run("verify", *place).stdout.startswith("2 turns of")

    def serve() -> Log:
        log = Log(sqlite.settings(str(path)))
        log.append([turn("call:1", 3)])
        return log

    killed_after(serve)
    assert run("verify", *place).stdout.startswith("3 turns of")


# -- The terminal --------------------------------------------------------------------------


def test_a_bar_only_where_somebody_watches(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(replay_cli, "PROGRESS_FROM", 1)
    monkeypatch.setattr(replay_cli, "TURNS_A_STEP", 10)
    assert run("verify").stderr == ""
    on_a_terminal = partial(Console, force_terminal=True)
    monkeypatch.setattr(rich.console, "Console", on_a_terminal)
    assert "verifying" in run("verify").stderr


def test_a_reader_that_has_enough_is_no_error(path: Path) -> None:
    """``siphotspot replay show last --json | head -1``"""
    reading, writing = os.pipe()
    os.close(reading)
    command = "from service.replay_cli import replay_app; replay_app()"
    try:
        ended = subprocess.run(
            [sys.executable, "-c", command, "show", "last", "--store", str(path)],
            cwd=Path(__file__).parents[2],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert ended.stderr == b""
    assert ended.returncode in (0, 1)
