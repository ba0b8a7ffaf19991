"""A ladder fits the terminal, whoever takes part and whatever they are called."""

import pytest

from core.events import joined, observed
from core.events.base import Observed
from core.events.facts import Origin, Target
from replay.ladder import known_as, ladder
from replay.text import width
from tests.replay.stories import answers, invite, of_call, recorded, refuses, rings


def drawn(*said: Observed) -> list[str]:
    return ladder(recorded(of_call("1", *enumerate(said))))


def arrows(lines: list[str]) -> list[str]:
    return [line[11:].strip() for line in lines if "<" in line or ">" in line]


@pytest.mark.parametrize(
    ("legs", "columns"), [(0, 80), (1, 80), (3, 80), (4, 90), (5, 100), (6, 100)]
)
def test_fits(legs: int, columns: int) -> None:
    names = [f"{n}.{n}" for n in range(1, legs + 1)]
    said = [invite(*names), *map(rings, names), *map(answers, names[-1:])]
    lines = drawn(*said, observed.CallerAcked(), observed.CallerHungUp())
    assert max(map(width, lines)) <= columns
    assert all(name in lines[3] for name in names)


def test_more_legs_than_a_terminal_is_wide_are_all_drawn() -> None:
    names = [f"leg{n}" for n in range(12)]
    lines = drawn(invite(*names))
    assert all(name in lines[3] for name in names)


def test_wide_names_keep_the_lifelines_straight() -> None:
    phones = (
        Target(leg="3", called='"李雷的电话在客厅" <sip:3@192.0.2.1>'),
        Target(leg="4", called='"e\u0301ve\x1b[2J" <sip:4@192.0.2.1>'),
    )
    lines = drawn(invite(targets=phones, name="韩梅梅 " * 9), rings("3"), refuses("4", 486))
    names, *rungs = lines[4:-2]
    assert "\x1b" not in "\n".join(lines)
    assert "李雷的.." in names
    assert width(names) <= 80
    assert {width(rung[: rung.rindex("|")]) for rung in rungs if rung.endswith("|")} == {58}


def test_an_arrow_passes_in_front_of_those_between() -> None:
    to_b = arrows(drawn(invite("A", "B")))[-1]
    assert to_b == "|               |----INVITE-------------->|"


def test_hold_is_passed_on_and_what_comes_too_early_is_refused() -> None:
    asks = observed.RequestArrived(by="caller", method="INVITE", number=2)
    lines = drawn(
        invite("A"),
        answers("A"),
        asks,
        observed.CallerAcked(),
        observed.RequestArrived(by="A", method="INVITE", number=9),
        observed.RequestAnswered(by="A", number=9, code=200),
        observed.RequestAcked(by="A", number=9),
        observed.MediaFellSilent(side="leg", seconds=30),
    )
    assert [line.strip("| ") for line in arrows(lines)][-9:] == [
        "----INVITE---->",
        "<-INVITE/491---",
        "------ACK----->",
        "<---INVITE-----",
        "<---INVITE-----",
        "--INVITE/200-->",
        "--INVITE/200-->",
        "<-----ACK------",
        "<-----ACK------",
    ]
    assert any("o MediaFellSilent leg 30" in line for line in lines)
    assert lines[-1] == "it goes on"


def test_numbers_that_could_be_taken_for_each_other_have_their_names() -> None:
    lines = drawn(invite("A"), observed.MediaCounted(from_caller=50, from_leg=51))
    assert any("o MediaCounted from_caller=50 from_leg=51" in line for line in lines)


def test_who_came_late_and_who_picked_it_up_have_their_lifelines() -> None:
    origin = Origin(caller='"Hall" <sip:c@192.0.2.1>;tag=1')
    lines = drawn(
        invite("A"),
        joined.LegJoined(target=Target(leg="B", uri="sip:attic@192.0.2.9")),
        joined.PickupArrived(leg="3.pickup", offer=b"o", origin=origin),
        joined.LegAcked(leg="3.pickup"),
    )
    assert lines[3].split() == ["caller", "hotspot", "A", "B", "3.pickup"]
    assert "attic" in lines[4]
    assert "Hall" in lines[4]
    assert any("INVITE/200" in line for line in lines)


def test_to_whom_a_call_is_handed_over_has_a_lifeline() -> None:
    asked = observed.TransferAsked(by="1", number=3, targets=(Target(leg="2/1", uri="sip:B@h"),))
    lines = drawn(invite("1"), answers("1"), observed.CallerAcked(), asked, refuses("2/1", 486))
    assert lines[3].split() == ["caller", "hotspot", "1", "2/1"]
    assert any("NOTIFY 100" in line for line in lines)
    assert any("INVITE/486" in line for line in lines)


def test_a_leg_that_was_never_named_is_noted_and_breaks_nothing() -> None:
    lines = drawn(invite("A"), rings("Z"), refuses("Z"), answers("A"))
    assert any("o LegProgressed Z 180" in line for line in lines)


def test_a_call_without_a_beginning_is_drawn_from_where_it_is() -> None:
    lines = ladder(recorded(of_call("1", (0, invite("A")), (1, rings("A"))))[1:])
    assert any("LegProgressed A 180" in line for line in lines)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ('"Ann" <sip:3@192.0.2.1>', "Ann"),
        ("Ann <sip:3@192.0.2.1>;tag=1", "Ann"),
        ("<sip:3@192.0.2.1:5060;transport=tcp>", "3"),
        ("sip:3@192.0.2.1", "3"),
        ("sip:192.0.2.1:5060;lr", "192.0.2.1:5060"),
        ('"" <sip:3@192.0.2.1>', "3"),
        ("", ""),
        ("@", ""),
    ],
)
def test_known_as(address: str, name: str) -> None:
    assert known_as(address) == name
