"""One pass over what TOML found in the file: every key against its rule.

What is wrong is noted with its place, and the pass goes on, so that the owner hears of
everything at once.  What must fit together, beyond one key, is ``service.check``'s.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from service.not_yet import passed_over
from service.rules import Refused, shown
from service.sections import TABLES, Problem, Table
from service.toml_lines import Lines
from service.toml_lines import Path as Place


class Part(NamedTuple):
    """One table of the file: where it stands, what it names, and which values are right."""

    place: Place
    named: frozenset[str]
    values: dict[str, Any]

    def lacks(self, key: str) -> bool:
        """Not there at all; a value that was refused has been complained of already."""
        return key not in self.named


class Reading:
    def __init__(self, lines: Lines, folder: Path) -> None:
        self.lines = lines
        self.folder = folder  # Files that the file names are looked for here.
        self.problems: list[Problem] = []
        self.passed_over: list[Problem] = []

    def wrong(self, place: Place, message: str) -> None:
        self.problems.append(Problem(self.lines[place], spelled(place), message))

    def warn(self, place: Place, message: str) -> None:
        """Of what is not as its owner would want it, and ends nothing."""
        self.passed_over.append(Problem(self.lines[place], spelled(place), message))

    def parts(self, found: dict[str, Any]) -> dict[str, list[Part]]:
        for name in found:
            if name not in TABLES:
                self.wrong((name,), unknown_table(name))
        return {name: list(self.tables(name, found.get(name))) for name in TABLES}

    def tables(self, name: str, found: object) -> Iterator[Part]:
        kind = TABLES[name]
        if found is None:
            return
        if not kind.repeated:
            if isinstance(found, dict):
                yield self.part((name,), kind, found)
            else:
                self.wrong((name,), f"must be one table, [{name}]")
        elif isinstance(found, list) and all(isinstance(each, dict) for each in found):
            for position, each in enumerate(found):
                yield self.part((name, position), kind, each)
        else:
            self.wrong((name,), f"must be written [[{name}]], once for each {name}")

    def part(self, place: Place, kind: Table, found: dict[str, Any]) -> Part:
        return Part(place, frozenset(found), dict(self.right(place, kind, found)))

    def right(self, table: Place, kind: Table, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, value in found.items():
            place = (*table, name)
            if name not in kind.rules:
                self.wrong(place, unknown_key(str(table[0]), name))
                continue
            try:
                yield name, kind.rules[name](value)
            except Refused as refused:
                self.wrong(place, str(refused))
            else:
                if said := passed_over(f"{table[0]}.{name}", value):
                    self.warn(place, said)


# -- Names -----------------------------------------------------------------------------


def spelled(place: Place) -> str:
    """``("line", 1, "server")`` is the server of the second line: ``line[2].server``."""
    key = ""
    for part in place:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else shown(part)
            key += f".{name}" if key else name
    return key


def nearest(name: str, known: Iterable[str]) -> str | None:
    found = get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return found[0] if found else None


def written(table: str) -> str:
    return f"[[{table}]]" if TABLES[table].repeated else f"[{table}]"


def unknown_table(name: str) -> str:
    """A key above the first table is one that lost its table."""
    if homes := [written(table) for table in TABLES if name in TABLES[table].rules]:
        return f"belongs under {' or '.join(homes)}"
    if close := nearest(name, TABLES):
        return f"there is no such table; the nearest is {written(close)}"
    return f"there is no such table; there are {', '.join(map(written, TABLES))}"


def unknown_key(table: str, name: str) -> str:
    if close := nearest(name, TABLES[table].rules):
        return f"there is no such key; the nearest is {close}"
    if homes := [written(other) for other in TABLES if name in TABLES[other].rules]:
        return f"there is no such key here; it belongs under {' or '.join(homes)}"
    return f"there is no such key; there are {', '.join(TABLES[table].rules)}"
