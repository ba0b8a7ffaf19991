"""Which hotspot is followed, and how often one is asked."""

from adapters.net.beacon import Beacon, Sip
from adapters.net.following import (
    ASK_AT_NS,
    PATIENCE_NS,
    WAIT_FIRST_S,
    WAIT_MAX_S,
    Asking,
    Following,
)
from adapters.net.found import Hotspots
from adapters.sip.surroundings import SECOND_NS
from core.machines.uplink import Phase, Uplink

DEN, BARN = (letter * 16 for letter in (b"d", b"b"))


class Choosing:
    def __init__(self) -> None:
        self.states: dict[str, Uplink] = {}
        self.found = Hotspots()
        self.following = Following(self.found, lambda name: self.states.get(name, Uplink()))

    def hear(self, hotspot: bytes, epoch: int = 1) -> None:
        beacon = Beacon(hotspot, "x", epoch, 1, Sip("udp", "192.0.2.1", 5060), (), 60)
        self.found.take(beacon, ("192.0.2.1", 1), 1, 0, "")

    def fits(self, hotspot: bytes, at: int = 0) -> bool:
        return self.following.fits(hotspot.hex(), at)


def test_the_one_we_had_is_waited_for() -> None:
    choosing = Choosing()
    assert choosing.fits(DEN)
    choosing.following.chosen = DEN.hex()
    assert choosing.fits(DEN)
    assert not choosing.fits(BARN, PATIENCE_NS - 1)
    assert choosing.fits(BARN, PATIENCE_NS)
    choosing.hear(DEN)
    assert not choosing.fits(BARN, PATIENCE_NS)


def test_what_the_user_disconnected_is_not_replaced() -> None:
    choosing = Choosing()
    choosing.following.chosen = DEN.hex()
    choosing.states[DEN.hex()] = Uplink(Phase.LEFT)
    assert not choosing.fits(DEN, PATIENCE_NS)
    assert not choosing.fits(BARN, PATIENCE_NS)


def test_one_that_denied_us_is_asked_later_and_later() -> None:
    choosing = Choosing()
    choosing.hear(DEN)
    choosing.states[DEN.hex()] = Uplink(epoch=1)
    at, waits = 0, []
    for _ in range(6):
        choosing.following.denied(DEN.hex(), at)
        assert not choosing.fits(DEN, at)
        assert choosing.fits(BARN, at), "others may be asked meanwhile"
        waits.append(choosing.following.waiting[DEN.hex()].seconds)
        at += waits[-1] * SECOND_NS
        assert choosing.fits(DEN, at)
    assert waits == [WAIT_FIRST_S, 60, 120, 240, WAIT_MAX_S, WAIT_MAX_S]
    choosing.following.welcomed(DEN.hex())
    choosing.following.denied(DEN.hex(), at)
    assert choosing.following.waiting[DEN.hex()].seconds == WAIT_FIRST_S


def test_one_that_has_begun_anew_is_asked_at_once() -> None:
    choosing = Choosing()
    choosing.states[DEN.hex()] = Uplink(epoch=1)
    choosing.following.denied(DEN.hex(), 0)
    assert not choosing.fits(DEN)
    choosing.hear(DEN, epoch=2)
    assert choosing.fits(DEN)


def test_those_that_are_gone_are_not_remembered_without_end() -> None:
    choosing = Choosing()
    for n in range(100):
        choosing.following.denied(str(n), 0)
    assert [*choosing.following.waiting] == ["99"]


def test_a_question_is_asked_five_times_and_then_is_in_vain() -> None:
    asking = Asking()
    assert asking.next_deadline() is None
    assert not asking.is_due(1)
    asking.begin(7)
    asked, vain = [], False
    while not vain:
        due = asking.next_deadline()
        assert due is not None
        assert not asking.is_due(due - 1)
        asked.append(due - 7)
        vain = asking.is_in_vain()
    assert asked == ASK_AT_NS
    asking.stop()
    assert asking.next_deadline() is None


def test_the_user_is_told_why() -> None:
    choosing = Choosing()
    choosing.hear(DEN)
    assert choosing.following.why(DEN.hex()) == ""
    choosing.following.denied(DEN.hex(), 0, "key")
    assert choosing.following.why(DEN.hex()) == "it wants a join key that we do not hold"
    choosing.following.welcomed(DEN.hex())
    assert choosing.following.why(DEN.hex()) == ""
