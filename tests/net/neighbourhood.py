"""Hotspots and clients of one machine, on its loopback interface, for the tests of discovery."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from adapters.net.discovery_sockets import DiscoverySockets, Heard, Role
from adapters.net.interfaces import InterfaceAddress

PATIENCE_S = 10.0  # Only a test that fails waits so long.


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Neighbour:
    """Sockets of discovery, and what they have heard."""

    def __init__(
        self,
        role: Role,
        port: int,
        monitor: str = "multicast",
        address: str = "239.255.7.1",
        interface: str | None = "lo",
    ) -> None:
        self.heard: list[Heard] = []
        self.news = trio.Event()
        self.sockets = DiscoverySockets(monitor, address, port, interface, self.receive, role=role)

    def receive(self, batch: Sequence[Heard]) -> None:
        self.heard += batch
        self.news.set()
        self.news = trio.Event()

    def says(self, data: bytes) -> None:
        self.sockets.send_group(lambda interface: data)

    async def hears(self, *expected: bytes) -> list[Heard]:
        """Waits until it has heard all of these, and takes them; in any order, nothing else."""
        with trio.fail_after(PATIENCE_S):
            while len(self.heard) < len(expected):
                await self.news.wait()
        heard, self.heard = self.heard, []
        assert sorted(each.data for each in heard) == sorted(expected)
        return heard


@asynccontextmanager
async def running(*neighbours: Neighbour) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        for each in neighbours:
            await nursery.start(each.sockets.run)
        yield
        nursery.cancel_scope.cancel()


def interface(index: int, address: str, broadcast: str) -> InterfaceAddress:
    return InterfaceAddress("lo", index, address, broadcast, bytes(6))
