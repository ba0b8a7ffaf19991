"""Hotspots and clients of one machine: who hears what, and interfaces that come and go."""

import errno
import socket
from collections.abc import Callable

import pytest
import trio
import trio.testing

from adapters.net import discovery_sockets
from adapters.net.beacon import OCTETS_MAX
from adapters.net.discovery_sockets import (
    LOOK_AGAIN_S,
    DiscoveryError,
    DiscoverySockets,
    Heard,
    InterfaceAddress,
    beside,
)
from adapters.net.group_sockets import own_socket, receive
from tests.net.neighbourhood import Neighbour, free_port, interface, running

LOOPBACK = socket.if_nametoindex("lo")
HOME = interface(LOOPBACK, "127.0.0.1", "127.255.255.255")
each_monitor = pytest.mark.parametrize("monitor", ["multicast", "broadcast"])


@each_monitor
async def test_a_hotspot_and_three_clients_of_one_machine(monitor: str) -> None:
    port = free_port()
    hotspot = Neighbour("hotspot", port, monitor)
    clients = [Neighbour("client", port, monitor) for _ in range(3)]
    async with running(hotspot, *clients):
        clients[0].says(b"who is there")
        for each in (hotspot, *clients):
            await each.hears(b"who is there")
        hotspot.says(b"I am")
        await hotspot.hears(b"I am")
        for number, client in enumerate(clients):
            (beacon,) = await client.hears(b"I am")
            assert beacon.source == ("127.0.0.1", port)
            client.sockets.send(b"let me in %d" % number, beacon.source)
        joins = await hotspot.hears(b"let me in 0", b"let me in 1", b"let me in 2")
        for join in joins:
            assert join.interface == LOOPBACK
            hotspot.sockets.send(b"welcome to " + join.data, join.source, join.interface)
        for number, client in enumerate(clients):
            (welcome,) = await client.hears(b"welcome to let me in %d" % number)
            assert welcome.source == ("127.0.0.1", port)


async def test_two_hotspots_on_one_port_are_kept_apart() -> None:
    """Also on one machine, where only one of them can have its address and port."""
    port = free_port()
    ours = [Neighbour(role, port, address="239.255.7.1") for role in ("hotspot", "client")]
    theirs = [Neighbour(role, port, address="239.255.7.2") for role in ("hotspot", "client")]
    async with running(*ours, *theirs):
        for (hotspot, client), name, host in (
            (ours, b"ours", "127.0.0.1"),
            (theirs, b"theirs", "127.0.0.2"),
        ):
            hotspot.says(name)
            (beacon,) = await client.hears(name)
            assert beacon.source == (host, port)
            await hotspot.hears(name)
            client.sockets.send(b"join " + name, beacon.source)
            (join,) = await hotspot.hears(b"join " + name)
            hotspot.sockets.send(b"welcome", join.source, join.interface)
            assert (await client.hears(b"welcome"))[0].source == (host, port)


async def test_a_hotspot_without_an_address_of_its_own_says_so() -> None:
    port = free_port()
    with own_socket("127.0.0.1", port):
        hotspot = Neighbour("hotspot", port)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(discovery_sockets, "beside", lambda host: [host])
            async with running(hotspot):
                hotspot.sockets.look_again()
                assert hotspot.sockets.problem == (
                    f"another hotspot on this machine has 127.0.0.1:{port}, and clients may find "
                    "it instead of this one; choose another hotspot.port for one of them"
                )
                hotspot.says(b"still heard")
                (beacon,) = await hotspot.hears(b"still heard")
                assert beacon.source[1] != port


def test_only_loopback_has_addresses_to_spare() -> None:
    assert beside("192.0.2.1") == ["192.0.2.1"]
    assert beside("127.0.0.1")[:3] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


@each_monitor
async def test_another_port_is_another_neighbourhood(monitor: str) -> None:
    one, other = (Neighbour("hotspot", free_port(), monitor) for _ in range(2))
    async with running(one, other):
        one.says(b"one")
        other.says(b"other")
        await one.hears(b"one")
        await other.hears(b"other")


@each_monitor
async def test_a_listener_hears_all_and_takes_nothing_away(monitor: str) -> None:
    port = free_port()
    hotspot, listener = Neighbour("hotspot", port, monitor), Neighbour("listener", port, monitor)
    client = Neighbour("client", port, monitor)
    long = bytes(OCTETS_MAX * 4)
    async with running(hotspot, listener, client):
        client.sockets.send(b"join", ("127.0.0.1", port))
        await hotspot.hears(b"join")
        client.says(long)
        await listener.hears(long)
        assert len((await client.hears(long[: OCTETS_MAX + 1]))[0].data) == OCTETS_MAX + 1


