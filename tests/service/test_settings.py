"""What may be set while the service runs."""

import re

import pytest
from msgspec.structs import replace

from service.config import (
    Config,
    HostPort,
    Line,
    Phone,
    Secret,
    Setting,
    SettingError,
    keys_in,
    parse_setting,
    settable,
    setting,
    with_setting,
)

LINE = Line(number=2, server=HostPort("192.0.2.1"), user="4212", password=Secret("s"))
HOUSE = Config(lines=(LINE,))


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("hotspot.enabled=false", "hotspot.enabled", False),
        ("hotspot.name=Haus = 7", "hotspot.name", "Haus = 7"),
        ("hotspot.name=true", "hotspot.name", "true"),
        (" hotspot.ring_timeout = 25 ", "hotspot.ring_timeout", 25),
        ("line.2.enabled=true", "line.2.enabled", True),
        ("line.6.hotspot=false", "line.6.hotspot", False),
        ("sip.correlate=false", "sip.correlate", False),
        ("media.mode=direct", "media.mode", "direct"),
        ("hotspot.ring=in-turn", "hotspot.ring", "in-turn"),
        ("phone.bed.room.quiet=true", "phone.bed.room.quiet", True),
    ],
)
def test_takes(text: str, key: str, value: object) -> None:
    assert parse_setting(text) == (key, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hotspot.enabled", "hotspot.enabled: must be KEY=VALUE, as hotspot.enabled=false"),
        ("hotspot.enabled=off", 'hotspot.enabled: must be true or false, not "off"'),
        ("hotspot.ring_timeout=0", "hotspot.ring_timeout: must be a whole number from 1 to 600"),
        ("hotspot.ring_timeout=1e1", "hotspot.ring_timeout: must be a whole number from 1 to 600"),
        ("hotspot.ring_timeout=²", "hotspot.ring_timeout: must be a whole number from 1 to 600"),
        ("hotspot.name=", "hotspot.name: must have 1 to 64 characters, not 0"),
        ("hotspot.enable=true", "the nearest is hotspot.enabled"),
        ("line.7.enabled=true", "the nearest is line."),
        ("hotspot.ring_step=0", "hotspot.ring_step: must be a whole number from 1 to 600"),
        ("phone.bed.quiet=no", 'phone.bed.quiet: must be true or false, not "no"'),
        ("phone.quiet=true", "there is nothing to set by this name"),
        ("phone.bed.alias=3", "cannot be changed while the service runs; change it in the file"),
        ("hotspot.join=key", "hotspot.join: cannot be changed while the service runs"),
        ("line.1.server=x", "line.1.server: cannot be changed while the service runs"),
        ("line.server=x", "there is nothing to set by this name"),
        ("x=1", "there are hotspot.mode, hotspot.enabled, hotspot.name, hotspot.monitor"),
        ("media.mode=rtpengine", "this version does not act on it yet"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=re.escape(message)):
        parse_setting(text)


@pytest.mark.parametrize("key", [key for key in settable if not re.search(r"\.[13456]\.", key)])
def test_a_change_shows_and_nothing_else_changes(key: str) -> None:
    before = setting(HOUSE, key)
    values: dict[type, Setting] = {bool: not before, int: 7, str: "direct"}
    value = values[type(before)]
    after = with_setting(HOUSE, key, value)
    assert setting(after, key) == value
    assert with_setting(after, key, before) == HOUSE


def test_a_phone_is_named_by_its_user() -> None:
    phones = tuple(Phone(user=user, password=Secret("s")) for user in ("bed", "bed.room"))
    house = replace(HOUSE, phones=phones)
    after = with_setting(house, "phone.bed.room.quiet", True)
    assert [phone.quiet for phone in after.phones] == [False, True]
    assert setting(after, "phone.bed.room.quiet") is True
    assert [key for key in keys_in(after) if key.startswith("phone.")] == [
        "phone.bed.quiet",
        "phone.bed.room.quiet",
    ]
    with pytest.raises(SettingError, match=r"there is no phone hall; there are bed, bed\.room"):
        with_setting(house, "phone.hall.quiet", True)


def test_only_lines_that_there_are_have_keys() -> None:
    lines = {key.split(".")[1] for key in keys_in(HOUSE) if key.startswith("line.")}
    assert lines == {"2"}


def test_a_line_that_is_not_there() -> None:
    with pytest.raises(SettingError, match="there is no line 1; there are 2"):
        with_setting(HOUSE, "line.1.enabled", False)
    with pytest.raises(SettingError, match="there is no line 1; there are none"):
        setting(Config.default(), "line.1.enabled")
