"""What a media packet costs: CPU microseconds through the relay, and through the bare loop.

``python -m bench.relay``.  A child process plays the phones; only this process's CPU
counts.  The phones keep a window of packets under way and send the next ones when
those have come back, so nothing is lost and both are driven as hard as they can take.
Then at the pace of real calls (a packet each way every 20 ms), where a wake-up serves
few packets and costs the most.  The bare loop is one ``recvfrom`` and one ``sendto``
a packet, blocking, without asking who sent it.
"""

import multiprocessing
import socket
import struct
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import trio

from adapters.net.relay import Ports, Relay

HOST, PHONES = "127.200.0.1", "127.200.0.2"
PACKET = b"\x80\x08" + bytes(10) + b"v" * 160  # 20 ms of G.711.
PACKETS = 40_000
REPEATS = 3
PTIME_S = 0.02
PACED_S = 4.0
PATIENCE_S = 2.0


def phone() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((PHONES, 0))
    sock.settimeout(PATIENCE_S)
    return sock


def rounds(calls: int, in_flight: int, paced: bool) -> int:
    return int(PACED_S / PTIME_S) if paced else PACKETS // (2 * calls * in_flight)


# -- The phones, in the child --------------------------------------------------------


def play(relayed: Connection, calls: int, in_flight: int, paced: bool) -> None:
    """Tell the phones' ports, hear the relay's, send, tell how many came through."""
    callers, legs = ([phone() for _ in range(calls)] for _ in range(2))
    relayed.send(
        [(a.getsockname()[1], b.getsockname()[1]) for a, b in zip(callers, legs, strict=True)]
    )
    ports: list[tuple[int, int]] = relayed.recv()
    ways = [
        way
        for a, b, (of_a, of_b) in zip(callers, legs, ports, strict=True)
        for way in ((a, of_a, b), (b, of_b, a))
    ]
    arrived = 0
    due = time.monotonic()
    for _ in range(rounds(calls, in_flight, paced)):
        for n, (sender, port, _receiver) in enumerate(ways):
            if paced:  # The calls are spread over the 20 ms, as they are in life.
                pause = due + n * PTIME_S / len(ways) - time.monotonic()
                time.sleep(max(0.0, pause))
            for _ in range(in_flight):
                sender.sendto(PACKET, (HOST, port))
        for _sender, _port, receiver in ways:
            for _ in range(in_flight):
                receiver.recv(2048)
                arrived += 1
        due += PTIME_S
    relayed.send(arrived)


# -- Between them, in this process ---------------------------------------------------

Work = Callable[[Connection, int, int], tuple[int, float, float]]


def through_the_relay(phones: Connection, calls: int, _: int) -> tuple[int, float, float]:
    return trio.run(relaying, phones, calls)


async def relaying(phones: Connection, calls: int) -> tuple[int, float, float]:
    relay = Relay(Ports(20000, 20000 + 8 * calls), HOST)
    ports = []
    for n, (caller, leg) in enumerate(phones.recv()):
        (of_caller,), (of_leg,) = relay.open(f"call:{n}", 1)
        relay.expect(f"call:{n}", "caller", 0, PHONES, caller, caller + 1)
        relay.expect(f"call:{n}", "leg", 0, PHONES, leg, leg + 1)
        ports.append((of_caller, of_leg))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(relay.run)
        phones.send(ports)
        cpu, wall = time.process_time(), time.perf_counter()
        await trio.lowlevel.wait_readable(phones.fileno())
        spent = time.process_time() - cpu, time.perf_counter() - wall
        nursery.cancel_scope.cancel()
    return (phones.recv(), *spent)


def through_the_bare_loop(phones: Connection, calls: int, due: int) -> tuple[int, float, float]:
    """One socket in and one out for all calls: no epoll, no trio, nothing to decide."""
    to = {}
    for caller, leg in phones.recv():
        to[(PHONES, caller)] = (PHONES, leg)
        to[(PHONES, leg)] = (PHONES, caller)
    into, out = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    patience = struct.pack("ll", int(PATIENCE_S), 0)  # The kernel's: settimeout() would poll.
    into.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    into.bind((HOST, 0))
    out.bind((HOST, 0))
    port = into.getsockname()[1]
    phones.send([(port, port)] * calls)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(due):
        packet, source = into.recvfrom(2049)
        out.sendto(packet, to[source])
    spent = time.process_time() - cpu, time.perf_counter() - wall
    into.close()
    out.close()
    return (phones.recv(), *spent)


def measure(title: str, work: Work, calls: int, in_flight: int, paced: bool = False) -> float:
    """CPU a packet, of the quietest repeat."""
    due = rounds(calls, in_flight, paced) * 2 * calls * in_flight
    rows = []
    for _ in range(1 if paced else REPEATS):
        here, there = multiprocessing.Pipe()
        child = multiprocessing.Process(target=play, args=(there, calls, in_flight, paced))
        child.start()
        there.close()
        packets, cpu_s, wall_s = work(here, calls, due)
        child.join()
        here.close()
        rows.append((cpu_s / packets * 1e6, packets / wall_s))
    us, per_second = min(rows)
    print(f"{us:8.2f} {per_second:10,.0f}   {title}", flush=True)
    return us


def main() -> None:
    print("CPU us/packet, packets/s")
    both = {"bare": through_the_bare_loop, "relay": through_the_relay}
    for calls, in_flight, paced, title in (
        (1, 32, False, "1 call in bursts of 32"),
        (50, 1, False, "50 calls side by side"),
        (1, 1, True, "1 call at its own pace"),
        (10, 1, True, "10 calls at their own pace"),
        (50, 1, True, "50 calls at their own pace"),
    ):
        us = {
            name: measure(f"{name:5} {title}", work, calls, in_flight, paced)
            for name, work in both.items()
        }
        print(f"{us['relay'] - us['bare']:+8.2f}")


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
