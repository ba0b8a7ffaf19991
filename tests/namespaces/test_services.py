"""Whole services on machines of their own: who finds whom, and what becomes of it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.namespaces.lab import PATIENCE_S, SIPHOTSPOT, Lab, Machine, Program

pytestmark = pytest.mark.slow

each_monitor = pytest.mark.parametrize("monitor", ["multicast", "broadcast"])

Status = dict[str, Any]


class Service:
    """``siphotspot run`` on a machine, with a folder of its own."""

    def __init__(self, machine: Machine, folder: Path, name: str, config: str) -> None:
        self.machine = machine
        self.folder = folder / name
        self.folder.mkdir()
        self.file = self.folder / "house.toml"
        self.file.write_text(f'[hotspot]\nname = "{name}"\n{config}')
        self.program = self.start()

    def start(self) -> Program:
        program = self.machine.siphotspot(
            "run", "--config", self.file, "--state-dir", self.folder / "state"
        )
        program.wait_for("listening on")
        return program

    def kill(self) -> None:
        self.program.process.kill()
        self.program.process.wait()

    def asked(self, *words: str) -> str:
        done = self.machine.run(SIPHOTSPOT, *words, "--state-dir", self.folder / "state")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> Status:
        status: Status = json.loads(self.asked("status", "--json"))
        return status

    def comes_to(self, expected: Any, shown: Callable[[Status], Any]) -> Status:
        """Asks for its status until it shows what is expected."""
        until = time.monotonic() + PATIENCE_S
        while True:
            status = self.status()
            if shown(status) == expected:
                return status
            if time.monotonic() > until:
                raise AssertionError(f"not {expected}: {status}")
            time.sleep(0.2)


def clients(status: Status) -> list[tuple[str, str]]:
    return [(client["name"], client["state"]) for client in status["clients"]]


def hotspots(status: Status) -> list[tuple[str, str, str]]:
    return [(each["name"], each["ip"], each["state"]) for each in status["hotspots"]]


def connected(status: Status) -> str:
    """The name of the one hotspot that is."""
    return " ".join(name for name, _, state in hotspots(status) if state == "connected")


@each_monitor
def test_a_client_joins_and_is_cleared_and_joins_again(
    lab: Lab, tmp_path: Path, monitor: str
) -> None:
    """S7, S8, S11, S13, S17, S19."""
    lan = lab.switch("lan")
    first, second = lab.machine("first"), lab.machine("second")
    lab.plug(first, lan, "10.77.0.1/24")
    lab.plug(second, lan, "10.77.0.2/24")
    how = f'monitor = "{monitor}"\n'
    hotspot = Service(first, tmp_path, "Hall", how)
    client = Service(second, tmp_path, "Attic", f'mode = "client"\n{how}')

    client.comes_to([("Hall", "10.77.0.1", "connected")], hotspots)
    status = hotspot.comes_to([("Attic", "connected")], clients)
    (row,) = status["clients"]
    assert (row["alias"], row["ip"], row["mac"]) == (1, "10.77.0.2", "02:00:00:00:00:02")

    hotspot.asked("set", "hotspot.enabled=false")
    client.comes_to([], hotspots)
    hotspot.comes_to([("Attic", "cleared")], clients)

    hotspot.asked("set", "hotspot.enabled=true")
    client.comes_to([("Hall", "10.77.0.1", "connected")], hotspots)
    status = hotspot.comes_to([("Attic", "connected")], clients)
    assert (status["clients"][0]["alias"], status["hotspot"]["epoch"]) == (1, 2)


def test_a_client_follows_the_hotspot_of_its_group(lab: Lab, tmp_path: Path) -> None:
    """S9, S21."""
    lan = lab.switch("lan")
    machines = [lab.machine(name) for name in ("hall", "shop", "attic", "desk")]
    for number, machine in enumerate(machines, 1):
        lab.plug(machine, lan, f"10.77.0.{number}/24")
    hall = Service(machines[0], tmp_path, "Hall", "")
    shop = Service(machines[1], tmp_path, "Shop", 'address = "224.0.2.1"\n')
    attic = Service(machines[2], tmp_path, "Attic", 'mode = "client"\n')
    desk = Service(machines[3], tmp_path, "Desk", 'mode = "client"\naddress = "224.0.2.1"\n')
    attic.comes_to([("Hall", "10.77.0.1", "connected")], hotspots)
    desk.comes_to([("Shop", "10.77.0.2", "connected")], hotspots)
    hall.comes_to([("Attic", "connected")], clients)
    shop.comes_to([("Desk", "connected")], clients)


@pytest.mark.parametrize("dies", ["hotspot", "client"])
def test_whoever_is_killed_comes_back_as_the_same(lab: Lab, tmp_path: Path, dies: str) -> None:
    lan = lab.switch("lan")
    first, second = lab.machine("first"), lab.machine("second")
    lab.plug(first, lan, "10.77.0.1/24")
    lab.plug(second, lan, "10.77.0.2/24")
    hotspot = Service(first, tmp_path, "Hall", "")
    client = Service(second, tmp_path, "Attic", 'mode = "client"\n')
    before = client.comes_to([("Hall", "10.77.0.1", "connected")], hotspots)
    known = hotspot.comes_to([("Attic", "connected")], clients)

    died = hotspot if dies == "hotspot" else client
    died.kill()
    died.start()
    after = client.comes_to([("Hall", "10.77.0.1", "connected")], hotspots)
    knows = hotspot.comes_to([("Attic", "connected")], clients)
    assert after["hotspots"][0]["id"] == before["hotspots"][0]["id"]
    assert knows["hotspot"]["epoch"] == known["hotspot"]["epoch"]
    assert [each["user"] for each in knows["clients"]] == [
        each["user"] for each in known["clients"]
    ]
    hotspot.asked("set", "hotspot.enabled=false")
    client.comes_to([], hotspots)


def test_only_holders_of_the_key_join(lab: Lab, tmp_path: Path) -> None:
    lan = lab.switch("lan")
    machines = [lab.machine(name) for name in ("hall", "attic", "guest")]
    for number, machine in enumerate(machines, 1):
        lab.plug(machine, lan, f"10.77.0.{number}/24")
    key, other = tmp_path / "join.key", tmp_path / "other.key"
    key.write_text("a key of the house\n")
    other.write_text("another key\n")
    join = 'join = "key"\njoin_key_file = '
    hotspot = Service(machines[0], tmp_path, "Hall", f'{join}"{key}"\n')
    guest = Service(machines[2], tmp_path, "Guest", f'mode = "client"\n{join}"{other}"\n')
    client = Service(machines[1], tmp_path, "Attic", f'mode = "client"\n{join}"{key}"\n')
    client.comes_to([("Hall", "10.77.0.1", "connected")], hotspots)
    hotspot.comes_to([("Attic", "connected")], clients)
    refused = guest.comes_to(True, lambda status: "discovery-signature" in status["drops"])
    assert refused["hotspots"] == []


def alone(lab: Lab, folder: Path) -> Callable[..., Service]:
    """Services of one machine, on its loopback interface, each with ports of its own for SIP."""
    only = lab.machine("only")
    number = 0

    def service(name: str, how: str) -> Service:
        nonlocal number
        number += 1
        listen = f'[sip]\nlisten = ["udp:127.0.0.1:{5060 + 10 * number}"]\n'
        media = f'[media]\nports = "{20000 + 100 * number}-{20099 + 100 * number}"\n'
        return Service(only, folder, name, f'interface = "lo"\n{how}{listen}{media}')

    return service


@each_monitor
def test_a_whole_house_on_one_machine(lab: Lab, tmp_path: Path, monitor: str) -> None:
    service, how = alone(lab, tmp_path), f'monitor = "{monitor}"\n'
    hotspot = service("Hall", how)
    names = ["Attic", "Cellar", "Garden"]
    for name in names:
        client = service(name, f'mode = "client"\n{how}')
        client.comes_to([("Hall", "127.0.0.1", "connected")], hotspots)
    status = hotspot.comes_to([(name, "connected") for name in names], clients)
    assert [client["alias"] for client in status["clients"]] == [1, 2, 3]


def test_two_houses_on_one_machine_differ_by_their_group_alone(lab: Lab, tmp_path: Path) -> None:
    """S21.  Only one of the hotspots can have the port at 127.0.0.1."""
    service, other = alone(lab, tmp_path), 'address = "224.0.2.1"\n'
    hall, shop = service("Hall", ""), service("Shop", other)
    attic = service("Attic", 'mode = "client"\n')
    desk = service("Desk", f'mode = "client"\n{other}')
    attic.comes_to([("Hall", "127.0.0.1", "connected")], hotspots)
    desk.comes_to([("Shop", "127.0.0.2", "connected")], hotspots)
    hall.comes_to([("Attic", "connected")], clients)
    shop.comes_to([("Desk", "connected")], clients)


def test_two_hotspots_of_one_address_and_port_are_each_found(lab: Lab, tmp_path: Path) -> None:
    """The one that came second speaks from another port, says so, and is asked there."""
    lan = lab.switch("lan")
    both, desk = lab.machine("both"), lab.machine("desk")
    lab.plug(both, lan, "10.77.0.1/24")
    lab.plug(desk, lan, "10.77.0.2/24")
    elsewhere = '[sip]\nlisten = ["udp:0.0.0.0:5070"]\n[media]\nports = "20000-20099"\n'
    houses = {"Hall": Service(both, tmp_path, "Hall", "")}
    houses["Shop"] = Service(both, tmp_path, "Shop", elsewhere)
    client = Service(desk, tmp_path, "Desk", 'mode = "client"\n')
    client.comes_to({"Hall", "Shop"}, lambda status: {name for name, *_ in hotspots(status)})
    assert "another hotspot on this machine has 10.77.0.1" in houses["Shop"].status()["notice"]
    assert houses["Hall"].status()["notice"] == ""
    for name, house in houses.items():
        found = {each["name"]: each["id"] for each in client.status()["hotspots"]}
        client.asked("connect", found[name])
        client.comes_to(name, connected)
        house.comes_to([("Desk", "connected")], clients)
