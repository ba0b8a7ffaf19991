"""What does not come about: refusals and calls given up, as real phones see them."""

import pytest

from tests.interop.house import DOMAIN, House

pytestmark = pytest.mark.usefixtures("pjsua2")


@pytest.fixture
def home(home: House) -> House:
    home.open_provider()
    home.open_hotspot()
    return home


def test_nobody_is_there(home: House) -> None:
    """But for the hotspot's own phone, which nobody answers."""
    home.hotspot.change("hotspot.ring_timeout=1")
    caller = home.outsider("7000", "--call", f"sip:4212@{DOMAIN}")
    assert '"code": 480' in caller.sees('"disconnected"')


def test_a_phone_with_a_wrong_password_does_not_join(home: House) -> None:
    phone = home.pjsua2(11, home.address(1), "a", "wrong", 10)
    assert '"code": 40' in phone.sees('"registration_failed"')
    assert home.hotspot.status()["clients"][0]["state"] != "connected"


def test_the_number_called_is_busy(home: House) -> None:
    callee = home.outsider("7000", "--reject", "486")
    callee.sees('"registered"')
    caller = home.phone("a", "--call", f"sip:7000@{home.address(1)}")
    assert '"code": 486' in caller.sees('"disconnected"')


def test_the_number_called_does_not_exist(home: House) -> None:
    caller = home.phone("a", "--call", f"sip:999999@{home.address(1)}")
    assert '"code": 404' in caller.sees('"disconnected"')


def test_a_phone_gives_up_its_call(home: House) -> None:
    callee = home.outsider("7000")
    callee.sees('"registered"')
    calling = ("--call", f"sip:7000@{home.address(1)}", "--cancel-after", "0.3")
    home.phone("a", *calling).sees('"disconnected"')
    assert "cause=200" not in callee.sees('"cancelled"')


def test_the_phone_hangs_up_first(home: House) -> None:
    phone = home.phone("a", "--answer-after", "0.1", "--hangup-after", "0.2")
    phone.sees('"registered"')
    caller = home.outsider("7000", "--call", f"sip:4212@{DOMAIN}")
    assert '"code": 200' in caller.sees('"disconnected"')
    home.provider.sees("EVENT|bye", f"src={home.address(1)}")


def test_switched_off_while_talking(home: House) -> None:
    """Both sides hear BYE."""
    phone = home.phone("a", "--answer-after", "0.1")
    phone.sees('"registered"')
    caller = home.outsider("7000", "--call", f"sip:4212@{DOMAIN}")
    caller.sees('"confirmed"')
    phone.sees('"confirmed"')
    home.hotspot.change("hotspot.enabled=false")
    phone.sees('"disconnected"')
    caller.sees('"disconnected"')