async def test_what_the_beacon_says_may_differ_by_interface() -> None:
    hotspot = Neighbour("hotspot", free_port())
    async with running(hotspot):
        hotspot.sockets.send_group(lambda interface: interface.address.encode())
        await hotspot.hears(b"127.0.0.1")


# -- Interfaces that come and go -------------------------------------------------------------


class Changing:
    """A machine whose interfaces are what a test says."""

    def __init__(self, *now: InterfaceAddress) -> None:
        self.now = now

    def __call__(self, monitor: str, name: str | None) -> tuple[InterfaceAddress, ...]:
        return self.now


def on(machine: Changing, neighbour: Neighbour) -> Neighbour:
    neighbour.sockets._look = machine
    return neighbour


@each_monitor
async def test_an_interface_goes_and_comes_back(monitor: str) -> None:
    port = free_port()
    machine = Changing(HOME)
    moving = on(machine, Neighbour("hotspot", port, monitor))
    staying = Neighbour("client", port, monitor)
    async with running(moving, staying):
        machine.now = ()
        moving.sockets.look_again()
        assert moving.sockets.problem
        staying.says(b"nobody is there")
        await staying.hears(b"nobody is there")
        moving.says(b"nor can I speak")
        moving.sockets.send(b"to nobody either", ("127.0.0.1", port))
        assert moving.sockets.errors == {"no-socket": 1}

        machine.now = (HOME,)
        moving.sockets.look_again()
        assert moving.sockets.problem == ""
        staying.says(b"back again")
        await moving.hears(b"back again")
        await staying.hears(b"back again")
        staying.sockets.send(b"join", ("127.0.0.1", port))
        await moving.hears(b"join")


async def test_what_did_not_change_is_not_touched() -> None:
    port = free_port()
    other = interface(LOOPBACK, "127.7.0.1", "127.255.255.255")
    machine = Changing(HOME, other)
    hotspot, client = on(machine, Neighbour("hotspot", port)), Neighbour("client", port)
    async with running(hotspot, client):
        client.sockets.send(b"before", ("127.0.0.1", port))  # Waits in the socket meanwhile.
        machine.now = (HOME,)
        hotspot.sockets.look_again()
        client.sockets.send(b"after", ("127.0.0.1", port))
        await hotspot.hears(b"before", b"after")


async def test_an_address_changes() -> None:
    port = free_port()
    machine = Changing(HOME)
    hotspot, client = on(machine, Neighbour("hotspot", port)), Neighbour("client", port)
    async with running(hotspot, client):
        machine.now = (interface(LOOPBACK, "127.7.0.1", "127.255.255.255"),)
        hotspot.sockets.look_again()
        hotspot.says(b"from the new one")
        (beacon,) = await client.hears(b"from the new one")
        assert beacon.source == ("127.7.0.1", port)


async def test_answers_come_from_the_address_that_was_spoken_to() -> None:
    port = free_port()
    other = InterfaceAddress("other", LOOPBACK + 77, "127.7.0.1", "", bytes(6))
    hotspot, client = (
        on(Changing(HOME, other), Neighbour("hotspot", port)),
        Neighbour("client", port),
    )
    async with running(hotspot, client):
        for address in ("127.7.0.1", "127.0.0.1"):
            client.sockets.send(b"join", (address, port))
            (join,) = await hotspot.hears(b"join")
            hotspot.sockets.send(b"welcome", join.source, join.interface)
            assert (await client.hears(b"welcome"))[0].source == (address, port)
        hotspot.sockets.send(b"by the route", join.source)
        assert (await client.hears(b"by the route"))[0].source == ("127.0.0.1", port)
    assert hotspot.sockets.errors == {"join-ENODEV": 1}


async def test_the_clock_looks_again(autojump_clock: trio.testing.MockClock) -> None:
    machine = Changing()
    hotspot = on(machine, Neighbour("hotspot", free_port()))
    async with running(hotspot):
        assert hotspot.sockets.problem
        machine.now = (HOME,)
        await trio.sleep(2.1)
        assert hotspot.sockets.problem == ""
        assert hotspot.sockets.interfaces == (HOME,)


