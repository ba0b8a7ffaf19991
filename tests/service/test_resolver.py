"""Where the servers are; no name server is asked by any test."""

from typing import Any, NamedTuple

import pytest

from service import resolver
from service.resolver import Resolver, Ways


class Service(NamedTuple):
    priority: int
    weight: int
    target: str
    port: int


class Names:
    """Records by name and kind."""

    def __init__(self, known: dict[tuple[str, str], list[Any]]) -> None:
        self.known = known

    async def records(self, name: str, kind: str) -> list[Any]:
        return self.known.get((name, kind), [])

    async def from_hosts(self, name: str) -> list[str]:
        return [str(each) for each in self.known.get((name, "hosts"), [])]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], list[Any]]:
    known: dict[tuple[str, str], list[Any]] = {}
    served = Names(known)
    monkeypatch.setattr(resolver, "records", served.records)
    monkeypatch.setattr(resolver, "from_hosts", served.from_hosts)
    return known


async def looked_up(server: str) -> tuple[Ways, list[str]]:
    ways: Ways = {}
    said: list[str] = []
    await Resolver(ways, said.append).prime({server})
    return ways, said


@pytest.mark.parametrize(
    ("server", "way"),
    [
        ("127.0.0.2", ("127.0.0.2", 5060)),
        ("127.0.0.2:5070", ("127.0.0.2", 5070)),
        ("[::1]:5070", ("::1", 5070)),
        ("[::1]", ("::1", 5060)),
    ],
)
async def test_an_address_needs_nobody(server: str, way: tuple[str, int]) -> None:
    assert await looked_up(server) == ({server: (way,)}, [])


async def test_services_come_best_first(names: dict[tuple[str, str], list[Any]]) -> None:
    names["_sip._udp.p.test", "SRV"] = [
        Service(20, 0, "backup.p.test.", 5060),
        Service(10, 1, "light.p.test.", 5061),
        Service(10, 9, "heavy.p.test.", 5062),
    ]
    names["backup.p.test", "A"] = ["127.0.0.4"]
    names["light.p.test", "A"] = ["127.0.0.3"]
    names["heavy.p.test", "A"] = ["127.0.0.2", "127.0.0.9"]
    ways, _ = await looked_up("p.test")
    assert ways["p.test"] == (
        ("127.0.0.2", 5062), ("127.0.0.9", 5062), ("127.0.0.3", 5061), ("127.0.0.4", 5060),
    )  # fmt: skip


async def test_with_a_port_no_service_is_asked_for(
    names: dict[tuple[str, str], list[Any]],
) -> None:
    names["_sip._udp.p.test", "SRV"] = [Service(1, 1, "other.test.", 1)]
    names["p.test", "A"] = ["127.0.0.2"]
    ways, _ = await looked_up("p.test:5070")
    assert ways["p.test:5070"] == (("127.0.0.2", 5070),)


async def test_what_only_this_machine_knows(names: dict[tuple[str, str], list[Any]]) -> None:
    names["box.local", "hosts"] = ["127.0.0.2"]
    ways, _ = await looked_up("box.local")
    assert ways["box.local"] == (("127.0.0.2", 5060),)


async def test_an_old_answer_outlives_a_failing_server_and_it_is_said_once(
    names: dict[tuple[str, str], list[Any]],
) -> None:
    ways: Ways = {"p.test": (("127.0.0.2", 5060),)}
    said: list[str] = []
    asking = Resolver(ways, said.append)
    await asking.look_up({"p.test"})
    await asking.look_up({"p.test"})
    assert ways["p.test"] == (("127.0.0.2", 5060),)
    assert len(said) == 1
    names["p.test", "AAAA"] = ["::1"]
    await asking.look_up({"p.test"})
    assert ways["p.test"] == (("::1", 5060),)
    assert not asking.failed


async def test_no_server_at_all(names: dict[tuple[str, str], list[Any]]) -> None:
    assert await looked_up("<not a host>") == ({}, [])


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.example", "\xe9..b", "nul\0.example"])
async def test_what_can_be_no_name_is_not_found(host: str) -> None:
    assert await resolver.from_hosts(host) == []
