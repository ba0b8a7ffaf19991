"""Whatever stands in a name, a column stays a column and the terminal is not steered."""

from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.text import clip, on_the_clock, padded, printable, rfc3339, seconds, since, table, width
from tests.replay.stories import MILLISECOND, START


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 李雷 é", "plain 李雷 é"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("two\r\nlines", r"two\r\nlines"),
        ("\u202eevil", r"\u202eevil"),
        ("\x9b31m", r"\x9b31m"),
    ],
)
def test_what_would_steer_a_terminal_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("李雷", 4), ("e\u0301", 1), ("", 0)])
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


@given(st.text(), st.integers(2, 20))
def test_a_clipped_text_fits_and_a_printable_one_obeys(text: str, columns: int) -> None:
    assert width(clip(text, columns)) <= columns
    assert printable(text).isprintable()


def test_what_was_cut_is_marked() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abcd.."
    assert clip("李雷韩梅", 6) == "李雷.."
    assert clip("a李雷韩", 6) == "a李.."


def test_a_table_counts_columns_as_a_terminal_does() -> None:
    assert table([["name", "n"], ["李雷", "1"], ["x", ""]]) == ["name  n", "李雷  1", "x"]
    assert padded("李", 3) == "李 "


def test_times() -> None:
    at = START + 62_005 * MILLISECOND + 999
    assert rfc3339(at) == "2026-01-02T12:01:02.005Z"
    assert on_the_clock(at, timezone(timedelta(hours=2))) == "2026-01-02 14:01:02.005"
    assert seconds(at - START) == 62.005
    assert (since(at, START), since(START, at)) == ("+62.005", "-62.005")
