import pytest

from tests.simulation.wire_house import play

A_STREET = 8
ONCE_FAILED = [989, 10147, 13439]
"""In these a server answered the INVITE that it had challenged, and the one with the proof had no
end: the answer to another INVITE is none to the latest."""


@pytest.mark.parametrize("first", range(0, 240, A_STREET))
def test_two_hundred_and_forty_houses_on_the_wire(first: int) -> None:
    """When all have hung up nothing is left of their calls, and the record replays."""
    for seed in range(first, first + A_STREET):
        play(seed)


@pytest.mark.parametrize("seed", ONCE_FAILED)
def test_a_house_that_once_failed(seed: int) -> None:
    play(seed)
