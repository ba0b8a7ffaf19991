"""What is known and has no effect is named, and only where the file sets it."""

from pathlib import Path

import pytest

from service.config import NOT_YET_ACTED_ON
from service.sections import TABLES
from tests.service.samples import LINE, read

NOT_YET = "is known, but this version does not act on it yet"


def test_only_keys_that_there_are() -> None:
    for key in NOT_YET_ACTED_ON:
        table, _, name = key.partition(".")
        assert name in TABLES[table].rules


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "[sip]\nlisten = ['udp:127.0.0.1:5060', 'tls:127.0.0.1:5061']",
            f"sip.listen: {NOT_YET}",
        ),
        ("[media]\nmode = 'rtpengine'", f'media.mode: "rtpengine" {NOT_YET}'),
        ("[store]\nurl = 'postgresql://me:sesame@db/x'", f"store.url: {NOT_YET}"),
        ("[web]\nlisten = '[::1]:80'", f"web.listen: {NOT_YET}"),
    ],
)
def test_is_warned_of(folder: Path, text: str, warning: str) -> None:
    assert read(folder, text).warnings == (warning,)


@pytest.mark.parametrize(
    "text",
    [
        "[hotspot]\nmode = 'client'\nport = 16360\nring = 'in-turn'\napply = 'restart'",
        "[sip]\nlisten = ['udp:127.0.0.1:5061']",
        LINE + "transport = 'tcp'",
        "[media]\nmode = 'direct'",
        "[store]\nurl = 'sqlite:x'",
    ],
)
def test_is_acted_on(folder: Path, text: str) -> None:
    assert read(folder, text).warnings == ()


def test_warnings_stand_as_in_the_file(folder: Path) -> None:
    config = read(folder, "[web]\nlisten = '127.0.0.1:1'\n[store]\nkeep_days = 1")
    assert [each.at("f") for each in config.passed_over] == [
        f"f:2: web.listen: {NOT_YET}",
        f"f:4: store.keep_days: {NOT_YET}",
    ]
