"""The interfaces that discovery can use: their addresses, as the system has them now."""

import socket
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Interface
from typing import Any

import psutil
from msgspec import Struct

NO_MAC = bytes(6)
OURSELVES = IPv4Interface("127.0.0.0/8").network


class DiscoveryError(Exception):
    """Discovery cannot work like this; the text names the setting and the fix."""


class InterfaceAddress(Struct, frozen=True):
    """One IPv4 address of an interface.  ``broadcast`` is "" where the link has none."""

    name: str
    index: int
    address: str
    broadcast: str
    mac: bytes  # Six zeros where the interface has none.


def usable(monitor: str, interface: str | None) -> tuple[InterfaceAddress, ...]:
    """Every interface that is up and can carry ``monitor``; or the one that is named.

    The named one is used whatever its flags say, ``lo`` as well.
    """
    stats = psutil.net_if_stats()
    return tuple(
        each
        for each in addresses(psutil.net_if_addrs())
        if (each.name == interface if interface else is_usable(each, stats.get(each.name), monitor))
        and (monitor == "multicast" or each.broadcast)
    )


def required(monitor: str, interface: str | None) -> tuple[InterfaceAddress, ...]:
    """The same, and ``DiscoveryError`` where there is none."""
    found = usable(monitor, interface)
    if not found:
        raise DiscoveryError(why_none(monitor, interface))
    return found


def why_none(monitor: str, interface: str | None) -> str:
    present = [name for _, name in socket.if_nameindex()]
    there = f"this machine has {', '.join(present)}"
    if interface and interface not in present:
        return (
            f"hotspot.interface: there is no interface {interface}; {there}; "
            "write one of these, or leave it out to use every interface that is up"
        )
    if interface:
        lacking = "IPv4 address" if monitor == "multicast" else "IPv4 broadcast address"
        return f"hotspot.interface: {interface} has no {lacking}; give it one, or name another"
    return (
        f"no interface is up, has an IPv4 address and can {monitor} ({there}); connect one, "
        "or name one in hotspot.interface (lo for a trial within this machine)"
    )


# -- What the system says --------------------------------------------------------------


def addresses(found: Mapping[str, Sequence[Any]]) -> list[InterfaceAddress]:
    """By index, each interface's first address first; one that has just gone is left out."""
    each = []
    for label, entries in found.items():
        name = label.partition(":")[0]  # An alias, as eth0:1, is an address of eth0.
        try:
            index = socket.if_nametoindex(name)
        except OSError:
            continue
        mac = next((mac_of(entry.address) for entry in entries if is_link(entry)), NO_MAC)
        each += [
            InterfaceAddress(name, index, entry.address, broadcast_of(entry), mac)
            for entry in entries
            if entry.family == socket.AF_INET
        ]
    return sorted(each, key=lambda one: one.index)


def is_link(entry: Any) -> bool:
    return bool(entry.family == psutil.AF_LINK)


def mac_of(text: str) -> bytes:
    """Six octets; what is no Ethernet address (a tunnel's, InfiniBand's) is none."""
    try:
        mac = bytes.fromhex(text.replace(":", "").replace("-", ""))
    except ValueError:
        return NO_MAC
    return mac if len(mac) == 6 else NO_MAC


def broadcast_of(entry: Any) -> str:
    """What the system says, or what follows from the mask, as on ``lo``."""
    if entry.ptp or not entry.netmask:
        return ""
    if entry.broadcast:
        return str(entry.broadcast)
    network = IPv4Interface(f"{entry.address}/{entry.netmask}").network
    return str(network.broadcast_address) if network.prefixlen < 31 else ""


def is_usable(each: InterfaceAddress, stats: Any, monitor: str) -> bool:
    if stats is None or not stats.isup or IPv4Interface(each.address).ip in OURSELVES:
        return False
    return not stats.flags or monitor in stats.flags.split(",")
