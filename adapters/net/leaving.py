"""What discovery has to send, before it is known by which interface that leaves."""

from collections import deque
from typing import NamedTuple

from msgspec.structs import replace

from adapters.net.beacon import Beacon, Datagram, Join, Sip, encode
from adapters.sip.sockets import host_and_port, is_wildcard

NO_MAC = bytes(6)
OUTBOX_MAX = 512

Place = tuple[str, int]  # An IP address and a port.


class Leaving(NamedTuple):
    """To one place, or to the group on every interface where ``to`` is None.

    ``interface`` is the index of the one to leave by, 0 where any will do.  What answers
    somebody who has proven nothing is not ``signed`` itself: who holds the key must not be
    taken in by an answer that anybody could have provoked in its name.
    """

    datagram: Datagram
    to: Place | None = None
    interface: int = 0
    signed: bool = True

    def spelled(self, key: bytes | None, host: str, mac: bytes, at: int) -> bytes:
        """The octets, as they leave by the interface with this address.

        A SIP host that is a wildcard becomes that address, and a client tells its ``mac``.
        Raises ``ValueError`` where something is out of the bounds of the codec.
        """
        datagram = self.datagram
        if isinstance(datagram, Beacon):
            datagram = replace(datagram, sip=here(datagram.sip, host))
        elif isinstance(datagram, Join):
            mac = datagram.mac if datagram.mac != NO_MAC else mac
            datagram = replace(datagram, sip=here(datagram.sip, host), mac=mac)
        return encode(datagram, key if self.signed else None, at)


class Outbox(deque[Leaving]):
    """What waits to leave.  While nothing can be recorded nothing does, and the oldest goes."""

    def __init__(self) -> None:
        super().__init__(maxlen=OUTBOX_MAX)

    def take_out(self) -> list[Leaving]:
        out = [*self]
        self.clear()
        return out


def here(sip: Sip, host: str) -> Sip:
    return replace(sip, host=host) if is_wildcard(sip.host) else sip


def place(text: str) -> Place:
    """As ``host_and_port`` spells it."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def spelled(sip: Sip) -> str:
    """As events name a place where SIP is spoken."""
    return f"{sip.transport}:{host_and_port(sip.host, sip.port)}"
