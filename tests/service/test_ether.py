"""The sockets of discovery as the settings have them, on the loopback interface."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from adapters.net.beacon import Beacon, Goodbye, Join, Sip, decode
from adapters.net.discovery_sockets import LOOK_AGAIN_S, Heard
from adapters.net.interfaces import NO_MAC, InterfaceAddress
from adapters.net.leaving import Leaving
from service.config import Hotspot
from service.ether import TRY_AGAIN_S, Ether, ours
from tests.net.neighbourhood import PATIENCE_S, free_port, interface
from tests.net.test_discovery_sockets import HOME, LOOPBACK, Changing

GROUP = "239.255.7.9"
SIP = Sip("udp", "0.0.0.0", 5060)
BEACON = Leaving(Beacon(b"h" * 16, "Den", 1, 0, SIP, (), 60))
JOIN = Join(b"c" * 16, b"h" * 16, NO_MAC, "Desk", "T1", SIP)
NOT_A_GROUP = (
    "hotspot.address: 10.0.0.1 is not a multicast address; write one from 224.0.0.0 to "
    '239.255.255.255, or set hotspot.monitor = "broadcast"'
)


def settings(port: int, **words: Any) -> Hotspot:
    return Hotspot(**{"address": GROUP, "port": port, "interface": "lo", **words})


class Device:
    """An ether, and what it has heard and told."""

    def __init__(self, hotspot: Hotspot) -> None:
        self.heard: list[Heard] = []
        self.told: list[str] = []
        self.moves = 0
        self.ether = Ether(hotspot, self.receive, self.told.append, self.moved)

    def receive(self, batch: Sequence[Heard]) -> None:
        self.heard += batch

    def moved(self) -> None:
        self.moves += 1


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not is_so():
            await trio.lowlevel.checkpoint()


@asynccontextmanager
async def at_work(*devices: Device) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        for device in devices:
            await nursery.start(device.ether.run)
        yield
        nursery.cancel_scope.cancel()


async def test_both_ends_hear_each_other_and_where_each_is() -> None:
    port = free_port()
    hotspot, client = Device(settings(port)), Device(settings(port, mode="client"))
    async with at_work(hotspot, client):
        hotspot.ether.send(BEACON, None, 0)
        await until(lambda: bool(client.heard))
        beacon = decode(client.heard[0].data, None, 0)
        assert isinstance(beacon, Beacon)
        assert beacon.sip.host == "127.0.0.1"
        source = client.heard[0].source
        assert source == ("127.0.0.1", port)
        client.ether.send(Leaving(JOIN, source, client.heard[0].interface), b"k" * 32, 0)
        await until(lambda: len(hotspot.heard) == 2)  # Its own beacon, and the join.
        join = decode(hotspot.heard[1].data, b"k" * 32, 0)
        assert isinstance(join, Join)
        assert (join.sip.host, join.name) == ("127.0.0.1", "Desk")
    assert hotspot.told == client.told == []


async def test_it_moves_to_another_port_and_not_where_it_is_already() -> None:
    ports = [free_port() for _ in range(2)]
    hotspot, client = Device(settings(ports[0])), Device(settings(ports[1], mode="client"))
    async with at_work(hotspot, client):
        before = hotspot.ether.sockets
        hotspot.ether.move(settings(ports[0], name="Attic", ring_timeout=7))
        await trio.testing.wait_all_tasks_blocked()
        assert hotspot.ether.sockets is before
        hotspot.ether.move(settings(ports[1]))
        await until(lambda: hotspot.ether.sockets not in (None, before))
        hotspot.ether.send(BEACON, None, 0)
        await until(lambda: bool(client.heard))
        assert client.heard[0].source == ("127.0.0.1", ports[1])


async def test_a_problem_is_told_once_and_again_when_it_is_another(
    autojump_clock: trio.testing.MockClock,
) -> None:
    port = free_port()
    device = Device(settings(port, address="10.0.0.1"))
    async with at_work(device):
        await trio.sleep(5 * TRY_AGAIN_S)
        assert device.told == [NOT_A_GROUP]
        device.ether.move(settings(port, interface="nosuch0"))
        await until(lambda: len(device.told) == 2)
        assert device.told[1].startswith("hotspot.interface: there is no interface nosuch0")
        await trio.sleep(5 * LOOK_AGAIN_S)
        device.ether.move(settings(port))
        await until(lambda: len(device.told) == 3)
        assert device.told[2] == ""
        await trio.sleep(5 * LOOK_AGAIN_S)
        assert len(device.told) == 3


async def test_while_it_has_no_socket_what_it_says_is_lost() -> None:
    device = Device(settings(free_port(), address="10.0.0.1"))
    device.ether.send(BEACON, None, 0)
    async with at_work(device):
        device.ether.send(BEACON, None, 0)
        assert device.ether.counted() == {}


async def test_interfaces_that_change_are_told_and_their_problems(
    autojump_clock: trio.testing.MockClock,
) -> None:
    machine = Changing(HOME)
    device = Device(settings(free_port()))
    async with at_work(device):
        assert device.ether.sockets is not None
        device.ether.sockets._look = machine
        await trio.sleep(5 * LOOK_AGAIN_S)
        assert (device.moves, device.told) == (0, [])
        machine.now = ()
        await trio.sleep(2 * LOOK_AGAIN_S)
        assert device.moves == 0
        assert len(device.told) == 1
        machine.now = (HOME,)
        await trio.sleep(2 * LOOK_AGAIN_S)
        assert (device.moves, device.told[1:]) == (1, [""])
        machine.now = (interface(LOOPBACK, "127.0.0.7", "127.255.255.255"),)
        await trio.sleep(2 * LOOK_AGAIN_S)
        assert (device.moves, device.told[2:]) == (2, [])


async def test_what_cannot_be_spelled_is_counted_and_harms_nobody() -> None:
    device = Device(settings(free_port()))
    wrong = Goodbye(b"too short", 1, "")
    async with at_work(device):
        device.ether.send(Leaving(wrong), None, 0)
        device.ether.send(Leaving(wrong, ("127.0.0.1", 5)), None, 0)
        device.ether.send(Leaving(JOIN, ("127.0.0.1", 70_000)), None, 0)
        counted = {"send-unspellable": 2, "send-no-such-port": 1}
        assert device.ether.counted() == counted
    assert device.ether.counted() == counted


@pytest.mark.parametrize(
    ("index", "there", "known"),
    [
        (0, (), ("127.0.0.1", NO_MAC)),
        (0, (interface(7, "192.0.2.7", ""),), ("127.0.0.1", NO_MAC)),
        (7, (interface(7, "192.0.2.7", ""),), ("192.0.2.7", NO_MAC)),
        (7, (interface(7, "192.0.2.7", ""), HOME), ("127.0.0.1", NO_MAC)),
    ],
)
def test_how_one_knows_us(index: int, there: Any, known: tuple[str, bytes]) -> None:
    assert ours(Leaving(JOIN, interface=index), "127.0.0.1", there) == known


async def test_a_bug_is_told_and_discovery_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    device = Device(settings(free_port()))

    def broken(monitor: str, interface: str | None) -> tuple[InterfaceAddress, ...]:
        raise ZeroDivisionError

    async with at_work(device):
        assert device.ether.sockets is not None
        device.ether.sockets._look = broken
        await trio.sleep(LOOK_AGAIN_S + TRY_AGAIN_S / 2)
        assert device.told == ["ZeroDivisionError(); trying again"]
        await trio.sleep(TRY_AGAIN_S)
        assert device.told[1:] == [""]
        assert device.ether.sockets is not None
