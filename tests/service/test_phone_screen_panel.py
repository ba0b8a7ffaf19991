"""What the keys of the phone's screen mean."""

from typing import Any

import pytest

from service.phone_screen_panel import Panel
from tests.service.phone_samples import LINE, SECOND_LINE, call, report

RINGING = call("1", "ringing")
TALKING = call("1", "talking")
HELD = call("1", "held")
CALLING = call("1", "calling", direction="out")
ENDED = call("1", "ended", why="busy")


def panel(*calls: dict[str, Any], **phone: Any) -> Panel:
    made = Panel()
    made.show(report(*calls, **phone))
    return made


def pressed(made: Panel, *keys: str) -> dict[str, Any] | None:
    """What the last of these keys asks of the service."""
    *before, last = keys
    for key in before:
        made.press(key)
    command = made.press(last)
    if command is not None:
        assert command.pop("command") == "phone"
    return command


@pytest.mark.parametrize(
    ("calls", "keys", "asked"),
    [
        ([], "h", None),
        ([TALKING], "h", {"do": "hold", "call": "1"}),
        ([HELD], "h", {"do": "resume", "call": "1"}),
        ([RINGING], "h", None),
        ([], "d", None),
        ([RINGING], "d", {"do": "decline", "call": "1"}),
        ([CALLING], "d", None),
        ([], "x", None),
        ([ENDED], "x", None),
        ([CALLING], "x", {"do": "hangup", "call": "1"}),
        ([RINGING], "x", {"do": "hangup", "call": "1"}),
        ([], "n", {"do": "quiet", "on": True}),
        ([], "z", None),
        ([TALKING], "#", {"do": "digits", "digits": "#", "call": "1"}),
        ([TALKING], "+", None),
        ([HELD], "5", None),
        ([], "5", None),
    ],
)
def test_a_key_asks_for(calls: list[Any], keys: str, asked: dict[str, Any] | None) -> None:
    assert pressed(panel(*calls), *keys) == asked


def test_before_the_service_was_heard_no_key_does_harm() -> None:
    made = Panel()
    for key in ("5", "backspace", "enter", "h", "d", "x", "t", "n", "l", "up", "down", "escape"):
        assert made.press(key) is None


def test_quiet_is_switched_off_again() -> None:
    assert pressed(panel(quiet=True), "n") == {"do": "quiet", "on": False}


# -- Enter ---------------------------------------------------------------------------------


def test_enter_calls_what_is_typed_even_while_it_rings() -> None:
    made = panel(RINGING)
    assert made.enter_does() == "Enter: answer"
    made.press("2")
    assert made.enter_does() == "Enter: call"
    assert pressed(made, "enter") == {"do": "call", "number": "2"}
    assert pressed(made, "enter") == {"do": "answer", "call": "1"}


def test_enter_answers_the_chosen_one_or_the_first_that_rings() -> None:
    made = panel(HELD, call("2", "ringing"), call("3", "ringing"))
    assert pressed(made, "enter") == {"do": "answer", "call": "2"}
    assert made.chosen == "2"
    assert pressed(made, "down", "enter") == {"do": "answer", "call": "3"}


def test_enter_with_nothing_to_do_says_so() -> None:
    made = panel(CALLING)
    assert made.enter_does() == ""
    assert pressed(made, "enter") is None
    assert made.note == "nothing rings; type a number to call"


def test_the_line_of_a_call_is_chosen() -> None:
    made = panel(lines=[LINE, SECOND_LINE])
    assert made.title() == "Number"
    assert pressed(made, "l", "l", "2", "enter") == {"do": "call", "number": "2", "line": "2"}
    assert made.title() == "Number, line 2"
    assert pressed(made, "l", "2", "enter") == {"do": "call", "number": "2"}


def test_a_line_that_is_gone_is_not_chosen_any_more() -> None:
    made = panel(lines=[LINE])
    made.press("l")
    made.show(report(lines=[SECOND_LINE]))
    made.press("l")
    assert made.line == "2"


def test_escape_clears_what_is_typed() -> None:
    made = panel()
    assert pressed(made, "1", "2", "escape", "enter") is None


# -- Transfer ------------------------------------------------------------------------------


def test_a_call_is_transferred_to_a_number() -> None:
    made = panel(TALKING)
    made.press("t")
    assert (made.title(), made.enter_does()) == ("Transfer 1 to", "Enter: to other call")
    made.press("2")
    assert made.enter_does() == "Enter: transfer"
    assert pressed(made, "enter") == {"do": "transfer", "call": "1", "number": "2"}
    assert not made.transferring


def test_a_call_is_transferred_to_the_other_call() -> None:
    made = panel(HELD, call("2"), CALLING | {"call": "3"})
    assert pressed(made, "t", "enter") == {"do": "transfer", "call": "1", "to": "2"}


@pytest.mark.parametrize("others", [[], [call("2"), call("3", "held")]])
def test_a_transfer_to_nobody_in_particular_asks_whom(others: list[Any]) -> None:
    made = panel(TALKING, *others)
    assert pressed(made, "t", "enter") is None
    assert made.note.startswith("type the number")
    assert made.transferring
    made.press("escape")
    assert not made.transferring


def test_only_a_call_that_is_up_is_transferred() -> None:
    made = panel(RINGING)
    assert pressed(made, "t") is None
    assert (made.note, made.transferring) == ("no call to transfer", False)


def test_a_transfer_ends_with_its_call() -> None:
    made = panel(TALKING)
    made.press("t")
    made.show(report(ENDED))
    assert not made.transferring
    made.show(report(call("2")))
    assert pressed(made, "5") == {"do": "digits", "digits": "5", "call": "2"}


# -- Which call ----------------------------------------------------------------------------


def test_a_call_is_chosen_and_stays_so_while_it_lasts() -> None:
    made = panel(HELD, call("2"), call("3", "ringing"))
    assert made.chosen == "1"
    made.press("up")
    assert made.chosen == "3"
    made.show(report(call("3", "talking"), call("2")))
    assert made.chosen == "3"
    made.show(report(call("3", "ended"), call("2")))
    assert made.chosen == "2"
    made.show(report())
    assert made.chosen == ""


def test_a_call_that_was_made_is_chosen() -> None:
    made = panel(HELD)
    command = made.press("2") or made.press("enter")
    assert command is not None
    made.done(command, {"ok": True, "call": "7"})
    made.show(report(HELD, call("7", "calling", direction="out")))
    assert made.chosen == "7"


# -- What came of it -----------------------------------------------------------------------


def test_digits_that_were_sent_are_shown_in_a_row() -> None:
    made = panel(TALKING)
    for digit in "12#":
        command = made.press(digit)
        assert command is not None
        made.done(command, {"ok": True})
    assert made.note == "sent 12#"
    made.press("up")
    command = made.press("4")
    assert command is not None
    made.done(command, {"ok": True})
    assert made.note == "sent 4"


def test_a_refused_number_comes_back_unless_another_is_typed() -> None:
    made = panel()
    made.press("7")
    command = made.press("enter")
    assert command is not None
    made.refused(command, "no line")
    assert (made.typed, made.note) == ("7", "no line")
    made.press("8")
    made.refused(command, "no line")
    assert made.typed == "78"
