"""A thousand clients join one hotspot, stay, and are seen off; and how soon a client is there.

``python -m bench.discovery``, about two minutes.  The hotspot is the service as a process of
its own, with every turn stored; the clients are played here, each with an address and a
socket of its own on loopback: join, welcome, REGISTER with digest, then a renewal every
third of the time to live.  CPU is what the kernel ran of the service's threads.

Then a client as a process of its own, from its start until its line is registered.
"""

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trio

from adapters.net.beacon import Beacon, Deny, Join, Sip, Solicit, Welcome, decode, encode
from adapters.net.discovery_sockets import DiscoverySockets, Heard
from adapters.sip.digest import authorization, read_challenge
from adapters.sip.message import Response, parse, request_bytes
from bench.servers import Server, started

HOST = "127.0.0.1"
SIP_PORT, CLIENT_SIP_PORT, PORT, GROUP = 25_060, 25_062, 16_362, "239.255.200.2"
CLIENTS, JOIN_WITHIN_S, STEADY_S = 1000, 50.0, 40.0
STARTS = 5
PATIENCE_S, AGAIN_S = 20.0, 1.0
CONFIG = """
[hotspot]
mode = "{mode}"
name = "Bench"
interface = "lo"
address = "{group}"
port = {port}
max_clients = 2000
[sip]
listen = ["udp:{host}:{sip}"]
[[line]]
number = 1
server = "{host}:25999"
user = "4212"
password = "secret4212"
"""


def now_ns() -> int:
    return time.time_ns()


def config_of(folder: Path, mode: str, sip: int) -> list[str]:
    text = CONFIG.format(mode=mode, group=GROUP, port=PORT, host=HOST, sip=sip)
    file = folder / f"{mode}.toml"
    file.write_text(text if mode == "hotspot" else text.partition("[[line]]")[0])
    run = ["run", "--config", str(file), "--state-dir", str(folder / mode)]
    return [sys.executable, "-c", "from service.cli import main; main()", *run]


@contextmanager
def hotspot(folder: Path) -> Iterator[Server]:
    command = config_of(folder, "hotspot", SIP_PORT)
    with started("siphotspot", HOST, command, folder / "noise") as server:
        yield server


# -- A client, as far as a hotspot can tell ---------------------------------------------


class Client:
    """``clear`` asks for what it wants until it gets it; datagrams get lost."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.id = secrets.token_bytes(16)
        self.host = f"127.41.{number // 250}.{number % 250 + 1}"
        self.discovery = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
        self.sip = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
        self.cseq = 0

    async def open(self) -> None:
        await self.discovery.bind((self.host, 0))
        await self.sip.bind((self.host, 5060))

    async def join(self, hotspot: bytes) -> Welcome:
        join = Join(self.id, hotspot, bytes(6), f"Phone {self.number}", "bench",
                    Sip("udp", self.host, 5060), None)  # fmt: skip
        data = await ask(self.discovery, lambda: encode(join, None, now_ns()), PORT)
        answer = decode(data, None, now_ns())
        if isinstance(answer, Deny):
            raise SystemExit(f"client {self.number} was denied: {answer.reason}")
        assert isinstance(answer, Welcome)
        return answer

    async def register(self, welcome: Welcome) -> None:
        (grant, *_) = welcome.lines
        more: list[tuple[str, str]] = []
        for code in (401, 200):
            self.cseq += 1
            uri = f"sip:{grant.domain}"
            record = f"<sip:{grant.user}@{grant.domain}>"
            headers = [
                ("Via", f"SIP/2.0/UDP {self.host}:5060;branch=z9hG4bK{secrets.token_hex(8)}"),
                ("Max-Forwards", "70"),
                ("From", f"{record};tag={self.number}"),
                ("To", record),
                ("Call-ID", f"{self.number}@{self.host}"),
                ("CSeq", f"{self.cseq} REGISTER"),
                ("Contact", f"<sip:{self.number}@{self.host}:5060>"),
                ("Expires", "600"),
                *more,
            ]
            asked = request_bytes("REGISTER", uri, headers)
            response = parse(await ask(self.sip, lambda data=asked: data, SIP_PORT))  # type: ignore[misc]
            assert isinstance(response, Response)
            if response.code != code:
                raise SystemExit(f"client {self.number}: REGISTER met {response.code}")
            challenge = read_challenge(response.all("www-authenticate"))
            if challenge is not None:
                value = authorization(
                    challenge, "REGISTER", uri, grant.user, grant.password, 1, "bench"
                )
                more = [("Authorization", value)]


async def ask(sock: trio.socket.SocketType, make: Callable[[], bytes], port: int) -> bytes:
    with trio.fail_after(PATIENCE_S):
        while True:
            await sock.sendto(make(), (HOST, port))
            with trio.move_on_after(AGAIN_S):
                data: bytes = await sock.recv(4096)
                return data


async def hotspot_heard() -> bytes:
    """Its id, from the beacon that a solicit brings; at the group's own port on loopback."""
    found: list[bytes] = []
    news = trio.Event()

    def receive(batch: Sequence[Heard]) -> None:
        for heard in batch:
            said = decode(heard.data, None, now_ns())
            if isinstance(said, Beacon):
                found.append(said.hotspot)
                news.set()

    sockets = DiscoverySockets("multicast", GROUP, PORT, "lo", receive, role="client")
    async with trio.open_nursery() as nursery:
        await nursery.start(sockets.run)
        with trio.fail_after(PATIENCE_S):
            while not news.is_set():
                sockets.send_group(lambda _: encode(Solicit(b"b" * 16), None, now_ns()))
                await trio.sleep(0.2)
        nursery.cancel_scope.cancel()
    return found[0]


