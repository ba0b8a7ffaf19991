"""A hotspot's or a client's discovery alone, as a process: ``python -m tests.namespaces.device``.

Arguments: role, monitor, group.  It prints what it hears, a line a datagram, and does what
it is told on its input: ``beacon NAME``, ``solicit``, ``join HOST``, ``interfaces``.
"""

import sys
from collections.abc import Sequence
from typing import get_args

import trio

from adapters.net.beacon import Beacon, Datagram, Dropped, Join, Sip, Solicit, Welcome, encode
from adapters.net.discovery_sockets import DiscoverySockets, Heard, InterfaceAddress, Role
from adapters.net.intake import Intake

PORT = 16360
CLIENT, HOTSPOT = b"c" * 16, b"h" * 16


class Device:
    def __init__(self, role: str, monitor: str, group: str) -> None:
        self.role: Role = next(each for each in get_args(Role) if each == role)
        self.intake = Intake()
        self.sockets = DiscoverySockets(monitor, group, PORT, None, self.receive, role=self.role)

    def receive(self, batch: Sequence[Heard]) -> None:
        for heard in batch:
            try:
                datagram = self.intake.take(heard.data, heard.source[0], 0)
            except Dropped as dropped:
                print("dropped", dropped.reason, flush=True)
                continue
            self.answer(datagram, heard)

    def answer(self, datagram: Datagram, heard: Heard) -> None:
        host, _ = heard.source
        match datagram:
            case Beacon():
                print("heard beacon", datagram.name, datagram.sip.host, "from", host, flush=True)
            case Join():
                print("heard join", datagram.name, "from", host, flush=True)
                welcome = Welcome(CLIENT, HOTSPOT, 1, 7, f"{datagram.name} 7", (), 15)
                self.sockets.send(encode(welcome, None, 0), heard.source, heard.interface)
            case Welcome():
                print("heard welcome", datagram.display, "from", host, flush=True)
            case Solicit():
                print("heard solicit from", host, flush=True)

    def obey(self, line: str) -> None:
        match line.split():
            case ["beacon", name]:
                self.sockets.send_group(lambda interface: beacon(name, interface))
            case ["solicit"]:
                solicit = encode(Solicit(CLIENT), None, 0)
                self.sockets.send_group(lambda _: solicit)
            case ["join", host]:
                join = Join(CLIENT, HOTSPOT, bytes(6), "bedroom", "", Sip("udp", "192.0.2.1", 1))
                self.sockets.send(encode(join, None, 0), (host, PORT))
            case ["interfaces"]:
                named = [f"{each.name}={each.address}" for each in self.sockets.interfaces]
                print("interfaces", *named, self.sockets.problem, flush=True)
        print("done", line, flush=True)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.sockets.run)
            print("ready", flush=True)
            rest = b""
            async for data in trio.lowlevel.FdStream(0):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self.obey(line.decode())
            nursery.cancel_scope.cancel()


def beacon(name: str, interface: InterfaceAddress) -> bytes:
    sip = Sip("udp", interface.address, 5060)
    return encode(Beacon(HOTSPOT, name, 1, 1, sip, (), 15), None, 0)


if __name__ == "__main__":
    trio.run(Device(*sys.argv[1:4]).run)
