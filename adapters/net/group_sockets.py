"""Sockets for a group: which addresses they are bound to decides who hears what.

Several programs on one machine share the port, a hotspot and its clients among them.  What
is sent to the group must reach all of them, what is sent to one of them only that one:

- for the group each binds the group's own address (that of multicast, or the broadcast
  address of an interface), shared.  Linux gives such a datagram to every socket that is
  bound there, and never anything that was sent to a single address.
- the hotspot binds the port on each of its own addresses, where clients look for it.
- a client speaks from a port of its own, and there it is answered.

Through which interface a datagram came or leaves is said with each (IP_PKTINFO), by index.
"""

import errno
import os
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from adapters.net.interfaces import DiscoveryError

# Linux names that the socket module lacks (linux/in.h).
IP_PKTINFO = 8
IP_MULTICAST_ALL = 49
PACKET_INFO = struct.Struct("=i4s4s")  # Interface index, our address, the address it went to.
MEMBERSHIP = struct.Struct("=4s4si")  # Group, no address, interface index.
ANCILLARY_OCTETS = socket.CMSG_SPACE(PACKET_INFO.size)
RECEIVE_BUFFER = 1 << 20
HELD_PORTS = "/proc/net/udp"


class Heard(NamedTuple):
    """One datagram.

    ``interface`` is the index of the one that it came in through, ``to`` the address that it
    was sent to: the group, or one of ours.
    """

    data: bytes
    source: tuple[str, int]
    interface: int
    to: str = ""


def group_socket(host: str, port: int) -> socket.socket:
    """Hears what is sent to this address; of multicast only what it is a member of."""
    sock = opened()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        with suppress(OSError):  # What another program has joined is not for us.
            sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise explained(host, port, error) from error
    return sock


def own_socket(host: str, port: int) -> socket.socket:
    """Sends to the group and to one, and hears what is sent to it alone.  Port 0: a free one."""
    sock = opened()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if port else 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise explained(host, port, error) from error
    return sock


def opened() -> socket.socket:
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        raise DiscoveryError(f"discovery has no socket: {error.strerror}") from error
    sock.setblocking(False)
    with suppress(OSError):  # Its wish, not its condition.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return sock


def explained(host: str, port: int, error: OSError) -> DiscoveryError:
    match error.errno:
        case errno.EADDRINUSE:
            fix = (
                "another program has this port for itself alone; stop it, or choose another "
                "hotspot.port, the same on hotspot and clients"
            )
        case errno.EACCES | errno.EPERM:
            fix = "not permitted; choose a hotspot.port above 1023, the same on both sides"
        case errno.EADDRNOTAVAIL:
            fix = "this machine has no such address; choose another hotspot.interface"
        case _:
            fix = f"{os.strerror(error.errno or 0)}; correct it under [hotspot]"
    return DiscoveryError(f"discovery on {host}:{port}: {fix}")


def join_group(sock: socket.socket, group: str, index: int) -> None:
    """Raises ``OSError``."""
    request = MEMBERSHIP.pack(socket.inet_aton(group), bytes(4), index)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def leave_group(sock: socket.socket, group: str, index: int) -> None:
    """Of an interface that has gone the system has left it already."""
    request = MEMBERSHIP.pack(socket.inet_aton(group), bytes(4), index)
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)


def receive(sock: socket.socket, octets_max: int) -> Heard:
    """Raises ``OSError``.  A longer datagram is cut off at ``octets_max``."""
    data, ancillary, _, source = sock.recvmsg(octets_max, ANCILLARY_OCTETS)
    index, to = 0, ""
    for level, kind, info in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(info) >= PACKET_INFO.size:
            index, _, address = PACKET_INFO.unpack_from(info)
            to = socket.inet_ntoa(address)
    return Heard(data, (source[0], source[1]), index, to)


def send_through(
    sock: socket.socket, data: bytes, to: tuple[str, int], index: int, address: str
) -> None:
    """Out through this interface, from this address of it.  Raises ``OSError``."""
    info = PACKET_INFO.pack(index, socket.inet_aton(address), bytes(4))
    sock.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, to)


def is_held(address: str, port: int) -> bool:
    """Whether a program has this very address and port: another hotspot on this machine.

    UDP lets it be shared, and then gives what is sent there to one of them only.
    """
    held = f" {socket.inet_aton(address)[::-1].hex().upper()}:{port:04X} "
    try:
        with open(HELD_PORTS) as ports:
            return any(held in line for line in ports)
    except OSError:  # Not on Linux.
        return False
