"""``discover`` and ``sniff``: what discovery hears on this network, without a service.

Neither takes anything away from a hotspot or client on the same machine.  ``sniff`` is how
owners of other makers' phones can show us what their phones say.
"""

import json
import os
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Annotated, Any

import trio
import typer
from msgspec import Struct
from msgspec.structs import replace

from adapters.net.beacon import VERSION, Beacon, Dropped, Solicit, decode, encode
from adapters.net.discovery_sockets import DiscoveryError, DiscoverySockets, Heard
from adapters.net.intake import Intake
from adapters.net.interfaces import required
from service.clock import Clock
from service.commands import AsJson, configured, end_if_any, leaves
from service.config import Hotspot
from service.rules import Refused
from service.sections import TABLES

LISTENS_S = 6.0  # A beacon comes every five seconds.
SOLICITS_AT_S = (0.0, 1.0, 2.0, 4.0)
HOTSPOTS_MAX = 64
OCTETS_A_LINE = 16
NANOSECONDS_A_SECOND = 1_000_000_000
FILE_MAX = 64 << 20  # Whatever floods the network, the disk stays usable.

Monitor = Annotated[
    str | None, typer.Option("--monitor", metavar="KIND", help="multicast or broadcast.")
]
Address = Annotated[
    str | None, typer.Option("--address", metavar="GROUP", help="The multicast address.")
]
Port = Annotated[int | None, typer.Option("--port", metavar="PORT", help="The port of discovery.")]
Interface = Annotated[
    str | None, typer.Option("--interface", metavar="NAME", help="Only this interface, as eth0.")
]


def chosen(hotspot: Hotspot, options: Mapping[str, object]) -> Hotspot:
    """The settings with what was typed, held to the rules of the file; or out with the reason."""
    values = {}
    for name, value in options.items():
        if value is not None:
            try:
                values[name] = TABLES["hotspot"].rules[name](value)
            except Refused as refused:
                typer.echo(f"--{name}: {refused}", err=True)
                raise typer.Exit(2) from None
    return replace(hotspot, **values)


def started(run: Callable[..., Any], *arguments: object) -> Any:
    """The result of an async function; a ``DiscoveryError`` is told and ends the program.

    So does Ctrl-C, without a word and with the exit status that a shell gives it.
    """
    errors: list[BaseException] = []
    result, is_interrupted = None, False
    try:
        result = trio.run(run, *arguments)
    except* DiscoveryError as group:
        errors = leaves(group)
    except* KeyboardInterrupt:
        is_interrupted = True
    end_if_any(errors)
    if is_interrupted:
        raise typer.Exit(128 + signal.SIGINT)
    return result


def place(where: Hotspot) -> str:
    """What is listened to, in words."""
    group = where.address if where.monitor == "multicast" else "broadcast"
    return f"{group} port {where.port}" + (f" on {where.interface}" if where.interface else "")


# -- discover ------------------------------------------------------------------------------


class Seen(Struct, frozen=True):
    """A hotspot as it was heard last."""

    beacon: Beacon
    address: str
    interface: str


class Looking:
    """The hotspots heard so far, by their ids; the first so many, whoever invents more."""

    def __init__(self, key: bytes | None) -> None:
        self.intake = Intake(key)
        self.hotspots: dict[bytes, Seen] = {}

    def hear(self, heard: Heard, interface: str, at: int) -> None:
        host, _ = heard.source
        try:
            datagram = self.intake.take(heard.data, host, at)
        except Dropped:
            return  # It has been counted.
        if not isinstance(datagram, Beacon):
            return
        if datagram.hotspot in self.hotspots or len(self.hotspots) < HOTSPOTS_MAX:
            self.hotspots[datagram.hotspot] = Seen(datagram, host, interface)

    def sorted(self) -> list[Seen]:
        return sorted(self.hotspots.values(), key=lambda seen: (seen.address, seen.beacon.hotspot))


async def look(where: Hotspot, seconds: float) -> Looking:
    """Asks who is there and listens; raises ``DiscoveryError``."""
    required(where.monitor, where.interface)
    clock, client = Clock(), secrets.token_bytes(16)
    looking = Looking(where.join_key.reveal().encode() if where.join_key else None)

    def receive(batch: Sequence[Heard]) -> None:
        names = {each.index: each.name for each in sockets.interfaces}
        for heard in batch:
            looking.hear(heard, names.get(heard.interface, ""), clock.at())

    sockets = DiscoverySockets(
        where.monitor, where.address, where.port, where.interface, receive, role="client"
    )
    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            await nursery.start(sockets.run)
            begin = trio.current_time()
            for later in SOLICITS_AT_S:
                await trio.sleep_until(begin + later)
                solicit = encode(Solicit(client), looking.intake.key, clock.at())
                sockets.send_group(lambda _, data=solicit: data)  # type: ignore[misc]
    return looking


def row(seen: Seen) -> dict[str, Any]:
    beacon = seen.beacon
    return {
        "hotspot": beacon.hotspot.hex(),
        "name": beacon.name,
        "address": seen.address,
        "interface": seen.interface,
        "sip": f"{beacon.sip.transport}:{beacon.sip.host}:{beacon.sip.port}",
        "lines": [
            {"number": line.number, "label": line.label, "prefix": line.prefix}
            for line in beacon.lines
        ],
        "epoch": beacon.epoch,
        "version": VERSION,
    }


