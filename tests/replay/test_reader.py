"""Whom somebody means who says only a part of a name."""

import pytest

from replay.reader import NoSuchCall, by_stream, find
from tests.replay.stories import EVERYTHING, recorded

STREAMS = ["line:1", "call:ab", "call:abc", "call:b1", "hotspot:main", "link:3"]


@pytest.mark.parametrize(
    ("meant", "stream"),
    [
        ("call:abc", "call:abc"),
        ("abc", "call:abc"),
        ("ab", "call:ab"),  # Complete, though another begins so.
        ("b", "call:b1"),
        ("call:b", "call:b1"),
        ("last", "call:b1"),
        ("line:1", "line:1"),
        ("hotspot:", "hotspot:main"),
        ("link:3", "link:3"),
    ],
)
def test_is_found(meant: str, stream: str) -> None:
    assert find(meant, STREAMS) == stream


@pytest.mark.parametrize(
    ("meant", "message"),
    [
        ("a", '"a" may be any of ab, abc: say more of the name'),
        ("x", 'there is no call "x"; the last ones are ab, abc, b1'),
        ("", 'there is no call ""; the last ones are ab, abc, b1'),
        ("line:2", 'there is no call "line:2"; the last ones are ab, abc, b1'),
        ("sip:ab", 'there is no call "sip:ab"; the last ones are ab, abc, b1'),
    ],
)
def test_is_not_found_and_why(meant: str, message: str) -> None:
    with pytest.raises(NoSuchCall) as raised:
        find(meant, STREAMS)
    assert str(raised.value) == message


@pytest.mark.parametrize("meant", ["last", "ab", ""])
def test_in_a_log_without_calls(meant: str) -> None:
    with pytest.raises(NoSuchCall, match="the log holds no calls"):
        find(meant, ["line:1"])


def test_not_all_of_a_thousand_are_named() -> None:
    with pytest.raises(NoSuchCall, match=r"c990, .*, c999 and 990 earlier"):
        find("c", [f"call:c{n}" for n in range(1000)])


def test_each_story_for_itself() -> None:
    log = recorded(EVERYTHING)
    stories = by_stream(log)
    assert [*stories][:3] == ["call:b-answers", "call:all-busy", "call:cancelled"]
    assert sum(map(len, stories.values())) == len(log)
    assert [turn.originator_version for _, turn in stories["hotspot:main"]] == [1, 2, 3, 4, 5]
