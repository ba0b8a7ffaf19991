"""The pages of docs/machines say what the tables say, today."""

from pathlib import Path

import pytest

from core.machines.call import CALLER
from replay.diagrams import MACHINES, MADE_BY, diagram, pages

FOLDER = Path(__file__).parents[2] / "docs" / "machines"
PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")
    assert kept == PAGES[name], f"the table has changed: {MADE_BY}"


def test_there_is_no_page_of_a_machine_that_is_gone() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == {*PAGES}


@pytest.mark.parametrize("name", MACHINES)
def test_a_page_names_every_row(name: str) -> None:
    life, _ = MACHINES[name]
    for source, because, to in life.rows:
        assert f"| {source} | {because.__name__} |" in PAGES[f"{name}.md"]
        assert any(
            line.startswith(f"    {source} --> {to}: ") and because.__name__ in line
            for line in diagram(life)
        )


def test_arrows_of_the_same_way_are_one() -> None:
    assert diagram(CALLER)[1:] == [
        "    [*] --> waiting",
        "    waiting --> answered: AnswerCaller",
        "    waiting --> done: RefuseCaller",
        "    answered --> acked: CallerAcked",
        "    answered --> done: CallerHungUp, ReleaseCaller",
        "    acked --> done: CallerHungUp, ReleaseCaller, CallerHandedOver",
        "    done --> [*]",
    ]
