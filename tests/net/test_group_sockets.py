"""Sockets for a group, one at a time."""

import errno
import socket

import pytest

from adapters.net import group_sockets
from adapters.net.group_sockets import (
    explained,
    group_socket,
    is_held,
    join_group,
    leave_group,
    own_socket,
    receive,
    send_through,
)
from adapters.net.interfaces import DiscoveryError
from tests.net.neighbourhood import free_port

LOOPBACK = socket.if_nametoindex("lo")
GROUP = "239.255.7.3"


def test_only_members_hear_and_only_until_they_leave() -> None:
    port = free_port()
    with group_socket(GROUP, port) as member, own_socket("127.0.0.1", 0) as speaker:
        to, source = (GROUP, port), speaker.getsockname()
        send_through(speaker, b"before", to, LOOPBACK, "127.0.0.1")
        join_group(member, GROUP, LOOPBACK)
        send_through(speaker, b"while", to, LOOPBACK, "127.0.0.1")
        leave_group(member, GROUP, LOOPBACK)
        send_through(speaker, b"after", to, LOOPBACK, "127.0.0.1")
        assert receive(member, 100) == (b"while", source, LOOPBACK, GROUP)
        with pytest.raises(BlockingIOError):
            receive(member, 100)
        leave_group(member, GROUP, LOOPBACK)


def test_what_another_program_has_joined_is_not_heard() -> None:
    port = free_port()
    with group_socket(GROUP, port) as member, group_socket(GROUP, port) as other:
        join_group(other, GROUP, LOOPBACK)
        with own_socket("127.0.0.1", 0) as speaker:
            send_through(speaker, b"to the group", (GROUP, port), LOOPBACK, "127.0.0.1")
        assert receive(other, 100).data == b"to the group"
        with pytest.raises(BlockingIOError):
            receive(member, 100)


def test_stays_within_the_network() -> None:
    with own_socket("127.0.0.1", 0) as sock:
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 1
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP) == 1
        assert not sock.getblocking()


def test_an_interface_that_is_not_there_cannot_be_joined() -> None:
    with group_socket(GROUP, free_port()) as sock, pytest.raises(OSError, match="No such device"):
        join_group(sock, GROUP, LOOPBACK + 77)


def test_tells_whether_another_hotspot_has_the_port() -> None:
    with own_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
        assert is_held("127.0.0.1", port)
        assert not is_held("127.0.0.2", port)
    assert not is_held("127.0.0.1", port)


def test_where_nobody_can_tell_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_sockets, "HELD_PORTS", "/proc/net/there is no such file")
    with own_socket("127.0.0.1", 0) as sock:
        assert not is_held("127.0.0.1", sock.getsockname()[1])


@pytest.mark.parametrize(
    ("number", "fix"),
    [(errno.EADDRINUSE, "choose another hotspot.port"), (errno.EACCES, "above 1023"),
     (errno.EPERM, "above 1023"), (errno.EADDRNOTAVAIL, "another hotspot.interface"),
     (errno.EIO, "Input/output error; correct it under [hotspot]")],
)  # fmt: skip
def test_says_what_to_do(number: int, fix: str) -> None:
    said = str(explained(GROUP, 16360, OSError(number, "")))
    assert said.startswith(f"discovery on {GROUP}:16360: ")
    assert fix in said


def test_no_socket_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", none_left)
    with pytest.raises(DiscoveryError, match="no socket: Too many open files"):
        group_socket(GROUP, 16360)
