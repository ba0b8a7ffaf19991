"""Discovery between machines: real processes, real interfaces that come and go."""

import json
import sys
import time
from pathlib import Path

import pytest

from tests.namespaces.lab import Lab, Machine, Program

pytestmark = pytest.mark.slow

each_monitor = pytest.mark.parametrize("monitor", ["multicast", "broadcast"])


def device(
    machine: Machine, role: str, monitor: str = "multicast", group: str = "224.0.2.0"
) -> Program:
    started = machine.start(sys.executable, "-m", "tests.namespaces.device", role, monitor, group)
    started.wait_for("ready")
    return started


def machines(lab: Lab, *names: str) -> list[Machine]:
    """On one switch, 10.77.0.1 and so on in their order."""
    lan = lab.switch("lan")
    made = []
    for number, name in enumerate(names, 1):
        made.append(lab.machine(name))
        lab.plug(made[-1], lan, f"10.77.0.{number}/24")
    return made


def hears_in_the_end(speaker: Program, say: str, listener: Program, heard: str) -> None:
    """Said again until it is heard: a link that comes up loses what is sent meanwhile."""
    for _ in range(40):
        speaker.tell(say)
        speaker.wait_for("done")
        try:
            listener.wait_for(heard, patience_s=0.5)
        except AssertionError:
            continue
        return
    raise AssertionError(f"no {heard!r} in\n" + "\n".join(listener.lines))


def notices(device: Program, what: str) -> None:
    """Asked again until it has looked at its interfaces."""
    for _ in range(100):
        device.tell("interfaces")
        if what in device.wait_for("interfaces "):
            return
        time.sleep(0.1)
    raise AssertionError(f"no {what!r} in\n" + "\n".join(device.lines))


@each_monitor
def test_two_machines_find_each_other(lab: Lab, monitor: str) -> None:
    first, second = machines(lab, "hotspot", "client")
    hotspot, client = device(first, "hotspot", monitor), device(second, "client", monitor)
    client.tell("solicit")
    hotspot.wait_for("heard solicit from 10.77.0.2")
    hotspot.tell("beacon home")
    client.wait_for("heard beacon home 10.77.0.1 from 10.77.0.1")
    client.tell("join 10.77.0.1")
    hotspot.wait_for("heard join bedroom from 10.77.0.2")
    client.wait_for("heard welcome bedroom 7 from 10.77.0.1")


@pytest.mark.parametrize(
    ("role", "monitor"),
    [("hotspot", "multicast"), ("client", "multicast"), ("client", "broadcast")],
)
def test_an_interface_goes_down_and_comes_back(lab: Lab, role: str, monitor: str) -> None:
    first, second = machines(lab, "hotspot", "client")
    hotspot, client = device(first, "hotspot", monitor), device(second, "client", monitor)
    moved = {"hotspot": first, "client": second}[role]
    hotspot.tell("beacon before")
    client.wait_for("heard beacon before")
    moved.ip("link set eth0 down")
    told = {"hotspot": hotspot, "client": client}[role]
    notices(told, "no interface is up")
    moved.ip("link set eth0 up")
    hears_in_the_end(hotspot, "beacon after", client, "heard beacon after 10.77.0.1")
    client.tell("join 10.77.0.1")
    client.wait_for("heard welcome bedroom 7")


@each_monitor
def test_an_interface_is_replaced_by_another(lab: Lab, monitor: str) -> None:
    """Another index, another address, another network: nothing of the old one helps."""
    first, second = machines(lab, "hotspot", "client")
    hotspot, client = device(first, "hotspot", monitor), device(second, "client", monitor)
    for machine in (first, second):
        lab.unplug(machine)
    garden = lab.switch("garden")
    lab.plug(first, garden, "10.78.0.1/24", "wlan0")
    lab.plug(second, garden, "10.78.0.2/24", "wlan0")
    hears_in_the_end(hotspot, "beacon moved", client, "heard beacon moved 10.78.0.1")
    client.tell("join 10.78.0.1")
    hotspot.wait_for("heard join bedroom from 10.78.0.2")
    client.wait_for("heard welcome bedroom 7 from 10.78.0.1")


def test_hotspots_of_two_groups_are_kept_apart(lab: Lab) -> None:
    one, other, client_of_one, client_of_other = machines(lab, "one", "other", "c1", "c2")
    first, second = device(one, "hotspot"), device(other, "hotspot", group="224.0.2.1")
    client = device(client_of_one, "client")
    other_client = device(client_of_other, "client", group="224.0.2.1")
    for speaker, name in ((second, "other"), (first, "one"), (second, "end"), (first, "end")):
        speaker.tell(f"beacon {name}")
        speaker.wait_for("done")
    client.wait_for("heard beacon end")
    other_client.wait_for("heard beacon end")
    assert [line for line in client.lines if "from 10.77.0.2" in line] == []
    assert [line for line in other_client.lines if "from 10.77.0.1" in line] == []


@each_monitor
def test_a_hotspot_in_two_networks_names_its_address_in_each(lab: Lab, monitor: str) -> None:
    first, at_home = machines(lab, "hotspot", "client")
    garden = lab.switch("garden")
    outside = lab.machine("outside")
    lab.plug(first, garden, "10.78.0.1/24", "eth1")
    lab.plug(outside, garden, "10.78.0.2/24")
    hotspot = device(first, "hotspot", monitor)
    clients = [device(machine, "client", monitor) for machine in (at_home, outside)]
    hotspot.tell("beacon both")
    for network, client in zip(("10.77.0", "10.78.0"), clients, strict=True):
        client.wait_for(f"heard beacon both {network}.1 from {network}.1")
        client.tell(f"join {network}.1")
        hotspot.wait_for(f"heard join bedroom from {network}.2")
        client.wait_for(f"heard welcome bedroom 7 from {network}.1")


@each_monitor
def test_a_hotspot_and_three_clients_on_one_machine(lab: Lab, monitor: str) -> None:
    (only,) = machines(lab, "only")
    hotspot = device(only, "hotspot", monitor)
    clients = [device(only, "client", monitor) for _ in range(3)]
    hotspot.tell("beacon here")
    for client in clients:
        client.wait_for("heard beacon here 10.77.0.1 from 10.77.0.1")
        client.tell("join 10.77.0.1")
        client.wait_for("heard welcome bedroom 7 from 10.77.0.1")


def test_discover_and_sniff_hear_a_hotspot(lab: Lab, tmp_path: Path) -> None:
    first, second = machines(lab, "hotspot", "visitor")
    hotspot = device(first, "hotspot")
    out = tmp_path / "heard.txt"
    sniffing = second.siphotspot("sniff", "--out", out, "--port", "16360")
    sniffing.wait_for("listening to 224.0.2.0 port 16360")
    discovering = second.siphotspot("discover", "--json", "--seconds", "2")
    hotspot.wait_for("heard solicit from 10.77.0.2")
    hotspot.tell("beacon home")
    found = json.loads(discovering.wait_for("{"))
    assert (found["name"], found["address"], found["sip"]) == (
        "home", "10.77.0.1", "udp:10.77.0.1:5060",
    )  # fmt: skip
    assert discovering.process.wait(10) == 0
    sniffing.end()
    text = out.read_text()
    assert "10.77.0.1:16360 -> 224.0.2.0:16360 eth0" in text
    assert " octets beacon\n0000  8" in text
    assert " octets solicit\n" in text
