"""What a datagram of discovery costs: CPU microseconds, taken or refused, and a look around.

``python -m bench.datagrams``.  First the codec behind its door (rate, size, bounds), then
the sockets on loopback: a client says so many datagrams to the group, a hotspot hears them.
"""

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from adapters.net.beacon import Beacon, Datagram, Dropped, Grant, Join, Label, Sip, Welcome, encode
from adapters.net.discovery_sockets import DiscoverySockets, Heard
from adapters.net.intake import Intake
from adapters.net.interfaces import usable
from adapters.net.limits import Limits, Rate

AT = 1_800_000_000_000_000_000
KEY = b"a key of the house"
GROUP, PORT = "239.255.200.1", 16361
ROUNDS, REPEATS = 20_000, 3
A_BATCH = 32
CLIENT, HOTSPOT, SIP = b"c" * 16, b"h" * 16, Sip("udp", "192.0.2.1", 5060)
LINES = tuple(Label(number, f"Line {number}", "") for number in range(1, 4))
DATAGRAMS: dict[str, Datagram] = {
    "beacon": Beacon(HOTSPOT, "SIP Hotspot", 1, 1, SIP, LINES, 15),
    "join": Join(CLIENT, HOTSPOT, bytes(6), "Bedroom", "siphotspot", SIP, 4),
    "welcome": Welcome(CLIENT, HOTSPOT, 1, 4, "SIP Hotspot 4",
                       (Grant(1, f"{CLIENT.hex()}.1", "0" * 32, "192.0.2.1"),), 15),
}  # fmt: skip


def best(count: int, work: Callable[[], object]) -> float:
    """CPU microseconds each, the best of a few runs."""
    took = []
    for _ in range(REPEATS):
        began = time.process_time_ns()
        for _ in range(count):
            work()
        took.append((time.process_time_ns() - began) / count / 1000)
    return min(took)


def taking(data: bytes, key: bytes | None, rate: Rate) -> Callable[[], None]:
    intake = Intake(key, Limits(rate, rate))

    def take() -> None:
        with suppress(Dropped):
            intake.take(data, "192.0.2.9", AT)

    return take


def codec() -> None:
    endless = Rate(per_second=1e9, burst=10**9)
    for name, datagram in DATAGRAMS.items():
        for key, how in ((None, "open"), (KEY, "with a key")):
            data = encode(datagram, key, AT)
            out = best(ROUNDS, lambda d=datagram, k=key: encode(d, k, AT))  # type: ignore[misc]
            into = best(ROUNDS, taking(data, key, endless))
            print(f"{name:8} {how:11} {len(data):4} octets  encode {out:6.2f}  take {into:6.2f}")
    for name, data in (("nonsense", b"\xc1" * 1200), ("nested", b"\x91" * 1200)):
        into = best(ROUNDS, taking(data, KEY, endless))
        print(f"{name:8} refused                         take {into:6.2f}")
    flood = taking(b"\x91" * 1200, KEY, Rate(per_second=0, burst=1))
    print(f"too many refused unread                  take {best(ROUNDS, flood):6.2f}")


async def over_sockets() -> float:
    """A datagram said and heard by two programs, the two taken together."""
    heard = 0
    news = trio.Event()

    def receive(batch: Sequence[Heard]) -> None:
        nonlocal heard
        heard += len(batch)
        news.set()

    hotspot = DiscoverySockets("multicast", GROUP, PORT, "lo", receive, role="hotspot")
    client = DiscoverySockets("multicast", GROUP, PORT, "lo", lambda _: None, role="client")
    async with trio.open_nursery() as nursery:
        await nursery.start(hotspot.run)
        await nursery.start(client.run)
        data = encode(DATAGRAMS["beacon"], None, AT)
        began = time.process_time_ns()
        for _ in range(ROUNDS // A_BATCH):
            for _ in range(A_BATCH):
                client.send_group(lambda _: data)
            expected = heard + A_BATCH
            while heard < expected:
                news = trio.Event()
                await news.wait()
        took = time.process_time_ns() - began
        nursery.cancel_scope.cancel()
    return took / ROUNDS / 1000


if __name__ == "__main__":
    codec()
    print(f"said to the group and heard by two, on loopback {trio.run(over_sockets):6.2f}")
    around = best(200, lambda: usable("multicast", None))
    print(f"a look at {len(socket.if_nameindex())} interfaces, every two seconds {around:6.2f}")
