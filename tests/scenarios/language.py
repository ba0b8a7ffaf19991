"""The scenario language: prose that a telephone engineer can review without Python.

``parse`` turns a text into a ``Scenario``, a value; who plays it is another matter.  The
bare machines do (``bare_runner``), the adapters on a fake network do, and the record of a
run is played once more (``replay_runner``), all from the same text.  The vocabulary is
in ``README.md`` beside this file.

Parsing is strict.  A line that is not understood fails, and so does a block that is not
ended, a party that is named and never speaks, and a scenario that does not say why.
"""

import re
from collections.abc import Callable, Iterator
from typing import NoReturn

from tests.scenarios.steps import (
    US,
    After,
    Arrow,
    ExpectAlias,
    ExpectCall,
    ExpectCaller,
    ExpectHotspot,
    ExpectLegs,
    ExpectLine,
    ExpectLog,
    ExpectPhone,
    ExpectReplay,
    ExpectUplink,
    Given,
    GivenUp,
    Operator,
    Scenario,
    Service,
    Step,
    Together,
    Unreachable,
    arrows_of,
)


class NotUnderstood(AssertionError):
    def __init__(self, line: int, text: str, why: str) -> None:
        super().__init__(f"line {line}: {text.strip()}\n    {why}")


# -- The words -------------------------------------------------------------------------

PARTY = r"(?:caller\d?|hotspot|client|group|den|barn|registrar|backup|server|0|[A-Z](?:\.\d)?)"
PREFIX = r"(?:wire|maybe|lose|twice|late \d+ms)"
ARROW = re.compile(rf"((?:{PREFIX}\s+)*)({PARTY})\s*->\s*({PARTY})\s+(\S+)\s*(.*)")
HEADER = re.compile(r"(?:^|\s)(Reason): (.+)$")
MESSAGE = re.compile(r"((?:re-)?[A-Z]+)(?:/([1-6]\d\d))?")
NAMES = re.compile(r"[A-Z][a-z]\w*(?:\s+[A-Z][a-z]\w*)*|nothing")
KEYS = {
    "alias", "answer", "body", "call", "call-id", "contact", "credentials", "cseq", "display",
    "epoch", "expires", "host", "key", "line", "lines", "min-expires", "name", "nonce", "offer",
    "reason", "replaces", "retry-after", "stale", "status", "tag", "to",
}  # fmt: skip
UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}

OWNER = [
    r"(deactivates the hotspot|activates the hotspot)",
    r"(deactivates the hotspot|activates the hotspot) (at the next start)",
    r"(configures the line|withdraws the line)",
    r"(switches the line off|switches the line on)",
    r"(removes|takes in) phone (\w)",
    r"(gives alias \d+ to) phone (\w)",
    r"(admits|bars) client (\w)",
    r"(makes this device a client|makes this device a hotspot)",
    r"(disconnects)",
    r"(connects) (den|barn)",
]

GIVENS: list[tuple[str, Callable[..., tuple[str, str, str]]]] = [
    (r"hotspot (\w+) is (active|switched off)", lambda a, b: ("hotspot", a, b)),
    (r"line (\w+) is (registered|not configured)", lambda a, b: ("line", a, b)),
    (r"line (\w+) has a (backup proxy)", lambda a, b: ("line", a, b)),
    (r"phones ([A-Z](?: [A-Z])*) are (registered)", lambda a, b: ("phone", a, b)),
    (
        r"phone ([A-Z]) "
        r"(is registered|is registered from two addresses|wants missed calls|is not to ring)",
        lambda a, b: ("phone", a, b.removeprefix("is ")),
    ),
    (r"(the hotspot) has (a phone of its own)", lambda a, b: ("own phone", "", b)),
    (r"this device is (a client)", lambda a: ("client", "", a)),
    (r"(the hotspot) (admits clients one by one)", lambda a, b: ("join", "", "approve")),
    (r"(the hotspot) (wants the key)", lambda a, b: ("join", "", "key")),
    (r"(the hotspot) takes (\d+) clients?", lambda a, b: ("clients", "", b)),
    (r"(clients) may (transfer)", lambda a, b: ("transfer", "", b)),
    (r"(ring time) is (\d+)s", lambda a, b: ("ring time", "", b)),
    (r"phones ring (hotspot-first|in-turn), (\d+)s a step", lambda a, b: ("ring", b, a)),
    (r"(nobody) sits at the (phone of the hotspot)", lambda a, b: ("nobody", "", b)),
]

