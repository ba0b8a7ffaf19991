"""SIP over TCP (RFC 3261 18): connections that are kept, shared and bounded.

A connection serves both directions, whoever opened it: requests to its far end and responses
of it take the same one.  Each has a task that reads and one that writes, so that a peer that
does not read blocks nobody.

What a peer can cost is bounded: so many connections a host and in all, so many bytes that wait
for it, so long for one message, so long in silence.
"""

import errno
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable

import trio

from adapters.sip.message import Flow, Framed, Malformed, Ping, Request, Response, Stream
from adapters.sip.sockets import family_of, is_wildcard

CONNECTIONS_A_HOST = 32
CONNECTIONS_IN_ALL = 512  # That others opened; and as many that we opened.
BYTES_QUEUED_MOST = 256 << 10
BYTES_A_READ = 65_536
CONNECT_S = 10.0
PINGS_AFTER = 0.8  # Of the time after which silence ends a connection.
LAST_WORD_S = 1.0  # For the answer to what broke the framing.
BREATH_S = 0.1  # Before the next accept, where descriptors or memory have run out.
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
PING, PONG = b"\r\n\r\n", b"\r\n"  # RFC 5626 3.5.1

Incoming = tuple[bytes | Request | Response | Malformed, Flow]
OnMessages = Callable[[Iterable[Incoming]], None]
OnFailed = Callable[[Flow, str], None]


