"""The configuration file, read once and whole.

``load`` hands back a ``Config`` in which nothing is left to check, or raises one
``ConfigError`` with everything that is wrong, each with its line: whoever mends the
file mends it once.  The parts are in ``sections`` (what there is), ``rules`` (what a
value may be), ``check`` (what must fit together) and ``settings`` (what may be changed
later); whoever uses the configuration needs only this module.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from service.check import check
from service.not_yet import NOT_YET_ACTED_ON
from service.reading import Part, Reading
from service.rules import HostPort, Listen, PortRange
from service.secret import Secret
from service.sections import (
    TABLES,
    Config,
    Hotspot,
    Line,
    Media,
    Phone,
    Problem,
    Sip,
    Store,
    Web,
)
from service.settings import (
    Setting,
    SettingError,
    keys_in,
    parse_setting,
    settable,
    settable_key,
    setting,
    with_setting,
)
from service.toml_lines import Lines

__all__ = [
    "NOT_YET_ACTED_ON",
    "Config",
    "ConfigError",
    "HostPort",
    "Hotspot",
    "Line",
    "Listen",
    "Media",
    "Phone",
    "PortRange",
    "Problem",
    "Secret",
    "Setting",
    "SettingError",
    "Sip",
    "Store",
    "Web",
    "keys_in",
    "load",
    "parse_setting",
    "settable",
    "settable_key",
    "setting",
    "with_setting",
]


class ConfigError(Exception):
    """The file cannot be used; ``problems`` says why, from the top of the file down."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda each: (each.line, each.key, each.message))
        said = [f"line {each.line}: {each}" if each.line else str(each) for each in self.problems]
        super().__init__("; ".join(said))


def load(path: str | Path) -> Config:
    """The file as it stands; files that it names are looked for beside it."""
    path = Path(path)
    text = read_text(path)
    try:
        found = tomllib.loads(text)
        lines = Lines(text.replace("\r\n", "\n"))
    except RecursionError:
        raise ConfigError([Problem(0, "", "is not TOML: too many brackets in brackets")]) from None
    except ValueError as error:  # Also a number that is longer than Python reads.
        raise ConfigError([not_toml(text, str(error))]) from None
    reading = Reading(lines, path.parent)
    parts = reading.parts(found)
    check(reading, parts)
    if reading.problems:
        raise ConfigError(reading.problems)
    return put_together(parts, reading.passed_over)


def read_text(path: Path) -> str:
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError([Problem(0, "", "there is no such file")]) from None
    except OSError as error:
        raise ConfigError([Problem(0, "", f"cannot be read: {error.strerror}")]) from None
    except ValueError:
        raise ConfigError([Problem(0, "", "is not the name of a file")]) from None
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = held.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(line, "", "is not text in UTF-8")]) from None


def not_toml(text: str, error: str) -> Problem:
    """``tomllib`` says where in its message: "(at line 3, column 5)" or "(at end of document)"."""
    what, _, where = error.partition(" (at ")
    line = 0
    if where:
        told = re.match(r"line ([0-9]+)", where)
        line = int(told[1]) if told else text.rstrip().count("\n") + 1
    return Problem(line, "", f"is not TOML: {what[:1].lower()}{what[1:]}")


def put_together(parts: dict[str, list[Part]], passed_over: list[Problem]) -> Config:
    single = {
        name: TABLES[name].kind(**part.values)
        for name in parts
        for part in parts[name]
        if not TABLES[name].repeated
    }
    return Config(
        lines=tuple(Line(**part.values) for part in parts["line"]),
        phones=tuple(Phone(**part.values) for part in parts["phone"]),
        passed_over=tuple(sorted(passed_over, key=lambda each: each.line)),
        **single,  # type: ignore[arg-type]
    )
