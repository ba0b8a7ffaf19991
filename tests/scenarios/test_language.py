"""The language is strict, and so is the runner: these texts must not pass."""

from pathlib import Path

import pytest

from tests.scenarios import steps
from tests.scenarios.bare_runner import play
from tests.scenarios.language import NotUnderstood, parse
from tests.scenarios.replay_runner import check_record
from tests.scenarios.steps import Arrow, fits

HEAD = """
scenario  one phone
because   of this test

given     hotspot den is active
and       phone A is registered

"""
RING = """
          caller -> hotspot INVITE offer=o
          hotspot -> A INVITE offer=o
"""
BUSY = """
          A -> hotspot INVITE/486
          hotspot -> caller INVITE/486
"""


def test_a_text_becomes_a_value() -> None:
    scenario = parse(
        """
scenario  Two words
          in two lines
because   S3
given     hotspot den is active
and       line 7001 is registered
and       phones A B are registered
and       phone B wants missed calls

wire      caller -> hotspot INVITE
late 200ms caller -> hotspot BYE  cseq=2  Reason: Q.850;cause=16;text="on hook"
together
maybe     hotspot -> A  re-INVITE/491
end
expect    log
          CallRang  CallEnded
          CallClosed
A is unreachable
INFO to B is given up
after 2min
expect    phone A is CONNECTED from A A.2
"""
    )
    assert scenario.title == "Two words in two lines"
    assert scenario.phones() == ("A", "B")
    assert [given.what for given in scenario.givens] == ["hotspot", "line", "phone", "phone"]
    wire, late, together, log, gone, silent, after, phone = scenario.steps
    assert isinstance(wire, Arrow)
    assert (wire.wire, wire.is_played, wire.method, wire.code) == (True, True, "INVITE", 0)
    assert isinstance(late, Arrow)
    assert (late.fate, late.late_ms) == ("late", 200)
    assert late.args == {"cseq": "2", "Reason": 'Q.850;cause=16;text="on hook"'}
    assert isinstance(together, steps.Together)
    assert [(arrow.maybe, arrow.code) for arrow in together.arrows] == [(True, 491)]
    assert isinstance(log, steps.ExpectLog)
    assert log.names == ("CallRang", "CallEnded", "CallClosed")
    assert isinstance(gone, steps.Unreachable)
    assert isinstance(silent, steps.GivenUp)
    assert (silent.party, silent.method) == ("B", "INFO")
    assert isinstance(after, steps.After)
    assert after.ms == 120_000
    assert isinstance(phone, steps.ExpectPhone)
    assert phone.devices == ("A", "A.2")


