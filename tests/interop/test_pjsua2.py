"""Real phones with audio: each plays a tone, and what it hears is measured."""

import pytest

from tests.interop.house import DOMAIN, OCTETS_A_SECOND, House

pytestmark = pytest.mark.usefixtures("pjsua2")


def test_calling_out_carries_the_account(home: House) -> None:
    home.open_provider()
    home.open_hotspot()
    callee = home.outsider("7000", "--answer-after", "0.1")
    callee.sees('"registered"')
    caller = home.phone("a", "--call", f"sip:7000@{home.address(1)}", "--hangup-after", "0.3")
    caller.sees('"confirmed"')
    assert "sip:4212@" in callee.sees('"incoming"')
    home.provider.sees("EVENT|call|", f"from=sip:4212@{DOMAIN}", "auth=4212")
    callee.sees('"disconnected"')
    caller.succeeds()


@pytest.mark.parametrize("mode", ["direct", "relay"])
def test_three_ring_and_both_hear_each_other(home: House, mode: str) -> None:
    home.open_provider()
    home.open_hotspot(mode)
    low, high = home.tone(440), home.tone(1000)
    answering = ("--answer-after", "0.3", "--play", low, "--record", "heard-b.wav")
    b = home.phone("b", *answering)
    losers = [home.phone("a"), home.phone("c")]
    for phone in (b, *losers):
        phone.sees('"registered"')
    calling = ("--call", f"sip:4212@{DOMAIN}", "--hangup-after", "1.5")
    caller = home.outsider("7000", *calling, "--play", high, "--record", "heard-7000.wav")
    for phone in losers:
        assert "cause=200" in phone.sees('"cancelled"')
    caller.succeeds()
    b.sees('"disconnected"')
    b.stop()
    home.hears("heard-b.wav", 1000)
    home.hears("heard-7000.wav", 440)


def test_one_phone_dials_the_alias_of_another(home: House) -> None:
    home.open_provider()
    home.open_hotspot()
    b = home.phone("b", "--answer-after", "0.1")
    b.sees('"registered"')
    alias = home.aliases()["b"]
    caller = home.phone("a", "--call", f"sip:{alias}@{home.address(1)}", "--hangup-after", "0.3")
    caller.sees('"confirmed"')
    b.sees('"disconnected"')
    caller.succeeds()
    assert home.provider.saw("EVENT|call|") is None


@pytest.mark.usefixtures("sipp")
@pytest.mark.parametrize("mode", ["direct", "relay"])
def test_the_caller_holds_and_resumes(home: House, mode: str) -> None:
    home.open_provider()
    home.open_hotspot(mode)
    phone = home.phone("b", "--answer-after", "0.1")
    phone.sees('"registered"')
    home.sipp_call("caller_holds", 200).succeeds()
    phone.sees('"disconnected"')
    media = [line for line in phone.lines if '"media"' in line]
    assert ['"active": true' in line for line in media] == [True, False, True]


@pytest.mark.parametrize("mode", ["direct", "relay"])
def test_either_phone_holds_and_resumes(home: House, mode: str) -> None:
    """Through the provider; at the end both hear each other as before."""
    home.open_provider()
    home.open_hotspot(mode)
    low, high = home.tone(440), home.tone(1000)
    b = home.phone("b", "--answer-after", "0.1", "--play", low, "--record", "heard-b.wav")
    b.sees('"registered"')
    calling = ("--call", f"sip:4212@{DOMAIN}", "--play", high, "--record", "heard-7000.wav")
    caller = home.outsider("7000", *calling)
    caller.sees('"confirmed"')
    b.sees('"confirmed"')
    for phone in (b, caller):
        for on in (True, False):
            told = {each: len(each.lines) for each in (b, caller)}
            phone.hold(on)
            for each, after in told.items():
                each.sees('"active": false' if on else '"active": true', after=after)
    for recording in ("heard-b.wav", "heard-7000.wav"):
        home.has_recorded(recording, OCTETS_A_SECOND)
    caller.stop()
    b.sees('"disconnected"')
    b.stop()
    home.hears_at_the_end("heard-b.wav", 1000)
    home.hears_at_the_end("heard-7000.wav", 440)


def test_the_relay_goes_on_after_kill_9(home: House) -> None:
    home.open_provider()
    home.open_hotspot("relay")
    low, high = home.tone(440), home.tone(1000)
    b = home.phone("b", "--answer-after", "0.1", "--play", low, "--record", "heard-b.wav")
    b.sees('"registered"')
    calling = ("--call", f"sip:4212@{DOMAIN}", "--play", high, "--record", "heard-7000.wav")
    caller = home.outsider("7000", *calling)
    caller.sees('"confirmed"')
    b.sees('"confirmed"')
    home.hotspot.kill()
    home.hotspot.run()
    for recording in ("heard-b.wav", "heard-7000.wav"):
        home.has_recorded(recording, OCTETS_A_SECOND)
    caller.stop()
    b.sees('"disconnected"')
    b.stop()
    home.hears_at_the_end("heard-b.wav", 1000)
    home.hears_at_the_end("heard-7000.wav", 440)
