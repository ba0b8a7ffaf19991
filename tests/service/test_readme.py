"""What we tell people to write must be right, in both languages."""

import re
from pathlib import Path

import pytest
import typer

from service.cli import app
from service.sections import TABLES
from service.settings import keys_in
from tests.service.samples import read

ROOT = Path(__file__).parents[2]
KEY, SET = re.compile(r"`(\w+)`"), "*set*"


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_examples_are_configurations(folder: Path, name: str) -> None:
    examples = re.findall(r"```toml\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    hotspot, client = (read(folder, example) for example in examples)
    assert hotspot.warnings == client.warnings == ()
    assert [phone.alias for phone in hotspot.phones] == [3]
    assert client.hotspot.mode == "client"


def test_both_languages_list_the_same_commands() -> None:
    english, chinese = (
        re.findall(
            r"^\| `(siphotspot [a-z-]+(?: [a-z]+)?)", (ROOT / name).read_text(), re.MULTILINE
        )
        for name in ("README.md", "README.zh.md")
    )
    assert english == chinese


def test_every_command_is_listed() -> None:
    listed = re.findall(r"`(?:siphotspot )?([a-z-]+)[ `]", (ROOT / "README.md").read_text())
    commands = [command.name for command in typer.main.get_group(app).commands.values()]
    assert len(commands) > 10
    assert [name for name in commands if name not in listed] == []


def test_what_proves_a_clause_is_there() -> None:
    rows = re.findall(r"^\| S\d+ .*\| (.*) \|$", (ROOT / "docs/seed.md").read_text(), re.MULTILINE)
    scenarios = {path.stem for path in (ROOT / "tests/scenarios").rglob("*.scenario")}
    for row in rows:
        proofs = re.findall(r"`([a-z_0-9/]+(?:\.py)?)`", row)
        assert proofs
        for proof in proofs:
            assert proof in scenarios or (ROOT / proof).exists(), proof


def test_the_seed_has_every_clause_once() -> None:
    clauses = re.findall(r"^\| (S\d+) \|", (ROOT / "docs/seed.md").read_text(), re.MULTILINE)
    assert clauses == [f"S{number}" for number in range(1, 25)]


def test_every_key_stands_in_its_table_and_says_whether_it_can_be_set(folder: Path) -> None:
    (example, _) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    settable = {re.sub(r"\.[^.]+\.", ".", key) for key in keys_in(read(folder, example))}
    _, *parts = re.split(
        r"^## \[+", (ROOT / "docs/configuration.md").read_text(), flags=re.MULTILINE
    )
    rows = {
        part.partition("]")[0]: re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for part in parts
    }
    named = {f"{table}.{key}" for table in rows for row in rows[table] for key in KEY.findall(row)}
    said = {f"{table}.{KEY.findall(row)[0]}" for table in rows for row in rows[table] if SET in row}
    assert named == {f"{name}.{key}" for name, table in TABLES.items() for key in table.rules}
    assert said == settable
