"""What a person reads of a turn: short where nothing is said, and never steered by it."""

from datetime import UTC

import pytest

from core.events import observed
from core.events.facts import Challenge, Origin
from replay.timeline import brief, in_words, show
from tests.replay.stories import OPENED, invite, of_call, recorded, targets


def test_a_field_that_says_nothing_is_left_out() -> None:
    assert in_words(observed.CallerAcked()) == "CallerAcked"
    assert in_words(observed.RegistrationRefused(code=503)) == "RegistrationRefused code=503"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"v=0", "3 bytes"),
        (targets("A", "B"), "[A B]"),
        (Origin(call_id="c1"), "c1"),
        (Origin(), "-"),
        (Challenge(realm="a b", nonce="n"), "(realm='a b' nonce=n)"),
        ("", "''"),
        ("two words", "'two words'"),
        ("word", "word"),
        (True, "True"),
    ],
)
def test_brief(value: object, shown: str) -> None:
    assert brief(value) == shown


def test_a_stranger_steers_nobody() -> None:
    lines = show(recorded(of_call("1", (0, invite("\x1b[2J", name="a\nb", called="\x9b")))), UTC)
    assert all(line.isprintable() for line in lines)


def test_what_did_not_change_is_said_once() -> None:
    *_, state = show(recorded(of_call("1", (0, observed.CallerAcked()))), UTC)
    assert state.split() == ["state", "idle"]


def test_other_machines_have_a_phase_and_no_legs() -> None:
    log = [entry for entry in recorded(OPENED) if entry.turn.originator_id == "line:1"]
    states = [line.split(maxsplit=1)[1] for line in show(log, UTC) if line.startswith("  state")]
    assert states == ["unconfigured -> registering", "registering -> registered"]


def test_of_nothing_there_is_nothing_to_show() -> None:
    assert [*show([])] == []