# -- A thousand ------------------------------------------------------------------------


async def thousand(server: Server) -> None:
    hotspot_id = await hotspot_heard()
    clients = [Client(number) for number in range(CLIENTS)]
    for client in clients:
        await client.open()
    times: list[float] = []

    async def come(client: Client, at: float) -> None:
        await trio.sleep_until(at)
        began = trio.current_time()
        await client.register(await client.join(hotspot_id))
        times.append(trio.current_time() - began)

    cpu, began = server.cpu_s(), trio.current_time()
    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(come, client, began + client.number * JOIN_WITHIN_S / CLIENTS)
    took = trio.current_time() - began
    times.sort()
    print(
        f"{CLIENTS} clients joined and registered within {took:.1f} s: CPU "
        f"{(server.cpu_s() - cpu) / CLIENTS * 1000:.2f} ms each; from its join until it is "
        f"registered p50 {times[CLIENTS // 2] * 1000:.1f} ms, p99 "
        f"{times[CLIENTS * 99 // 100] * 1000:.1f} ms; memory {server.memory_mb():.0f} MB",
        flush=True,
    )
    await steady(server, clients, hotspot_id)


async def steady(server: Server, clients: list[Client], hotspot_id: bytes) -> None:
    """Each renews every third of its time to live."""
    every_s = (await clients[0].join(hotspot_id)).ttl / 3
    renewals = 0

    async def stay(client: Client, until: float) -> None:
        nonlocal renewals
        await trio.sleep(client.number * every_s / CLIENTS)
        while trio.current_time() < until:
            await client.join(hotspot_id)
            renewals += 1
            await trio.sleep(every_s)

    cpu, began = server.cpu_s(), trio.current_time()
    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(stay, client, began + STEADY_S)
    took = trio.current_time() - began
    share = (server.cpu_s() - cpu) / took
    print(
        f"{renewals} renewals in {took:.0f} s ({renewals / took:.0f} a second, every "
        f"{every_s:.0f} s each): CPU share {share:.1%}, "
        f"{share * took / renewals * 1e6:.0f} us a renewal",
        flush=True,
    )


# -- How soon a client is there ---------------------------------------------------------


def start_of_a_client(folder: Path) -> float:
    """Seconds from the first start of its process until its line is registered."""
    folder.mkdir()
    began = time.monotonic()
    with subprocess.Popen(
        config_of(folder, "client", CLIENT_SIP_PORT), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("line 1: registered"):
                    return time.monotonic() - began
        finally:
            process.terminate()
    raise SystemExit("the client ended before it was registered")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, hotspot(Path(name)) as server:
        trio.run(thousand, server)
    with tempfile.TemporaryDirectory() as name, hotspot(Path(name)):
        trio.run(hotspot_heard)
        times = sorted(start_of_a_client(Path(name, str(n))) for n in range(STARTS))
    print(
        f"from `siphotspot run` of a client until it is registered, {STARTS} starts: least "
        f"{times[0]:.2f} s, median {times[STARTS // 2]:.2f} s, most {times[-1]:.2f} s (aim: 1 s)"
    )


if __name__ == "__main__":
    main()
