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
    caller = home.sipp_call("caller", 2500)
    until(lambda: [c for c in home.status()["calls"] if c["state"] == "established"], "a call")
    home.kill_hotspot()
    home.run_hotspot()
    home.hotspot.sees("taken up from the log")
    assert [call["state"] for call in home.status()["calls"]] == ["established"]
    caller.succeeds()
    phone.succeeds()
    until(lambda: not home.status()["calls"], "the end of the call")


def test_switched_off_and_on_again(home: House) -> None:
    """The line stays registered; phones are refused, and then have the aliases they had."""
    before = home.aliases()
    assert sorted(before.values()) == [1, 2, 3]
    home.change("hotspot.enabled=false")
    refused = home.sipp_register("a")
    assert refused.status() != 0
    assert "403" in (home.folder / f"phone_register-{PHONES['a']}.err").read_text()
    assert home.line()["state"] == "registered"
    assert "4212" in (home.control("ul.dump") or "")
    home.change("hotspot.enabled=true")
    home.sipp_registers("c", "b", "a")
    assert home.aliases() == before
