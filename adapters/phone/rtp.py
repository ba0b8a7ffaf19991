"""RTP packets (RFC 3550 5.1): bytes in, a packet out, and bytes again."""

import struct
from typing import NamedTuple

HEADER = struct.Struct("!BBHII")
VERSION_BITS, VERSION_2 = 0xC0, 0x80
PADDED, EXTENDED, SOURCES = 0x20, 0x10, 0x0F
MARKED = 0x80


class NotRtp(Exception):
    """What a peer sent is no RTP packet.  Its fault; ``reason`` is a short name to count by."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Packet(NamedTuple):
    """``sequence`` has 16 bits; ``timestamp`` counts samples and has 32, like ``ssrc``."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


def read(data: bytes) -> Packet:
    """Raises ``NotRtp`` and nothing else; contributing sources and extensions are passed over."""
    if len(data) < HEADER.size:
        raise NotRtp("short")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first & VERSION_BITS != VERSION_2:
        raise NotRtp("version")
    start, ends = HEADER.size + 4 * (first & SOURCES), len(data)
    if first & EXTENDED:
        if start + 4 > ends:
            raise NotRtp("short-extension")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & PADDED:
        if data[-1] == 0:
            raise NotRtp("padding")
        ends -= data[-1]
    if start > ends:
        raise NotRtp("padding" if first & PADDED and start <= len(data) else "short")
    payload = data[start:ends]
    marker = bool(second & MARKED)
    return Packet(second & ~MARKED, sequence, timestamp, ssrc, payload, marker)


def spelled(packet: Packet) -> bytes:
    """The packet on the wire; numbers that have grown past their bits begin at 0 again."""
    head = HEADER.pack(
        VERSION_2,
        packet.payload_type | (MARKED if packet.marker else 0),
        packet.sequence & 0xFFFF,
        packet.timestamp & 0xFFFFFFFF,
        packet.ssrc,
    )
    return head + packet.payload
