"""What may be changed while the service runs: ``siphotspot set KEY=VALUE``.

A value is held to the same rule as in the file.  The change itself is an event of the
log; here is only what it may say, and what the configuration is after it.
"""

from collections.abc import Callable
from typing import get_type_hints

from msgspec.structs import replace

from service.not_yet import passed_over
from service.reading import nearest
from service.rules import Refused
from service.sections import LINES_MAX, TABLES, Config

Setting = bool | int | str


class SettingError(ValueError):
    """Why this cannot be set, and what can."""


def from_words(table: str, name: str) -> Callable[[str], Setting]:
    """Reads what was typed after ``=``; raises ``Refused`` as the rule in the file does."""
    kind = get_type_hints(TABLES[table].kind)[name]
    rule = TABLES[table].rules[name]

    def read(words: str) -> Setting:
        value: object = words
        if kind is bool:
            value = {"true": True, "false": False}.get(words, words)
        elif kind is int and words.isascii() and words.isdigit() and len(words) <= 9:
            value = int(words)
        right: Setting = rule(value)
        if said := passed_over(f"{table}.{name}", right):
            raise Refused(said)
        return right

    return read


OF_THE_HOUSE = (
    ("hotspot", "enabled"),
    ("hotspot", "name"),
    ("hotspot", "ring_timeout"),
    ("sip", "correlate"),
    ("media", "mode"),
)
OF_A_LINE = ("enabled", "hotspot")

settable: dict[str, Callable[[str], Setting]] = {
    **{f"{table}.{name}": from_words(table, name) for table, name in OF_THE_HOUSE},
    **{
        f"line.{number}.{name}": from_words("line", name)
        for number in range(1, LINES_MAX + 1)
        for name in OF_A_LINE
    },
}
"""By key; a line is named by its number, not by its place in the file."""


def settable_key(key: str) -> str:
    """The key itself, or a ``SettingError`` that names the nearest."""
    if key in settable:
        return key
    if close := nearest(key, settable):
        raise SettingError(f"{key}: there is nothing to set by this name; the nearest is {close}")
    house = ", ".join(f"{table}.{name}" for table, name in OF_THE_HOUSE)
    line = ", ".join(f"line.N.{name}" for name in OF_A_LINE)
    raise SettingError(f"{key}: there is nothing to set by this name; there are {house}, {line}")


def parse_setting(text: str) -> tuple[str, Setting]:
    """``hotspot.enabled=false``; what stands after the first ``=`` is the value, as it is."""
    key, equals, words = text.partition("=")
    if not equals:
        raise SettingError(f"{text}: must be KEY=VALUE, as hotspot.enabled=false")
    key = settable_key(key.strip())
    try:
        return key, settable[key](words.strip())
    except Refused as refused:
        raise SettingError(f"{key}: {refused}") from None


def setting(config: Config, key: str) -> Setting:
    """What the configuration says of a settable key."""
    table, *number, name = settable_key(key).split(".")
    owner = line_numbered(config, number[0]) if number else getattr(config, table)
    value: Setting = getattr(owner, name)
    return value


def with_setting(config: Config, key: str, value: Setting) -> Config:
    """The configuration after the change; a value comes from ``parse_setting`` or the log."""
    table, *number, name = settable_key(key).split(".")
    if not number:
        return replace(config, **{table: replace(getattr(config, table), **{name: value})})
    changed = line_numbered(config, number[0])
    lines = (replace(each, **{name: value}) if each is changed else each for each in config.lines)
    return replace(config, lines=tuple(lines))


def line_numbered(config: Config, number: str) -> object:
    line = config.line(int(number))
    if line is None:
        there = ", ".join(str(each.number) for each in config.lines)
        raise SettingError(f"there is no line {number}; there are {there or 'none'}")
    return line
