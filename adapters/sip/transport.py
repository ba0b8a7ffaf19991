"""The transport layer's shell (RFC 3261 18): all sockets of SIP, and nothing else.

One task a UDP socket: it sleeps until something can be read, and hands what waits over in one
piece, so that one commit serves it all.  Sending is a call, not a task: straight
onto the socket, and what the kernel will not take now is lost as the wire may lose it; the
transaction layer sends it again.  TCP, which has to wait, is in ``connection.py``.

Peers can cause any error a socket knows.  None gets past this module: each is counted by
name in ``drops``, and where it means that a way is lost, ``on_failed`` hears of the flow, in
a later step of the loop and never within ``send``.
"""

import errno
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import trio

from adapters.sip.connection import Connections, Incoming, OnFailed, OnMessages
from adapters.sip.message import Flow
from adapters.sip.sockets import (
    LONGEST_DATAGRAM,
    Listen,
    bound,
    family_of,
    host_and_port,
    is_address,
    is_wildcard,
    source_toward,
    take_unreachable,
)

DATAGRAMS_A_BATCH = 64
SHORTEST_MESSAGE = 16  # Below it is a keepalive (RFC 5626 3.5.1: CRLFCRLF) or nonsense.
ROUTES_KNOWN_MOST = 1024
PEERS_KNOWN_MOST = 1024
WAY_IS_LOST = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}

__all__ = ["Incoming", "Transport"]


