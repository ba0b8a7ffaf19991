"""SIP over TCP on real sockets of the loopback network (RFC 3261 18, RFC 5626 3.5.1)."""

import errno
import socket
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing

from adapters.sip import connection
from adapters.sip.connection import Connections
from adapters.sip.message import Flow, Malformed
from tests.sip.clockwork import answer_data, request_data
from tests.sip.ear import PATIENCE_S, Ear, listening

OPTIONS = request_data("OPTIONS")
BYE = request_data("BYE")
GARBAGE = b"\x16\x03\x01 this is no SIP at all\r\nnot: a\r\n\r\n"


async def read(stream: trio.SocketStream, most: int = 1) -> bytes:
    """At least so many bytes, or all there were before the end."""
    data = b""
    with trio.fail_after(PATIENCE_S):
        while len(data) < most and (piece := await stream.receive_some()):
            data += piece
    return data


async def closed(stream: trio.SocketStream) -> bytes:
    """What came before the far end closed, with or without a reset."""
    data = b""
    with trio.fail_after(PATIENCE_S):
        try:
            while piece := await stream.receive_some():
                data += piece
        except trio.BrokenResourceError:
            pass
    return data


# -- Both directions of one connection ---------------------------------------------


async def test_one_connection_serves_both_directions() -> None:
    """Requests of the far end and answers to it take the connection that is there."""
    async with listening("127.0.0.2", "127.0.0.3") as (caller, phone):
        flow = caller.flow("tcp", phone)
        caller.transport.send(flow, OPTIONS)
        caller.transport.send(flow, BYE)
        await phone.wait_heard(2)
        (_, way_back), (_, second) = phone.requests()
        assert way_back == second
        assert way_back.host == "127.0.0.2", "the address that Via names"
        assert [method for method, _ in phone.requests()] == ["OPTIONS", "BYE"]
        phone.transport.send(way_back, answer_data(OPTIONS, 200))
        phone.transport.send(way_back, OPTIONS)
        heard = await caller.wait_heard(2)
        assert {of for _, of in heard} == {flow}
        assert len(caller.transport._connections) == len(phone.transport._connections) == 1


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_messages_in_pieces(size: int) -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        whole = OPTIONS + b"\r\n" + BYE
        for start in range(0, len(whole), size):
            await stream.send_all(whole[start : start + size])
        await ear.wait_heard(2)
        assert [method for method, _ in ear.requests()] == ["OPTIONS", "BYE"]
        await stream.aclose()
        assert [reason for _, reason in await ear.wait_failed()] == ["closed"]


async def test_several_messages_in_one_piece_are_one_batch() -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(OPTIONS * 5)
        await ear.wait_heard(5)
        assert len(ear.batches) == 1


async def test_a_ping_is_answered_and_a_pong_is_not() -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(b"\r\n\r\n")
        assert await read(stream) == b"\r\n"
        await stream.send_all(b"\r\n" + OPTIONS)
        await ear.wait_heard()
        assert ear.requests()[0][0] == "OPTIONS"


async def test_a_peer_that_calls_from_the_port_we_called_takes_over() -> None:
    async with listening("127.0.0.2") as (ear,):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            theirs.bind(("127.0.0.4", 0))
            theirs.listen()
            port = theirs.getsockname()[1]
            ours = f"127.0.0.2:{ear.port('tcp')}"
            flow = Flow("tcp", ours, "127.0.0.4", port)
            ear.transport.send(flow, OPTIONS)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as second:
                second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                second.bind(("127.0.0.4", port))
                second.connect(("127.0.0.2", ear.port("tcp")))
                second.sendall(OPTIONS)
                assert (await ear.wait_heard())[0][1] == flow
                ear.transport.send(flow, BYE)
                await trio.testing.wait_all_tasks_blocked()
                assert second.recv(65_536) == BYE
        await ear.wait_failed(2)
        assert len(ear.transport._connections) == 0
        assert ear.transport._connections._opened == 0
        assert not ear.transport._connections._accepted


# -- How connections end -----------------------------------------------------------


async def test_a_refused_connection_is_told_once() -> None:
    async with listening("127.0.0.2") as (ear,):
        flow = ear.flow("tcp", ear)._replace(host="127.0.0.9", port=9)
        for _ in range(3):
            ear.transport.send(flow, OPTIONS)
        assert await ear.wait_failed() == [(flow, "ECONNREFUSED")]
        assert ear.transport.drops["tcp-connect-ECONNREFUSED"] == 1
        ear.transport.send(flow._replace(port=70_000), OPTIONS)
        await ear.wait_failed(2)