# -- What cannot work ------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["192.0.2.1", "224.0.2", "ff02::1", "", "240.0.0.0"])
def test_an_address_that_is_no_group_is_named(address: str) -> None:
    with pytest.raises(DiscoveryError) as raised:
        Neighbour("client", 16360, address=address)
    assert str(raised.value) == (
        f"hotspot.address: {address} is not a multicast address; write one from 224.0.0.0 to "
        '239.255.255.255, or set hotspot.monitor = "broadcast"'
    )


def test_in_broadcast_mode_nobody_asks_for_a_group() -> None:
    Neighbour("client", 16360, monitor="broadcast", address="")


async def test_a_port_that_another_program_keeps_for_itself_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        port = other.getsockname()[1]
        hotspot = Neighbour("hotspot", port)
        with pytest.raises(DiscoveryError, match=rf":{port}: another program .*hotspot\.port"):
            await hotspot.sockets.run()


async def test_without_an_interface_it_waits_for_one() -> None:
    hotspot = Neighbour("hotspot", free_port(), interface="none0")
    async with running(hotspot):
        assert "there is no interface none0" in hotspot.sockets.problem


async def test_an_address_that_cannot_be_bound_later_is_tried_again() -> None:
    machine = Changing(HOME)
    hotspot = on(machine, Neighbour("hotspot", free_port()))
    async with running(hotspot):
        machine.now = (HOME, interface(LOOPBACK, "192.0.2.1", "192.0.2.255"))
        for times in (1, 2):
            hotspot.sockets.look_again()
            assert hotspot.sockets.errors == {"open": times}
            assert "no such address" in hotspot.sockets.problem
        hotspot.says(b"where it can")
        await hotspot.hears(b"where it can")


def sending(sockets: DiscoverySockets) -> list[Callable[[], None]]:
    return [
        lambda: sockets.send(b"", ("127.0.0.1", 0)),
        lambda: sockets.send(b"", ("127.0.0.1", 65536)),
        lambda: sockets.send(bytes(65536), ("127.0.0.1", 9)),
    ]


async def test_nothing_that_cannot_be_sent_is_raised() -> None:
    client = Neighbour("client", free_port())
    async with running(client):
        for send in sending(client.sockets):
            send()
    assert client.sockets.errors == {
        "send-EINVAL": 1, "send-no-such-port": 1, "send-EMSGSIZE": 1
    }  # fmt: skip


async def test_an_error_on_receiving_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [OSError(errno.ENETDOWN, ""), OSError(errno.ENETDOWN, "")]

    def failing(sock: socket.socket, octets_max: int) -> Heard:
        if failures:
            raise failures.pop()
        return receive(sock, octets_max)

    client = Neighbour("client", free_port())
    monkeypatch.setattr(discovery_sockets, "RECOVERY_S", 0)
    async with running(client):
        monkeypatch.setattr(discovery_sockets, "receive", failing)
        client.says(b"still here")
        await client.hears(b"still here")
    assert client.sockets.errors == {"receive-ENETDOWN": 2}


async def test_what_came_in_elsewhere_is_not_for_the_named_interface() -> None:
    port = free_port()
    deaf = on(
        Changing(InterfaceAddress("lo", LOOPBACK + 77, "127.0.0.1", HOME.broadcast, bytes(6))),
        Neighbour("hotspot", port, "broadcast"),
    )
    client = Neighbour("client", port, "broadcast")
    async with running(deaf, client):
        client.says(b"from another interface")
        await client.hears(b"from another interface")
        client.sockets.send(b"join", ("127.0.0.1", port))
        await deaf.hears(b"join")
    assert deaf.sockets.errors == {"other-interface": 1}


async def test_what_changed_is_told_and_nothing_else(
    autojump_clock: trio.testing.MockClock,
) -> None:
    machine, told = Changing(HOME), list[tuple[int, str]]()
    neighbour = on(machine, Neighbour("hotspot", free_port()))
    sockets = neighbour.sockets
    sockets._changed = lambda: told.append((len(sockets.interfaces), sockets.problem))
    async with running(neighbour):
        await trio.sleep(5 * LOOK_AGAIN_S)
        assert told == []
        machine.now = ()
        await trio.sleep(5 * LOOK_AGAIN_S)
        assert [count for count, _ in told] == [0]
        machine.now = (HOME,)
        await trio.sleep(5 * LOOK_AGAIN_S)
        assert told[1:] == [(1, "")]