class Connection:
    """One connection, from the first byte that waits for it to its end."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.framing = Stream()
        self.scope = trio.CancelScope()  # Ends it: at its deadline, or when somebody says so.
        self.open = False
        self.reason = ""  # Why it ended; empty where its deadline passed.
        self.queue: deque[bytes] = deque()
        self.bytes_queued = 0
        self.writer = trio.lowlevel.ParkingLot()

    def put(self, data: bytes) -> None:
        self.queue.append(data)
        self.bytes_queued += len(data)
        self.writer.unpark()

    def end(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.scope.cancel()

    def why(self) -> str:
        if self.reason:
            return self.reason
        if not self.open:
            return "connect-timeout"
        return "incomplete-message" if self.framing.waiting else "idle"


class Connections:
    """All of them, by flow."""

    def __init__(
        self,
        on_messages: OnMessages,
        on_failed: OnFailed,
        drops: Counter[str],
        *,
        message_s: float,
        idle_s: float,
    ) -> None:
        self.drops = drops
        self.message_s = message_s
        self.idle_s = idle_s
        self._on_messages = on_messages
        self._on_failed = on_failed
        self._known: dict[Flow, Connection] = {}
        self._accepted: Counter[str] = Counter()  # By the host that opened them.
        self._opened = 0  # By ourselves.
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        return len(self._known)

    def start(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def stop(self) -> None:
        self._nursery = None

    def send(self, flow: Flow, data: bytes) -> None:
        """Over the connection of this flow; where there is none, one is opened meanwhile."""
        known = self._known.get(flow)
        if known is None:
            if self._nursery is None or self._opened >= CONNECTIONS_IN_ALL:
                self._refuse(flow)
                return
            known = self._known[flow] = Connection(flow)
            self._opened += 1
            self._nursery.start_soon(self._live, known, None)
        if known.bytes_queued + len(data) > BYTES_QUEUED_MOST:
            self.drops["tcp-overflow"] += 1
            known.end("overflow")  # A stream with a gap would be worse than none.
        else:
            known.put(data)

    def _refuse(self, flow: Flow) -> None:
        self.drops["tcp-too-many-connections"] += 1
        if self._nursery is not None:
            self._nursery.start_soon(self._tell, flow, "too-many-connections")

    async def _tell(self, flow: Flow, reason: str) -> None:
        self._on_failed(flow, reason)

    # -- How they begin and end --------------------------------------------------------

    async def accept(self, listener: trio.socket.SocketType, local: str) -> None:
        """One task a listening socket; it survives whatever accept says."""
        while True:
            try:
                sock, address = await listener.accept()
            except OSError as error:
                self._count("tcp-accept", error)
                await trio.sleep(BREATH_S if error.errno in EXHAUSTED else 0)
                continue
            flow = Flow("tcp", local, address[0], address[1])
            if self._nursery is None or not self._has_room(flow.host):
                self.drops["tcp-too-many-connections"] += 1
                sock.close()
                continue
            # A peer may come from the very port that we called it at: the newer one is kept.
            self._known[flow] = Connection(flow)
            self._accepted[flow.host] += 1
            self._nursery.start_soon(self._live, self._known[flow], sock)

    def _has_room(self, host: str) -> bool:
        accepted = self._accepted
        return accepted[host] < CONNECTIONS_A_HOST and accepted.total() < CONNECTIONS_IN_ALL

    async def _live(self, connection: Connection, sock: trio.socket.SocketType | None) -> None:
        """The whole life of a connection; ``sock`` is there where the peer has opened it."""
        flow, accepted = connection.flow, sock is not None
        try:
            with connection.scope:
                if sock is None:
                    sock = trio.socket.socket(family_of(flow.host), socket.SOCK_STREAM)
                    connection.scope.deadline = trio.current_time() + CONNECT_S
                    await self._connect(flow, sock)
                connection.open = True
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._touch(connection)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read, connection, sock)
                    nursery.start_soon(self._write, connection, sock)
                    if not accepted:
                        nursery.start_soon(self._keep_alive, connection)
        except (OSError, OverflowError) as error:  # Readers and writers let none out.
            connection.reason = self._count("tcp-connect", error)
        finally:
            if sock is not None:
                sock.close()
            self._forget(connection, accepted)
        self.drops[f"tcp-closed-{connection.why()}"] += 1
        self._on_failed(flow, connection.why())

    async def _connect(self, flow: Flow, sock: trio.socket.SocketType) -> None:
        host = flow.local.rpartition(":")[0].strip("[]")
        if host and not is_wildcard(host) and family_of(host) == sock.family:
            await sock.bind((host, 0))  # So that the peer sees the address that Via names.
        await sock.connect((flow.host, flow.port))

    def _forget(self, connection: Connection, accepted: bool) -> None:
        flow = connection.flow
        if self._known.get(flow) is connection:
            del self._known[flow]
        if not accepted:
            self._opened -= 1
        elif self._accepted[flow.host] > 1:
            self._accepted[flow.host] -= 1
        else:
            del self._accepted[flow.host]

    # -- While they last ---------------------------------------------------------------

    async def _read(self, connection: Connection, sock: trio.socket.SocketType) -> None:
        framing = connection.framing
        while not framing.broken:
            try:
                data = await sock.recv(BYTES_A_READ)
            except OSError as error:
                connection.end(self._count("tcp-receive", error))
                return
            if not data:
                connection.end("closed")
                return
            was_waiting = framing.waiting
            framed = framing.feed(data)
            if framed or not was_waiting or not framing.waiting:
                self._touch(connection)
            if batch := self._messages(connection, framed):
                self._on_messages(batch)
        connection.reason = framing.broken  # Nothing is read any more; a 400 may still go out.
        connection.scope.deadline = trio.current_time() + LAST_WORD_S

    def _messages(self, connection: Connection, framed: list[Framed]) -> list[Incoming]:
        batch: list[Incoming] = []
        for item in framed:
            if isinstance(item, Ping):
                if connection.bytes_queued < BYTES_QUEUED_MOST:
                    connection.put(PONG)
                continue
            if isinstance(item, Malformed):
                self.drops[f"tcp-malformed-{item.reason}"] += 1
            batch.append((item, connection.flow))
        return batch

    async def _write(self, connection: Connection, sock: trio.socket.SocketType) -> None:
        while True:
            while not connection.queue:
                await connection.writer.park()
            data = b"".join(connection.queue)
            connection.queue.clear()
            try:
                await self._write_all(connection, sock, data)
            except OSError as error:
                connection.end(self._count("tcp-send", error))
                return
            if not connection.framing.waiting:
                self._touch(connection)

    async def _write_all(
        self, connection: Connection, sock: trio.socket.SocketType, data: bytes
    ) -> None:
        with memoryview(data) as rest:
            sent = 0
            while sent < len(data):
                taken = await sock.send(rest[sent:])
                connection.bytes_queued -= taken
                sent += taken

    async def _keep_alive(self, connection: Connection) -> None:
        """What we opened stays open (RFC 5626 4.4.1): the account rings us through it."""
        while True:
            await trio.sleep(self.idle_s * PINGS_AFTER)
            connection.put(PING)

    def _touch(self, connection: Connection) -> None:
        """Something came or went; a message that has begun must be complete before long."""
        if connection.reason:
            return  # It is about to end.
        wait_s = self.message_s if connection.framing.waiting else self.idle_s
        connection.scope.deadline = trio.current_time() + wait_s

    def _count(self, where: str, error: OSError | OverflowError) -> str:
        name = errno.errorcode.get(getattr(error, "errno", None) or 0, "error")
        self.drops[f"{where}-{name}"] += 1
        return name
