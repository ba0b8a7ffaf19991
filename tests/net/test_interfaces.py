"""Which interfaces discovery uses, and what is said where there is none."""

import socket
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from adapters.net.interfaces import (
    NO_MAC,
    DiscoveryError,
    InterfaceAddress,
    broadcast_of,
    mac_of,
    required,
    usable,
)

INDEXES = {"lo": 1, "eth0": 2, "wlan0": 3, "tun0": 4, "eth1": 5, "bond0": 6}
MAC = "02:00:00:00:00:01"


def entry(family: int, address: str, **other: str | None) -> SimpleNamespace:
    fields: dict[str, Any] = {"netmask": None, "broadcast": None, "ptp": None} | other
    return SimpleNamespace(family=family, address=address, **fields)


def ipv4(address: str, **other: str | None) -> SimpleNamespace:
    return entry(socket.AF_INET, address, **({"netmask": "255.255.255.0"} | other))


ADDRESSES = {
    "wlan0": [ipv4("198.51.100.4", broadcast="198.51.100.255")],
    "lo": [ipv4("127.0.0.1", netmask="255.0.0.0"), entry(psutil.AF_LINK, "00:00:00:00:00:00")],
    "eth0": [
        entry(socket.AF_INET6, "fe80::1"),
        ipv4("192.0.2.4", broadcast="192.0.2.255"),
        entry(psutil.AF_LINK, MAC),
    ],
    "eth0:1": [ipv4("203.0.113.4", broadcast="203.0.113.255")],
    "tun0": [ipv4("10.8.0.2", netmask="255.255.255.255", ptp="10.8.0.1")],
    "eth1": [ipv4("192.0.2.9")],
    "bond0": [entry(psutil.AF_LINK, MAC)],
    "gone0": [ipv4("192.0.2.77")],
}
BOTH = "up,broadcast,running,multicast"
STATS = {
    "lo": SimpleNamespace(isup=True, flags="up,loopback,running"),
    "eth0": SimpleNamespace(isup=True, flags=BOTH),
    "wlan0": SimpleNamespace(isup=True, flags="up,running,broadcast"),
    "tun0": SimpleNamespace(isup=True, flags="up,pointopoint,running,multicast"),
    "eth1": SimpleNamespace(isup=False, flags=BOTH),
    "bond0": SimpleNamespace(isup=True, flags=BOTH),
}


def index_of(name: str) -> int:
    if name not in INDEXES:
        raise OSError(f"no interface {name}")
    return INDEXES[name]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: ADDRESSES)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: STATS)
    monkeypatch.setattr(socket, "if_nametoindex", index_of)
    monkeypatch.setattr(
        socket, "if_nameindex", lambda: [(index, name) for name, index in INDEXES.items()]
    )
    return monkeypatch


def names(found: tuple[InterfaceAddress, ...]) -> list[tuple[str, str]]:
    return [(each.name, each.address) for each in found]


@pytest.mark.usefixtures("machine")
class TestOfAMachine:
    def test_all_that_can_multicast(self) -> None:
        assert names(usable("multicast", None)) == [
            ("eth0", "192.0.2.4"),
            ("eth0", "203.0.113.4"),
            ("tun0", "10.8.0.2"),
        ]

    def test_all_that_can_broadcast(self) -> None:
        assert names(usable("broadcast", None)) == [
            ("eth0", "192.0.2.4"),
            ("eth0", "203.0.113.4"),
            ("wlan0", "198.51.100.4"),
        ]

    def test_one_address_in_full(self) -> None:
        assert usable("multicast", None)[0] == InterfaceAddress(
            "eth0", 2, "192.0.2.4", "192.0.2.255", bytes.fromhex("020000000001")
        )

    @pytest.mark.parametrize("name", ["lo", "eth1", "wlan0"])
    def test_the_named_one_whatever_its_flags(self, name: str) -> None:
        assert {each.name for each in usable("multicast", name)} == {name}
        assert {each.name for each in usable("broadcast", name)} == {name}

    @pytest.mark.parametrize(
        ("monitor", "name", "said"),
        [("multicast", "eht0", "hotspot.interface: there is no interface eht0; this machine has "
          "lo, eth0, wlan0, tun0, eth1, bond0; write one of these, or leave it out"),
         ("multicast", "bond0", "hotspot.interface: bond0 has no IPv4 address; give it one"),
         ("broadcast", "tun0", "hotspot.interface: tun0 has no IPv4 broadcast address")],
    )  # fmt: skip
    def test_says_what_is_wrong_with_the_named_one(
        self, monitor: str, name: str, said: str
    ) -> None:
        with pytest.raises(DiscoveryError) as raised:
            required(monitor, name)
        assert str(raised.value).startswith(said)

    def test_says_so_where_there_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert required("multicast", None)
        monkeypatch.setattr(psutil, "net_if_stats", dict)
        with pytest.raises(DiscoveryError, match=r"^no interface is up.* can multicast .*lo for"):
            required("multicast", None)


def test_a_system_without_flags_is_believed(machine: pytest.MonkeyPatch) -> None:
    unknown = {name: SimpleNamespace(isup=True, flags="") for name in STATS}
    machine.setattr(psutil, "net_if_stats", lambda: unknown)
    assert {each.name for each in usable("multicast", None)} == {"eth0", "wlan0", "tun0", "eth1"}


def test_this_machine_has_a_loopback_that_broadcasts() -> None:
    (loopback,) = (each for each in usable("broadcast", "lo") if each.address == "127.0.0.1")
    assert loopback == InterfaceAddress(
        "lo", socket.if_nametoindex("lo"), "127.0.0.1", "127.255.255.255", NO_MAC
    )


@pytest.mark.parametrize(
    ("address", "broadcast"),
    [(ipv4("127.0.0.1", netmask="255.0.0.0"), "127.255.255.255"),
     (ipv4("192.0.2.1", broadcast="192.0.2.63"), "192.0.2.63"),
     (ipv4("192.0.2.1", netmask="255.255.255.254"), ""),
     (ipv4("192.0.2.1", netmask=None), ""),
     (ipv4("192.0.2.1", broadcast="192.0.2.2", ptp="192.0.2.2"), "")],
    ids=str,
)  # fmt: skip
def test_where_to_broadcast(address: SimpleNamespace, broadcast: str) -> None:
    assert broadcast_of(address) == broadcast


@pytest.mark.parametrize(
    ("text", "mac"),
    [(MAC, bytes.fromhex("020000000001")), ("02-00-00-00-00-01", bytes.fromhex("020000000001")),
     ("", NO_MAC), ("00" * 20, NO_MAC), ("none", NO_MAC)],
)  # fmt: skip
def test_what_counts_as_a_mac(text: str, mac: bytes) -> None:
    assert mac_of(text) == mac
