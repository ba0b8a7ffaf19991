"""What the relay knows of one call's media: whom it hears and where each packet goes.

A call has two sides, the caller and the leg that won it.  Every stream has a pair of
our ports on each side, and behind every port sits a ``Latch``.  A packet that is heard
at one leaves through the port across, to wherever the party there is.

Where a party is, its SDP says first.  Behind a NAT that is wrong, so the relay answers
to where packets really come from: symmetric RTP (RFC 4961 section 4) by latching
(RFC 7362 section 4).  Latching can be abused by whoever sends first (section 5 there),
hence three rules:

- before a party's SDP is known, nothing is taken from it;
- the host that the SDP names wins over any other, at its first packet and from then
  on; another host is believed only as long as the named one has never been heard;
- otherwise a source stays until the SDP changes or it has been silent for two seconds.

No socket and no clock here: addresses and times come in, addresses go out.
"""

from collections import Counter
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from adapters.net.relay_ports import RelayError

Side: TypeAlias = Literal["caller", "leg"]
SIDES: tuple[Side, Side] = ("caller", "leg")
Address: TypeAlias = tuple[Any, ...]  # As a socket spells it: two parts, or four in IPv6.

SHORTEST = 8  # An RTCP header with its SSRC, RFC 3550 section 6.4.2.
LONGEST = 2048
VERSION_BITS, VERSION_2 = 0xC0, 0x80  # RFC 3550 section 5.1.
SETTLED_S = 2.0  # A source is believed gone after this silence.

UNSPECIFIED = {"::", "::ffff:0.0.0.0"}  # As IPv6 spells both versions.


class Counts(Struct, frozen=True):
    """What was taken from each side, RTP and RTCP together, and why the rest was dropped.

    ``last_…`` is on the relay's clock.  ``dropped`` goes by reason: ``malformed`` (not
    RTP), ``unexpected`` (before the SDP), ``stranger`` (not the latched source),
    ``nowhere`` (the other side's address is not known, or it wants nothing), or the
    name of an operating error such as ``ENETUNREACH``.
    """

    from_caller: int = 0
    from_leg: int = 0
    bytes_from_caller: int = 0
    bytes_from_leg: int = 0
    last_from_caller: float | None = None
    last_from_leg: float | None = None
    dropped: dict[str, int] = {}


class Latch:
    """One of our ports: whom we hear there and where that party is (RFC 7362 section 4)."""

    __slots__ = (
        "across",
        "bytes",
        "dropped",
        "heard_named_host",
        "last",
        "named",
        "packets",
        "quiet",
        "source",
        "to",
    )

    def __init__(self, dropped: Counter[str]) -> None:
        self.across = self  # Until it is joined to the port on the other side.
        self.dropped = dropped
        self.named: tuple[str, int] | None = None  # In the SDP.
        self.quiet = False  # The SDP asks that nothing be sent.
        self.source: Address | None = None  # Latched.
        self.heard_named_host = False
        self.to: Address | None = None
        self.packets = self.bytes = 0
        self.last: float | None = None

    def expect(self, host: str, port: int, ip_version: int = 4) -> bool:
        """What the SDP says; whether that is news.

        Port 0 and the address 0.0.0.0 mean "send nothing" (RFC 3264 sections 6 and
        8.4).  A latch outlives that, and an offer that repeats the address.
        """
        spelled = as_seen(host, ip_version)
        if as_seen(host, 6) in UNSPECIFIED or not 0 < port < 65536:
            news = not self.quiet
            self.quiet, self.to = True, None
            return news
        named = (spelled or host, port)
        news = self.quiet or named != self.named
        if named != self.named:
            self.named, self.source, self.heard_named_host = named, None, False
        self.quiet = False
        # A domain name is not looked up: such a party is found by its packets alone.
        self.to = self.source or (named if spelled else None)
        return news

    def hear(self, packet: bytes, source: Address, now: float) -> Address | None:
        """Where this packet goes from the port across, or None where it is dropped.

        Called for every packet, so the usual one passes three comparisons.
        """
        if not SHORTEST <= len(packet) <= LONGEST or packet[0] & VERSION_BITS != VERSION_2:
            self.dropped["malformed"] += 1
            return None
        if source != self.source and not self._latch(source, now):
            return None
        self.packets += 1
        self.bytes += len(packet)
        self.last = now
        to = self.across.to
        if to is None:
            self.dropped["nowhere"] += 1
        return to

    def _latch(self, source: Address, now: float) -> bool:
        """Whether this new source is believed; if so, it is now the one."""
        if self.named is None:
            self.dropped["unexpected"] += 1
            return False
        is_named_host = source[0] == self.named[0]
        if is_named_host and not self.heard_named_host:
            believed = True
        else:
            is_open = self.source is None or self.last is None or now - self.last >= SETTLED_S
            believed = is_open and (is_named_host or not self.heard_named_host)
        if not believed:
            self.dropped["stranger"] += 1
            return False
        self.source = source
        self.heard_named_host = is_named_host
        self.to = None if self.quiet else source
        return True


