"""The shell of discovery: its sockets, opened anew when the owner's settings ask for others."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import trio

from adapters.net.discovery_sockets import DiscoveryError, DiscoverySockets, Heard
from adapters.net.interfaces import NO_MAC, InterfaceAddress
from adapters.net.leaving import Leaving
from adapters.sip.sockets import source_toward
from service.config import Hotspot

TRY_AGAIN_S = 5.0


class Where(NamedTuple):
    """What the sockets depend on."""

    role: str
    monitor: str
    address: str
    port: int
    interface: str | None

    @classmethod
    def of(cls, hotspot: Hotspot) -> "Where":
        return cls(hotspot.mode, hotspot.monitor, hotspot.address, hotspot.port, hotspot.interface)


class Ether:
    """``receive`` gets what waited, at most 64 datagrams at once.

    ``complain`` gets what keeps discovery from working, once, and "" when that is over;
    ``moved`` is called when the interfaces, or their addresses, have become others; while there
    is none of them nobody can be told.
    """

    def __init__(
        self,
        hotspot: Hotspot,
        receive: Callable[[Sequence[Heard]], None],
        complain: Callable[[str], None],
        moved: Callable[[], None],
    ) -> None:
        self.where = Where.of(hotspot)
        self.receive = receive
        self.complain = complain
        self.moved = moved
        self.sockets: DiscoverySockets | None = None
        self.problem = ""
        self.there: tuple[InterfaceAddress, ...] = ()
        self.errors: Counter[str] = Counter()  # Of sockets that are closed, and our own.
        self._moved = trio.Event()

    def counted(self) -> Counter[str]:
        """What could not be sent or received, by name."""
        return self.errors + self.sockets.errors if self.sockets else self.errors

    def move(self, hotspot: Hotspot) -> None:
        """To where the settings are now; nothing happens where that is the same."""
        where = Where.of(hotspot)
        if where != self.where:
            self.where = where
            self._moved.set()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until it is cancelled.  What keeps it from working is said, and tried again."""
        async with trio.open_nursery() as nursery:
            opened = trio.Event()
            nursery.start_soon(self.keep, opened)
            await opened.wait()
            task_status.started()

    async def keep(self, opened: trio.Event) -> None:
        while True:
            self._moved = trio.Event()
            try:
                await self.serve(opened)
            except* Exception as group:
                self.tell(why(group))
                opened.set()
                with trio.move_on_after(TRY_AGAIN_S):
                    await self._moved.wait()

    async def serve(self, opened: trio.Event) -> None:
        role, monitor, address, port, interface = self.where
        try:
            sockets = DiscoverySockets(
                monitor,
                address,
                port,
                interface,
                self.receive,
                role="client" if role == "client" else "hotspot",
                changed=self.look,
            )
            async with trio.open_nursery() as nursery:
                await nursery.start(sockets.run)
                self.sockets = sockets
                self.there = sockets.interfaces
                opened.set()
                self.tell(sockets.problem)
                await self._moved.wait()
                nursery.cancel_scope.cancel()
        finally:
            if self.sockets is not None:
                self.errors.update(self.sockets.errors)
            self.sockets = None

    def look(self) -> None:
        """The sockets have found this machine changed."""
        assert self.sockets is not None
        self.tell(self.sockets.problem)
        if self.sockets.interfaces != self.there:
            self.there = self.sockets.interfaces
            if self.there:
                self.moved()

    def tell(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self.complain(problem)

    # -- Out -----------------------------------------------------------------------------

    def send(self, leaving: Leaving, key: bytes | None, at: int) -> None:
        """Sends, or loses it as the wire may; never waits and never raises."""
        sockets = self.sockets
        if sockets is None:
            return
        try:
            if leaving.to is None:
                sockets.send_group(lambda each: leaving.spelled(key, each.address, each.mac, at))
            else:
                host, mac = ours(leaving, leaving.to[0], sockets.interfaces)
                data = leaving.spelled(key, host, mac, at)
                sockets.send(data, leaving.to, leaving.interface)
        except ValueError:  # Said by a bug of ours, or out of a setting that no rule foresaw.
            self.errors["send-unspellable"] += 1


def why(error: BaseException) -> str:
    """A bug of ours, too, is told and gets over with."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, DiscoveryError) else f"{error!r}; trying again"


def ours(leaving: Leaving, host: str, there: Sequence[InterfaceAddress]) -> tuple[str, bytes]:
    """The address and MAC by which this host knows us."""
    source = source_toward(host)
    for fits in (lambda e: e.address == source, lambda e: e.index == leaving.interface):
        for each in filter(fits, there):
            return each.address, each.mac
    return source, NO_MAC
