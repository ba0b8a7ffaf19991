"""The moments of transactions, moved to and fro: each is told once, and none for nothing."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sip.deadlines import Deadlines
from adapters.sip.transaction_state import ClientTransaction
from tests.sip.clockwork import UDP

steady = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def made() -> ClientTransaction:
    return ClientTransaction((), UDP, b"", "BYE", None)


def test_what_ends_in_the_same_moment_is_told_together() -> None:
    deadlines = Deadlines()
    deadlines.grain = 1.0
    both = [made(), made()]
    for one, at in zip(both, (4.2, 4.9), strict=True):
        deadlines.linger(one, at)
    assert deadlines.next() == 5.0
    assert deadlines.take(5.0) == both
    assert deadlines.next() is None


def test_what_has_moved_wakes_nobody() -> None:
    deadlines = Deadlines()
    one = made()
    one.repeats_at = 0.5
    deadlines.arm(one)
    one.repeats_at = inf
    deadlines.linger(one, 32.0)
    deadlines.linger(one, 5.0)
    assert deadlines.next() == 5.0
    deadlines.linger(one, 32.0)
    assert deadlines.next() == 32.0
    one.ends_at = inf
    assert deadlines.next() is None


@pytest.mark.parametrize("grain", [0.0, 1.0])
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 40).map(lambda n: n / 4)),
        max_size=40,
    )
)
@steady
def test_each_is_told_at_its_own_moment(moves: list[tuple[int, bool, float]], grain: float) -> None:
    deadlines = Deadlines()
    deadlines.grain = grain
    ours = [made() for _ in range(4)]
    for which, is_waiting, at in moves:
        one = ours[which]
        if is_waiting:
            one.repeats_at = at
        else:
            deadlines.linger(one, at)
        deadlines.arm(one)
    while (at_last := deadlines.next()) is not None:
        assert at_last == min(min(one.repeats_at, one.ends_at) for one in ours)
        for told in deadlines.take(at_last):
            if told.ends_at == at_last:
                told.repeats_at = told.ends_at = inf
            elif told.repeats_at == at_last:
                told.repeats_at = inf
                deadlines.arm(told)
    assert all(one.repeats_at == one.ends_at == inf for one in ours)
