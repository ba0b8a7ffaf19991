"""The scan finds each key where a reader would."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.toml_lines import Lines, Path

TEXT = r'''
[a]           # 2
b = "x # not a comment"
"quoted \u0041.dot" = 'c = 1' # 4
c.d = 1
 e  .  f = [ # 6
    1, "]",   # 7
    { g = 1, h = [2, 3] },

    """
    j = 1 ]
    """, 4    # 12
]
k = \'\'\'
[no]
l = 1 \'\'\'
"" = 1979-05-27 07:32:00  # 17
[[m]]
n = 1
[[m]]
  [m.o]
  p = "\\"  # 22
  [[m.q]]
  r = 1.0
  [[m.q]]
  r = true  # 26
[s.t]
u = """\"""x"""""
v = """"y"""" # 29
'''.replace(r"\'", "'")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("a", "b"), 3),
        (("a", "quoted A.dot"), 4),
        (("a", "c"), 5),
        (("a", "c", "d"), 5),
        (("a", "e", "f"), 6),
        (("a", "e", "f", 0), 7),
        (("a", "e", "f", 1), 7),
        (("a", "e", "f", 2), 8),
        (("a", "e", "f", 2, "h", 1), 8),
        (("a", "e", "f", 3), 10),
        (("a", "e", "f", 4), 12),
        (("a", "k"), 14),
        (("a", ""), 17),
        (("m",), 18),
        (("m", 0, "n"), 19),
        (("m", 1), 20),
        (("m", 1, "o", "p"), 22),
        (("m", 1, "q", 0, "r"), 24),
        (("m", 1, "q", 1, "r"), 26),
        (("s", "t"), 27),
        (("s", "t", "u"), 28),
        (("s", "t", "v"), 29),
    ],
)
def test_each_key_has_its_line(path: Path, line: int) -> None:
    assert Lines(TEXT)[path] == line


def test_what_is_not_there_is_looked_for_around_it() -> None:
    lines = Lines(TEXT)
    assert lines["m", 1, "o", "nothing"] == 21
    assert lines["s",] == 1
    assert lines["nothing", 3] == 1


def test_finds_all_that_tomllib_finds() -> None:
    lines = Lines(TEXT)
    assert [path for path in paths(tomllib.loads(TEXT)) if path not in lines.lines] == [("s",)]


def paths(found: Any, place: Path = ()) -> Iterator[Path]:
    pairs = found.items() if isinstance(found, dict) else enumerate(found)
    for part, value in pairs:
        yield (*place, part)
        if isinstance(value, dict | list):
            yield from paths(value, (*place, part))


@settings(max_examples=100)
@given(st.lists(st.sampled_from(TEXT.split("\n")), max_size=12), st.text("[]{}\"'=.#,a\n\\ 1"))
def test_any_shuffling_of_it_that_is_toml(lines: list[str], more: str) -> None:
    text = "\n".join([*lines, more])
    try:
        found = tomllib.loads(text)
    except ValueError:
        return  # Nobody asks where what is not TOML has its keys.
    known = Lines(text).lines
    for path in paths(found):
        assert path in known or any(key[: len(path)] == path for key in known)
