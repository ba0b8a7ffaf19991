"""What may be changed while the service runs: ``siphotspot set KEY=VALUE``.

A value is held to the same rule as in the file.  The change itself is an event of the
log; here is only what it may say, and what the configuration is after it.
"""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple, get_type_hints

from msgspec.structs import replace

from replay.text import printable
from service.not_yet import passed_over
from service.reading import nearest
from service.rules import Refused
from service.sections import LINES_MAX, TABLES, Config, Line, Phone

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
    ("hotspot", "mode"),
    ("hotspot", "enabled"),
    ("hotspot", "name"),
    ("hotspot", "monitor"),
    ("hotspot", "address"),
    ("hotspot", "port"),
    ("hotspot", "max_clients"),
    ("hotspot", "ring_timeout"),
    ("hotspot", "ring"),
    ("hotspot", "ring_step"),
    ("hotspot", "apply"),
    ("hotspot", "client_transfer"),
    ("sip", "correlate"),
    ("media", "mode"),
)
OF_A_LINE = ("enabled", "hotspot")
OF_SEVERAL = ("line", "phone")
QUIET = "quiet"  # Of a phone, as phone.USER.quiet.

settable: dict[str, Callable[[str], Setting]] = {
    **{f"{table}.{name}": from_words(table, name) for table, name in OF_THE_HOUSE},
    **{
        f"line.{number}.{name}": from_words("line", name)
        for number in range(1, LINES_MAX + 1)
        for name in OF_A_LINE
    },
}
"""By key; a line is named by its number, not by its place in the file."""

settable_of_a_phone = {QUIET: from_words("phone", QUIET)}
"""By what stands after the name of the phone."""


class Parts(NamedTuple):
    """``line.1.enabled``; the middle is empty in ``hotspot.enabled``, and may have dots itself."""

    table: str
    which: str
    name: str


def parts_of(key: str) -> Parts:
    table, _, rest = key.partition(".")
    which, _, name = rest.rpartition(".")
    return Parts(table, which, name)


def keys_in(config: Config) -> Iterator[str]:
    """Everything that may be set in this house."""
    for key in settable:
        table, which, _ = parts_of(key)
        if table != "line" or config.line(int(which)) is not None:
            yield key
    for phone in config.phones:
        yield from (f"phone.{phone.user}.{name}" for name in settable_of_a_phone)


def rule_of(key: str) -> Callable[[str], Setting] | None:
    table, which, name = parts_of(key)
    if table == "phone" and which:
        return settable_of_a_phone.get(name)
    return settable.get(key)


def settable_key(key: str) -> str:
    """The key itself, or a ``SettingError`` that names the nearest."""
    if rule_of(key) is not None:
        return key
    table, which, name = parts_of(key)
    is_known = table in TABLES and name in TABLES[table].rules
    if is_known and bool(which) == (table in OF_SEVERAL) and name not in OF_A_LINE:
        raise SettingError(
            f"{key}: cannot be changed while the service runs; change it in the file and start "
            "the service again"
        )
    if close := nearest(key, settable):
        raise SettingError(f"{key}: there is nothing to set by this name; the nearest is {close}")
    house = ", ".join(f"{table}.{name}" for table, name in OF_THE_HOUSE)
    line = ", ".join(f"line.N.{name}" for name in OF_A_LINE)
    there = f"{house}, {line}, phone.USER.{QUIET}"
    raise SettingError(f"{key}: there is nothing to set by this name; there are {there}")


def worded(key: str, value: object) -> str:
    """For people, in the letters of their language; a control character stays escaped."""
    return printable(f"{key} = {json.dumps(value, ensure_ascii=False)}")


def parse_setting(text: str) -> tuple[str, Setting]:
    """``hotspot.enabled=false``; what stands after the first ``=`` is the value, as it is."""
    key, equals, words = text.partition("=")
    if not equals:
        raise SettingError(f"{text}: must be KEY=VALUE, as hotspot.enabled=false")
    key = settable_key(key.strip())
    rule = rule_of(key)
    assert rule is not None, "settable_key has looked"
    try:
        return key, rule(words.strip())
    except Refused as refused:
        raise SettingError(f"{key}: {refused}") from None


def setting(config: Config, key: str) -> Setting:
    """What the configuration says of a settable key."""
    table, which, name = parts_of(settable_key(key))
    owner = one_of(config, table, which) if which else getattr(config, table)
    value: Setting = getattr(owner, name)
    return value


def with_setting(config: Config, key: str, value: Setting) -> Config:
    """The configuration after the change; a value comes from ``parse_setting`` or the log."""
    table, which, name = parts_of(settable_key(key))
    if not which:
        return replace(config, **{table: replace(getattr(config, table), **{name: value})})
    changed, every = one_of(config, table, which), f"{table}s"
    now = (
        replace(each, **{name: value}) if each is changed else each
        for each in getattr(config, every)
    )
    return replace(config, **{every: tuple(now)})


def one_of(config: Config, table: str, which: str) -> Line | Phone:
    """A line by its number, a phone by its user."""
    there: dict[str, Line | Phone] = {str(line.number): line for line in config.lines}
    if table == "phone":
        there = {phone.user: phone for phone in config.phones}
    if which not in there:
        raise SettingError(f"there is no {table} {which}; there are {', '.join(there) or 'none'}")
    return there[which]
