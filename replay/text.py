"""Text for a terminal: what a stranger has put into a name must not steer it.

A name may be in any script, so columns are counted as a terminal counts them, and a
control character, which a caller may send as well, is shown and not obeyed.
"""

from datetime import UTC, datetime, tzinfo
from unicodedata import category, east_asian_width

SECOND_NS = 1_000_000_000
WIDE = ("W", "F")
MARKS = ("Mn", "Me")  # They stand on the character before them.


def printable(text: str) -> str:
    """Control characters and marks that turn the direction of writing, as ``\\x1b``."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def width_of(sign: str) -> int:
    """The columns that one character takes."""
    if category(sign) in MARKS:
        return 0
    return 2 if east_asian_width(sign) in WIDE else 1


def width(text: str) -> int:
    return sum(map(width_of, text))


def clip(text: str, columns: int) -> str:
    """As much of it as fits; two dots tell that there was more."""
    if width(text) <= columns:
        return text
    kept, left = "", columns - 2
    for sign in text:
        left -= width_of(sign)
        if left < 0:
            break
        kept += sign
    return f"{kept}.."


def padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def table(rows: list[list[str]]) -> list[str]:
    """Every column as wide as what is in it; nothing is wrapped and nothing is lost."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(padded(cell, columns) for cell, columns in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def rfc3339(at: int) -> str:
    """Unix nanoseconds as UTC with milliseconds (RFC 3339 5.6)."""
    when = datetime.fromtimestamp(at // SECOND_NS, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds(at):03}Z"


def on_the_clock(at: int, zone: tzinfo | None = None) -> str:
    """As the clock on the wall of this zone shows it; without one, of this machine's."""
    when = datetime.fromtimestamp(at // SECOND_NS, UTC).astimezone(zone)
    return f"{when:%Y-%m-%d %H:%M:%S}.{milliseconds(at):03}"


def milliseconds(at: int) -> int:
    return at % SECOND_NS // 1_000_000


def seconds(span: int) -> float:
    """Nanoseconds in seconds, to the millisecond."""
    return round(span / SECOND_NS, 3)


def since(at: int, start: int) -> str:
    return f"{'-' if at < start else '+'}{abs(at - start) / SECOND_NS:.3f}"
