"""Lines that are lent: known to SIP, and their passwords to nobody else."""

from adapters.net.beacon import Grant, Welcome
from adapters.net.borrowed import Borrowed
from adapters.net.signature import derive_password
from core.events.facts import Account, LentLine
from core.events.observed import LineConfigured, RegistrationAccepted
from tests.net.lan import BEGAN, ClientEnd

ACCOUNT = Account(server="[::1]:5060", user="us.1", display_name="Den 4")
LENT = LentLine(line="1", account=ACCOUNT)
WELCOME = Welcome(b"c" * 16, b"h" * 16, 3, 4, "Den 4", (Grant(1, "us.1", "hunter2", "d"),), 60)


def borrowed() -> tuple[Borrowed, ClientEnd]:
    end = ClientEnd("192.0.2.11")
    return Borrowed(end.around), end


def test_a_line_is_known_with_its_name_its_server_and_its_password() -> None:
    lines, end = borrowed()
    lines.hold([LENT])
    entry = lines.lines["1"]
    assert (entry.display_name, entry.account, entry.password()) == ("Den 4", ACCOUNT, "")
    assert end.around.ways == {"[::1]:5060": (("::1", 5060),)}
    assert lines.learn(WELCOME, None)
    assert entry.password() == "hunter2"
    assert not lines.learn(WELCOME, None)
    lines.give_back()
    assert (lines.lines, entry.password()) == ({}, "")


def test_with_a_key_the_password_is_derived() -> None:
    lines, _ = borrowed()
    lines.learn(WELCOME, b"k" * 32)
    assert lines.password_of("1") == derive_password(b"k" * 32, b"c" * 16, b"h" * 16, 3, 1)
    assert lines.password_of("2") == ""


def test_only_what_is_not_registered_is_taken_up() -> None:
    lines, end = borrowed()
    lines.take_up([LENT])
    assert [turn.seen for turn in end.house.take_unrecorded()] == [LineConfigured(account=ACCOUNT)]
    end.house.hear(RegistrationAccepted(granted_s=600), BEGAN, "line:1")
    end.house.take_unrecorded()
    lines.take_up([LENT])
    assert end.house.take_unrecorded() == []
