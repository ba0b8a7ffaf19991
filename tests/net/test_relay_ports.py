"""Which port is handed out next, and what comes back."""

import pytest

from adapters.net.relay_ports import NoPortLeft, Ports, RelayError


def test_pairs_are_even_and_lie_within_the_range() -> None:
    assert Ports(16385, 16391).take(2) == (16386, 16388)
    with pytest.raises(NoPortLeft):
        Ports(16385, 16390).take(3)  # 16390 would need 16391 for its RTCP.


def test_a_port_rests_as_long_as_it_can() -> None:
    ports = Ports(100, 107)
    first = ports.take(1)
    ports.give_back(first)
    assert [ports.take(1) for _ in range(4)] == [(102,), (104,), (106,), first]


def test_all_or_none() -> None:
    ports = Ports(100, 107)
    ports.take(2)
    with pytest.raises(NoPortLeft, match=r"3 port pairs wanted, 2 of 4 .* 100-107.*media\.ports"):
        ports.take(3)
    assert ports.take(2) == (104, 106)


def test_nothing_is_free_twice() -> None:
    ports = Ports(100, 103)
    ports.give_back((100, 999))
    taken = ports.take(2)
    ports.give_back(taken)
    ports.give_back(taken)
    assert ports.take(2) == (100, 102)
    with pytest.raises(NoPortLeft):
        ports.take(1)


def test_promised_ports_are_not_handed_out() -> None:
    ports = Ports(100, 105)
    ports.take_these([102])
    assert ports.take(2) == (100, 104)


def test_a_promised_port_outside_the_range_is_honoured_once() -> None:
    ports = Ports(100, 101)
    ports.take_these([500])
    ports.give_back([500])
    assert ports.take(1) == (100,)
    with pytest.raises(NoPortLeft):
        ports.take(1)


@pytest.mark.parametrize("wanted", [(101,), (0,), (65536,), (104, 100), (104, 104)])
def test_a_promise_that_cannot_be_kept_takes_nothing(wanted: tuple[int, ...]) -> None:
    ports = Ports(100, 105)
    ports.take(1)
    with pytest.raises(RelayError):
        ports.take_these(wanted)
    assert ports.take(2) == (102, 104)


@pytest.mark.parametrize(("first", "last"), [(0, 10), (20, 10), (65000, 65536)])
def test_a_range_must_be_one(first: int, last: int) -> None:
    with pytest.raises(RelayError, match=r"media\.ports"):
        Ports(first, last)


def test_a_range_without_a_whole_pair_has_no_port() -> None:
    with pytest.raises(NoPortLeft):
        Ports(65535, 65535).take(1)
