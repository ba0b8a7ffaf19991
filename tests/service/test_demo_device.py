"""The devices of the demo: what they are configured as, and how they are told to do things."""

import stat
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import trio

from service import control, demo_device
from service.config import load
from service.demo_device import BELOW_EPHEMERAL, MEDIA, Device, Group, free_port, new_group
from service.demo_parties import HOST
from service.demo_stage import ACCOUNT, Stage
from service.demo_telling import Missing
from tests.service.demo_tellers import new_teller, words_of

GROUP = Group("239.255.1.2", 20_001, "lo")


def test_a_free_port_is_none_that_is_given_out_by_chance() -> None:
    assert free_port() in BELOW_EPHEMERAL


def test_a_group_of_its_own_stays_on_this_machine() -> None:
    group = new_group()
    assert IPv4Address(group.address).is_multicast
    assert group.port in BELOW_EPHEMERAL
    assert group.interface == demo_device.loopback()


def test_a_machine_without_loopback_cannot_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_device, "usable", lambda monitor, name: ())
    with pytest.raises(Missing, match=f"no interface has {HOST}"):
        new_group()


def test_a_client_is_told_of_no_account(tmp_path: Path) -> None:
    client = Device("client 1", tmp_path, new_teller())
    client.configure("Kitchen", "client", GROUP, MEDIA[0])
    config = load(client.config)
    assert (config.hotspot.mode, config.hotspot.name, config.lines) == ("client", "Kitchen", ())
    assert (config.hotspot.address, config.hotspot.port) == (GROUP.address, GROUP.port)
    assert {(each.host, each.port) for each in config.sip.listen} == {client.place}
    assert config.passed_over == ()


async def test_the_hotspot_has_the_account_and_a_phone(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    stage = Stage(tmp_path, new_teller())
    await stage.open(nursery)
    config = load(stage.hotspot.config)
    assert [line.user for line in config.lines] == [ACCOUNT]
    assert [phone.alias for phone in config.phones] == [3]
    ports = [load(device.config).media.ports for device in stage.devices]
    assert len({each.first for each in ports}) == 3
    assert all(each.last - each.first == MEDIA.step - 1 for each in ports)
    assert stat.S_IMODE(stage.hotspot.config.stat().st_mode) == 0o600


async def test_an_order_is_told_as_its_owner_would_type_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, object]] = []
    monkeypatch.setattr(control, "ask", lambda folder, command: asked.append((folder, command)))
    tell = new_teller()
    client = Device("client 1", tmp_path, tell)
    await client.order("call", number="0", play=tmp_path / "tone.wav")
    await client.switch("hotspot.enabled=false")
    first, second = words_of(tell).splitlines()
    assert first.endswith("$ siphotspot phone call 0")
    assert second.endswith("$ siphotspot set hotspot.enabled=false")
    call = {"command": "phone", "do": "call", "number": "0", "play": str(tmp_path / "tone.wav")}
    change = {"command": "set", "settings": ["hotspot.enabled=false"]}
    assert asked == [(client.folder, call), (client.folder, change)]


async def test_an_order_that_nobody_obeys_is_missing(tmp_path: Path) -> None:
    client = Device("client 1", tmp_path, new_teller())
    client.folder.mkdir()
    with pytest.raises(Missing, match="client 1 does not do it: no service answers"):
        await client.order("hangup")