async def test_a_reset_is_told() -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(OPTIONS)
        ((_, flow),) = await ear.wait_heard()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await stream.aclose()
        assert await ear.wait_failed() == [(flow, "ECONNRESET")]
        assert ear.transport.drops["tcp-closed-ECONNRESET"] == 1


async def test_what_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(OPTIONS)
        ((_, flow),) = await ear.wait_heard()
        ear.transport.send(flow, OPTIONS)
        await read(stream)

        async def broken(*_: object) -> None:
            raise OSError(errno.EPIPE, "")

        monkeypatch.setattr(ear.transport._connections, "_write_all", broken)
        ear.transport.send(flow, OPTIONS)
        assert await ear.wait_failed() == [(flow, "EPIPE")]
        assert ear.transport.drops == {"tcp-send-EPIPE": 1, "tcp-closed-EPIPE": 1}


async def test_a_peer_that_does_not_read_costs_a_bounded_queue() -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(OPTIONS)
        ((_, flow),) = await ear.wait_heard()
        ear.transport.send(flow, b"x" * (256 << 10))
        ear.transport.send(flow, b"x")
        assert ear.failed == [], "never within send"
        assert await ear.wait_failed() == [(flow, "overflow")]
        assert ear.transport.drops["tcp-overflow"] == 1


async def test_what_breaks_the_framing_may_still_be_answered() -> None:
    async with listening("127.0.0.2") as (ear,):
        bad = OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 99999999")
        ear.answer = lambda batch: ear.transport.send(batch[-1][1], answer_data(OPTIONS, 400))
        stream = await ear.dial()
        await stream.send_all(OPTIONS + bad + OPTIONS)
        assert (await read(stream)).startswith(b"SIP/2.0 400")
        heard = await ear.wait_heard(2)
        assert isinstance(heard[-1][0], Malformed)
        assert len(heard) == 2, "nothing after it can be trusted"


async def test_after_its_last_word_a_broken_connection_ends(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(GARBAGE)
        await ear.wait_heard()
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.0)
        ((flow, reason),) = await ear.wait_failed()
        assert flow.host == "127.0.0.4"
        assert f"tcp-malformed-{reason}" in ear.transport.drops
        await closed(stream)


async def test_a_malformed_message_whose_end_is_certain_ends_nothing() -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(OPTIONS.replace(b"CSeq: 1 ", b"CSeq: x ") + OPTIONS)
        heard = await ear.wait_heard(2)
        assert isinstance(heard[0][0], Malformed)
        assert ear.transport.drops == {"tcp-malformed-bad-cseq": 1}


@pytest.mark.parametrize(
    "flood",
    [b"\0" * 100_000, b"A" * 100_000, b"\r" * 100_000, b"a: b\r\n" * 20_000, GARBAGE * 500],
    ids=["nul", "letters", "line-ends", "headers", "greetings"],
)
async def test_a_flood_of_garbage_harms_nobody_else(flood: bytes) -> None:
    async with listening("127.0.0.2") as (ear,):
        bad, good = await ear.dial(), await ear.dial("127.0.0.5")
        with trio.move_on_after(PATIENCE_S):
            with suppress(trio.BrokenResourceError):
                await bad.send_all(flood)
        await good.send_all(OPTIONS)
        with trio.fail_after(PATIENCE_S):
            while not any(flow.host == "127.0.0.5" for _, flow in ear.heard):
                await ear.wait_heard(len(ear.heard) + 1)
        await bad.aclose()


async def test_a_message_that_never_ends_ends_the_connection(
    mock_clock: trio.testing.MockClock,
) -> None:
    """However slowly it drips: ten seconds from its first byte."""
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        for octet in OPTIONS[:9]:
            await stream.send_all(bytes([octet]))
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(1.0)
        await trio.testing.wait_all_tasks_blocked()
        assert ear.failed == []
        mock_clock.jump(1.0)
        assert [reason for _, reason in await ear.wait_failed()] == ["incomplete-message"]


