"""How a call ended, in the six words of the household."""

import json
from datetime import UTC

import pytest

from core.events import observed
from core.events.base import Observed
from core.events.facts import Challenge
from replay.calls import CallRow, call_row, calls_table
from tests.replay.stories import (
    ALL_BUSY,
    CALLER_CANCELS,
    THREE_RING_B_ANSWERS,
    Said,
    answers,
    invite,
    of_call,
    recorded,
    refuses,
    rings,
)

HUNG_UP = observed.CallerHungUp()
STEP = observed.RingStepTimedOut()
OUT = {"kind": "outgoing"}


def row_of(said: list[Said]) -> CallRow:
    return call_row(recorded(said))


def test_an_answered_call_as_json() -> None:
    text = row_of(THREE_RING_B_ANSWERS).as_json()
    assert "\n" not in text
    assert [*json.loads(text).items()] == [
        ("call", "b-answers"),
        ("at", "2026-01-02T12:00:00.000Z"),
        ("line", "1"),
        ("from", "5550100"),
        ("to", "7001"),
        ("rang", ["A", "B"]),  # C said no more than 100.
        ("answered_by", "B"),
        ("outcome", "answered"),
        ("seconds", 60.25),
    ]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("answered", [invite("A"), answers("A"), observed.CallerAcked(), HUNG_UP]),
        ("answered", [invite("A"), answers("A"), observed.AckTimedOut()]),
        ("missed", [invite("A"), rings("A"), observed.RingTimedOut()]),
        ("missed", [invite("A", ring="in-turn"), rings("A"), observed.RingStepTimedOut()]),
        ("busy", [invite("A", "B", ring="in-turn"), refuses("A", 486), STEP, STEP]),
        ("missed", [invite("A"), refuses("A", 480)]),
        ("missed", [invite("A"), refuses("A", 408)]),
        ("busy", [invite("A"), refuses("A", 486)]),
        ("busy", [invite("A", "B"), refuses("A", 600)]),
        ("busy", [invite("A", "B"), refuses("A", 500), refuses("B", 486)]),
        ("cancelled", [invite("A"), rings("A"), observed.CallerCancelled()]),
        ("cancelled", [invite("A"), rings("A"), HUNG_UP]),
        ("refused", [invite("A", "B"), refuses("A", 603)]),
        ("refused", [invite("A"), refuses("A", 403)]),
        ("refused", [invite("line", **OUT), refuses("line", 404)]),
        ("refused", [invite("line", **OUT), refuses("line", 480)]),
        ("refused", [invite(refusal=404, why="nobody has this alias")]),
        ("failed", [invite("A"), refuses("A", 500)]),
        ("failed", [invite("A"), refuses("A", 503)]),
        ("failed", [invite()]),
        ("failed", [invite(refusal=503, why="the line is not registered")]),
        ("failed", [invite("A"), observed.LegUnreachable(leg="A")]),
        ("failed", [invite("A"), rings("A"), observed.HotspotClosing()]),
        ("failed", [invite("A"), refuses("A", 302)]),
        ("", [invite("A"), rings("A")]),
        ("", [invite("A"), answers("A"), observed.CallerAcked()]),
    ],
)
def test_outcome(outcome: str, said: list[Observed]) -> None:
    row = row_of(of_call("1", *enumerate(said)))
    assert row.outcome == outcome
    talked = [seen for seen in said if isinstance(seen, observed.LegAnswered)]
    assert bool(row.answered_by) == bool(talked)
    assert (row.seconds > 0) == (outcome == "answered")


@pytest.mark.parametrize("kind", ["incoming", "outgoing", "internal"])
@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (HUNG_UP, "the caller hung up"),
        (observed.LegHungUp(leg="A"), "the called side hung up"),
    ],
)
def test_who_hung_up_is_said_as_it_was(kind: str, seen: Observed, why: str) -> None:
    """A phone may call as well as be called, and so may the world outside."""
    said = [invite("A", kind=kind), answers("A"), observed.CallerAcked(), seen]
    assert row_of(of_call("1", *enumerate(said))).why == why


def test_credentials_that_a_server_does_not_take() -> None:
    challenge = Challenge(realm="provider.example", nonce="n")
    asks = observed.LegChallenged(leg="line", code=407, challenge=challenge)
    row = row_of(of_call("1", (0, invite("line", **OUT)), (1, asks), (2, asks)))
    assert row.outcome == "failed"


def test_a_leg_that_answers_too_late_rang_and_did_not_answer_the_call() -> None:
    said = [invite("A", "B"), answers("A"), answers("B"), observed.CallerAcked(), HUNG_UP]
    row = row_of(of_call("1", *enumerate(said)))
    assert (row.rang, row.answered_by, row.seconds) == (("A", "B"), "A", 3)


def test_early_media_counts_as_ringing_and_is_counted_once() -> None:
    row = row_of(of_call("1", (0, invite("A")), (1, rings("A", 183)), (2, rings("A"))))
    assert row.rang == ("A",)


def test_the_table_obeys_nobody_and_leaves_no_gap() -> None:
    opening = invite("A", name="李\x1b[2J", called="", line="")
    _, line = calls_table([row_of(of_call("open", (999, opening)))], UTC)
    assert "  open  -     5550100 (李\\x1b[2J)  -   " in line
    assert line.split()[-5:] == ["-", "-", "goes", "on", "-"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("refused: nobody has this number", [invite(refusal=404, why="nobody has this number")]),
        ("failed: no phone is there to ring", [invite()]),
        ("refused: one refused for everybody", [invite("A"), refuses("A", 606)]),
        ("busy", [invite("A"), refuses("A", 486)]),
        ("cancelled", [invite("A"), observed.CallerCancelled()]),
        ("goes on", [invite("A")]),
    ],
)
def test_the_table_gives_the_reason_where_the_word_leaves_it_open(
    told: str, said: list[Observed]
) -> None:
    headings, line = calls_table([row_of(of_call("1", *enumerate(said)))], UTC)
    shown = line[headings.index("how it ended") : headings.index("seconds")]
    assert shown.strip() == told


def test_a_table_of_nothing_has_its_heading() -> None:
    assert len(calls_table([])) == 1


def test_the_stories_end_as_they_are_called() -> None:
    assert [row_of(story).outcome for story in (ALL_BUSY, CALLER_CANCELS)] == ["busy", "cancelled"]
