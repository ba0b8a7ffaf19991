"""The transport's shell over UDP, on real sockets of the loopback network (RFC 3261 18)."""

import errno
import socket
from collections.abc import Iterable
from typing import Any

import pytest
import trio
import trio.testing

from adapters.sip.message import Flow
from adapters.sip.sockets import AddressInUse, BindError, Listen, bound
from adapters.sip.transport import DATAGRAMS_A_BATCH, Incoming, Transport
from tests.sip.clockwork import answer_data, request_data
from tests.sip.ear import PATIENCE_S, Ear, listening

OPTIONS = request_data("OPTIONS")


def ignore(*_: object) -> None:
    pass


async def test_a_request_and_its_answer_over_udp() -> None:
    async with listening("127.0.0.2", "127.0.0.3") as (caller, phone):
        phone.answer = lambda batch: phone.transport.send(batch[0][1], answer_data(OPTIONS, 200))
        flow = caller.flow("udp", phone)
        caller.transport.send(flow, OPTIONS)
        assert await phone.wait_heard() == [(OPTIONS, phone.flow("udp", caller))]
        assert await caller.wait_heard() == [(answer_data(OPTIONS, 200), flow)]
        assert phone.transport.drops == caller.transport.drops == {}


async def test_over_ipv6_the_names_have_brackets() -> None:
    try:
        bound(Listen("udp", "::1", 0)).close()
    except BindError:
        pytest.skip("no IPv6 here")
    ear = Ear(["udp:[::1]:0", "tcp:[::1]:0"])
    async with trio.open_nursery() as nursery:
        await nursery.start(ear.transport.run)
        flow = Flow("udp", f"[::1]:{ear.port('udp')}", "::1", ear.port("udp"))
        ear.transport.send(flow, OPTIONS)
        assert await ear.wait_heard() == [(OPTIONS, flow)]
        over_tcp = Flow("tcp", f"[::1]:{ear.port('tcp')}", "::1", ear.port("tcp"))
        ear.transport.send(over_tcp, OPTIONS)
        await ear.wait_heard(2)
        assert ear.requests()[1][1].host == "::1"
        nursery.cancel_scope.cancel()


async def test_what_waits_comes_in_one_piece_of_bounded_size() -> None:
    """So that one commit serves it all (rule 7 of the performance notes)."""
    async with listening("127.0.0.2") as (ear,):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.4", 0))
            for _ in range(DATAGRAMS_A_BATCH + 36):
                peer.sendto(OPTIONS, ("127.0.0.2", ear.port("udp")))
        await ear.wait_heard(DATAGRAMS_A_BATCH + 36)
        assert [len(batch) for batch in ear.batches] == [DATAGRAMS_A_BATCH, 36]


async def test_what_comes_while_another_is_heard_is_of_the_same_piece() -> None:
    pieces: list[list[object]] = []

    def hear(incoming: Iterable[Incoming]) -> None:
        pieces.append([])
        for item, flow in incoming:
            pieces[-1].append(item)
            if len(pieces[-1]) < 3:
                transport.send(flow, OPTIONS)  # To ourselves.
            else:
                heard.set()

    transport, heard = Transport(["udp:127.0.0.2:0"], hear, ignore), trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(transport.run)
        port = transport.addresses[0].port
        transport.send(Flow("udp", f"127.0.0.2:{port}", "127.0.0.2", port), OPTIONS)
        with trio.fail_after(PATIENCE_S):
            await heard.wait()
        nursery.cancel_scope.cancel()
    assert pieces == [[OPTIONS] * 3]


async def test_keepalives_are_dropped_and_garbage_is_the_users() -> None:
    async with listening("127.0.0.2", "127.0.0.3") as (ear, peer):
        flow = peer.flow("udp", ear)
        for data in (b"", b"\r\n\r\n", b"\0\0\0\0", b"\xff" * 60_000, OPTIONS):
            peer.transport.send(flow, data)
        heard = await ear.wait_heard(2)
        assert [item for item, _ in heard] == [b"\xff" * 60_000, OPTIONS]
        assert ear.transport.drops == {"udp-keepalive-or-too-short": 3}


async def test_icmp_says_which_peer_is_unreachable() -> None:
    """RFC 3261 18.4; and whoever is written to next must not pay for it."""
    async with listening("127.0.0.2", "127.0.0.3") as (caller, phone):
        gone = caller.flow("udp", phone)._replace(host="127.0.0.9", port=9)
        caller.transport.send(gone, OPTIONS)
        caller.transport.send(caller.flow("udp", phone), OPTIONS)
        await phone.wait_heard()
        assert await caller.wait_failed() == [(gone, "unreachable")]
        assert caller.transport.drops["udp-unreachable"] == 1
        caller.transport.send(gone, OPTIONS)
        await caller.wait_failed(2)
        phone.transport.send(phone.flow("udp", caller), OPTIONS)
        await caller.wait_heard()
        assert caller.failed == [(gone, "unreachable")] * 2


async def test_icmp_is_heard_where_nothing_else_is_there_to_be_read() -> None:
    """The socket stays readable until its error queue is empty: it would wake us for ever."""
    async with listening("127.0.0.2") as (caller,):
        gone = caller.flow("udp", caller)._replace(host="127.0.0.9", port=9)
        caller.transport.send(gone, OPTIONS)
        sock = caller.transport._udp[gone.local]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        assert await caller.wait_failed() == [(gone, "unreachable")]
        assert not any(caller.batches)


