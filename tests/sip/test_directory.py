"""Who is who, without a word of their passwords."""

from adapters.sip.directory import Directory, LineEntry, PhoneEntry
from core.events.facts import Account


def test_no_password_is_shown() -> None:
    phone = PhoneEntry("a", lambda: "hunter2", ("1",))
    line = LineEntry("1", Account(user="4212"), lambda: "hunter3")
    shown = repr(Directory({"a": phone}, {"1": line}))
    assert "password" not in shown
    assert "4212" in shown
    assert (phone.password(), line.password()) == ("hunter2", "hunter3")


def test_an_empty_house() -> None:
    house = Directory()
    assert (house.phones, house.lines, house.realm) == ({}, {}, "siphotspot")
