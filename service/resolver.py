"""Where the servers of the lines are (RFC 3263): addresses are taken as they stand, names
are looked up before the first REGISTER and again from time to time, off the path.
"""

from collections.abc import Callable
from typing import Any

import trio

from adapters.sip.grammar import Malformed, host_and_port
from adapters.sip.sockets import is_address

EVERY_S = 300
SOONER_S = 30  # While some name is not known.
PATIENCE_S = 5
SIP_PORT = 5060

Ways = dict[str, tuple[tuple[str, int], ...]]


class Resolver:
    """Fills ``ways``, which the SIP layer reads.  An old answer outlives a failing server."""

    def __init__(self, ways: Ways, say: Callable[[str], None]) -> None:
        self.ways = ways
        self.say = say
        self.failed: set[str] = set()

    async def prime(self, servers: set[str]) -> None:
        """What is known before the service starts; names get a few seconds."""
        with trio.move_on_after(PATIENCE_S):
            await self.look_up(servers)

    async def keep(self, servers: Callable[[], set[str]]) -> None:
        while True:
            known = all(name in self.ways for name in servers())
            await trio.sleep(EVERY_S if known else SOONER_S)
            await self.look_up(servers())

    async def look_up(self, servers: set[str]) -> None:
        async with trio.open_nursery() as nursery:
            for server in servers:
                nursery.start_soon(self.look_up_one, server)

    async def look_up_one(self, server: str) -> None:
        try:
            host, port = host_and_port(server)
        except Malformed:
            return
        if is_address(host):
            self.ways[server] = ((host, port or SIP_PORT),)
            return
        found = await resolved(host, port)
        if found:
            self.ways[server] = found
            self.failed.discard(server)
        elif server not in self.failed:
            self.failed.add(server)
            self.say(f"{server}: the name cannot be resolved; trying again")


async def resolved(host: str, port: int) -> tuple[tuple[str, int], ...]:
    """SRV where no port is given (RFC 3263 4.2), else addresses; the best first."""
    if not port and (services := await records(f"_sip._udp.{host}", "SRV")):
        ordered = sorted(services, key=lambda record: (record.priority, -record.weight))
        found = []
        for record in ordered:
            name = str(record.target).rstrip(".")
            found += [(str(a), record.port) for a in await records(name, "A")]
        if found:
            return tuple(found)
    addresses = await records(host, "A") or await records(host, "AAAA")
    if not addresses:
        addresses = await from_hosts(host)
    return tuple((str(address), port or SIP_PORT) for address in addresses)


async def records(name: str, kind: str) -> list[Any]:
    import dns.asyncresolver  # Takes long to import, and a house may do without names.
    import dns.exception

    try:
        return [*await dns.asyncresolver.resolve(name, kind, lifetime=PATIENCE_S)]
    except (dns.exception.DNSException, OSError):
        return []


async def from_hosts(host: str) -> list[str]:
    """What only this machine's own tables know, as /etc/hosts and mDNS."""
    try:
        found = await trio.socket.getaddrinfo(host, None, type=trio.socket.SOCK_DGRAM)
    except (OSError, UnicodeError):  # UnicodeError: it cannot be a name.
        return []
    return [*dict.fromkeys(str(entry[4][0]) for entry in found)]
