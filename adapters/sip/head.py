"""The head of a message: from bytes to a start line and a table of headers (RFC 3261 7.3, 7.5).

Here every message passes, good or bad, so the usual spelling is recognised by looking for
single characters, which is nearly free, and only an unusual one is looked at closely.
"""

from adapters.sip.grammar import BLANK, Malformed, decimal, is_token, remembered
from adapters.sip.names import NAMES, ONCE, canonical_name

HEADER_BYTES = 65_536
HEADER_LINES = 200
LARGEST_CSEQ = 2**31 - 1

FOLDED, BAD = " ", ""  # No header has these names.

ABSENT_LENGTH = -1
BAD_LENGTH = -2

Fields = dict[str, list[str]]
Head = tuple[str, Fields, str]  # The start line, the headers, and the first fault, if any.


def end_of_head(data: bytes | bytearray, start: int = 0) -> tuple[int, int]:
    """Where the head ends and where the body starts: at the first empty line.

    Lines may end in LF alone; the first empty line counts, however it is spelled.
    """
    ends = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start, ends + 1 if ends >= 0 else len(data))
    if bare >= 0:
        return bare, bare + 2
    return ends, ends + 3


def split_head(head: str) -> Head:
    """A head in any spelling, its empty line included (RFC 3261 7.3.1).

    All lines may end in LF alone.  But where some do and some do not, the next element
    might see fewer lines than we, so that is refused, and so is a CR alone.  A NUL is let
    through only as RFC 4475 3.1.1.2 demands, escaped within quotes.
    """
    lines = head.split("\n")
    ends = {line[-1:] == "\r" for line in lines[:-1]}
    fault = "mixed-line-ends" if len(ends) > 1 else ""
    lines = [line.removesuffix("\r") for line in lines]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    for line in lines:
        if "\r" in line:
            fault = "bare-cr"
        if "\0" in line and ('"' not in line or "\0" in line.replace("\\\0", "")):
            fault = "nul"
    return table(lines, fault)


def table(lines: list[str], fault: str = "") -> Head:
    """The table of headers.

    A fault does not end the reading, since a request can only be refused by name where
    its Via, Call-ID and CSeq are known.
    """
    if len(lines) > HEADER_LINES:
        raise Malformed("too-many-headers", 0)
    start = lines.pop(0)
    fields: Fields = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        try:
            key = NAMES[name if colon else BAD]
        except KeyError:
            key, value = read_line(line)
        value = value.strip(BLANK)
        if key not in fields:
            fields[key] = [value]
        elif key not in ONCE:
            fields[key].append(value)
        elif fields[key][0] != value:
            fault = fault or f"two-{key}"
    if FOLDED in fields:
        return table(_unfolded([start, *lines]), fault)
    if BAD in fields:
        del fields[BAD]
        fault = fault or "bad-header-line"
    return start, fields, fault


def read_line(line: str) -> tuple[str, str]:
    """The long name of a header and its trimmed value, in any spelling.

    ``FOLDED`` or ``BAD`` instead of a name.
    """
    if line[:1] in (" ", "\t"):
        return FOLDED, line
    name, colon, value = line.partition(":")
    key = canonical_name(name)
    if not key or not colon:
        return BAD, line
    return key, value


def _unfolded(lines: list[str]) -> list[str]:
    whole: list[str] = []
    folded: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and whole:
            folded.append(line.strip(BLANK))
            continue
        if folded:
            whole[-1] = " ".join([whole[-1].rstrip(BLANK), *folded])
            folded = []
        whole.append(line.lstrip(BLANK) if not whole else line)
    if folded:
        whole[-1] = " ".join([whole[-1].rstrip(BLANK), *folded])
    return whole


def content_length(fields: Fields) -> int:
    stated = fields.get("content-length")
    if stated is None:
        return ABSENT_LENGTH
    return read_length(stated[0])


@remembered
def read_length(value: str) -> int:
    length = decimal(value, 2**31)
    return length if length >= 0 else BAD_LENGTH


@remembered
def read_status(start: str) -> tuple[int, str]:
    """The code and the phrase of a status line."""
    version, _, rest = start.partition(" ")
    digits, _, reason = rest.partition(" ")
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        raise Malformed("version")
    code = decimal(digits, 699) if len(digits) == 3 else -1
    if code < 100:
        raise Malformed("bad-status")
    return code, reason


@remembered
def read_cseq(value: str) -> tuple[int, str]:
    """Number and method; any white space may stand between them (RFC 4475 3.1.1.1)."""
    digits, _, method = value.replace("\t", " ").partition(" ")
    method = method.strip(" ")
    number = decimal(digits, LARGEST_CSEQ)
    if number < 0 or not is_token(method):
        raise Malformed("bad-cseq")
    return number, method
