"""What the demo sees of a service: its log while it is written, and what it shows."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from adapters.store.sqlite import writer
from core.events.base import Decision, Observed
from core.events.decided import CallRang, UplinkLost
from core.events.facts import Target
from core.events.observed import CallerCancelled, CallerHungUp, InviteArrived, LegProgressed
from core.events.orders import InviteLeg, RefuseCaller, RingCaller
from core.events.turn import Turn
from service import control
from service.demo_telling import Missing
from service.demo_watching import Shown, Story
from tests.service.demo_tellers import new_teller, words_of

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


def invite(own: bool = False, leg: str = "0") -> InviteArrived:
    targets = (Target(leg=leg),)
    return InviteArrived(line="1", caller="7000", offer=b"", targets=targets, own=own)


def turn(number: int, seen: Observed, *did: Decision, stream: str = "call:1") -> Turn:
    return Turn(originator_id=stream, originator_version=number, at=number, seen=seen, did=did)


RUNG = turn(1, invite(), CallRang(), InviteLeg(leg="0"))
CANCELLED = turn(2, CallerCancelled(reason=ELSEWHERE), RefuseCaller(code=487))


# -- The log -----------------------------------------------------------------------------


async def test_an_entry_is_asked_for_once(autojump_clock: MockClock) -> None:
    story = Story("client 1", new_teller())
    story.remember(RUNG)
    assert await story.has(CallRang) == ("call:1", CallRang())
    with pytest.raises(Missing, match="client 1 has no CallRang in its log"):
        await story.has(CallRang)


async def test_an_entry_is_asked_for_by_its_stream_and_its_words(autojump_clock: MockClock) -> None:
    story = Story("client 1", new_teller())
    story.remember(CANCELLED)
    with pytest.raises(Missing):
        await story.has(CallerCancelled, "call:2")
    with pytest.raises(Missing):
        await story.has(CallerCancelled, fits=lambda seen: not seen.reason)
    _, seen = await story.has(CallerCancelled, "call:1", lambda seen: ELSEWHERE in seen.reason)
    assert seen.reason == ELSEWHERE


def test_what_nobody_has_asked_for_is_there() -> None:
    story = Story("client 1", new_teller())
    story.remember(RUNG)
    assert story.holds(UplinkLost, CallRang)
    assert not story.holds(UplinkLost, CallerHungUp)


def test_what_was_on_the_wire_is_told_and_nothing_else() -> None:
    """Leg 0 is the phone within the service; so is the caller where it has dialled."""
    tell = new_teller()
    story = Story("client 1", tell)
    for each in (RUNG, CANCELLED):
        story.remember(each)
    story.remember(turn(1, invite(own=True, leg="line"), InviteLeg(leg="line"), stream="call:2"))
    ringing = LegProgressed(leg="line", code=180)
    story.remember(turn(2, ringing, RingCaller(), stream="call:2"))
    lines = [line.split(maxsplit=3)[-1] for line in words_of(tell).splitlines()]
    assert sorted(lines) == [
        "-> INVITE",
        "-> INVITE/487",
        "<- CANCEL  Reason: " + ELSEWHERE,
        "<- INVITE",
        "<- INVITE/180",
    ]


def test_a_story_that_others_tell_is_not_told() -> None:
    tell = new_teller()
    Story("hotspot", tell, tells=False).remember(RUNG)
    assert words_of(tell) == ""


async def test_a_log_is_read_while_it_is_written(tmp_path: Path, nursery: trio.Nursery) -> None:
    path = tmp_path / "siphotspot.db"
    story = Story("client 1", new_teller())
    with writer(path) as log:
        log.append([RUNG])
        nursery.start_soon(story.follow, path)
        await story.has(CallRang)
        log.append([CANCELLED])
        await story.has(CallerCancelled)
        assert [type(event) for _, event in story.entries] == [
            InviteArrived, InviteLeg, RefuseCaller
        ]  # fmt: skip
        await story.end()


# -- What is shown -----------------------------------------------------------------------


def report(state: str = "ringing", why: str = "", missed: int = 0) -> dict[str, Any]:
    call = {"call": "1", "direction": "in", "number": "7000", "name": "", "state": state}
    line = {"number": 1, "state": "registered", "user": "4212", "server": "192.0.2.1"}
    phone = {"lines": [line], "calls": [{**call, "why": why}], "missed": [call] * missed}
    return {"ok": True, "status": {"hotspot": {}, "calls": []}, "phone": phone}


def test_each_change_is_told_once() -> None:
    tell = new_teller()
    shown = Shown("phone 0", tell)
    for each in (report(), report(), report("ended", "missed", missed=1)):
        shown.show(each)
    assert [line.split("phone 0")[1].strip() for line in words_of(tell).splitlines()] == [
        "line 1: 4212@192.0.2.1: registered",
        "call 1: in  7000: ringing",
        "call 1: in  7000: ended (missed)",
    ]
    assert shown.missed == ["7000"]


def test_a_line_without_an_account_is_told_as_such() -> None:
    tell = new_teller()
    cleared = report()
    cleared["phone"]["lines"][0] |= {"user": "", "server": "", "state": "unconfigured"}
    Shown("client 1", tell).show(cleared)
    assert "line 1: no account: unconfigured" in words_of(tell)


async def test_a_call_that_is_not_shown_is_missing(autojump_clock: MockClock) -> None:
    shown = Shown("client 1", new_teller())
    shown.show(report())
    assert await shown.call("ringing", "7000") == "1"
    with pytest.raises(Missing, match="client 1 does not show a call that is ringing with 7001"):
        await shown.call("ringing", "7001")
    with pytest.raises(Missing, match="a call that is ended answered elsewhere"):
        await shown.call("ended", why="answered elsewhere")


async def test_a_service_is_watched_until_it_is_gone(tmp_path: Path, nursery: trio.Nursery) -> None:
    """One that shows two things and ends; before that there is nobody yet to be asked."""
    shown = Shown("client 1", new_teller())
    followed = trio.Event()

    async def follow() -> None:
        await shown.follow(tmp_path)
        followed.set()

    nursery.start_soon(follow)
    await trio.testing.wait_all_tasks_blocked(0.01)
    listening = trio.socket.socket(trio.socket.AF_UNIX)
    await listening.bind(str(control.place(tmp_path)))
    listening.listen()
    peer, _ = await listening.accept()
    assert json.loads(await peer.recv(100)) == {"command": "watch"}
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in (report(), report("talking")))
    await peer.send(lines[:50])
    await peer.send(lines[50:])
    await shown.call("talking")
    peer.close()
    listening.close()
    await followed.wait()
    assert (shown.status, shown.phone) == ({}, {})


async def test_a_service_that_never_comes_is_missing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    with pytest.raises(Missing, match="no service answers its owner in"):
        await Shown("client 1", new_teller()).follow(tmp_path)
