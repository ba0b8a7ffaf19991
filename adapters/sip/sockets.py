"""Sockets as the transport wants them: bound, non-blocking, and able to say what went wrong."""

import errno
import os
import socket
import struct
import sys
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

RECEIVE_BUFFER = 4 << 20  # A burst of 2,000 datagrams may wait while a commit is slow.
BACKLOG = 128
LONGEST_DATAGRAM = 65_535

# Linux names that the socket module lacks (linux/in.h, linux/in6.h, linux/errqueue.h).
IP_RECVERR = 11
IPV6_RECVERR = 25
EXTENDED_ERROR = struct.Struct("=IBBBBII")  # errno, origin, type, code, pad, info, data
UNREACHABLE = {(2, 3), (3, 1)}  # (origin, type): ICMP and ICMPv6 "destination unreachable".


class BindError(Exception):
    """A listen address that cannot be used; the text names it and what to do about it."""


class AddressInUse(BindError):
    """Another program, or another run of this one, has the address."""


class Listen(NamedTuple):
    """One entry of ``sip.listen``: ``udp:0.0.0.0:5060`` or ``tcp:[::1]:5060``."""

    transport: str
    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> "Listen":
        transport, _, rest = text.partition(":")
        host, colon, port = rest.rpartition(":")
        host = host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host
        usable = port.isascii() and port.isdigit() and int(port) < 1 << 16
        if transport not in ("udp", "tcp") or not colon or not usable or not is_address(host):
            raise BindError(
                f"{text}: write a listen address as udp:HOST:PORT or tcp:HOST:PORT, where HOST is "
                "an IP address (an IPv6 one in brackets) and PORT is at most 65535"
            )
        return cls(transport, host, int(port))


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@lru_cache(maxsize=4096)
def is_address(host: str) -> bool:
    """Whether a name needs no resolver: one that does would block the whole service."""
    try:
        socket.inet_pton(family_of(host), host.partition("%")[0])
    except (OSError, ValueError):
        return False
    return True


def is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::")


def host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bound(listen: Listen) -> socket.socket:
    """A non-blocking socket on this address; raises ``BindError`` saying what to do."""
    kind = socket.SOCK_DGRAM if listen.transport == "udp" else socket.SOCK_STREAM
    sock = None
    try:
        sock = socket.socket(family_of(listen.host), kind)
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:  # Its own port space: 0.0.0.0 may be bound as well.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if listen.transport == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is no user.
        else:
            with suppress(OSError):  # Its wish, not its condition.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            report_errors(sock)
        sock.bind((listen.host, listen.port))
        if listen.transport == "tcp":
            sock.listen(BACKLOG)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise explained(listen, error) from error
    return sock


def explained(listen: Listen, error: OSError) -> BindError:
    name = f"{listen.transport}:{host_and_port(listen.host, listen.port)}"
    match error.errno:
        case errno.EADDRINUSE:
            return AddressInUse(
                f"{name}: another program uses this address (perhaps this one, started twice); "
                "stop it, or choose another port in sip.listen"
            )
        case errno.EADDRNOTAVAIL:
            return BindError(
                f"{name}: this machine has no such address; write one that it has in sip.listen, "
                "or 0.0.0.0 (IPv6: [::]) for all of them"
            )
        case errno.EACCES | errno.EPERM:
            return BindError(
                f"{name}: not permitted; ports below 1024 need CAP_NET_BIND_SERVICE, so choose a "
                "higher port in sip.listen or grant it"
            )
    return BindError(f"{name}: {os.strerror(error.errno or 0)}; correct it in sip.listen")


def report_errors(sock: socket.socket) -> None:
    """Lets Linux keep ICMP errors of an unconnected socket, with the peer they are about."""
    if sys.platform != "linux":
        return
    level, option = (
        (socket.IPPROTO_IPV6, IPV6_RECVERR)
        if sock.family == socket.AF_INET6
        else (socket.IPPROTO_IP, IP_RECVERR)
    )
    sock.setsockopt(level, option, 1)


def take_unreachable(sock: socket.socket, most: int = 64) -> list[tuple[str, int]]:
    """The peers that ICMP called unreachable (RFC 3261 18.4), from the socket's error queue."""
    peers: list[tuple[str, int]] = []
    if sys.platform != "linux":
        return peers
    for _ in range(most):
        try:
            _, ancillary, _, address = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        except OSError:  # Empty, usually; whatever else it is, the next wake comes back here.
            break
        for level, kind, data in ancillary:
            known = (level, kind) in (
                (socket.IPPROTO_IP, IP_RECVERR),
                (socket.IPPROTO_IPV6, IPV6_RECVERR),
            )
            if not known or len(data) < EXTENDED_ERROR.size or not address:
                continue
            _, origin, icmp_type, _, _, _, _ = EXTENDED_ERROR.unpack_from(data)
            if (origin, icmp_type) in UNREACHABLE:
                peers.append((address[0], address[1]))
    return peers


def source_toward(host: str) -> str:
    """The source address the kernel would choose for this peer; empty where there is no way."""
    try:
        with socket.socket(family_of(host), socket.SOCK_DGRAM) as sock:
            sock.connect((host, 9))  # Nothing is sent: a UDP connect only asks for the route.
            return str(sock.getsockname()[0])
    except OSError:
        return ""
