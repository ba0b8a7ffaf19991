"""Ladder, timeline and diagram of each story, against the ones that were looked at."""

import pytest

from tests.replay.golden import FOLDER, pictures

PICTURES = dict(pictures())


@pytest.mark.parametrize("name", PICTURES)
def test_is_drawn_as_before(name: str) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")
    assert PICTURES[name] == kept, "python -m tests.replay.golden draws it anew"


def test_none_is_left_of_a_story_that_is_no_longer_told() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*PICTURES}
