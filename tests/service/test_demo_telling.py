"""What the demo tells, and in which order."""

import json
import os

import pytest

from service.demo_telling import Missing, Teller
from tests.service.demo_tellers import new_teller, words_of


def test_a_line_says_who_sent_what() -> None:
    tell = new_teller()
    tell.message("phone a", "->", "180 Ringing (1 INVITE)")
    tell.message("caller", "<-", "180 Ringing (2 INVITE)")
    first, second = words_of(tell).splitlines()
    assert first.endswith("phone a        -> 180 Ringing (1 INVITE)")
    assert second.endswith("caller         <- 180 Ringing (2 INVITE)")


def test_what_is_known_later_is_told_where_it_belongs() -> None:
    tell = new_teller()
    tell.message("caller", "->", "INVITE")
    tell.seen("it rings")
    tell.message("client 1", "<-", "beacon", at=tell.began_at - 10**9)
    tell.ended("all of it", True)
    lines = [line.split()[-1] for line in words_of(tell).splitlines() if line]
    assert lines == ["beacon", "INVITE", "rings", "it"]


def test_what_has_just_happened_waits_for_what_may_have_been_before() -> None:
    tell = new_teller()
    tell.seen("it rings")
    assert words_of(tell, until=0) == ""
    assert words_of(tell).endswith("ok: it rings\n")


def test_in_json_each_step_is_an_object() -> None:
    tell = new_teller(as_json=True)
    tell.act("1: they register")
    tell.message("phone a", "->", "REGISTER", at=tell.began_at + 1_500_000_000)
    tell.picture("ab12", ["one", "two"])
    told = {step["step"]: step for step in map(json.loads, words_of(tell).splitlines())}
    assert told["act"]["title"] == "1: they register"
    assert (told["message"]["who"], told["message"]["way"]) == ("phone a", "sent")
    assert told["message"]["at"] == 1.5
    assert told["ladder"]["lines"] == ["one", "two"]


def test_what_is_not_so_ends_the_demo() -> None:
    tell = new_teller()
    with pytest.raises(Missing, match="not so: it rings"):
        tell.check(False, "it rings")
    assert tell.facts == 0
    tell.check(True, "it rings")
    assert (tell.last, tell.facts) == ("it rings", 1)


def test_nobody_needs_to_listen_to_the_end() -> None:
    readable, writable = os.pipe()
    os.close(readable)
    with os.fdopen(writable, "w") as out:
        tell = Teller(out=out)
        tell.seen("one")
        tell.seen("two")
        tell.tell()
    assert tell.last == "two"
