"""What the owner is shown."""

import json
from collections.abc import Iterator

import pytest

from service.status import report
from tests.sip.stage import SERVER, STRANGER, Stage, answer


@pytest.fixture
def stage() -> Iterator[Stage]:
    built = Stage()
    yield built
    built.close()


def test_a_phone_that_is_away_is_listed_too(stage: Stage) -> None:
    stage.register("b")
    rows = report(stage.engine, stage.at)["clients"]
    assert [(row["alias"], row["user"], row["ip"]) for row in rows] == [
        (1, "a", ""), (2, "b", "127.0.0.12"), (3, "c", ""),
    ]  # fmt: skip
    assert rows[1]["since"].startswith("2023-11-14T")
    assert rows[0]["since"] == ""


def test_a_call_that_is_up_and_none_that_is_over(stage: Stage) -> None:
    stage.answered()
    (call,) = report(stage.engine, stage.at)["calls"]
    assert (call["line"], call["to"], call["state"]) == ("1", "4212", "talking")
    assert call["legs"]["2"] == "answered"
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.wait(200)
    shown = report(stage.engine, stage.at)
    assert shown["calls"] == []
    assert shown["hotspot"]["enabled"] is False
    assert shown["settings"] == {"hotspot.enabled": False}


def test_a_line_that_was_switched_off_says_so(stage: Stage) -> None:
    stage.wait(40)
    (row,) = report(stage.engine, stage.at)["lines"]
    assert (row["state"], row["reason"]) == ("failed", "the server does not answer")
    stage.engine.change("line.1.enabled", False, stage.at)
    (row,) = report(stage.engine, stage.at)["lines"]
    assert (row["state"], row["reason"]) == ("kept", "switched off")


def test_lines_strangers_and_a_full_disk(stage: Stage) -> None:
    stage.register_line()
    stage.feed(stage.request("INVITE", user="x"), STRANGER)
    shown = report(stage.engine, stage.at)
    assert [row["state"] for row in shown["lines"]] == ["registered"]
    assert shown["drops"] == {"stranger": 1}
    assert shown["store"] == ""
    stage.log.is_full = True
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.flush()
    stage.wait(0.1)
    shown = report(stage.engine, stage.at)
    assert "no space" in shown["store"]
    assert "secret4212" not in json.dumps(shown)


def test_what_was_of_no_use_is_counted_wherever_it_was_dropped(stage: Stage) -> None:
    nobodys = answer(stage.request("INVITE"), 200)
    stage.feed(nobodys, STRANGER)
    two = nobodys.replace(b"Via: ", b"Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK\r\nVia: ", 1)
    stage.feed(two, STRANGER)
    stage.feed(b"SIP/2.0 200 OK\r\n\r\n", STRANGER)
    stage.engine.transport_drops["udp-keepalive-or-too-short"] += 2
    drops = report(stage.engine, stage.at)["drops"]
    assert drops == {
        "stray-response": 1, "several-vias": 1, "no-via": 1, "udp-keepalive-or-too-short": 2,
    }  # fmt: skip
    assert json.loads(json.dumps(drops)) == drops


def test_what_is_merely_repeated_is_no_drop(stage: Stage) -> None:
    stage.register_line()
    asked = next(data for _, data in stage.left if data.startswith(b"REGISTER"))
    stage.feed(answer(asked, 200), SERVER)
    assert report(stage.engine, stage.at)["drops"] == {}
