"""What a client goes through: it leaves, the hotspot is switched off, either is killed."""

import time

import pytest

from tests.interop.device import Device
from tests.interop.house import DOMAIN, OCTETS_A_SECOND, House
from tests.interop.programs import Program, until

pytestmark = pytest.mark.usefixtures("pjsua2")

CALL = ("--call", f"sip:4212@{DOMAIN}")


def ringing(home: House, *sound: str) -> tuple[Program, Device]:
    """Who calls, and the client that rings."""
    garden = home.clients[0] if home.clients else home.client("garden")
    caller = home.outsider("7000", *CALL, *sound)
    garden.phone_is("ringing")
    return caller, garden


def has_no_line(device: Device) -> float:
    """When that was seen, in monotonic seconds: unconfigured, and nothing left in it (S19)."""
    until(lambda: device.line()["state"] == "unconfigured", f"{device.name} has no line")
    seen = time.monotonic()
    assert (device.line()["user"], device.line()["server"]) == ("", "")
    return seen


def test_its_user_disconnects_and_connects_again(home: House) -> None:
    """By hand (S18); it gets the alias that it had."""
    home.open_provider()
    home.open_hotspot("relay")
    garden = home.client("garden")
    alias = home.row("garden")["alias"]
    garden.told("disconnect")
    has_no_line(garden)
    until(lambda: home.row("garden")["state"] != "connected", "the client has left")
    caller = home.outsider("7000", *CALL)
    home.hotspot.phone_has_rung()
    caller.stop()
    assert garden.phone_call() == {}
    (heard,) = garden.status()["hotspots"]
    garden.told("connect", heard["id"])
    until(lambda: garden.line()["state"] == "registered", "the client has its line again")
    assert home.row("garden")["alias"] == alias
    ringing(home)


def endings(device: Device) -> list[str]:
    """Why the calls of its phone have ended."""
    calls = device.asked(command="phone", do="status")["phone"]["calls"]
    return [call["why"] for call in calls]


def test_switched_off_while_one_talks_and_another_rings(home: House) -> None:
    """BYE and CANCEL, the lines of both are cleared, and the account is not touched (S19, S20)."""
    home.open_provider()
    home.open_hotspot("relay")
    caller, garden = ringing(home)
    garden.phone("answer")
    caller.sees('"confirmed"')
    home.hotspot.phone("quiet", "off")  # So that somebody is taken to be there, and it rings on.
    cellar = home.client("cellar")
    second = home.outsider("7001", *CALL)
    cellar.phone_is("ringing")
    began = time.monotonic()
    home.hotspot.asked(command="set", settings=["hotspot.enabled=false"], reset=[])
    for device in (garden, cellar):
        cleared = has_no_line(device) - began
        print(f"{device.name}: its line is cleared after {cleared:.2f} s")
    caller.sees('"disconnected"')
    until(lambda: endings(garden) == ["the other side hung up", "busy here"], "garden's calls")
    assert endings(cellar) == ["missed"]
    assert second.saw('"disconnected"') is None
    home.hotspot.phone("answer")
    second.sees('"confirmed"')
    home.hotspot.phone("hangup")
    second.sees('"disconnected"')
    assert home.provider.saw("EVENT|register|user=4212", "asked=0") is None
    assert "4212" in (home.control("ul.dump") or "")
    assert home.hotspot.line()["state"] == "registered"


@pytest.mark.parametrize("who", ["the caller", "the client"])
def test_a_clients_call_outlives_kill_9(home: House, who: str) -> None:
    home.open_provider()
    home.open_hotspot("relay")
    low, high = home.tone(440), home.tone(1000)
    caller, garden = ringing(home, "--play", high, "--record", "heard-7000.wav")
    garden.phone("answer", "--play", low, "--record", "heard-garden.wav")
    caller.sees('"confirmed"')
    home.hotspot.kill()
    home.hotspot.run()
    for recording in ("heard-garden.wav", "heard-7000.wav"):
        home.has_recorded(recording, OCTETS_A_SECOND)
    if who == "the caller":
        caller.stop()
        garden.phone_is("ended", "the other side hung up")
    else:
        garden.phone("hangup")
        caller.sees('"disconnected"')
        caller.stop()
    home.hears_at_the_end("heard-garden.wav", 1000)
    home.hears_at_the_end("heard-7000.wav", 440)
    until(lambda: not home.hotspot.status()["calls"], "the end of the call")


def test_a_client_that_was_killed_ends_its_call_and_is_back(home: House) -> None:
    """Its phone has forgotten the call, so that the caller must not be left waiting."""
    home.open_provider()
    home.open_hotspot("relay")
    caller, garden = ringing(home)
    garden.phone("answer")
    caller.sees('"confirmed"')
    alias = home.row("garden")["alias"]
    garden.kill()
    garden.run()
    assert '"code": 200' in caller.sees('"disconnected"')
    until(lambda: garden.line().get("state") == "registered", "the client has its line again")
    assert home.row("garden")["alias"] == alias
    again = home.outsider("7001", *CALL)
    garden.phone_is("ringing")
    again.stop()
    garden.phone_is("ended", "missed")


def test_a_client_answers_after_the_hotspot_was_killed_while_it_rang(home: House) -> None:
    """It rings on, and is not called a second time."""
    home.open_provider()
    home.open_hotspot("relay")
    caller, garden = ringing(home)
    home.hotspot.kill()
    home.hotspot.run()
    garden.phone("answer")
    caller.sees('"confirmed"')
    garden.phone_is("talking")
    assert endings(garden) == [""]
    garden.phone("hangup")
    caller.sees('"disconnected"')