class Session:
    """The latches of one call, its counts, and how long either side has been silent."""

    def __init__(self, streams: int, ip_version: int = 4) -> None:
        self.ip_version = ip_version
        self.dropped: Counter[str] = Counter()
        self.latches: dict[Side, list[tuple[Latch, Latch]]] = {
            side: [(Latch(self.dropped), Latch(self.dropped)) for _ in range(streams)]
            for side in SIDES
        }
        for pairs in zip(*self.latches.values(), strict=True):
            for of_caller, of_leg in zip(*pairs, strict=True):
                of_caller.across, of_leg.across = of_leg, of_caller
        self.expected: set[Side] = set()
        self.held = False
        self.waiting_since: dict[Side, float] = {}
        self.reported: dict[Side, float] = {}

    def expect(
        self, side: Side, n: int, host: str, rtp_port: int, rtcp_port: int, now: float
    ) -> None:
        """The address of one stream in that side's SDP (``a=rtcp`` included, RFC 3605)."""
        if side not in self.latches or not 0 <= n < len(self.latches[side]):
            raise RelayError(f"the call has no stream {n} on the side {side!r}")
        rtp, rtcp = self.latches[side][n]
        # Both are told, whatever the first one answers.
        news = [
            rtp.expect(host, rtp_port, self.ip_version),
            rtcp.expect(host, rtcp_port if rtp_port else 0, self.ip_version),
        ]
        self.expected.add(side)
        if len(self.expected) < len(SIDES):
            return  # Before both are known nobody can be expected to talk.
        if not self.waiting_since:
            self.waiting_since = dict.fromkeys(SIDES, now)
        elif any(news):
            self.waiting_since[side] = now

    def hold(self, on: bool, now: float) -> None:
        """While a call is on hold, silence means nothing; after it, it counts anew."""
        if self.held and not on:
            self.waiting_since = dict.fromkeys(self.waiting_since, now)
        self.held = on

    def silent(self, now: float, silence_s: float) -> list[Side]:
        """The sides that have said nothing for so long; each silence is told once."""
        if self.held:
            return []
        sides = []
        for side, since in self.waiting_since.items():
            began = max(since, self._last(side) or since)
            if now - began >= silence_s and self.reported.get(side) != began:
                self.reported[side] = began
                sides.append(side)
        return sides

    def counts(self) -> Counts:
        caller, leg = ([latch for pair in self.latches[side] for latch in pair] for side in SIDES)
        return Counts(
            from_caller=sum(latch.packets for latch in caller),
            from_leg=sum(latch.packets for latch in leg),
            bytes_from_caller=sum(latch.bytes for latch in caller),
            bytes_from_leg=sum(latch.bytes for latch in leg),
            last_from_caller=self._last("caller"),
            last_from_leg=self._last("leg"),
            dropped=dict(self.dropped),
        )

    def _last(self, side: Side) -> float | None:
        heard = [latch.last for pair in self.latches[side] for latch in pair]
        return max((last for last in heard if last is not None), default=None)


def as_seen(host: str, ip_version: int) -> str | None:
    """The host as a socket of this IP version would spell it, None if it cannot be one.

    An IPv6 socket that also serves IPv4 sees mapped addresses (RFC 4291 section
    2.5.5.2).  A zone (``%eth0``) means nothing on another machine and is left out.
    """
    host = host.partition("%")[0]
    for family in (AF_INET, AF_INET6):
        try:
            packed = inet_pton(family, host)
        except (OSError, ValueError):
            continue
        if family == AF_INET and ip_version == 6:
            packed, family = bytes(10) + b"\xff\xff" + packed, AF_INET6
        if family == AF_INET6 and ip_version == 4:
            return _unmapped(packed)
        return inet_ntop(family, packed)
    return None


def _unmapped(packed: bytes) -> str | None:
    """The IPv4 address within a mapped one; an IPv4 socket reaches no other."""
    return inet_ntop(AF_INET, packed[12:]) if packed[:12] == bytes(10) + b"\xff\xff" else None
