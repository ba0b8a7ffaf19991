"""What the service says while it runs: short lines in words, for its owner."""

from collections.abc import Iterator

import pytest

from adapters.net.beacon import Join, Sip
from core.events.decided import LineFailed
from core.events.observed import RetryDue
from core.events.turn import Turn
from service import membership
from service.telling import KEPT_MAX, Telling
from tests.service.pair import FOLLOWER, Pair, Side, pair_of, with_hotspot
from tests.sip.stage import CONFIG

STRICT = with_hotspot(CONFIG, join="approve", name="Our house")
KITCHEN = with_hotspot(FOLLOWER, name="Kitchen")


def heard_of(side: Side) -> list[str]:
    said: list[str] = []
    telling = Telling(side.engine.house.board)
    side.engine.house.listeners.append(lambda turn: said.extend(telling.lines(turn)))
    return said


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Nobody has said a word yet, and the owner admits each client."""
    with pair_of(STRICT, KITCHEN) as pair:
        yield pair


def test_a_house_from_the_first_client_to_the_switch_off(pair: Pair) -> None:
    hotspot, client = heard_of(pair.hotspot), heard_of(pair.client)
    pair.wait(3)
    who = pair.row()["user"][:8]
    assert hotspot == [
        "line 1: registered with 127.0.0.2 as 4212",
        "hotspot: open",
        f"phone Kitchen ({who}) at 127.0.0.21 asks to join: siphotspot admit {who}",
    ]
    assert client == ["hotspot Our house: not joined (its owner has not admitted us yet)"]
    hotspot.clear()
    client.clear()
    membership.obey(pair.hotspot.engine, {"command": "admit", "name": who}, pair.at)
    pair.wait(60)
    assert hotspot == [f"phone 4 Kitchen ({who}): connected"]
    assert client == [
        "hotspot Our house: joined, as 4, with line 1",
        "line 1: registered with 127.0.0.1:5060 as Our house 4",
    ]
    hotspot.clear()
    client.clear()
    pair.set(pair.hotspot, "hotspot.enabled", False)
    pair.wait(1)
    assert hotspot == [
        "hotspot: is being switched off; its clients are told",
        f"phone 4 Kitchen ({who}): cleared (the hotspot was deactivated)",
        "hotspot: off",
    ]
    assert client == [
        "hotspot Our house: ended (it said goodbye); its lines are cleared",
        "line 1: cleared",
    ]


def test_the_user_disconnects_it(pair: Pair) -> None:
    pair.set(pair.hotspot, "hotspot.name", "Hall")
    pair.wait(3)
    membership.obey(pair.hotspot.engine, {"command": "admit", "name": "Kitchen"}, pair.at)
    pair.wait(60)
    hotspot, client = heard_of(pair.hotspot), heard_of(pair.client)
    membership.obey(pair.client.engine, {"command": "disconnect", "name": ""}, pair.at)
    pair.wait(1)
    who = pair.row()["user"][:8]
    assert hotspot == [f"phone 4 Kitchen ({who}): disconnected by its user"]
    assert client == [
        "hotspot Hall: disconnected; its lines are cleared, only connect joins it again",
        "line 1: cleared",
    ]


def test_who_may_not_join_is_told_with_the_reason() -> None:
    with pair_of(with_hotspot(CONFIG, max_clients=1), KITCHEN) as pair:
        pair.wait(3)
        said = heard_of(pair.hotspot)
        _, hotspot = pair.ids()
        join = Join(bytes(16), hotspot, bytes(6), "Attic", "T1", Sip("udp", "127.0.0.98", 5060))
        pair.hear(join, "127.0.0.98")
        assert said == [
            "phone Attic (00000000) at 127.0.0.98 may not join: "
            "there are hotspot.max_clients already"
        ]


def test_what_was_said_last_is_not_said_again(pair: Pair) -> None:
    pair.wait(3)
    telling = Telling(pair.hotspot.engine.house.board)
    failed = LineFailed(why="the server does not answer")
    turn = Turn(
        originator_id="line:1", originator_version=9, at=pair.at, seen=RetryDue(), did=(failed,)
    )
    words = f"line 1: not registered with 127.0.0.2 ({failed.why}); it is tried again"
    assert telling.lines(turn) == [words]
    assert telling.lines(turn) == []
    telling.last = {f"link:{n}": "" for n in range(KEPT_MAX)}
    assert telling.lines(turn) == [words]
    assert len(telling.last) == 1