class Transport:
    """``listen`` as in the configuration; port 0 takes a free one (see ``addresses``).

    ``on_messages`` hears all that it is given: datagrams as they are, and of a stream what its
    framing makes of it, messages, and ``Malformed`` where one can be told from the next but not
    be read.
    ``message_s`` is how long a message over TCP may take, ``idle_s`` how long silence may.
    """

    def __init__(
        self,
        listen: Sequence[str],
        on_messages: OnMessages,
        on_failed: OnFailed,
        *,
        message_s: float = 10.0,
        idle_s: float = 120.0,
    ) -> None:
        self.listen = [Listen.read(item) for item in listen]
        self.addresses: list[Listen] = []  # As bound, in the order of ``listen``.
        self.drops: Counter[str] = Counter()
        self._on_messages = on_messages
        self._on_failed = on_failed
        self._udp: dict[str, socket.socket] = {}
        self._buffer = memoryview(bytearray(LONGEST_DATAGRAM))
        self._flows: dict[str, dict[tuple[Any, ...], Flow]] = {}  # By socket and source.
        self._routes: dict[str, str] = {}
        self._nursery: trio.Nursery | None = None
        self._connections = Connections(
            on_messages, on_failed, self.drops, message_s=message_s, idle_s=idle_s
        )

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Binds everything, then serves until it is cancelled; closes all that it opened.

        Raises ``AddressInUse`` or ``BindError``, before anything is received.
        """
        opened: list[socket.socket] = []
        self.addresses.clear()
        try:
            for item in self.listen:
                opened.append(bound(item))
            async with trio.open_nursery() as nursery:
                for item, sock in zip(self.listen, opened, strict=True):
                    self._start(item, sock, nursery)
                self._nursery = nursery
                self._connections.start(nursery)
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self._connections.stop()
            self._udp.clear()
            for sock in opened:
                sock.close()

    def _start(self, item: Listen, sock: socket.socket, nursery: trio.Nursery) -> None:
        port = sock.getsockname()[1]
        local = host_and_port(item.host, port)
        self.addresses.append(Listen(item.transport, item.host, port))
        if item.transport == "udp":
            self._udp[local] = sock
            self._flows[local] = {}
            nursery.start_soon(self._drain, sock, local)
        else:
            listener = trio.socket.from_stdlib_socket(sock)
            nursery.start_soon(self._connections.accept, listener, local)

    # -- UDP ---------------------------------------------------------------------------

    async def _drain(self, sock: socket.socket, local: str) -> None:
        while True:
            await trio.lowlevel.wait_readable(sock)
            self._on_messages(self._waiting(sock, local))

    def _waiting(self, sock: socket.socket, local: str) -> Iterator[Incoming]:
        """What waits, read as it is heard: what comes while others are heard is of the batch."""
        receive, buffer, flows, count = sock.recvfrom_into, self._buffer, self._flows[local], 0
        for _ in range(DATAGRAMS_A_BATCH):
            try:
                length, address = receive(buffer)
            except BlockingIOError:
                break
            except OSError as error:  # What ICMP reported; the error queue knows about whom.
                self._count("udp-receive", error)
                self._tell_unreachable(sock, local)
                continue
            count += 1
            if length >= SHORTEST_MESSAGE:
                yield bytes(buffer[:length]), flows.get(address) or self._flow(local, address)
            else:
                self.drops["udp-keepalive-or-too-short"] += 1
        if not count:  # Woken without a datagram: the error queue alone keeps a socket readable.
            self._tell_unreachable(sock, local)

    def _flow(self, local: str, address: tuple[Any, ...]) -> Flow:
        """Made once for each peer: the same few speak again and again."""
        flows = self._flows[local]
        if len(flows) >= PEERS_KNOWN_MOST:
            flows.clear()
        flow = flows[address] = Flow("udp", local, address[0], address[1])
        return flow

    def _tell_unreachable(self, sock: socket.socket, local: str) -> None:
        for host, port in take_unreachable(sock):
            self.drops["udp-unreachable"] += 1
            self._fail(Flow("udp", local, host, port), "unreachable")

    # -- Sending -----------------------------------------------------------------------

    def send(self, flow: Flow, data: bytes) -> None:
        """Sends, or drops and counts; never waits and never raises."""
        if self._nursery is None:
            self.drops["not-running"] += 1
        elif not is_address(flow.host):
            self.drops["not-an-address"] += 1
            self._fail(flow, "not-an-address")
        elif flow.transport == "tcp":
            self._connections.send(flow, data)
        elif (sock := self._udp.get(flow.local)) is None:
            self.drops["no-such-socket"] += 1
            self._fail(flow, "no-such-socket")
        else:
            try:
                sock.sendto(data, (flow.host, flow.port))
            except (OSError, OverflowError) as error:
                if self._may_try_again(error, flow):
                    self._send_again(sock, flow, data)

    def _send_again(self, sock: socket.socket, flow: Flow, data: bytes) -> None:
        """An earlier peer's ICMP error is reported to whoever uses the socket next, and that
        call sends nothing: it is noted for its own peer, and this one is tried again.
        """
        self._tell_unreachable(sock, flow.local)
        try:
            sock.sendto(data, (flow.host, flow.port))
        except (OSError, OverflowError) as error:
            if self._may_try_again(error, flow):
                if error.errno in WAY_IS_LOST:
                    self._routes.clear()
                self._fail(flow, errno.errorcode.get(error.errno or 0, "error"))

    def _may_try_again(self, error: OSError | OverflowError, flow: Flow) -> TypeGuard[OSError]:
        """Counts what kept a datagram from leaving; whether it was somebody else's error."""
        if isinstance(error, BlockingIOError):
            self.drops["udp-would-block"] += 1
            return False
        if isinstance(error, OverflowError):
            self.drops["no-such-port"] += 1
            self._fail(flow, "no-such-port")
            return False
        self._count("udp-send", error)
        return True

    def local_address_toward(self, host: str) -> str:
        """The address of ours that this peer would see: what Via, Contact and SDP must name.

        A listener on one address says it itself; for a wildcard the kernel is asked once a peer.
        """
        known = self._routes.get(host)
        if known is not None:
            return known
        family = family_of(host)
        ours = [item.host for item in self.listen if family_of(item.host) == family]
        named = [ours_host for ours_host in ours if not is_wildcard(ours_host)]
        chosen = source_toward(host) if is_address(host) else ""
        if not chosen or (ours == named and chosen not in ours):
            return (named or ["::1" if family == socket.AF_INET6 else "127.0.0.1"])[0]
        if len(self._routes) >= ROUTES_KNOWN_MOST:
            self._routes.clear()
        self._routes[host] = chosen
        return chosen

    def forget_routes(self) -> None:
        """This machine has other addresses now."""
        self._routes.clear()

    def _fail(self, flow: Flow, reason: str) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(self._tell, flow, reason)

    async def _tell(self, flow: Flow, reason: str) -> None:
        self._on_failed(flow, reason)

    def _count(self, where: str, error: OSError) -> None:
        self.drops[f"{where}-{errno.errorcode.get(error.errno or 0, 'error')}"] += 1
