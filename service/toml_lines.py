"""On which line of a TOML file each key stands.

``tomllib`` reads a file and forgets where, but whoever has to mend the file wants to
know.  So the text is walked once more, after ``tomllib`` found it well-formed: this
scan knows where a key, a table or an element begins, and nothing else about TOML 1.0.

A path is a tuple of names and, in arrays, of positions from 0: ``("line", 1, "server")``.
"""

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
NAME = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
DOT = re.compile(r"[ \t]*\.[ \t]*")
TEXT = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'", re.DOTALL
)
PLAIN = re.compile(r"[^,\]}\n#]*")  # A number, a date, true or false.
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


class Lines:
    """Asked for a path that is not there, it names the nearest thing around it."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {(): 1}
        for path, line in Scan(text).statements():
            self.lines.setdefault(path, line)

    def __getitem__(self, path: Path) -> int:
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class Scan:
    """Where we are in the text, and how many tables each array of tables has so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines_passed = 1
        self.counted_to = 0
        self.arrays: dict[Path, int] = {}

    def line(self) -> int:
        """We only go forward, so each line is counted once."""
        self.lines_passed += self.text.count("\n", self.counted_to, self.at)
        self.counted_to = self.at
        return self.lines_passed

    def statements(self) -> Iterator[tuple[Path, int]]:
        """Every ``[table]``, ``[[table]]`` and ``key = value``, and what the values hold."""
        table: Path = ()
        while self.skip_blank() < len(self.text):
            line = self.line()
            if self.take("[["):
                names = self.key()
                array = self.within_arrays(names[:-1]) + names[-1:]
                self.arrays[array] = self.arrays.get(array, -1) + 1
                table = (*array, self.arrays[array])
                self.take("]]")
                yield array, line
                yield table, line
            elif self.take("["):
                table = self.within_arrays(self.key())
                self.take("]")
                yield table, line
            else:
                yield from self.pair(table)

    def pair(self, table: Path) -> Iterator[tuple[Path, int]]:
        line = self.line()
        names = self.key()
        for length in range(1, len(names) + 1):
            yield table + names[:length], line
        self.skip_blank()
        self.take("=")
        yield from self.value(table + names)

    def value(self, path: Path) -> Iterator[tuple[Path, int]]:
        self.skip_blank()
        if self.take("["):
            position = 0
            while self.skip_blank() < len(self.text) and not self.take("]"):
                yield (*path, position), self.line()
                yield from self.value((*path, position))
                position += 1
                self.skip_blank()
                self.take(",")
        elif self.take("{"):
            while self.skip_blank() < len(self.text) and not self.take("}"):
                yield from self.pair(path)
                self.skip_blank()
                self.take(",")
        elif self.match(TEXT) is None:
            self.match(PLAIN)

    def key(self) -> tuple[str, ...]:
        """``a.b.c``, each name bare or in quotes."""
        names = [self.name()]
        while self.match(DOT):
            names.append(self.name())
        self.skip_blank()
        return tuple(names)

    def name(self) -> str:
        self.skip_blank()
        found = self.match(NAME)
        assert found, "what tomllib has read has a name here"
        if found[0] == '"':
            return ESCAPE.sub(unescaped, found[1:-1])
        return found.strip("'") if found[0] == "'" else found

    def within_arrays(self, names: Path) -> Path:
        """A name that is an array of tables means the last of them (TOML 1.0)."""
        path: Path = ()
        for name in names:
            path = (*path, name)
            if path in self.arrays:
                path = (*path, self.arrays[path])
        return path

    def skip_blank(self) -> int:
        self.match(BLANK)
        return self.at

    def take(self, mark: str) -> bool:
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]


def unescaped(escape: re.Match[str]) -> str:
    if code := escape[1] or escape[2]:
        return chr(int(code, 16))
    return ESCAPED.get(escape[3], escape[3])
