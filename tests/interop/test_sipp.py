"""Calls whose every message SIPp checks.  Callers come through the provider."""

import pytest

from tests.interop.house import PHONES, House
from tests.interop.programs import until

pytestmark = pytest.mark.usefixtures("sipp")


@pytest.fixture
def home(home: House) -> House:
    home.open_provider()
    home.open_hotspot()
    home.sipp_registers("a", "b", "c")
    return home


def test_three_ring_and_the_two_that_lost_are_told_why(home: House) -> None:
    phones = [
        home.sipp("phone_cancelled", PHONES["a"]),
        home.sipp("phone_answers", PHONES["b"], "-d", "200"),
        home.sipp("phone_cancelled", PHONES["c"]),
    ]
    home.sipp_call("caller", 300).succeeds()
    for phone in phones:
        phone.succeeds()


def test_the_caller_gives_up(home: House) -> None:
    phones = [home.sipp("phone_cancelled_by_caller", host) for host in PHONES.values()]
    home.sipp_call("caller_cancels", 200).succeeds()
    for phone in phones:
        phone.succeeds()


def test_all_are_busy(home: House) -> None:
    phones = [home.sipp("phone_busy", host) for host in PHONES.values()]
    caller = home.sipp_call("caller", 200)
    home.provider.sees("EVENT|reply", "code=486", f"src={home.address(1)}")
    for phone in phones:
        phone.succeeds()
    assert caller.status() != 0  # It has no step for a refusal.


def test_a_call_outlives_kill_9(home: House) -> None:
    phone = home.sipp("phone_answers", PHONES["b"], "-d", "50")
    caller = home.sipp_call("caller", 4000)
    until(lambda: [c for c in home.hotspot.status()["calls"] if c["state"] == "talking"], "a call")
    home.hotspot.kill()
    home.hotspot.run()
    home.hotspot.program.sees("taken up from the log")
    assert home.provider.saw("EVENT|bye") is None
    caller.succeeds()
    phone.succeeds()
    until(lambda: not home.hotspot.status()["calls"], "the end of the call")


def test_switched_off_and_on_again(home: House) -> None:
    """The line stays registered; phones are refused, and then have the aliases they had."""
    before = home.aliases()
    assert sorted(before.values()) == [1, 2, 3]
    home.hotspot.change("hotspot.enabled=false")
    refused = home.sipp_register("a")
    assert refused.status() != 0
    assert "403" in (home.folder / f"phone_register-{PHONES['a']}.err").read_text()
    assert home.hotspot.line()["state"] == "registered"
    assert "4212" in (home.control("ul.dump") or "")
    home.hotspot.change("hotspot.enabled=true")
    home.sipp_registers("c", "b", "a")
    assert home.aliases() == before


def test_an_answer_that_crosses_our_cancel_is_released(home: House) -> None:
    """ACK and BYE for the 200 that came too late (RFC 3261 15)."""
    late = home.sipp("phone_answers_late", PHONES["a"])
    winner = home.sipp("phone_answers", PHONES["b"], "-d", "200")
    loser = home.sipp("phone_cancelled", PHONES["c"])
    home.sipp_call("caller", 300).succeeds()
    for phone in (late, winner, loser):
        phone.succeeds()


def test_one_is_busy_and_the_others_ring_on(home: House) -> None:
    busy = home.sipp("phone_busy", PHONES["a"])
    winner = home.sipp("phone_answers", PHONES["b"], "-d", "200")
    loser = home.sipp("phone_cancelled", PHONES["c"])
    home.sipp_call("caller", 300).succeeds()
    for phone in (busy, winner, loser):
        phone.succeeds()


def test_a_call_is_answered_after_kill_9_while_it_rang(home: House) -> None:
    losers = [home.sipp("phone_cancelled", PHONES[user]) for user in "ac"]
    winner = home.sipp("phone_answers", PHONES["b"], "-d", "2500")
    caller = home.sipp_call("caller", 200)
    until(lambda: [c for c in home.hotspot.status()["calls"] if c["state"] == "ringing"], "a call")
    home.provider.sees("EVENT|reply", "code=180", f"src={home.address(1)}")
    home.hotspot.kill()
    home.hotspot.run()
    assert home.provider.saw("EVENT|reply", "code=200", f"src={home.address(1)}") is None
    for program in (caller, winner, *losers):
        program.succeeds()
