"""Who is listened to, and for how long not."""

from adapters.net.limits import Limits, Rate

SECOND = 1_000_000_000
ONE, TWO, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def limits(sources_max: int = 8) -> Limits:
    return Limits(Rate(per_second=1, burst=2), Rate(per_second=2, burst=5), sources_max)


def heard(limited: Limits, host: str, times: int, at: int) -> int:
    return sum(limited.allows(host, at) for _ in range(times))


def test_a_burst_and_then_the_rate() -> None:
    limited = limits()
    assert heard(limited, ONE, 5, 0) == 2
    assert heard(limited, ONE, 1, SECOND - 1) == 0
    assert heard(limited, ONE, 5, SECOND) == 1
    assert heard(limited, ONE, 5, 60 * SECOND) == 2


def test_one_source_takes_nothing_from_another() -> None:
    limited = limits()
    assert heard(limited, ONE, 1000, 0) == 2
    assert heard(limited, TWO, 2, 0) == 2


def test_all_together_have_a_bound() -> None:
    limited = limits()
    assert [heard(limited, host, 2, 0) for host in (ONE, TWO, OTHER)] == [2, 2, 1]
    assert heard(limited, "192.0.2.4", 1, 0) == 0
    assert heard(limited, "192.0.2.4", 2, SECOND) == 2


def test_what_all_are_refused_costs_the_source_nothing() -> None:
    limited = Limits(Rate(per_second=0, burst=2), Rate(per_second=1, burst=1))
    assert heard(limited, ONE, 9, 0) == 1
    assert heard(limited, ONE, 9, SECOND) == 1
    assert heard(limited, ONE, 9, 9 * SECOND) == 0


def test_the_table_forgets_whom_it_has_not_heard_for_longest() -> None:
    limited = limits(sources_max=2)
    heard(limited, ONE, 2, 0)
    heard(limited, TWO, 1, 0)
    heard(limited, ONE, 1, 0)
    heard(limited, OTHER, 1, 0)
    assert list(limited.sources) == [ONE, OTHER]


def test_invented_sources_cost_no_memory_and_little_attention() -> None:
    limited = limits(sources_max=64)
    taken = sum(limited.allows(f"source {n}", n) for n in range(10_000))
    assert (taken, len(limited.sources)) == (5, 64)


def test_a_clock_that_goes_back_fills_nothing() -> None:
    limited = limits()
    assert heard(limited, ONE, 2, 10 * SECOND) == 2
    assert heard(limited, ONE, 2, 0) == 0
    assert heard(limited, ONE, 2, 11 * SECOND) == 1


def test_who_is_known_shares_no_bucket_and_has_one_of_its_own() -> None:
    limited = limits()
    limited.known = frozenset((ONE,))
    assert sum(limited.allows(f"source {n}", 0) for n in range(100)) == 5
    assert heard(limited, ONE, 9, 0) == 2
    assert heard(limited, TWO, 1, 0) == 0
    assert heard(limited, ONE, 9, SECOND) == 1
    assert heard(limited, TWO, 2, SECOND) == 2