async def test_silence_ends_what_others_opened(mock_clock: trio.testing.MockClock) -> None:
    async with listening("127.0.0.2") as (ear,):
        stream = await ear.dial()
        await stream.send_all(OPTIONS)
        ((_, flow),) = await ear.wait_heard()
        for word in ("ping", "ours", "pong"):
            mock_clock.jump(119.0)
            if word == "ours":
                ear.transport.send(flow, OPTIONS)
            else:
                await stream.send_all(b"\r\n\r\n" if word == "ping" else b"\r\n")
            await trio.testing.wait_all_tasks_blocked()
            assert ear.failed == []
        mock_clock.jump(120.0)
        assert await ear.wait_failed() == [(flow, "idle")]


async def test_what_we_opened_is_kept_alive(mock_clock: trio.testing.MockClock) -> None:
    async with listening("127.0.0.2", "127.0.0.3") as (caller, server):
        caller.transport.send(caller.flow("tcp", server), OPTIONS)
        await server.wait_heard()
        for _ in range(10):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(100.0)
        await trio.testing.wait_all_tasks_blocked()
        assert caller.failed == server.failed == []


async def test_a_connection_that_is_never_made_is_given_up(
    mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Connections, "_connect", never)
    async with listening("127.0.0.2") as (ear,):
        flow = ear.flow("tcp", ear)
        ear.transport.send(flow, OPTIONS)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(10.0)
        assert await ear.wait_failed() == [(flow, "connect-timeout")]


# -- Bounds ------------------------------------------------------------------------


async def test_one_host_has_so_many_connections_and_others_theirs() -> None:
    async with listening("127.0.0.2") as (ear,):
        streams = [await ear.dial() for _ in range(connection.CONNECTIONS_A_HOST)]
        with trio.fail_after(PATIENCE_S):
            while len(ear.transport._connections) < connection.CONNECTIONS_A_HOST:
                await trio.lowlevel.checkpoint()
        assert await closed(await ear.dial()) == b""
        assert ear.transport.drops["tcp-too-many-connections"] == 1
        other = await ear.dial("127.0.0.5")
        await other.send_all(OPTIONS)
        await ear.wait_heard()
        await streams[0].aclose()
        await ear.wait_failed()
        again = await ear.dial()
        await again.send_all(OPTIONS)
        await ear.wait_heard(2)


async def test_we_open_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS_IN_ALL", 1)
    async with listening("127.0.0.2", "127.0.0.3") as (caller, server):
        flow = caller.flow("tcp", server)
        caller.transport.send(flow, OPTIONS)
        caller.transport.send(flow._replace(host="127.0.0.9"), OPTIONS)
        refused = await caller.wait_failed()
        assert refused == [(flow._replace(host="127.0.0.9"), "too-many-connections")]
        await server.wait_heard()


async def test_accept_survives_what_it_is_told(mock_clock: trio.testing.MockClock) -> None:
    class Listener:
        """Out of descriptors once, aborted once, then silent."""

        said = [OSError(errno.ECONNABORTED, ""), OSError(errno.EMFILE, "")]  # noqa: RUF012

        async def accept(self) -> None:
            await trio.lowlevel.checkpoint()
            if not self.said:
                await trio.sleep_forever()
            raise self.said.pop()

    drops: Counter[str] = Counter()
    listener: Any = Listener()
    async with trio.open_nursery() as nursery:
        ends = Connections(lambda _: None, lambda *_: None, drops, message_s=10, idle_s=120)
        nursery.start_soon(ends.accept, listener, "127.0.0.1:5060")
        await trio.testing.wait_all_tasks_blocked()
        assert drops == {"tcp-accept-EMFILE": 1}
        mock_clock.jump(connection.BREATH_S)
        await trio.testing.wait_all_tasks_blocked()
        assert drops == {"tcp-accept-EMFILE": 1, "tcp-accept-ECONNABORTED": 1}
        nursery.cancel_scope.cancel()


async def test_when_it_stops_the_peers_see_the_end_and_the_user_hears_nothing() -> None:
    ear = Ear(["udp:127.0.0.2:0", "tcp:127.0.0.2:0"])
    async with trio.open_nursery() as nursery:
        await nursery.start(ear.transport.run)
        stream = await ear.dial()
        await stream.send_all(OPTIONS)
        await ear.wait_heard()
        nursery.cancel_scope.cancel()
    assert await closed(stream) == b""
    assert ear.failed == []
    ear.hang_up()