Builder = Callable[..., Step]


def parse_legs(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split())


STEPS: list[tuple[str, Builder]] = [
    (r"after (\d+)(ms|s|min|h)", lambda at, n, unit: After(**at, ms=int(n) * UNITS[unit])),
    (r"the service (stops|starts|restarts)", lambda at, does: Service(**at, does=does)),
    (rf"({PARTY}) is unreachable", lambda at, party: Unreachable(**at, party=party)),
    (rf"({PARTY}) is given up", lambda at, party: GivenUp(**at, party=party)),
    (
        rf"(\S+) to ({PARTY}) is given up",
        lambda at, method, party: GivenUp(**at, party=party, method=method),
    ),
    (
        r"expect call(?: (\d))? is ([A-Z]+)(?: with (\S+))?",
        lambda at, n, phase, who: ExpectCall(
            **at, phase=phase, winner=who or "", number=int(n or 0)
        ),
    ),
    (r"expect caller is ([A-Z]+)", lambda at, phase: ExpectCaller(**at, phase=phase)),
    (r"expect legs ((?:\S+=\S+ ?)+)", lambda at, legs: ExpectLegs(**at, legs=parse_legs(legs))),
    (
        r"expect line(?: (\w+))? is ([A-Z]+)",
        lambda at, user, phase: ExpectLine(**at, phase=phase, user=user or ""),
    ),
    (r"expect hotspot is ([A-Z]+)", lambda at, phase: ExpectHotspot(**at, phase=phase)),
    (
        r"expect phone (\w) is ([A-Z]+)(?: from(( [\w.]+)+))?",
        lambda at, phone, phase, devices, _: ExpectPhone(
            **at, phone=phone, phase=phase, devices=tuple(devices.split()) if devices else None
        ),
    ),
    (
        r"expect alias of (\w) is (\d+)",
        lambda at, phone, alias: ExpectAlias(**at, phone=phone, alias=int(alias)),
    ),
    (
        r"expect uplink (\w+) is ([A-Z]+)",
        lambda at, name, phase: ExpectUplink(**at, hotspot=name, phase=phase),
    ),
    (r"expect replay agrees", lambda at: ExpectReplay(**at)),
]


# -- Reading a text --------------------------------------------------------------------

Lines = Iterator[tuple[int, str]]


