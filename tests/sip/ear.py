"""A transport on loopback for tests, with an ear that tests can wait on."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio

from adapters.sip.connection import Incoming
from adapters.sip.message import Flow, Request, parse
from adapters.sip.transport import Transport

PATIENCE_S = 2.0  # Only reached by a test that fails.


class Ear:
    """A running transport, and all that it has told its user."""

    def __init__(self, listen: list[str], **limits: float) -> None:
        self.transport = Transport(listen, self.hear, self.lose, **limits)
        self.batches: list[list[Incoming]] = []
        self.failed: list[tuple[Flow, str]] = []
        self.answer: Callable[[list[Incoming]], None] = lambda batch: None
        self._news = trio.lowlevel.ParkingLot()
        self._dialled: list[trio.SocketStream] = []

    def hear(self, incoming: Iterable[Incoming]) -> None:
        batch = [*incoming]
        self.batches.append(batch)
        self.answer(batch)
        self._news.unpark_all()

    def lose(self, flow: Flow, reason: str) -> None:
        self.failed.append((flow, reason))
        self._news.unpark_all()

    @property
    def heard(self) -> list[Incoming]:
        return [item for batch in self.batches for item in batch]

    def requests(self) -> list[tuple[str, Flow]]:
        """The methods of what came, whether over UDP or TCP."""
        found = []
        for item, flow in self.heard:
            message = parse(item) if isinstance(item, bytes) else item
            assert isinstance(message, Request)
            found.append((message.method, flow))
        return found

    async def wait_heard(self, most: int = 1) -> list[Incoming]:
        with trio.fail_after(PATIENCE_S):
            while len(self.heard) < most:
                await self._news.park()
        return self.heard

    async def wait_failed(self, most: int = 1) -> list[tuple[Flow, str]]:
        with trio.fail_after(PATIENCE_S):
            while len(self.failed) < most:
                await self._news.park()
        return self.failed

    def flow(self, transport: str, toward: "Ear") -> Flow:
        """From our first listener of this transport to theirs."""
        ours, theirs = (
            next(item for item in ear.transport.addresses if item.transport == transport)
            for ear in (self, toward)
        )
        return Flow(transport, f"{ours.host}:{ours.port}", theirs.host, theirs.port)

    async def dial(self, source: str = "127.0.0.4") -> trio.SocketStream:
        """A bare peer over TCP, which says whatever a test wants."""
        host = self.transport.addresses[0].host
        stream = await trio.open_tcp_stream(host, self.port("tcp"), local_address=source)
        self._dialled.append(stream)
        return stream

    def hang_up(self) -> None:
        for stream in self._dialled:
            stream.socket.close()

    def port(self, transport: str) -> int:
        return next(x.port for x in self.transport.addresses if x.transport == transport)


@asynccontextmanager
async def listening(*hosts: str, **limits: float) -> AsyncIterator[list[Ear]]:
    """An ear on each host, UDP and TCP, on free ports."""
    ears = [Ear([f"udp:{host}:0", f"tcp:{host}:0"], **limits) for host in hosts]
    async with trio.open_nursery() as nursery:
        for ear in ears:
            await nursery.start(ear.transport.run)
        yield ears
        nursery.cancel_scope.cancel()
    for ear in ears:
        ear.hang_up()
