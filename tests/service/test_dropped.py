"""The counters of ``status``: all are explained, and the owner hears of them in words."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from adapters.sip.authentication import REFUSED
from service.dropped import KINDS, UNREADABLE, in_words, kind_of
from service.status import ASTRAY

ROOT = Path(__file__).parents[2]
RAISED = ("Malformed", "Dropped", "_count")  # Their first argument is the name.
COUNTERS = ("drops", "errors")
HEADERS = ("via", "from", "to", "call-id", "cseq")


def names_in_code() -> set[str]:
    """As the source spells them; what it makes up while it runs is "…"."""
    sip = chain((ROOT / "adapters/sip").glob("*.py"), [ROOT / "service/engine.py"])
    discovery = chain((ROOT / "adapters/net").glob("*.py"), [ROOT / "service/ether.py"])
    found = {name for path in sip for name in names_of(path)}
    found |= {f"discovery-{name}" for path in discovery for name in names_of(path)}
    assert "no-…" in found, "a header that is not there is named by its own name"
    found = (found - {"no-…"}) | {f"no-{header}" for header in HEADERS}
    return found | {verdict.value for verdict in REFUSED} | {*ASTRAY}


def names_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Subscript(value=ast.Attribute(attr=counter), slice=name):
                if counter in COUNTERS:
                    yield from spelled(name)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[name, *_]):
                if called in RAISED:
                    more = "-…" if called == "_count" else ""
                    yield from (each + more for each in spelled(name))
            case ast.Assign(targets=[ast.Name(id="fault")], value=value):
                yield from chain.from_iterable(map(spelled, ast.walk(value)))
            case ast.BoolOp(values=[ast.Name(id="fault"), value]):
                yield from spelled(value)
            case ast.FunctionDef(name="take", returns=ast.Name(id="str")):
                returned = (one for one in ast.walk(node) if isinstance(one, ast.Return))
                yield from chain.from_iterable(spelled(one.value) for one in returned)


def spelled(node: ast.AST | None) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as name) if name:
            yield name
        case ast.JoinedStr(values=[ast.Constant(value=str() as stem), *_]):
            yield f"{stem}…"


def names_in_docs() -> list[str]:
    text = (ROOT / "docs/drops.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall("`(.*?)`", row)]


def is_explained(name: str, docs: list[str]) -> bool:
    return name in docs or any(one[-1] == "…" and name.startswith(one[:-1]) for one in docs)


def test_the_code_is_read_for_all_ways_to_count() -> None:
    names = names_in_code()
    assert {"stranger", "wrong-password", "tcp-overflow", "udp-send-…", "bad-via"} <= names
    assert {"two-…", "short-body", "discovery-another-way", "discovery-rate"} <= names
    assert {"fault", "discovery-send-unspellable", "tcp-closed-…", "stray-response"} <= names


def test_every_counter_is_explained_once() -> None:
    docs = names_in_docs()
    assert sorted(set(docs)) == sorted(docs)
    assert [name for name in sorted(names_in_code()) if not is_explained(name, docs)] == []


def test_what_is_explained_is_counted() -> None:
    stems = tuple(name.removesuffix("…") for name in names_in_code())
    assert [name for name in names_in_docs() if not name.startswith(stems)] == []


def test_every_counter_that_has_words_is_one_of_the_code() -> None:
    stems = {name.removesuffix("…") for name in names_in_code()}
    assert [name for name in KINDS if name not in stems and name != "discovery-"] == []


@pytest.mark.parametrize("path", sorted((ROOT / "adapters/sip").glob("*.py")), ids=lambda p: p.stem)
def test_only_what_cannot_be_read_has_no_words_of_its_own(path: Path) -> None:
    counted = re.findall(r"drops\[f?\"([a-z-]+)", path.read_text())
    assert [name for name in counted if kind_of(name) is UNREADABLE] == []


def test_the_owner_hears_it_in_words() -> None:
    assert in_words({}) == []
    assert in_words({"udp-keepalive-or-too-short": 7, "tcp-closed-idle": 2}) == []
    drops = {
        "wrong-password": 3, "stranger": 1, "bad-start-line": 9, "bad-via": 3, "tcp-malformed-x": 3,
        "stray-response": 1, "discovery-rate": 2, "discovery-send-ENETUNREACH": 1,
        "tcp-connect-ECONNREFUSED": 1, "fault": 1,
    }  # fmt: skip
    assert in_words(drops) == [
        "refused  3 wrong passwords, 1 call of a stranger, 12 messages that are no proper SIP, "
        "1 message that belongs to nothing, 2 datagrams of discovery",
        "lost     2 messages that could not be sent, 1 fault of the service itself",
    ]
