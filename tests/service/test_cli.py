"""The command line, as somebody types it."""

from collections.abc import Iterator
from errno import ENOSPC
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from service.cli import app, main
from service.paths import DEFAULT_STATE_DIR
from tests.service.samples import LINE

CONTRACT = Path(__file__).with_name("every_key.toml")


def siphotspot(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_without_a_command_it_helps() -> None:
    result = siphotspot()
    assert "check-config" in result.output
    assert "\x1b" not in result.output


def test_check_config_names_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_text(LINE + "expires = 1\n[hotspot]\nring_timeout = 0\n")
    result = siphotspot("check-config", file)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{file}:6: line[1].expires: must be a whole number from 60 to 86400, not 1",
        f"{file}:8: hotspot.ring_timeout: must be a whole number from 1 to 600, not 0",
    ]


def test_check_config_of_no_file(tmp_path: Path) -> None:
    result = siphotspot("check-config", tmp_path / "none")
    assert (result.exit_code, result.output) == (1, f"{tmp_path}/none: there is no such file\n")


def test_check_config_warns_and_is_content(folder: Path) -> None:
    file = folder / "house.toml"
    file.write_text(CONTRACT.read_text())
    result = siphotspot("check-config", file)
    *warnings, last = result.output.splitlines()
    assert (result.exit_code, last) == (0, f"{file}: OK, 1 line, 1 phone")
    assert "is known, but this version" in warnings[0]
    assert all(line.endswith(" (warning)") for line in warnings)


def test_check_config_of_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.touch()
    assert siphotspot("check-config", file).output == f"{file}: OK, 0 lines, 0 phones\n"


def test_its_version() -> None:
    assert siphotspot("--version").output == f"siphotspot {version('siphotspot')}\n"


def test_help_says_where_the_state_folder_is_if_nobody_names_one() -> None:
    def commands(group: Any) -> Iterator[Any]:
        for command in group.commands.values():
            yield from commands(command) if hasattr(command, "commands") else [command]

    offers = [
        option.help
        for command in commands(typer.main.get_group(app))
        for option in command.params
        if "--state-dir" in option.opts
    ]
    assert len(offers) > 10
    assert all(said.endswith(DEFAULT_STATE_DIR) for said in offers)


def test_help_says_for_whom_a_quiet_phone_rings() -> None:
    assert (
        "from inside the house hear busy as well" in siphotspot("phone", "quiet", "--help").output
    )


def test_the_program_is_called_siphotspot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "Usage: siphotspot" in capsys.readouterr().out


class Full(StringIO):
    def flush(self) -> None:
        raise OSError(ENOSPC, "No space left on device")


def test_a_full_disk_under_the_output_is_a_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--help"])
    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == "siphotspot: No space left on device"
