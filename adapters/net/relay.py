"""The media relay: RTP and RTCP of every call, between its caller and its leg.

The sockets are here, and nothing is decided: whom to hear and where to send is
``relay_session``, which ports there are is ``relay_ports``.

One task serves all sockets.  They are gathered in an epoll object, whose own
descriptor is what the task waits for; then every ready socket gives one packet a
round, until none is ready.  Asking epoll again costs less than a receive that finds
nothing, and no socket can keep the others waiting.
"""

import errno
import select
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import trio
from msgspec import Struct

from adapters.net.relay_ports import NoPortLeft, Ports, RelayError
from adapters.net.relay_session import LONGEST, SIDES, Address, Counts, Latch, Session, Side

__all__ = ["Counts", "NoPortLeft", "Ports", "Relay", "RelayError", "Side"]

PACKETS_AT_ONCE = 32  # Of one socket, before other tasks get their turn.

Pair: TypeAlias = tuple[socket.socket, socket.socket]  # RTP and RTCP.
Route: TypeAlias = tuple[
    Callable[[int], tuple[bytes, Any]],  # Receive here,
    Callable[[bytes, Address, float], Address | None],  # ask the latch where to,
    Callable[[bytes, Address], int],  # and send across.
    Counter[str],
]

FIXES = {
    errno.EADDRINUSE: "another program holds it; end that program or change media.ports",
    errno.EADDRNOTAVAIL: "the address is not one of this machine; listen on one that is",
    errno.EACCES: "ports below 1024 need a privilege; choose higher ones in media.ports",
    errno.EMFILE: "the process may open no more files; raise its limit (ulimit -n)",
    errno.ENOSPC: "too many sockets are watched; raise fs.epoll.max_user_watches",
    errno.ENFILE: "the machine may open no more files; raise its limit (fs.file-max)",
}


class OpenCall(Struct):
    """A call's session, and the sockets that serve it by their even ports."""

    session: Session
    pairs: dict[Side, dict[int, Pair]]


