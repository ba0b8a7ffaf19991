"""Nobody reads what is said: the commands end in silence, and the exit status tells."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli import main
from service.demo_device import SERVICE
from service.output import pipe_without_reader, send_nowhere


def test_what_is_sent_nowhere_fails_no_more() -> None:
    with pipe_without_reader() as out:
        with pytest.raises(BrokenPipeError):
            print("one", file=out, flush=True)
        send_nowhere(out)
        print("two", file=out, flush=True)


@pytest.mark.parametrize("closed", [None, "pipe"])
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["check-config", os.devnull]])
def test_a_command_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    closed: str | None,
    words: list[str],
) -> None:
    monkeypatch.setattr("sys.stdout", pipe_without_reader() if closed else None)
    monkeypatch.setattr("sys.argv", ["siphotspot", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize("words", ["--help", "status --state-dir {}", "replay calls --help"])
def test_no_traceback_of_a_whole_process(tmp_path: Path, words: str) -> None:
    line = f'exec "$0" -P -c "$1" {words.format(tmp_path)} >&-'
    ran = subprocess.run(
        ["sh", "-c", line, sys.executable, SERVICE], capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == ("status" in words)


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [[], ["nohup"]])
def test_a_terminal_that_is_closed_ends_the_service_but_for_nohup(
    tmp_path: Path, prefix: list[str]
) -> None:
    file = tmp_path / "house.toml"
    file.write_text('[hotspot]\nenabled = false\n[sip]\nlisten = ["udp:127.0.0.1:0"]\n')
    command = [*prefix, sys.executable, "-P", "-c", SERVICE, "run"]
    command += ["--config", str(file), "--state-dir", str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("listening on")
        running.send_signal(signal.SIGHUP)
        if prefix:
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(1)
            running.terminate()
        assert running.wait(10) == 0
