"""Discovery's shell: its sockets on every interface that there is, and nothing else.

Interfaces come and go, and their addresses change: every two seconds they are looked at
again, memberships and sockets follow, and what did not change is not touched.  Nothing
that happens on the way out or in is raised; it is counted in ``errors`` by its name.
"""

import errno
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address
from typing import Literal

import trio

from adapters.net.beacon import OCTETS_MAX
from adapters.net.group_sockets import (
    Heard,
    group_socket,
    is_held,
    join_group,
    leave_group,
    own_socket,
    receive,
    send_through,
)
from adapters.net.interfaces import DiscoveryError, InterfaceAddress, usable, why_none
from adapters.sip.sockets import source_toward

__all__ = ["DiscoveryError", "DiscoverySockets", "Heard", "InterfaceAddress"]

DATAGRAMS_A_BATCH = 64
LOOK_AGAIN_S = 2.0
RECOVERY_S = 0.1  # An error that stays must not keep the task busy.
LONGEST_DATAGRAM = 65_535
ANY = "0.0.0.0"

Role = Literal["hotspot", "client", "listener"]
Receive = Callable[[Sequence[Heard]], None]
Look = Callable[[str, str | None], tuple[InterfaceAddress, ...]]


class DiscoverySockets:
    """``monitor``, ``address``, ``port`` and ``interface`` as under ``[hotspot]``.

    A ``hotspot`` has ``port`` on each of its addresses and is found there; a ``client``
    speaks from a port of its own and is answered there; a ``listener`` hears everything on
    ``port``, and says nothing.  ``receive`` gets what waited, at most 64 datagrams at once.

    ``problem`` is "" or what keeps discovery from working, and what to do about it.
    ``changed`` is called when that, or ``interfaces``, has become another since the start.
    """

    def __init__(
        self,
        monitor: str,
        address: str,
        port: int,
        interface: str | None,
        receive: Receive,
        *,
        role: Role,
        look: Look = usable,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.monitor = monitor
        self.address = address
        self.port = port
        self.interface = interface
        self.role = role
        self.interfaces: tuple[InterfaceAddress, ...] = ()
        self.errors: Counter[str] = Counter()
        self.problem = ""
        self._receive = receive
        self._look = look
        self._changed = changed
        self._groups: dict[str, socket.socket] = {}  # By the address that they are bound to.
        self._own: dict[str, socket.socket] = {}
        self._members: set[int] = set()
        self._nursery: trio.Nursery | None = None
        if monitor == "multicast":
            demand_group(address)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serves until it is cancelled; raises ``DiscoveryError`` before it has started.

        No interface is no error: one may come, and until then ``problem`` says so.
        """
        try:
            self.look_again()
            if self.errors["open"]:
                raise DiscoveryError(self.problem)
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for sockets in (self._groups, self._own):
                    for sock in sockets.values():
                        nursery.start_soon(self._drain, sock, sockets is self._groups)
                task_status.started()
                while True:
                    await trio.sleep(LOOK_AGAIN_S)
                    before = self.interfaces, self.problem
                    self.look_again()
                    if (self.interfaces, self.problem) != before:
                        self._changed()
        finally:
            self._nursery = None
            for sockets in (self._groups, self._own):
                for host in list(sockets):
                    close(sockets, host)
            self._members.clear()

    # -- Interfaces ----------------------------------------------------------------------

    def look_again(self) -> None:
        """Brings sockets and memberships in line with the interfaces that there are now."""
        self.interfaces = self._look(self.monitor, self.interface)
        self.problem = "" if self.interfaces else why_none(self.monitor, self.interface)
        self._keep(self._groups, self._group_hosts(), self._open_group)
        self._keep(self._own, self._own_hosts(), self._open_own)
        if self.monitor == "multicast":
            self._keep_memberships()
        for host, sock in self._own.items():
            if self.role == "hotspot" and sock.getsockname()[1] != self.port:
                self.problem = (
                    f"another hotspot on this machine has {host}:{self.port}, and clients may "
                    "find it instead of this one; choose another hotspot.port for one of them"
                )

    def _group_hosts(self) -> set[str]:
        if self.role == "listener":
            return {ANY}
        if self.monitor == "multicast":
            return {self.address}
        return {each.broadcast for each in self.interfaces}

    def _own_hosts(self) -> set[str]:
        match self.role:
            case "hotspot":
                return {each.address for each in self.interfaces}
            case "client":
                return {ANY}
        return set()

    def _keep(
        self,
        sockets: dict[str, socket.socket],
        wanted: set[str],
        open_one: Callable[[str], socket.socket],
    ) -> None:
        for host in sockets.keys() - wanted:
            close(sockets, host)
        for host in sorted(wanted - sockets.keys()):
            try:
                sock = open_one(host)
            except DiscoveryError as error:  # Perhaps next time.
                self.errors["open"] += 1
                self.problem = str(error)
                continue
            sockets[host] = sock
            if self._nursery is not None:
                self._nursery.start_soon(self._drain, sock, sockets is self._groups)

    def _open_group(self, host: str) -> socket.socket:
        sock = group_socket(host, self.port)
        self._members.clear()  # Those of a socket that there was before.
        return sock

    def _open_own(self, host: str) -> socket.socket:
        """Where another hotspot of this machine has the address, another one where there is."""
        if host == ANY:
            return own_socket(host, 0)
        free = next((one for one in beside(host) if not is_held(one, self.port)), None)
        return own_socket(host, 0) if free is None else own_socket(free, self.port)

    def _keep_memberships(self) -> None:
        present = {each.index for each in self.interfaces}
        for sock in self._groups.values():
            for index in self._members - present:
                leave_group(sock, self.address, index)
            self._members &= present
            for index in present - self._members:
                try:
                    join_group(sock, self.address, index)
                    self._members.add(index)
                except OSError as error:
                    self._count("join", error)

    # -- In ------------------------------------------------------------------------------

    async def _drain(self, sock: socket.socket, is_group: bool) -> None:
        while True:
            try:
                await trio.lowlevel.wait_readable(sock)
            except (trio.ClosedResourceError, ValueError, OSError):
                return  # Its interface has gone.
            batch, failed = self._take_batch(sock, is_group)
            if batch:
                self._receive(batch)
            if failed:
                await trio.sleep(RECOVERY_S)

    def _take_batch(self, sock: socket.socket, is_group: bool) -> tuple[list[Heard], bool]:
        batch: list[Heard] = []
        octets_max = LONGEST_DATAGRAM if self.role == "listener" else OCTETS_MAX + 1
        present = {each.index for each in self.interfaces}
        for _ in range(DATAGRAMS_A_BATCH):
            try:
                heard = receive(sock, octets_max)
            except BlockingIOError:
                break
            except OSError as error:
                self._count("receive", error)
                return batch, True
            if not is_group:
                heard = heard._replace(interface=self._interface_of(sock, heard.interface))
            elif self.interface and heard.interface not in present:
                self.errors["other-interface"] += 1
                continue
            batch.append(heard)
        return batch, False

    def _interface_of(self, sock: socket.socket, index: int) -> int:
        """That of the address which was spoken to: within one machine all comes through lo."""
        for each in self.interfaces:
            if self._own.get(each.address) is sock:
                return each.index
        return index

    # -- Out -----------------------------------------------------------------------------

    def send_group(self, make: Callable[[InterfaceAddress], bytes]) -> None:
        """To the group on each interface; ``make`` may say something else on each."""
        said = set[object]()
        for each in self.interfaces:
            multicast = self.monitor == "multicast"
            where = each.index if multicast else each.broadcast
            sock = self._own.get(ANY) or self._own.get(each.address)
            if sock is not None and where not in said:
                said.add(where)
                to = (self.address if multicast else each.broadcast, self.port)
                self._send(sock, make(each), to, each)

    def send(self, data: bytes, to: tuple[str, int], interface: int = 0) -> None:
        """To one, from where it knows us.

        ``interface`` is the index of the one that it was heard through, 0 where the way to it
        is to be looked for.
        """
        sock = self._own.get(ANY) or self._own_of(interface, to[0])
        if sock is None:
            self.errors["no-socket"] += 1
        else:
            self._send(sock, data, to, None)

    def _own_of(self, interface: int, host: str) -> socket.socket | None:
        for each in self.interfaces:
            if each.index == interface and each.address in self._own:
                return self._own[each.address]
        return self._own.get(source_toward(host)) or next(iter(self._own.values()), None)

    def _send(
        self,
        sock: socket.socket,
        data: bytes,
        to: tuple[str, int],
        through: InterfaceAddress | None,
    ) -> None:
        try:
            if through is None:
                sock.sendto(data, to)
            else:
                bound = sock.getsockname()[0]
                address = through.address if bound == ANY else bound
                send_through(sock, data, to, through.index, address)
        except OverflowError:
            self.errors["send-no-such-port"] += 1
        except OSError as error:
            self._count("send", error)

    def _count(self, where: str, error: OSError) -> None:
        self.errors[f"{where}-{errno.errorcode.get(error.errno or 0, 'error')}"] += 1


def beside(host: str) -> list[str]:
    """The address and those that can stand in for it: all of 127.0.0.0/8 is this machine."""
    if not host.startswith("127."):
        return [host]
    return [host, *(f"127.0.0.{number}" for number in range(2, 255))]


def demand_group(address: str) -> None:
    try:
        if IPv4Address(address).is_multicast:
            return
    except AddressValueError:
        pass
    raise DiscoveryError(
        f"hotspot.address: {address} is not a multicast address; write one from 224.0.0.0 to "
        '239.255.255.255, or set hotspot.monitor = "broadcast"'
    )


def close(sockets: dict[str, socket.socket], host: str) -> None:
    sock = sockets.pop(host)
    trio.lowlevel.notify_closing(sock)
    sock.close()
