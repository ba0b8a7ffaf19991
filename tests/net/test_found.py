"""The list of hotspots: what is in it, for how long, and by which name one is meant."""

import pytest

from adapters.net.beacon import Beacon, Label, Sip
from adapters.net.found import ELSEWHERE_AFTER_NS, HOTSPOTS_MAX, Hotspots
from adapters.sip.surroundings import SECOND_NS

DEN = ("192.0.2.200", 16360)


def beacon(hotspot: bytes = b"h" * 16, seq: int = 1) -> Beacon:
    labels = (Label(2, "Office", ""),)
    return Beacon(hotspot, "Den", 1, seq, Sip("udp", "192.0.2.200", 5060), labels, 60)


def heard(count: int) -> Hotspots:
    hotspots = Hotspots()
    for n in range(count):
        host = (f"192.0.2.{n}", 16360)
        assert hotspots.take(beacon(n.to_bytes(16, "big")), host, 1, 0, "") == ""
    return hotspots


def test_one_is_forgotten_when_its_time_to_live_ends() -> None:
    hotspots = heard(1)
    assert hotspots.next_deadline() == 60 * SECOND_NS
    hotspots.expire(60 * SECOND_NS - 1)
    assert hotspots
    hotspots.expire(60 * SECOND_NS)
    assert not hotspots
    assert hotspots.next_deadline() is None


def test_one_stays_where_it_was_heard_first() -> None:
    hotspots, elsewhere = Hotspots(), ("192.0.2.66", 16360)
    hotspots.take(beacon(), DEN, 1, 0, "")
    found = hotspots[beacon().hotspot.hex()]
    assert hotspots.take(beacon(seq=2), elsewhere, 2, ELSEWHERE_AFTER_NS - 1, "") == "another-way"
    assert (found.source, found.beacon.seq) == (DEN, 1)
    assert hotspots.take(beacon(seq=2), elsewhere, 2, ELSEWHERE_AFTER_NS, "") == ""
    assert (found.source, found.beacon.seq, found.interface) == (elsewhere, 2, 2)


def test_a_full_list_has_room_for_the_one_that_is_wanted() -> None:
    hotspots = heard(HOTSPOTS_MAX)
    wanted = beacon().hotspot.hex()
    assert hotspots.take(beacon(), DEN, 1, 0, "") == "too-many-hotspots"
    assert hotspots.take(beacon(), DEN, 1, 0, wanted) == ""
    assert wanted in hotspots


def test_one_is_meant_by_its_id_a_beginning_of_it_or_its_address() -> None:
    hotspots = heard(2)
    hotspots.take(beacon(), DEN, 1, 0, "")
    hotspot = beacon().hotspot.hex()
    for name in (hotspot, hotspot[:4], DEN[0]):
        assert hotspots.named(name) == hotspot
    for name, problem in (("", "no hotspot"), ("ff", "no hotspot"), ("00", "more than one")):
        with pytest.raises(ValueError, match=f"{problem}.*192.0.2.200 "):
            hotspots.named(name)
    with pytest.raises(ValueError, match="none"):
        Hotspots().named("den")


def test_an_uplink_hears_the_numbers_of_its_lines() -> None:
    hotspots = Hotspots()
    hotspots.take(beacon(), DEN, 1, 0, "")
    seen = hotspots[beacon().hotspot.hex()].seen(fits=True)
    assert (seen.source, seen.sip) == ("192.0.2.200:16360", "udp:192.0.2.200:5060")
    assert (seen.lines, seen.fits) == (("2",), True)


def test_a_late_echo_is_not_listed_and_one_that_insists_is() -> None:
    hotspots = Hotspots()
    hotspot = beacon().hotspot.hex()
    hotspots.insist(beacon(), DEN, 1, 0)
    hotspots.insist(beacon(), DEN, 1, ELSEWHERE_AFTER_NS - 1)
    assert not hotspots
    hotspots.insist(beacon(), DEN, 1, ELSEWHERE_AFTER_NS)
    assert hotspots[hotspot].is_past
    assert not hotspots.is_here(hotspot)
    hotspots.insist(beacon(seq=2), DEN, 1, ELSEWHERE_AFTER_NS + 1)
    assert (hotspots[hotspot].beacon.seq, hotspots[hotspot].is_past) == (2, True)
    hotspots.take(beacon(seq=3), DEN, 1, ELSEWHERE_AFTER_NS + 2, "")
    assert hotspots.is_here(hotspot)
    hotspots.insist(beacon(seq=2), DEN, 1, ELSEWHERE_AFTER_NS + 3)
    assert (hotspots[hotspot].beacon.seq, hotspots.is_here(hotspot)) == (3, True)


def test_those_who_insist_are_not_remembered_without_end() -> None:
    hotspots = Hotspots()
    for n in range(3 * HOTSPOTS_MAX):
        hotspots.insist(beacon(n.to_bytes(16, "big")), DEN, 1, 0)
    assert len(hotspots.insisting) == HOTSPOTS_MAX
