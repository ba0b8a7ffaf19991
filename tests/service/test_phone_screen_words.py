"""What the phone's screen says."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from service import phone_screen_words as words
from tests.service.phone_samples import NOW, PHONE, call, report


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def header(**phone: Any) -> list[str]:
    return words.header({**PHONE, **phone}, "").splitlines()


def test_the_header_tells_what_is_not_as_usual() -> None:
    assert header(quiet=True, answer_after=2.5, lines=[])[0] == (
        "Our house  alias 0  hotspot: announcing  QUIET: does not ring  "
        "answers by itself after 2.5 s"
    )
    assert header(lines=[])[1] == "no lines: calls inside the house only"


def test_a_client_without_a_hotspot_has_no_alias() -> None:
    lone = header(alias=None, mode="client", hotspot="no hotspot is connected")
    assert lone[0] == "Our house  no alias  client: no hotspot is connected"


def test_a_line_without_an_account() -> None:
    bare = {"number": "1", "state": "unconfigured", "user": "", "server": ""}
    assert header(lines=[bare])[1] == "line 1  no account: unconfigured"


def test_a_line_that_was_lent_is_called_by_its_name() -> None:
    """S16: it tells the clients of one hotspot apart."""
    lent = {"number": 1, "state": "registered", "user": "c0ffee.1", "server": "192.0.2.1"}
    said = header(lines=[{**lent, "display_name": "Home 2"}])[1]
    assert said == "line 1  Home 2 (c0ffee.1@192.0.2.1): registered"


def test_without_a_service_or_without_a_phone() -> None:
    assert words.header(None, "nobody there") == "NO CONNECTION: nobody there"
    assert words.header(None, "") == words.NO_PHONE
    assert words.header(PHONE, "nobody there").splitlines()[1].startswith("Our house")


def test_every_call_and_every_leg_is_listed() -> None:
    shown = report(
        call("1"),
        call("2", "ended", number="7", by="", direction="out", why="busy"),
        missed=[call(number="1", at=NOW - 60), call(number="2", by="2", at=NOW)],
    )
    assert words.calls(shown, "1", NOW).splitlines() == [
        "Calls of this phone",
        "> 1 in  0123 Grandma: talking 1:05",
        "  2 out 7: ended (busy)",
        "Calls of the house",
        "  0123 -> 4212: ringing",
        "    this phone: proceeding",
        "    1 bedroom: proceeding",
        "    1 bedroom device 2: invited",
        "Missed",
        "  2027-01-15 08:00 2",
        "  2027-01-15 07:59 1 Grandma",
    ]


def test_without_calls() -> None:
    assert words.calls(report(), "", NOW).splitlines() == [
        "Calls of this phone", "  none", "Calls of the house", "  none", "Missed", "  none",
    ]  # fmt: skip


def test_a_house_whose_hotspot_is_no_phone() -> None:
    shown = {**report(call()), "phone": None}
    assert words.calls(shown, "", NOW).splitlines()[0] == "Calls of the house"
    assert words.calls({}, "", NOW) == ""


@pytest.mark.parametrize(
    ("leg", "name"),
    [("1", "1 bedroom"), ("1.2", "1 bedroom device 2"), ("9", "9"), ("line", "the line")],
)
def test_a_leg_is_named(leg: str, name: str) -> None:
    assert words.leg_name(leg, {"1": "bedroom"}) == name


@pytest.mark.parametrize(
    ("uri", "user"),
    [("sip:1@siphotspot", "1"), ("sips:+49@h", "+49"), ("4212", "4212"), ("sip:host", "host")],
)
def test_of_an_address_only_the_user_is_shown(uri: str, user: str) -> None:
    assert words.user_of(uri) == user


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-3, "0:00"), (0.9, "0:00"), (65, "1:05"), (3905, "1:05:05")]
)
def test_how_long_it_lasts(seconds: float, shown: str) -> None:
    assert words.lasting(seconds) == shown


def test_the_keys_fit() -> None:
    assert max(len(words.KEYS), len(words.MORE_KEYS)) <= 80


def test_of_a_long_number_the_end_is_shown() -> None:
    for typed, seen in (("1" * 18, "1" * 18), ("9" + "1" * 16 + "23", ".." + "1" * 14 + "23")):
        assert words.keypad("Number", typed, "").splitlines()[1] == f"> {seen}_"


def test_control_characters_are_shown_and_not_obeyed() -> None:
    evil = call(number="\x1b]0;x\x07", by="\n\n")
    shown = words.calls(report(evil), "", NOW)
    assert "  1 in  \\x1b]0;x\\x07 \\n\\n: talking" in shown
