"""A stage for each test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.sip.stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    built = Stage()
    yield built
    built.close()