class Relay:
    """Symmetric RTP (RFC 4961 section 3) for all calls, from one task: ``run``.

    Everything but ``run`` returns at once.  Times are those of ``clock``, which is
    trio's unless told otherwise; ``silent`` wants the same.
    """

    def __init__(
        self,
        ports: Ports,
        host: str = "0.0.0.0",
        silence_s: float = 15.0,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self.ports = ports
        self.host = host
        self.silence_s = silence_s
        self.clock = clock
        self.calls: dict[str, OpenCall] = {}
        self._routes: dict[int, Route] = {}
        self._epoll = select.epoll()

    @property
    def inside(self) -> str:
        """Where it is for a phone of this very process."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    # -- Calls ---------------------------------------------------------------------------

    def open(self, call: str, streams: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The even ports of the caller's side and of the leg's, one of each a stream.

        They go into the SDP that each side is sent.  A port that another program holds
        is passed over.
        """
        self._may_open(call)
        pairs = self._bind_free(2 * streams)
        ports = list(pairs)
        self._serve(call, pairs, ports[:streams], ports[streams:])
        return tuple(ports[:streams]), tuple(ports[streams:])

    def reopen(self, call: str, caller_ports: Sequence[int], leg_ports: Sequence[int]) -> None:
        """After a restart: exactly the ports that the two sides were given."""
        self._may_open(call)
        if len(caller_ports) != len(leg_ports):
            raise RelayError(f"{call}: both sides need a port for every stream")
        ports = [*caller_ports, *leg_ports]
        self.ports.take_these(ports)
        pairs: dict[int, Pair] = {}
        try:
            for port in ports:
                pairs[port] = self._bind(port)
        except OSError as error:
            close_all(pairs)
            self.ports.give_back(ports)
            raise self._explained(error, port) from error
        self._serve(call, pairs, caller_ports, leg_ports)

    def expect(
        self, call: str, side: Side, n: int, host: str, rtp_port: int, rtcp_port: int
    ) -> None:
        """Where that side's SDP wants stream ``n``; packets from it may teach us better.

        An address that cannot be used (a name, another IP version) is no error: it is
        a peer's word, and its packets may still tell where it is.
        """
        self._of(call).session.expect(side, n, host, rtp_port, rtcp_port, self.clock())

    def hold(self, call: str, on: bool) -> None:
        """Silence is not reported while on hold, nor while a call waits for its answer."""
        self._of(call).session.hold(on, self.clock())

    def counts(self, call: str) -> Counts:
        return self._of(call).session.counts()

    def silent(self, now: float) -> list[tuple[str, Side]]:
        """Who has sent nothing for ``silence_s``; each silence is reported once.

        It counts from the moment when both sides' SDP is known, when the side's own
        changed, or when the hold ended: whichever was last.
        """
        return [
            (call, side)
            for call, opened in self.calls.items()
            for side in opened.session.silent(now, self.silence_s)
        ]

    def close(self, call: str) -> Counts:
        """Give the ports back.  A call that is not open (any more) counts nothing."""
        opened = self.calls.pop(call, None)
        if opened is None:
            return Counts()
        for side in SIDES:
            for pair in opened.pairs[side].values():
                for sock in pair:
                    # Not left to close(): a child between fork and exec shares the
                    # socket, and epoll would go on reporting it.
                    if self._routes.pop(sock.fileno(), None):
                        self._epoll.unregister(sock)
            close_all(opened.pairs[side])
            self.ports.give_back(opened.pairs[side])
        return opened.session.counts()

    # -- Packets -------------------------------------------------------------------------

    async def run(self) -> None:
        """Relay until cancelled; then every socket is closed."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                self.forward(self.clock())
        finally:
            self.shut()

    def forward(self, now: float) -> None:
        """Pass on what waits.  An operating error costs its packet, and is counted."""
        routes, poll = self._routes, self._epoll.poll
        for _ in range(PACKETS_AT_ONCE):
            ready = poll(0)
            if not ready:
                return
            for fd, _events in ready:
                receive, hear, send, dropped = routes[fd]
                try:
                    packet, source = receive(LONGEST + 1)  # One more shows that it was longer.
                    to = hear(packet, source, now)
                    if to is not None:
                        send(packet, to)
                except OSError as error:
                    dropped[errno.errorcode.get(error.errno or 0, type(error).__name__)] += 1

    def shut(self) -> None:
        """Close all calls and the epoll object; the relay cannot be used afterwards."""
        for call in list(self.calls):
            self.close(call)
        self._epoll.close()

    # -- Sockets -------------------------------------------------------------------------

    def _bind_free(self, count: int) -> dict[int, Pair]:
        """So many pairs on free ports, in the order of their taking; or none and an error."""
        pairs: dict[int, Pair] = {}
        unused: list[int] = []
        try:
            while len(pairs) < count:
                (port,) = self.ports.take(1)
                try:
                    pairs[port] = self._bind(port)
                except OSError as error:
                    unused.append(port)
                    if error.errno != errno.EADDRINUSE:
                        raise self._explained(error, port) from error
        except RelayError as error:
            close_all(pairs)
            if isinstance(error, NoPortLeft) and unused:
                error = NoPortLeft(f"{error}; other programs hold {len(unused)} pairs of it")
            unused += pairs
            raise error from None
        finally:
            self.ports.give_back(unused)
        return pairs

    def _bind(self, port: int) -> Pair:
        rtp = self._bind_one(port)
        try:
            return rtp, self._bind_one(port + 1)
        except OSError:
            rtp.close()
            raise

    def _bind_one(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if self._ip_version == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if family == socket.AF_INET6:  # "::" serves IPv4 as well, whatever the system's habit.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((self.host, port))
        except OSError:
            sock.close()
            raise
        return sock

    @property
    def _ip_version(self) -> int:
        return 6 if ":" in self.host else 4

    def _serve(
        self,
        call: str,
        pairs: dict[int, Pair],
        caller_ports: Sequence[int],
        leg_ports: Sequence[int],
    ) -> None:
        """Join each socket to its latch and to the socket across."""
        session = Session(len(caller_ports), self._ip_version)
        of_caller = {port: pairs[port] for port in caller_ports}
        of_leg = {port: pairs[port] for port in leg_ports}
        self.calls[call] = OpenCall(session, {"caller": of_caller, "leg": of_leg})
        sockets = {
            latch: sock
            for side, of_side in self.calls[call].pairs.items()
            for latches, pair in zip(session.latches[side], of_side.values(), strict=True)
            for latch, sock in zip(latches, pair, strict=True)
        }
        try:
            for latch, sock in sockets.items():
                self._route(sock, latch, sockets[latch.across])
        except OSError as error:
            self.close(call)
            raise self._explained(error, caller_ports[0]) from error

    def _route(self, sock: socket.socket, latch: Latch, across: socket.socket) -> None:
        self._epoll.register(sock, select.EPOLLIN)
        self._routes[sock.fileno()] = (sock.recvfrom, latch.hear, across.sendto, latch.dropped)

    def _of(self, call: str) -> OpenCall:
        try:
            return self.calls[call]
        except KeyError:
            raise RelayError(f"{call} has no media open") from None

    def _may_open(self, call: str) -> None:
        if self._epoll.closed:
            raise RelayError("the relay has been shut")
        if call in self.calls:
            raise RelayError(f"{call} has its media open already")

    def _explained(self, error: OSError, port: int) -> RelayError:
        fix = FIXES.get(error.errno or 0, "check the address and media.ports")
        return RelayError(f"media port {port} on {self.host}: {error.strerror or error}; {fix}")


def close_all(pairs: dict[int, Pair]) -> None:
    for pair in pairs.values():
        for sock in pair:
            sock.close()
