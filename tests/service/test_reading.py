"""Names: an unknown one is told the nearest, and every table is written as its kind is."""

from pathlib import Path

import pytest

from service.reading import spelled
from tests.service.samples import read, wrong

NO_KEY = "there is no such key"
NO_TABLE = "there is no such table"
TABLES = "[hotspot], [sip], [[line]], [[phone]], [media], [store], [web]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[hotspot]\nring_timout = 3", f"ring_timout: {NO_KEY}; the nearest is ring_timeout"),
        ("[[line]]\nPassword_File = 3", f"Password_File: {NO_KEY}; the nearest is password_file"),
        ("[sip]\nring_timeout = 3", f"ring_timeout: {NO_KEY} here; it belongs under [hotspot]"),
        ("[sip]\nzzz = 3", f"sip.zzz: {NO_KEY}; there are listen, correlate"),
        ("[sip]\n'\t' = 3", f'sip."\\t": {NO_KEY}; there are listen, correlate'),
        ("\n[hotspt]", f"2: hotspt: {NO_TABLE}; the nearest is [hotspot]"),
        ("\n[[phones]]", f"2: phones: {NO_TABLE}; the nearest is [[phone]]"),
        ("\nring = 'all'", "2: ring: belongs under [hotspot]"),
        ("\nuser = 'x'", "2: user: belongs under [[line]] or [[phone]]"),
        ("\n[zzz]", f"2: zzz: {NO_TABLE}; there are {TABLES}"),
        ("\n[[hotspot]]", "2: hotspot: must be one table, [hotspot]"),
        ("\nsip = 3", "2: sip: must be one table, [sip]"),
        ("\n[line]\nnumber = 1", "2: line: must be written [[line]], once for each line"),
        ("\nphone = [3]", "2: phone: must be written [[phone]], once for each phone"),
    ],
)
def test_a_name_that_is_none(folder: Path, text: str, problem: str) -> None:
    said = [each for each in wrong(folder, text) if each.endswith(problem)]
    assert said
    assert said[0].startswith("2: ")


def test_other_ways_to_write_the_same(folder: Path) -> None:
    plain = read(folder, '[hotspot]\nname = "A"\n[sip]\ncorrelate = false')
    assert read(folder, 'hotspot.name = "A"\nsip = { correlate = false }') == plain
    problems = wrong(folder, 'hotspot = { name = "A",\n ring = 1 }'.replace("\n", ""))
    assert problems == ['1: hotspot.ring: must be "all", "hotspot-first" or "in-turn", not 1']


def test_places_are_counted_from_one() -> None:
    assert spelled(("line", 1, "server")) == "line[2].server"
    assert spelled(("phone", 0, "lines", 2)) == "phone[1].lines[3]"
    assert spelled(("a b",)) == '"a b"'
