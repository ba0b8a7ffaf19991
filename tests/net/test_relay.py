"""The relay on real loopback sockets.

A datagram to 127.0.0.0/8 is in the receiver's queue when ``sendto`` returns, so most
tests call ``forward`` themselves and nothing here waits or hopes.
"""

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing

from adapters.net.relay import Counts, NoPortLeft, Ports, Relay, RelayError, Side

PID = os.getpid()  # At most 22 bits, so two runs at once never meet on an address.
HOST = f"127.{64 + (PID >> 16)}.{PID >> 8 & 0xFF}.{PID & 0xFF}"
FIRST = 20000
RTP = b"\x80\x08" + bytes(10) + b"voice"
RTCP = b"\x81\xc9" + bytes(6)


pytestmark = pytest.mark.filterwarnings("error")  # A socket that was forgotten warns.


class Party:
    """A phone's media: one pair of sockets on an address of its own."""

    def __init__(self, last_byte: int) -> None:
        self.host = f"127.1.1.{last_byte}"
        self.rtp, self.rtcp = (bound(self.host, 0) for _ in range(2))

    def expected_by(self, relay: Relay, side: Side) -> None:
        rtp, rtcp = (sock.getsockname()[1] for sock in (self.rtp, self.rtcp))
        relay.expect("call:1", side, 0, self.host, rtp, rtcp)

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def bound(host: str, port: int, family: int = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


def waiting(sock: socket.socket) -> list[tuple[bytes, Any]]:
    """What has arrived there, with where it came from."""
    arrived = []
    while True:
        try:
            arrived.append(sock.recvfrom(4096))
        except BlockingIOError:
            return arrived


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay(Ports(FIRST, FIRST + 15), HOST, clock=lambda: 0.0)
    yield relay
    relay.shut()


@pytest.fixture
def caller() -> Iterator[Party]:
    party = Party(1)
    yield party
    party.close()


@pytest.fixture
def leg() -> Iterator[Party]:
    party = Party(2)
    yield party
    party.close()


def joined(relay: Relay, caller: Party, leg: Party) -> tuple[int, int]:
    (caller_port,), (leg_port,) = relay.open("call:1", 1)
    caller.expected_by(relay, "caller")
    leg.expected_by(relay, "leg")
    return caller_port, leg_port


# -- Packets -------------------------------------------------------------------------


def test_rtp_and_rtcp_pass_both_ways(relay: Relay, caller: Party, leg: Party) -> None:
    caller_port, leg_port = joined(relay, caller, leg)
    caller.rtp.sendto(RTP + b"1", (HOST, caller_port))
    caller.rtcp.sendto(RTCP + b"2", (HOST, caller_port + 1))
    leg.rtp.sendto(RTP + b"3", (HOST, leg_port))
    leg.rtcp.sendto(RTCP + b"4", (HOST, leg_port + 1))
    relay.forward(0.0)
    # Symmetric: what a side receives comes from the very port it sends to.
    assert waiting(leg.rtp) == [(RTP + b"1", (HOST, leg_port))]
    assert waiting(leg.rtcp) == [(RTCP + b"2", (HOST, leg_port + 1))]
    assert waiting(caller.rtp) == [(RTP + b"3", (HOST, caller_port))]
    assert waiting(caller.rtcp) == [(RTCP + b"4", (HOST, caller_port + 1))]


@pytest.mark.parametrize(
    ("host", "inside"),
    [(HOST, HOST), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("2001:db8::1", "2001:db8::1")],
)
def test_a_phone_of_this_process_finds_it(host: str, inside: str) -> None:
    relay = Relay(Ports(FIRST, FIRST + 15), host)
    assert relay.inside == inside
    relay.shut()


def test_a_burst_keeps_its_order(relay: Relay, caller: Party, leg: Party) -> None:
    caller_port, _ = joined(relay, caller, leg)
    burst = [RTP + bytes([n]) for n in range(40)]
    for packet in burst:
        caller.rtp.sendto(packet, (HOST, caller_port))
    relay.forward(0.0)
    assert [packet for packet, _ in waiting(leg.rtp)] == burst[:32]  # Others get their turn.
    relay.forward(0.0)
    assert [packet for packet, _ in waiting(leg.rtp)] == burst[32:]


def test_a_thief_gets_nothing(relay: Relay, caller: Party, leg: Party) -> None:
    caller_port, leg_port = joined(relay, caller, leg)
    thief = Party(66)
    caller.rtp.sendto(RTP, (HOST, caller_port))
    relay.forward(0.0)
    thief.rtp.sendto(RTP, (HOST, caller_port))
    leg.rtp.sendto(RTP, (HOST, leg_port))
    relay.forward(1.0)
    assert len(waiting(leg.rtp)) == 1
    assert len(waiting(caller.rtp)) == 1
    assert waiting(thief.rtp) == []
    assert relay.counts("call:1").dropped == {"stranger": 1}
    thief.close()


def test_the_longest_packet_passes_and_a_longer_one_does_not(
    relay: Relay, caller: Party, leg: Party
) -> None:
    caller_port, _ = joined(relay, caller, leg)
    for size in (2048, 2049, 9000):
        caller.rtp.sendto(b"\x80" * size, (HOST, caller_port))
    relay.forward(0.0)
    assert [len(packet) for packet, _ in waiting(leg.rtp)] == [2048]
    assert relay.counts("call:1").dropped == {"malformed": 2}


def test_an_operating_error_costs_one_packet_and_has_a_name(
    relay: Relay, caller: Party, leg: Party
) -> None:
    caller_port, leg_port = joined(relay, caller, leg)
    relay.expect("call:1", "leg", 0, "255.255.255.255", 9, 9)  # Broadcast needs a permission.
    caller.rtp.sendto(RTP, (HOST, caller_port))
    leg.rtp.sendto(RTP, (HOST, leg_port))
    relay.forward(0.0)
    assert len(waiting(caller.rtp)) == 1
    assert relay.counts("call:1").dropped == {"EACCES": 1}


def test_counts_live_and_at_the_end(relay: Relay, caller: Party, leg: Party) -> None:
    caller_port, leg_port = joined(relay, caller, leg)
    caller.rtp.sendto(RTP, (HOST, caller_port))
    relay.forward(1.5)
    assert relay.counts("call:1") == Counts(1, 0, len(RTP), 0, 1.5, None)
    leg.rtp.sendto(RTP, (HOST, leg_port))
    relay.forward(2.5)
    assert relay.close("call:1") == Counts(1, 1, len(RTP), len(RTP), 1.5, 2.5)
    assert relay.close("call:1") == Counts()


def test_silence_names_call_and_side(relay: Relay, caller: Party, leg: Party) -> None:
    caller_port, _ = joined(relay, caller, leg)
    caller.rtp.sendto(RTP, (HOST, caller_port))
    relay.forward(10.0)
    assert relay.silent(15.0) == [("call:1", "leg")]
    assert relay.silent(16.0) == []
    relay.hold("call:1", True)
    assert relay.silent(99.0) == []


# -- Ports ---------------------------------------------------------------------------


def test_every_stream_has_a_pair_on_either_side(relay: Relay) -> None:
    assert relay.open("call:1", 2) == ((FIRST, FIRST + 2), (FIRST + 4, FIRST + 6))


def test_exhausted_ports_are_free_again_after_a_call(relay: Relay) -> None:
    for n in range(4):
        relay.open(f"call:{n}", 1)
    with pytest.raises(NoPortLeft, match=r"media\.ports"):
        relay.open("call:4", 1)
    relay.close("call:2")
    assert relay.open("call:5", 1) == ((FIRST + 8,), (FIRST + 10,))


@pytest.mark.parametrize("of_pair", [0, 1])
def test_a_port_of_another_program_is_passed_over(relay: Relay, of_pair: int) -> None:
    other = bound(HOST, FIRST + 2 + of_pair)
    assert relay.open("call:1", 1) == ((FIRST,), (FIRST + 4,))
    other.close()


def test_too_many_ports_of_other_programs(relay: Relay) -> None:
    others = [bound(HOST, FIRST + 2 * n) for n in range(7)]
    files = open_files()
    with pytest.raises(NoPortLeft, match="other programs hold 7 pairs"):
        relay.open("call:1", 1)
    assert open_files() == files
    for other in others:
        other.close()
    relay.open("call:1", 4)  # None was lost.


def test_a_foreign_address_is_explained() -> None:
    relay = Relay(Ports(FIRST, FIRST + 15), "192.0.2.1")
    files = open_files()
    with pytest.raises(RelayError, match=r"port 20000 on 192\.0\.2\.1: .*; the address is not one"):
        relay.open("call:1", 1)
    assert (open_files(), len(relay.ports.free)) == (files, 8)
    relay.shut()


def test_no_more_files_is_explained(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(relay, "_bind_one", refuse)
    with pytest.raises(RelayError, match="ulimit"):
        relay.open("call:1", 1)


def test_sockets_that_cannot_be_watched_are_closed(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    files = open_files()
    with monkeypatch.context() as patch:
        patch.setattr(relay, "_route", refuse)
        with pytest.raises(RelayError, match="max_user_watches"):
            relay.open("call:1", 1)
    assert open_files() == files
    relay.open("call:1", 4)


def test_after_a_restart_the_same_ports_carry_on(relay: Relay, caller: Party, leg: Party) -> None:
    relay.reopen("call:1", [FIRST + 4], [FIRST + 8])
    caller.expected_by(relay, "caller")
    leg.expected_by(relay, "leg")
    caller.rtp.sendto(RTP, (HOST, FIRST + 4))
    relay.forward(0.0)
    assert waiting(leg.rtp) == [(RTP, (HOST, FIRST + 8))]
    assert relay.open("call:2", 1) == ((FIRST,), (FIRST + 2,))
    assert relay.open("call:3", 1) == ((FIRST + 6,), (FIRST + 10,))


def test_a_promised_port_that_is_lost_leaves_nothing_behind(relay: Relay) -> None:
    other = bound(HOST, FIRST + 8)
    files = open_files()
    with pytest.raises(RelayError, match=f"port {FIRST + 8} .*another program holds it"):
        relay.reopen("call:1", [FIRST + 4], [FIRST + 8])
    assert (open_files(), len(relay.ports.free), relay.calls) == (files, 8, {})
    other.close()
    relay.reopen("call:1", [FIRST + 4], [FIRST + 8])


def test_misuse_is_refused(relay: Relay) -> None:
    relay.open("call:1", 1)
    with pytest.raises(RelayError, match="open already"):
        relay.open("call:1", 1)
    with pytest.raises(RelayError, match="already in use"):
        relay.reopen("call:2", [FIRST], [FIRST + 4])
    with pytest.raises(RelayError, match="both sides"):
        relay.reopen("call:2", [FIRST + 4], [])
    with pytest.raises(RelayError, match="no media"):
        relay.counts("call:2")
    relay.shut()
    with pytest.raises(RelayError, match="shut"):
        relay.open("call:3", 1)


def test_200_calls_leave_nothing_open(relay: Relay) -> None:
    files = open_files()
    for n in range(200):
        relay.open(f"call:{n}", 2)
        relay.close(f"call:{n}")
    assert open_files() == files
    assert (len(relay.ports.free), relay.ports.taken) == (8, set())


def test_a_closed_socket_that_a_child_still_holds_is_not_heard(relay: Relay) -> None:
    (caller_port,), _ = relay.open("call:1", 1)
    copy = os.dup(relay.calls["call:1"].pairs["caller"][caller_port][0].fileno())
    relay.close("call:1")
    stray = bound(HOST, 0)
    stray.sendto(RTP, (HOST, caller_port))
    relay.forward(0.0)
    stray.close()
    os.close(copy)


def test_ipv6() -> None:
    try:
        phones = [bound("::1", 0, socket.AF_INET6) for _ in range(2)]
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    relay = Relay(Ports(FIRST, FIRST + 199), "::1", clock=lambda: 0.0)
    (caller_port,), _ = relay.open("call:1", 1)
    for side, phone in zip(("caller", "leg"), phones, strict=True):
        port = phone.getsockname()[1]
        relay.expect("call:1", "caller" if side == "caller" else "leg", 0, "0:0::1", port, port)
    phones[0].sendto(RTP, ("::1", caller_port))
    relay.forward(0.0)
    assert [packet for packet, _ in waiting(phones[1])] == [RTP]
    for phone in phones:
        phone.close()
    relay.shut()


# -- The task ------------------------------------------------------------------------


async def test_the_task_relays_until_cancelled(caller: Party, leg: Party) -> None:
    files = open_files()
    relay = Relay(Ports(FIRST, FIRST + 15), HOST)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(relay.run)
            await trio.testing.wait_all_tasks_blocked()
            caller_port, leg_port = joined(relay, caller, leg)  # Opened while it waits.
            caller.rtp.sendto(RTP, (HOST, caller_port))
            await trio.lowlevel.wait_readable(leg.rtp)
            assert waiting(leg.rtp) == [(RTP, (HOST, leg_port))]
            leg.rtp.sendto(RTP, (HOST, leg_port))
            await trio.lowlevel.wait_readable(caller.rtp)
            relay.close("call:1")
            relay.open("call:2", 1)
            nursery.cancel_scope.cancel()
    assert open_files() == files
    assert relay.calls == {}


async def test_the_task_survives_what_is_thrown_at_it(caller: Party, leg: Party) -> None:
    relay = Relay(Ports(FIRST, FIRST + 15), HOST)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(relay.run)
            caller_port, _ = joined(relay, caller, leg)
            for rubbish in (b"", b"\x80", b"INVITE sip:a SIP/2.0\r\n", bytes(5000)):
                caller.rtp.sendto(rubbish, (HOST, caller_port))
            caller.rtp.sendto(RTP, (HOST, caller_port))
            await trio.lowlevel.wait_readable(leg.rtp)
            assert [packet for packet, _ in waiting(leg.rtp)] == [RTP]
            assert relay.counts("call:1").dropped == {"malformed": 4}
            nursery.cancel_scope.cancel()
