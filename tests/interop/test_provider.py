"""The line and a real provider: Kamailio, with digest authentication."""

from tests.interop.house import House
from tests.interop.programs import until


def test_the_line_registers_with_digest(home: House) -> None:
    home.open_provider()
    home.open_hotspot()
    event = home.provider.sees("EVENT|register|user=4212", "asked=3600")
    assert f"contact=<sip:4212@{home.address(1)}:5060>" in event
    assert home.provider.saw("EVENT|refused") is None


def test_too_short_a_time_is_made_longer(home: House) -> None:
    """423 with Min-Expires (RFC 3261 10.2.8)."""
    home.open_provider(MIN_EXPIRES=120)
    home.open_hotspot(expires=60)
    home.provider.sees("EVENT|register|user=4212", "asked=120")


def test_a_wrong_password_is_told_to_the_owner(home: House) -> None:
    home.open_provider()
    home.configure(password="wrong")
    home.hotspot.run()
    home.provider.sees("EVENT|refused|method=REGISTER|auth=4212")
    until(lambda: "403" in home.hotspot.line().get("reason", ""), "the reason in the status")
    assert home.hotspot.line()["state"] != "registered"


def test_the_line_is_refreshed_before_it_expires(home: House) -> None:
    """With the nonce that is known: no challenge in between (RFC 7616 3.6)."""
    home.open_provider(MIN_EXPIRES=1, MAX_EXPIRES=2)
    home.open_hotspot()
    seen = len(home.provider.lines)
    home.provider.sees("EVENT|register|user=4212", after=seen)
    assert home.provider.saw("EVENT|expired") is None
    assert home.hotspot.line()["state"] == "registered"


def test_a_restart_takes_the_line_up_again(home: House) -> None:
    home.open_provider()
    home.open_hotspot()
    home.hotspot.kill()
    home.hotspot.run()
    until(lambda: home.hotspot.line().get("state") == "registered", "the line is registered")
    contacts = [line for line in (home.control("ul.dump") or "").splitlines() if "Address" in line]
    assert len(contacts) == 1


def test_the_provider_comes_back(home: House) -> None:
    """It has forgotten everybody, and the line is there again at its next refresh."""
    home.open_provider(MIN_EXPIRES=1, MAX_EXPIRES=2)
    home.open_hotspot()
    home.provider.stop()
    home.open_provider(MIN_EXPIRES=1, MAX_EXPIRES=2)
    home.provider.sees("EVENT|register|user=4212", seconds=20)