def parse(text: str) -> Scenario:
    """The scenario, or ``NotUnderstood`` with the line and what is wrong with it."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    title, because, lines = parse_head(lines)
    givens: list[Given] = []
    while lines and (given := parse_given(*lines[0], is_first=not givens)):
        givens.append(given)
        lines = lines[1:]
    steps = tuple(parse_steps(iter(lines)))
    scenario = Scenario(title=title, because=because, givens=tuple(givens), steps=steps)
    check_everybody_speaks(scenario)
    return scenario


def parse_head(lines: list[tuple[int, str]]) -> tuple[str, str, list[tuple[int, str]]]:
    words = {"scenario": "", "because": ""}
    for word in words:
        number, line = lines[0] if lines else (0, "")
        first, _, rest = line.partition(" ")
        if first != word or not rest.strip():
            raise NotUnderstood(number, line, f"a scenario needs its {word!r} here")
        words[word], lines = rest.strip(), lines[1:]
        while lines and lines[0][1].startswith("          ") and "->" not in lines[0][1]:
            words[word] += " " + lines[0][1].strip()  # Prose goes on in the next line.
            lines = lines[1:]
    return words["scenario"], words["because"], lines


def parse_given(number: int, line: str, is_first: bool) -> Given | None:
    word, _, rest = line.strip().partition(" ")
    if word != ("given" if is_first else "and"):
        return None
    for pattern, build in GIVENS:
        if match := re.fullmatch(pattern, rest.strip()):
            what, names, state = build(*match.groups())
            return Given(line=number, what=what, names=tuple(names.split()), state=state)
    raise NotUnderstood(number, line, "nothing of that kind can be given")


def parse_steps(lines: Lines) -> Iterator[Step]:
    """One step after another; a log line and a block take the lines that belong to them."""
    waiting = next(lines, None)
    while waiting:
        number, line = waiting
        if line.split() == ["expect", "log"]:
            waiting = next(lines, None)
            names: list[str] = []
            while waiting and NAMES.fullmatch(waiting[1].strip()):
                names += waiting[1].split()
                waiting = next(lines, None)
            if not names:
                raise NotUnderstood(number, line, "names what was decided in the next line")
            names = [] if names == ["nothing"] else names
            yield ExpectLog(line=number, text=line.strip(), names=tuple(names))
            continue
        yield parse_block(number, line, lines) if line == "together" else parse_step(number, line)
        waiting = next(lines, None)


def parse_block(number: int, text: str, lines: Lines) -> Together:
    arrows: list[Arrow] = []
    for at, line in lines:
        if line.strip() == "end":
            return Together(line=number, text=text, arrows=tuple(arrows))
        arrow = parse_step(at, line)
        if not isinstance(arrow, Arrow) or arrow.is_played:
            raise NotUnderstood(at, line, "only what is expected can come in any order")
        arrows.append(arrow)
    raise NotUnderstood(number, text, "the block is not ended")


def parse_step(number: int, line: str) -> Step:
    text = " ".join(line.split())
    at = {"line": number, "text": text}
    if match := ARROW.fullmatch(text):
        return parse_arrow(number, text, *match.groups())
    if text.startswith("operator "):
        for pattern in OWNER:
            if match := re.fullmatch(pattern, text.removeprefix("operator ")):
                does, *about = match.groups()
                return Operator(line=number, text=text, does=does, about="".join(about))
    for pattern, build in STEPS:
        if match := re.fullmatch(pattern, text):
            return build(at, *match.groups())
    raise NotUnderstood(number, line, "not understood")


def parse_arrow(
    number: int, text: str, before: str, src: str, dst: str, what: str, rest: str
) -> Arrow:
    def fail(why: str) -> NoReturn:
        raise NotUnderstood(number, text, why)

    message = MESSAGE.fullmatch(what) or fail("a message is METHOD or METHOD/code")
    if (src in US) is (dst in US):
        fail("an arrow has the hotspot at one end, or us as its client")
    words = before.split()
    late = re.search(r"late (\d+)ms", before)
    fates = [word for word in words if word in ("lose", "twice", "late")]
    if len(fates) > 1:
        fail("the network does one thing to a message")
    if "maybe" in words and dst in US:
        fail("what is played is not in doubt")
    return Arrow(
        line=number,
        text=text,
        src=src,
        dst=dst,
        method=message[1],
        code=int(message[2] or 0),
        args=parse_args(rest, fail),
        wire="wire" in words,
        maybe="maybe" in words,
        fate="".join(fates),
        late_ms=int(late[1]) if late else 0,
    )


def parse_args(rest: str, fail: Callable[[str], NoReturn]) -> dict[str, str]:
    args = {}
    if header := HEADER.search(rest):
        args[header[1]] = header[2]
        rest = rest[: header.start()]
    for word in rest.split():
        key, equals, value = word.partition("=")
        if not equals or key not in KEYS:
            fail(f"{word!r} says nothing; known are {', '.join(sorted(KEYS))}")
        args[key] = value
    return args


# -- What holds of the whole -------------------------------------------------------------


def check_everybody_speaks(scenario: Scenario) -> None:
    """Whoever is named and never says a word was forgotten by the author."""
    spoke, named = {*US, "group"}, dict.fromkeys(scenario.phones(), 0)
    for step in scenario.steps:
        if isinstance(step, Unreachable | GivenUp):
            spoke.add(step.party)
    for arrow in arrows_of(scenario.steps):
        spoke.add(arrow.src)
        named.setdefault(arrow.dst, arrow.line)
    for party, line in named.items():
        if party not in spoke:
            raise NotUnderstood(line, party, "is named and never says a word")
