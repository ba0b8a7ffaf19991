"""The phone of this device, at the hotspot (alias 0) and at a client, with real peers."""

import json

import pytest

from tests.interop.device import Device
from tests.interop.house import DOMAIN, OCTETS_A_SECOND, House
from tests.interop.programs import Program, until

pytestmark = pytest.mark.usefixtures("pjsua2")

KEYS = "19*#"


def device_of(home: House, name: str) -> Device:
    return home.hotspot if name == "house" else home.client(name)


@pytest.mark.parametrize("name", ["house", "garden"])
def test_a_call_out_carries_the_account(home: House, name: str) -> None:
    home.open_provider()
    home.open_hotspot("relay")
    device = device_of(home, name)
    low, high = home.tone(440), home.tone(1000)
    answering = ("--answer-after", "0.1", "--play", low, "--record", "heard-7000.wav")
    callee = home.outsider("7000", *answering)
    callee.sees('"registered"')
    device.phone("call", "7000", "--play", high, "--record", "heard.wav")
    assert "sip:4212@" in callee.sees('"incoming"')
    home.provider.sees("EVENT|call|", f"from=sip:4212@{DOMAIN}", "auth=4212")
    device.phone_is("talking")
    for recording in ("heard.wav", "heard-7000.wav"):
        home.has_recorded(recording, OCTETS_A_SECOND)
    device.phone("hangup")
    callee.sees('"disconnected"')
    callee.stop()
    home.hears("heard.wav", 440)
    home.hears("heard-7000.wav", 1000)


@pytest.mark.parametrize("caller_is_the_client", [False, True])
def test_the_hotspot_and_its_client_dial_each_other(
    home: House, caller_is_the_client: bool
) -> None:
    home.open_provider()
    home.open_hotspot("relay")
    caller, called, number = home.hotspot, home.client("garden"), str(home.row("garden")["alias"])
    if caller_is_the_client:
        caller, called, number = called, caller, "0"
    low, high = home.tone(440), home.tone(1000)
    caller.phone("call", number, "--play", low, "--record", "heard-caller.wav")
    called.phone_is("ringing")
    called.phone("answer", "--play", high, "--record", "heard-called.wav")
    for recording in ("heard-caller.wav", "heard-called.wav"):
        home.has_recorded(recording, OCTETS_A_SECOND)
    caller.phone("hangup")
    called.phone_is("ended", "the other side hung up")
    home.hears("heard-caller.wav", 1000)
    home.hears("heard-called.wav", 440)
    assert home.provider.saw("EVENT|call|") is None


def talking(home: House, media: str, other: str) -> Program:
    """Our phone has called b, or 7000 outside, and they talk."""
    home.open_provider()
    home.open_hotspot(media)
    low, high = home.tone(440), home.tone(1000)
    answering = ("--answer-after", "0.1", "--play", low, "--record", "heard.wav")
    called = (home.phone if other == "b" else home.outsider)(other, *answering)
    called.sees('"registered"')
    number = home.aliases().get(other, other)
    home.hotspot.phone("call", str(number), "--play", high, "--record", "heard-0.wav")
    called.sees('"confirmed"')
    home.hotspot.phone_is("talking")
    return called


def both_hear(home: House) -> None:
    home.hears_at_the_end("heard-0.wav", 440)
    home.hears_at_the_end("heard.wav", 1000)


@pytest.mark.parametrize("media", ["relay", "direct"])
@pytest.mark.parametrize("other", ["b", "7000"])
def test_it_holds_and_resumes(home: House, media: str, other: str) -> None:
    called = talking(home, media, other)
    hotspot = home.hotspot
    hotspot.phone("hold")
    called.sees('"active": false')
    hotspot.phone_is("held")
    told = len(called.lines)
    hotspot.phone("resume")
    called.sees('"active": true', after=told)
    hotspot.phone_is("talking")
    for recording in ("heard-0.wav", "heard.wav"):
        home.has_recorded(recording, OCTETS_A_SECOND)
    hotspot.phone("hangup")
    called.sees('"disconnected"')
    called.stop()
    both_hear(home)


@pytest.mark.parametrize("media", ["relay", "direct"])
def test_it_is_held_and_resumed(home: House, media: str) -> None:
    called = talking(home, media, "b")
    called.hold(on=True)
    called.sees('"active": false')
    told = len(called.lines)
    called.hold(on=False)
    called.sees('"active": true', after=told)
    for recording in ("heard-0.wav", "heard.wav"):
        home.has_recorded(recording, OCTETS_A_SECOND)
    called.stop()
    home.hotspot.phone_is("ended", "the other side hung up")
    both_hear(home)


def test_whoever_talks_to_it_hears_bye_after_kill_9(home: House) -> None:
    """It lives in the process that was killed, and has forgotten the call."""
    called = talking(home, "relay", "7000")
    home.hotspot.kill()
    home.hotspot.run()
    assert '"code": 200' in called.sees('"disconnected"')
    until(lambda: not home.hotspot.status()["calls"], "the end of the call")


@pytest.mark.parametrize("media", ["relay", "direct"])
def test_its_keys_are_heard(home: House, media: str) -> None:
    """As telephone events in the sound (RFC 4733)."""
    b = talking(home, media, "b")
    home.hotspot.phone("digits", KEYS)

    def heard() -> str:
        events = [json.loads(line) for line in b.lines if '"digit"' in line]
        return "".join(event["digit"] for event in events)

    until(lambda: len(heard()) >= len(KEYS), f"{KEYS} at b")
    home.hotspot.phone("hangup")
    b.sees('"disconnected"')
    assert heard() == KEYS