def in_words(seen: Seen) -> str:
    lines = ", ".join(
        f"{line.number} {line.label}".rstrip() + (f" (prefix {line.prefix})" if line.prefix else "")
        for line in seen.beacon.lines
    )
    return "  ".join(
        (
            seen.beacon.hotspot.hex(),
            seen.beacon.name,
            seen.address,
            f"lines {lines}" if lines else "no lines",
            f"version {VERSION}",
        )
    )


def discover(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Its [hotspot], with its key.")
    ] = None,
    monitor: Monitor = None,
    address: Address = None,
    port: Port = None,
    interface: Interface = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=600.0)] = LISTENS_S,
    as_json: AsJson = False,
) -> None:
    """The hotspots of this network: id, name, address, lines, version."""
    options = {"monitor": monitor, "address": address, "port": port, "interface": interface}
    where = chosen(configured(config).hotspot, options)
    looking = started(look, where, seconds)
    for seen in looking.sorted():
        typer.echo(json.dumps(row(seen), ensure_ascii=False) if as_json else in_words(seen))
    if looking.intake.drops:
        counts = ", ".join(f"{count} {why}" for why, count in sorted(looking.intake.drops.items()))
        typer.echo(f"also heard, and not taken: {counts}", err=True)
    if not looking.hotspots:
        typer.echo(
            f"no hotspot was heard within {seconds:g} s ({place(where)}); monitor, address and "
            "port must be the hotspot's own, and no firewall may keep UDP away from them",
            err=True,
        )
        raise typer.Exit(1)


# -- sniff ---------------------------------------------------------------------------------


def dump(data: bytes) -> list[str]:
    """Sixteen octets a line: where, in hexadecimal, as text."""
    lines = []
    for start in range(0, len(data), OCTETS_A_LINE):
        part = data[start : start + OCTETS_A_LINE]
        text = "".join(chr(octet) if 32 <= octet < 127 else "." for octet in part)
        lines.append(f"{start:04x}  {part.hex(' '):<{3 * OCTETS_A_LINE}} {text}")
    return lines


def kind_of(data: bytes, at: int) -> str:
    """What our own codec makes of it; a signature is not looked at."""
    try:
        return type(decode(data, None, at)).__name__.lower()
    except Dropped as dropped:
        return dropped.reason


def entry(heard: Heard, interface: str, port: int, at: int) -> bytes:
    """One datagram as it stands in the file."""
    time = datetime.fromtimestamp(at // NANOSECONDS_A_SECOND, UTC)
    micros = at % NANOSECONDS_A_SECOND // 1000
    host, source_port = heard.source
    head = (
        f"{time:%Y-%m-%dT%H:%M:%S}.{micros:06}Z {host}:{source_port} -> {heard.to}:{port} "
        f"{interface or heard.interface} {len(heard.data)} octets {kind_of(heard.data, at)}"
    )
    return "\n".join((head, *dump(heard.data), "", "")).encode()


class Sniffing:
    """Writes what is heard; ``ended`` says why it cannot write any more."""

    def __init__(self, file: RawIOBase, port: int) -> None:
        self.file = file
        self.port = port
        self.count = 0
        self.octets = 0
        self.ended = ""
        self.stopping = trio.Event()

    def write(self, heard: Heard, interface: str, at: int) -> None:
        if self.ended:
            return
        try:
            self.octets += self.file.write(entry(heard, interface, self.port, at)) or 0
            self.count += 1
            if self.octets > FILE_MAX:
                self.stop(f"{FILE_MAX >> 20} MiB were written, and that is enough")
        except OSError as error:
            self.stop(f"it cannot be written: {error.strerror}")

    def stop(self, why: str) -> None:
        self.ended = why
        self.stopping.set()


async def listen(where: Hotspot, sniffing: Sniffing, seconds: float | None) -> None:
    """Until the time is over, somebody stops it, or the file is full; ``DiscoveryError``."""
    required(where.monitor, where.interface)
    clock = Clock()

    def receive(batch: Sequence[Heard]) -> None:
        names = {each.index: each.name for each in sockets.interfaces}
        for heard in batch:
            sniffing.write(heard, names.get(heard.interface, ""), clock.at())

    async def until_told() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as told:
            async for _ in told:
                sniffing.stopping.set()

    sockets = DiscoverySockets(
        where.monitor, where.address, where.port, where.interface, receive, role="listener"
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(sockets.run)
        nursery.start_soon(until_told)
        with trio.move_on_after(float("inf") if seconds is None else seconds):
            await sniffing.stopping.wait()
        nursery.cancel_scope.cancel()


def opened(out: Path) -> RawIOBase:
    """Readable to its owner alone: whatever other phones say, it may be a password."""
    try:
        return FileIO(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a")
    except OSError as error:
        typer.echo(f"--out {out}: cannot be written ({error.strerror}); name another", err=True)
        raise typer.Exit(1) from None


def sniff(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Is written on where it is there.")
    ],
    port: Port = None,
    address: Address = None,
    interface: Interface = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1)] = None,
) -> None:
    """Write every datagram on the port to a file, known or not, until Ctrl-C."""
    where = chosen(Hotspot(), {"address": address, "port": port, "interface": interface})
    with opened(out) as file:
        sniffing = Sniffing(file, where.port)
        typer.echo(f"listening to {place(where)}; Ctrl-C ends it", err=True)
        started(listen, where, sniffing, seconds)
    typer.echo(f"{sniffing.count} datagrams written to {out}", err=True)
    if sniffing.ended:
        typer.echo(f"{out}: {sniffing.ended}", err=True)
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    app.command("discover")(discover)
    app.command("sniff")(sniff)
