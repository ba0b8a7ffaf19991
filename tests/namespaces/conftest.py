"""A network for each test that asks for one."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.namespaces.lab import Lab, NotPermitted


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Skips where the system lets nobody have network namespaces."""
    with ExitStack() as exits:
        try:
            made = exits.enter_context(Lab())
        except NotPermitted as why:
            pytest.skip(f"no network namespaces here: {why}")
        yield made