def test_we_may_be_the_client_of_a_hotspot() -> None:
    scenario = parse(
        """
scenario  we join
because   S15
given     this device is a client

          den -> client BEACON epoch=3 lines=1,2
          client -> den JOIN
          den -> client GOODBYE host=192.0.2.66
          hotspot -> group GOODBYE
operator connects den
expect    uplink den is CLEARED
"""
    )
    heard, joins, _, _, connects, cleared = scenario.steps
    assert isinstance(heard, Arrow)
    assert isinstance(joins, Arrow)
    assert (heard.is_played, joins.is_played) == (True, False)
    assert heard.args == {"epoch": "3", "lines": "1,2"}
    assert isinstance(connects, steps.Operator)
    assert (connects.does, connects.about) == ("connects", "den")
    assert isinstance(cleared, steps.ExpectUplink)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("because   S3", "needs its 'scenario'"),
        ("scenario  A title", "needs its 'because'"),
        ("", "needs its 'scenario'"),
        (HEAD + "nonsense", "not understood"),
        (HEAD + "expect legs A", "not understood"),
        (HEAD + "operator sings", "not understood"),
        (HEAD.replace("is active", "is purple"), "nothing of that kind"),
        (HEAD + "given     line 7001 is registered", "not understood"),
        (HEAD + "A -> caller INVITE", "the hotspot at one end"),
        (HEAD + "hotspot -> hotspot INVITE", "the hotspot at one end"),
        (HEAD + "client -> hotspot JOIN", "or us as its client"),
        (HEAD + "maybe den -> client BEACON", "not in doubt"),
        (HEAD + "den -> client BEACON epok=3", "'epok=3' says nothing"),
        (HEAD + "client -> barn JOIN", "never says a word"),
        (HEAD + "A -> hotspot invite", "METHOD or METHOD/code"),
        (HEAD + "A -> hotspot INVITE/99", "METHOD or METHOD/code"),
        (HEAD + "A -> hotspot INVITE ofer=o", "'ofer=o' says nothing"),
        (HEAD + "A -> hotspot INVITE offer", "'offer' says nothing"),
        (HEAD + "maybe A -> hotspot INVITE", "not in doubt"),
        (HEAD + "lose twice A -> hotspot INVITE", "one thing to a message"),
        (HEAD + "together\nhotspot -> A INVITE", "not ended"),
        (HEAD + "together\nA -> hotspot INVITE\nend", "in any order"),
        (HEAD + "together\nafter 1s\nend", "in any order"),
        (HEAD + "expect log\nafter 1s", "names what was decided"),
        (HEAD, "never says a word"),
        (HEAD + RING, "never says a word"),
        (HEAD + "A -> hotspot BYE\nhotspot -> B BYE", "never says a word"),
    ],
)
def test_what_is_not_understood_says_so(text: str, why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (RING + "A -> hotspot INVITE/180", "nobody expected"),
        (RING + "A -> hotspot INVITE/180\nexpect call is RINGING", "nobody expected"),
        (RING + BUSY.replace("caller INVITE/486", "caller INVITE/480"), "ordered"),
        (RING.replace("A INVITE offer=o", "A INVITE offer=p") + BUSY, "ordered"),
        (RING + "A -> hotspot INVITE/183\nhotspot -> caller INVITE/183 answer=a", "ordered"),
        (RING + BUSY + "hotspot -> caller BYE", "ordered nothing"),
        (RING + BUSY + "together\nhotspot -> caller BYE\nend", "not among"),
        (RING + BUSY + "expect call is TALKING", "Call"),
        (RING + BUSY + "expect log\nCallRang", "decided CallRang CallClosed CallEnded"),
        (RING + BUSY + "expect log\nnothing", "decided CallRang CallClosed CallEnded"),
        (RING + BUSY + "A -> hotspot INFO/200", "nobody asks"),
        (RING + BUSY + "caller2 -> hotspot BYE", "no part in any call"),
        (RING + BUSY + "expect line is REGISTERED", "Line"),
        (RING + BUSY + "the service stops\nexpect call is ENDED", "is stopped"),
    ],
)
def test_what_is_not_so_fails_with_the_ladder(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=why) as failure:
        play(parse(HEAD + text), tmp_path / "log.db")
    assert "caller -> hotspot" in str(failure.value), "the story so far"


def test_maybe_may_come_or_not(tmp_path: Path) -> None:
    maybe = "maybe hotspot -> caller INVITE/180\n"
    rings = "A -> hotspot INVITE/180\n"
    for n, text in enumerate([maybe + BUSY, rings + maybe + BUSY]):
        play(parse(HEAD + RING + text), tmp_path / f"{n}.db")
    block = "together\nmaybe hotspot -> caller INVITE/180\nend\n"
    play(parse(HEAD + RING + block + BUSY), tmp_path / "block.db")


def test_a_record_that_is_not_what_was_lived_is_found(tmp_path: Path) -> None:
    played = play(parse(HEAD + RING + BUSY), tmp_path / "log.db")
    check_record(played)
    played.album[-1].timers["call:1", "RingTimedOut", ""] = 1
    with pytest.raises(AssertionError, match="not so at"):
        check_record(played)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ({}, {"expires": "3600"}, True),
        ({}, {"expires": "0"}, False),
        ({"expires": "0"}, {"expires": "0"}, True),
        ({"expires": "60"}, {"expires": "3600"}, False),
        ({}, {"Reason": "r"}, False),
        ({"Reason": "r"}, {}, False),
        ({}, {"credentials": "yes"}, False),
        ({"offer": "o"}, {"answer": "o"}, False),
    ],
)
def test_what_counts_of_a_message(
    expected: dict[str, str], actual: dict[str, str], same: bool
) -> None:
    def arrow(args: dict[str, str]) -> Arrow:
        return Arrow(line=1, text="", src="hotspot", dst="A", method="BYE", args=args)

    assert fits(arrow(expected), arrow(actual)) is same