async def test_however_many_peers_speak_few_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.sip.transport.PEERS_KNOWN_MOST", 2)
    async with listening("127.0.0.2") as (ear,):
        (known,) = ear.transport._flows.values()
        sources = []
        for _ in range(5):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.bind(("127.0.0.4", 0))
                sources.append(peer.getsockname())
                peer.sendto(OPTIONS, ("127.0.0.2", ear.port("udp")))
        heard = await ear.wait_heard(5)
        assert [(flow.host, flow.port) for _, flow in heard] == sources
        assert len(known) <= 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"host": "phone.example"}, "not-an-address"),
        ({"host": ""}, "not-an-address"),
        ({"host": "127.0.0.1\0"}, "not-an-address"),
        ({"host": "999.1.1.1"}, "not-an-address"),
        ({"port": 70_000}, "no-such-port"),
        ({"port": 0}, "EINVAL"),
        ({"host": "::1"}, "error"),
        ({"local": "127.0.0.7:1"}, "no-such-socket"),
        ({"host": "255.255.255.255"}, "EACCES"),
    ],
    ids=str,
)
async def test_what_cannot_be_sent_is_told_later_and_never_raised(
    change: dict[str, Any], reason: str
) -> None:
    async with listening("127.0.0.2") as (ear,):
        flow = ear.flow("udp", ear)._replace(**change)
        ear.transport.send(flow, OPTIONS)
        assert ear.failed == [], "never within send: its caller is in the middle of a turn"
        assert await ear.wait_failed() == [(flow, reason)]
        assert ear.transport.drops.total() >= 1


async def test_a_datagram_that_is_too_long_is_told() -> None:
    async with listening("127.0.0.2") as (ear,):
        ear.transport.send(ear.flow("udp", ear), b"x" * 70_000)
        assert (await ear.wait_failed())[0][1] == "EMSGSIZE"


async def test_a_full_socket_drops_as_the_wire_may() -> None:
    class Full:
        def sendto(self, data: bytes, address: object) -> None:
            raise BlockingIOError(errno.EAGAIN, "full")

    async with listening("127.0.0.2") as (ear,):
        flow = ear.flow("udp", ear)
        ear.transport._udp[flow.local] = Full()  # type: ignore[assignment]
        ear.transport.send(flow, OPTIONS)
        await trio.testing.wait_all_tasks_blocked()
        assert ear.failed == []
        assert ear.transport.drops == {"udp-would-block": 1}


async def test_before_and_after_it_runs_nothing_is_sent_or_raised() -> None:
    async with listening("127.0.0.2") as (ear,):
        udp, tcp = ear.flow("udp", ear), ear.flow("tcp", ear)
        ear.transport.send(tcp, OPTIONS)
        await ear.wait_heard()
    for flow in (udp, tcp):
        ear.transport.send(flow, OPTIONS)
    assert ear.transport.drops == {"not-running": 2}
    assert ear.failed == [], "a service that stops has lost nobody"
    for kind, flow in ((socket.SOCK_DGRAM, udp), (socket.SOCK_STREAM, tcp)):
        with socket.socket(socket.AF_INET, kind) as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind((flow.host, flow.port))


async def test_an_address_in_use_stops_the_start_and_leaves_nothing_open() -> None:
    async with listening("127.0.0.2") as (first,):
        taken = f"tcp:127.0.0.2:{first.port('tcp')}"
        second = Transport(["udp:127.0.0.2:0", taken], ignore, ignore)
        with pytest.raises(AddressInUse, match=f"^{taken}: .* choose another port in sip.listen$"):
            await second.run()
        assert second.addresses == []


# -- Our own address ---------------------------------------------------------------


def test_a_listener_on_one_address_names_it() -> None:
    transport = Transport(["udp:127.0.0.2:0", "udp:[::1]:0"], ignore, ignore)
    assert transport.local_address_toward("127.0.0.9") == "127.0.0.2"
    assert transport.local_address_toward("::1") == "::1"


def test_for_a_wildcard_the_kernel_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Transport(["udp:0.0.0.0:0"], ignore, ignore)
    assert transport.local_address_toward("127.0.0.9") == "127.0.0.1"
    monkeypatch.setattr("adapters.sip.transport.source_toward", lambda host: "10.0.0.1")
    assert transport.local_address_toward("127.0.0.9") == "127.0.0.1"
    assert transport.local_address_toward("127.0.0.8") == "10.0.0.1"
    transport.forget_routes()
    assert transport.local_address_toward("127.0.0.9") == "10.0.0.1"
    for number in range(3000):
        transport.local_address_toward(f"127.1.{number >> 8}.{number & 255}")
    assert len(transport._routes) <= 1024


def test_of_several_listeners_the_one_that_is_on_the_way() -> None:
    transport = Transport(["udp:127.0.0.3:0", "udp:127.0.0.1:0"], ignore, ignore)
    assert transport.local_address_toward("127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize("host", ["phone.example", "", "::ffff:gggg"])
def test_without_a_way_there_is_still_an_answer(host: str) -> None:
    named = Transport(["udp:0.0.0.0:0", "udp:127.0.0.3:0", "udp:[::1]:0"], ignore, ignore)
    assert named.local_address_toward(host) in ("127.0.0.3", "::1")
    bare = Transport(["udp:0.0.0.0:0"], ignore, ignore)
    assert bare.local_address_toward(host) in ("127.0.0.1", "::1")
