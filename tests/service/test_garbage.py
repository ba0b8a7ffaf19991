"""When garbage that refers to itself is searched for."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from service import garbage


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    thresholds = gc.get_threshold()
    garbage.settle()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def old_garbage() -> "weakref.ref[Cycle]":
    """Garbage that was in use when new objects were looked through."""
    cycle = Cycle()
    gc.collect(0)
    return weakref.ref(cycle)


def test_old_garbage_goes_in_a_quiet_moment() -> None:
    left = old_garbage()
    assert left() is not None
    assert garbage.search(quiet=True)
    assert left() is None


def test_not_while_there_are_calls() -> None:
    left = old_garbage()
    assert not garbage.search(quiet=False)
    assert left() is not None


def test_not_where_nothing_has_happened() -> None:
    gc.collect()
    assert not garbage.search(quiet=True)
