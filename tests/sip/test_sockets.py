"""Listen addresses, and what a person is told about one that cannot be used."""

import errno
import socket

import pytest

from adapters.sip.sockets import (
    AddressInUse,
    BindError,
    Listen,
    bound,
    explained,
    is_address,
    source_toward,
    take_unreachable,
)


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("udp:0.0.0.0:5060", Listen("udp", "0.0.0.0", 5060)),
        ("tcp:[::1]:5060", Listen("tcp", "::1", 5060)),
        ("udp:[::]:0", Listen("udp", "::", 0)),
    ],
)
def test_reads_a_listen_address(text: str, listen: Listen) -> None:
    assert Listen.read(text) == listen


@pytest.mark.parametrize(
    "text",
    ["", "udp", "udp:5060", "sctp:0.0.0.0:5060", "udp:0.0.0.0:", "udp:0.0.0.0:65536",
     "udp:0.0.0.0:-1", "udp:example.org:5060", "udp::5060", "tcp:0.0.0.0:\u0665"],
)  # fmt: skip
def test_explains_what_a_listen_address_is(text: str) -> None:
    with pytest.raises(BindError, match="udp:HOST:PORT") as raised:
        Listen.read(text)
    assert str(raised.value).startswith(text)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_address_in_use_is_named_with_the_way_out(transport: str) -> None:
    with bound(Listen(transport, "127.0.0.2", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(AddressInUse) as raised:
            bound(Listen(transport, "127.0.0.2", port))
    assert str(raised.value) == (
        f"{transport}:127.0.0.2:{port}: another program uses this address (perhaps this one, "
        "started twice); stop it, or choose another port in sip.listen"
    )


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(BindError, match=r"udp:192\.0\.2\.1:0: this machine has no such address"):
        bound(Listen("udp", "192.0.2.1", 0))


@pytest.mark.parametrize(
    ("number", "part"),
    [(errno.EACCES, "CAP_NET_BIND_SERVICE"), (errno.EPERM, "higher port"), (errno.EMFILE, "open")],
)
def test_other_causes_are_named(number: int, part: str) -> None:
    said = str(explained(Listen("tcp", "::", 80), OSError(number, "")))
    assert said.startswith("tcp:[::]:80: ")
    assert part in said


def test_both_wildcards_may_be_bound() -> None:
    with bound(Listen("udp", "0.0.0.0", 0)) as four:
        same_port = Listen("udp", "::", four.getsockname()[1])
        try:
            bound(same_port).close()
        except AddressInUse:
            pytest.fail("the IPv6 socket took IPv4 as well")
        except BindError:
            pytest.skip("no IPv6 here")


@pytest.mark.parametrize(
    ("host", "known"),
    [("127.0.0.1", True), ("::1", True), ("fe80::1%eth0", True), ("", False), ("a", False),
     ("1.2.3", False), ("127.0.0.1\0", False), ("[::1]", False), ("1.2.3.4:5", False)],
)  # fmt: skip
def test_tells_an_address_from_a_name(host: str, known: bool) -> None:
    assert is_address(host) is known


def test_an_empty_error_queue_says_nothing() -> None:
    with bound(Listen("udp", "127.0.0.2", 0)) as sock:
        assert take_unreachable(sock) == []


def test_asks_the_kernel_for_the_way() -> None:
    assert source_toward("127.0.0.9") == "127.0.0.1"
    assert source_toward("not an address") == ""


def test_is_never_blocking() -> None:
    with bound(Listen("udp", "127.0.0.2", 0)) as sock:
        assert not sock.getblocking()
        with pytest.raises(BlockingIOError):
            sock.recvfrom(1)
    assert isinstance(sock, socket.socket)
