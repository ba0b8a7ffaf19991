"""The house rules, checked on the source itself."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_PER_FUNCTION_MAX = 50
LINES_PER_FILE_MAX = 400

OUTWARD = {"service", "tests"}
IO = {"trio", "asyncio", "socket", "ssl", "sqlite3", "os", "pathlib", "subprocess", "threading"}
CHANCE = {"time", "datetime", "random", "secrets", "uuid", "logging"}
MAY_NOT_IMPORT = {
    "core": OUTWARD | IO | CHANCE | {"adapters", "replay"},
    "replay": OUTWARD | IO | (CHANCE - {"datetime"}) | {"adapters"},
    "adapters": OUTWARD | {"replay"},
    "service": {"tests"},
}
ONLY_IN = {
    "transitions": {"core/machines/life.py"},
    "msgpack": {"core/events/codec.py", "adapters/net/beacon.py"},
    "psutil": {"adapters/net/interfaces.py"},
    "eventsourcing": {"core/events/codec.py", "core/events/log.py", "adapters/store", "service"},
    "sqlite3": {"adapters/store", "service"},
}
FORBIDDEN_WORDS = ("TO" "DO", "FIX" "ME", "NotImplemented" "Error")  # fmt: skip


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


SOURCES = python_files(*MAY_NOT_IMPORT)
EVERYTHING = [*SOURCES, *python_files("tests", "bench")]
each_source = pytest.mark.parametrize("path", SOURCES, ids=name_of)
each_file = pytest.mark.parametrize("path", EVERYTHING, ids=name_of)


@cache
def imported(path: Path) -> frozenset[str]:
    """Every module it imports, and every name it imports from one, with dots."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


@each_source
def test_imports_point_inward(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    assert not packages(path) & MAY_NOT_IMPORT[folder]


@each_source
def test_events_know_no_machine(path: Path) -> None:
    if path.is_relative_to(ROOT / "core" / "events"):
        assert not any(name.startswith("core.machines") for name in imported(path))


@each_source
def test_each_library_has_one_bridge(path: Path) -> None:
    for library in packages(path) & set(ONLY_IN):
        assert any(name_of(path).startswith(bridge) for bridge in ONLY_IN[library]), library


@each_file
def test_it_fits_on_a_screen(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") < LINES_PER_FILE_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LINES_PER_FUNCTION_MAX, node.name


@each_file
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text()
    for word in FORBIDDEN_WORDS:
        assert word not in text


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").replace("/", ".")


@cache
def looked_at() -> frozenset[str]:
    """The modules that some test imports, and the names of the test files."""
    tests = [path for path in python_files("tests") if path.name.startswith("test_")]
    modules = {name for path in tests for name in imported(path)}
    return frozenset(modules | {path.stem for path in tests})


@pytest.mark.parametrize(
    "path", [p for p in python_files("core", "adapters", "replay") if p.stem != "__init__"],
    ids=name_of,
)  # fmt: skip
def test_every_module_has_its_tests(path: Path) -> None:
    """A test file of its name, or one that imports it or the module it is a part of."""
    parents = {module_of(other) for other in SOURCES if module_of(path) in imported(other)}
    names = {f"test_{path.stem}", module_of(path)} | parents
    assert names & looked_at()
