"""A house of its own for each test, or a word about what is missing for one."""

import importlib.util
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.house import PEERS, House, house

NETS = itertools.count(1)


def need(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"the Debian package {package} is missing")


@pytest.fixture
def home() -> Iterator[House]:
    """With a provider's address, and nothing running yet."""
    if not (PEERS / "kamailio" / "start.sh").exists():
        pytest.skip("the peers of shared/interop are not here")
    need("kamailio", "kamailio")
    # A Unix socket's path is limited, and Kamailio has one in here: pytest's own are too long.
    folder = Path(tempfile.mkdtemp(prefix="hs"))
    try:
        with house(f"127.20.{next(NETS)}", folder) as built:
            yield built
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sipp() -> None:
    need("sipp", "sip-tester")


@pytest.fixture
def pjsua2() -> None:
    if importlib.util.find_spec("pjsua2") is None:
        pytest.skip("the wheel pjsua2-python is missing")
