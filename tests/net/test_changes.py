"""Who joins and leaves in alternation is welcome, and is on record only so often."""

from itertools import pairwise

import pytest

from adapters.net.beacon import Datagram, Leave, Welcome
from adapters.net.changes import CHANGE_APART_NS
from core.machines.client_link import Phase
from tests.net.test_announcing import CLIENT, Alone


class Fickle(Alone):
    """The client that is only words has joined, and that is a while ago."""

    def __init__(self) -> None:
        super().__init__()
        self.hear(self.join())
        self.wait(50)

    def leave(self) -> list[Datagram]:
        return self.hear(Leave(CLIENT, self.announcing.id))

    def recorded(self) -> list[int]:
        """When something of its link was recorded."""
        return [turn.at for turn in self.end.turns if turn.originator_id.startswith("link:")]


def is_welcome(said: list[Datagram]) -> bool:
    return any(isinstance(each, Welcome) for each in said)


@pytest.mark.parametrize("apart_s", [0.01, 0.4, 1.7])
def test_joining_and_leaving_in_alternation_is_recorded_once_in_five_seconds(
    apart_s: float,
) -> None:
    alone = Fickle()
    for _ in range(int(30 / apart_s)):
        alone.leave()
        alone.wait(apart_s)
        alone.hear(alone.join())
        alone.wait(apart_s)
    times = alone.recorded()
    assert len(times) > 2
    assert all(b - a >= CHANGE_APART_NS for a, b in pairwise(times))


@pytest.mark.parametrize("after_s", [0, 0.2, 3, 4.9])
def test_who_comes_back_is_welcomed_as_soon_as_that_is_recorded(after_s: float) -> None:
    alone = Fickle()
    alone.leave()
    assert alone.link() is Phase.LEFT
    alone.wait(after_s)
    assert alone.hear(alone.join()) == []
    assert is_welcome(alone.wait(5.01 - after_s))
    assert alone.link() is Phase.CONNECTED
    alone.wait(59)
    assert alone.link() is Phase.CONNECTED


def test_who_goes_and_comes_back_just_after_it_came_has_never_left() -> None:
    alone = Alone()
    alone.hear(alone.join())
    alone.hear(Leave(CLIENT, alone.announcing.id))
    assert is_welcome(alone.hear(alone.join()))
    alone.wait(6)
    assert alone.link() is Phase.CONNECTED
    assert len([turn for turn in alone.end.turns if "link:" in turn.originator_id]) == 1


def test_who_goes_just_after_it_came_has_left_five_seconds_later() -> None:
    alone = Alone()
    alone.hear(alone.join())
    alone.hear(Leave(CLIENT, alone.announcing.id))
    alone.wait(4.9)
    assert alone.link() is Phase.CONNECTED
    alone.wait(0.1)
    assert alone.link() is Phase.LEFT


def test_the_last_word_counts() -> None:
    alone = Fickle()
    alone.leave()
    alone.hear(alone.join())
    alone.leave()
    assert not is_welcome(alone.wait(20))
    assert alone.link() is Phase.LEFT
    assert not alone.announcing.changes.held
    assert not alone.announcing.changes.at


def test_nothing_is_held_over_the_end_of_an_activation() -> None:
    alone = Alone()
    alone.hear(alone.join())
    alone.hear(Leave(CLIENT, alone.announcing.id))
    alone.end.switch(on=False, at=alone.at)
    alone.end.switch(on=True, at=alone.at)
    alone.told()
    assert is_welcome(alone.hear(alone.join()))
    alone.wait(6)
    assert alone.link() is Phase.CONNECTED
