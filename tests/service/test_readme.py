"""What we tell people to write must be right, in both languages."""

import re
from pathlib import Path

import pytest

from tests.service.samples import read

ROOT = Path(__file__).parents[2]


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


def test_the_seed_has_every_clause_once() -> None:
    clauses = re.findall(r"^\| (S\d+) \|", (ROOT / "docs/seed.md").read_text(), re.MULTILINE)
    assert clauses == [f"S{number}" for number in range(1, 25)]
