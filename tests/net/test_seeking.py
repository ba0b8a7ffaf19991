"""The client's end: what it asks, when, and whom it believes."""

from itertools import pairwise

import pytest

from adapters.net.beacon import Beacon, Datagram, Goodbye, Join, Leave, Sip, Solicit, encode
from adapters.net.leaving import Leaving, Place
from adapters.sip.surroundings import SECOND_NS
from tests.net.lan import BEGAN, HOTSPOT, PORT, ClientEnd, HotspotEnd, Lan

DESK = "192.0.2.11"


def house() -> tuple[Lan, HotspotEnd, ClientEnd]:
    hotspot, client = HotspotEnd(), ClientEnd(DESK)
    return Lan(hotspot, client), hotspot, client


def connected() -> tuple[Lan, HotspotEnd, ClientEnd]:
    lan, hotspot, client = house()
    lan.wait(1)
    assert client.phase(hotspot) == "CONNECTED"
    return lan, hotspot, client


def times(lan: Lan, kind: type[Datagram], until: float) -> list[float]:
    """When the client says such a thing, in seconds from now."""
    began, said = lan.now, list[float]()
    known = len(lan.said(DESK, kind))
    while lan.now < began + until * SECOND_NS:
        lan.wait(0.25)
        fresh = len(lan.said(DESK, kind)) - known
        said += [(lan.now - began) / SECOND_NS] * fresh
        known += fresh
    return said


# -- Finding ----------------------------------------------------------------------------------


def test_alone_it_solicits_at_once_and_then_less_and_less() -> None:
    client = ClientEnd(DESK)
    lan = Lan(client)
    lan.wait(30)
    assert len(lan.said(DESK, Solicit)) == 6  # At 0, 1, 2, 4, 14 and 24 seconds.


def test_connected_it_solicits_no_more() -> None:
    lan, _, _ = connected()
    lan.wait(30)
    assert len(lan.said(DESK, Solicit)) == 1


def test_the_user_is_told_what_it_listens_to_where_nothing_is_heard() -> None:
    client = ClientEnd(DESK)
    lan = Lan(client)
    lan.wait(14)
    assert client.seeking.notice(lan.now) == ""
    signed = encode(Goodbye(b"h" * 16, 1, ""), b"k" * 32, lan.now)[:-1]
    client.seeking.receive(signed, (HOTSPOT, PORT), 1, lan.now)
    lan.wait(2)
    notice = client.seeking.notice(lan.now)
    assert "224.0.2.0:16360" in notice
    assert "1 malformed" in notice
    lan, _, client = connected()
    lan.wait(60)
    assert client.seeking.notice(lan.now) == ""


def test_the_list_shows_who_is_heard_and_forgets_who_is_not() -> None:
    lan, hotspot, client = connected()
    (row,) = client.seeking.heard()
    assert row == {
        "id": hotspot.announcing.id.hex(),
        "name": "Den",
        "ip": HOTSPOT,
        "lines": {"1": "Line 1"},
        "alias": 0,
        "state": "connected",
        "since": row["since"],
        "why": "",
    }
    assert isinstance(row["since"], int)
    assert row["since"] > BEGAN
    del lan.ends[HOTSPOT]
    lan.wait(70)
    assert client.seeking.heard() == []


# -- Joining and staying ------------------------------------------------------------------------


def test_a_join_is_asked_again_and_then_given_up() -> None:
    lan, hotspot, client = house()
    lan.wait(0.001)
    del lan.ends[HOTSPOT]
    joins = [0.0, *times(lan, Join, 20)]
    gaps = [round(b - a) for a, b in pairwise(joins)]
    assert len(lan.said(DESK, Join)) == 5, joins
    assert gaps == sorted(gaps)
    assert client.phase(hotspot) == "FOUND"


def test_it_renews_three_times_in_a_time_to_live() -> None:
    lan, _, _ = connected()
    assert len(times(lan, Join, 60)) == 3


def test_a_renewal_that_is_lost_is_asked_again_at_once() -> None:
    lan, hotspot, client = connected()
    lan.wait(18)
    lan.loss = 1.0
    lan.wait(2.5)
    lan.loss = 0.0
    lan.wait(2)
    assert client.seeking.until is not None
    assert client.seeking.until > lan.now + 55 * SECOND_NS
    turns = len(client.turns)
    lan.wait(120)
    assert len(client.turns) == turns, "nothing of that is news"
    assert client.phase(hotspot) == "CONNECTED"


def test_the_way_to_the_server_of_a_line_is_known() -> None:
    _, _, client = connected()
    assert client.around.ways == {f"{HOTSPOT}:5060": ((HOTSPOT, 5060),)}
    assert client.seeking.lines["1"].display_name == "Den 1"


def test_the_mac_and_the_address_are_those_of_the_interface() -> None:
    lan, _, _ = connected()
    (join, *_) = lan.said(DESK, Join)
    assert isinstance(join, Join)
    assert (join.mac, join.sip) == (DESK.encode()[-6:], Sip("udp", DESK, 5060))


def test_a_line_that_failed_without_its_password_is_tried_with_it() -> None:
    lan, hotspot, client = connected()
    lan.restart(client)
    lan.wait(1)
    assert client.phase(hotspot) == "CONNECTED"
    assert client.seeking.lines["1"].password() != ""
    configured = [turn for turn in client.turns if turn.originator_id == "line:1"]
    assert len(configured) == 2


def test_leaving_is_said_three_times() -> None:
    lan, hotspot, client = connected()
    client.seeking.disconnect(lan.now)
    lan.wait(5)
    assert len(lan.said(DESK, Leave)) == 3
    assert hotspot.announcing.phones == {}
    assert client.phase(hotspot) == "LEFT"


def test_who_comes_back_at_once_does_not_leave_again() -> None:
    lan, hotspot, client = connected()
    lan.wait(10)
    client.seeking.disconnect(lan.now)
    lan.wait(0.2)
    client.seeking.connect(hotspot.announcing.id.hex(), lan.now)
    lan.wait(6)
    assert len(lan.said(DESK, Leave)) == 1
    assert client.phase(hotspot) == "CONNECTED"
    assert hotspot.announcing.link(f"link:{client.seeking.id.hex()}").joined
    turns = [turn for turn in hotspot.turns if turn.originator_id.startswith("link:")]
    assert len(turns) == 3


def test_the_user_names_what_is_heard() -> None:
    lan, hotspot, client = connected()
    with pytest.raises(ValueError, match=r"'192\.0\.2\.9'; name one of those heard: 192\.0\.2\.1 "):
        client.seeking.connect("192.0.2.9", lan.now)
    client.seeking.connect(HOTSPOT, lan.now)
    client.seeking.disconnect(lan.now)
    client.seeking.connect(hotspot.announcing.id.hex()[:6], lan.now)
    lan.wait(1)
    assert client.phase(hotspot) == "CONNECTED"
    with pytest.raises(ValueError, match="no hotspot is connected"):
        ClientEnd("192.0.2.12").seeking.disconnect(lan.now)


def test_with_the_key_both_ends_derive_the_passwords() -> None:
    key = b"k" * 32
    hotspot, client, other = HotspotEnd(join="key", key=key), ClientEnd(DESK, key), None
    lan = Lan(hotspot, client)
    lan.wait(2)
    phone = hotspot.announcing.phones[f"{client.seeking.id.hex()}.1"]
    assert client.seeking.lines["1"].password() == phone.password()
    other = ClientEnd("192.0.2.12")
    lan.ends[other.host] = other
    lan.wait(10)
    assert other.phase(hotspot) == "FOUND"


def test_a_client_no_more_leaves_and_hears_nothing() -> None:
    lan, hotspot, client = connected()
    client.seeking.close(lan.now)
    lan.wait(10)
    assert client.phase(hotspot) == "CLEARED"
    assert client.house.board.state("line:1").phase.name == "UNCONFIGURED"
    assert client.seeking.heard() == []
    assert client.seeking.notice(lan.now + 60 * SECOND_NS) == ""


def test_hotspots_that_nobody_follows_are_on_record_and_not_without_end() -> None:
    lan, _, client = connected()
    for n in range(200):
        beacon = Beacon(n.to_bytes(16, "big"), "x", 1, 1, Sip("udp", "192.0.2.9", 5060), (), 60)
        lan.wait(0.1)
        data = encode(beacon, None, lan.now)
        client.seeking.receive(data, ("192.0.2.9", PORT), 1, lan.now)
    assert len(client.seeking.found) == 64
    assert len([*client.seeking.uplinks()]) <= 64


# -- Where it is, and where the hotspot is ----------------------------------------------------


def test_one_that_has_moved_renews_at_once() -> None:
    lan, hotspot, client = connected()
    lan.wait(6)
    before = len(lan.said(DESK, Join))
    client.seeking.moved(lan.now)
    lan.wait(0.1)
    assert len(lan.said(DESK, Join)) == before + 1
    lan.wait(19)
    assert len(lan.said(DESK, Join)) == before + 1
    assert client.phase(hotspot) == "CONNECTED"


def test_one_that_has_moved_alone_solicits_at_once() -> None:
    client = ClientEnd(DESK)
    lan = Lan(client)
    lan.wait(15)
    before = len(lan.said(DESK, Solicit))
    client.seeking.moved(lan.now)
    lan.wait(0.5)
    assert len(lan.said(DESK, Solicit)) == before + 1
    client.seeking.close(lan.now)
    client.seeking.moved(lan.now)
    lan.wait(60)
    assert len(lan.said(DESK, Solicit)) == before + 1


def test_a_hotspot_that_speaks_from_another_port_is_asked_there_too() -> None:
    client = ClientEnd(DESK)
    beacon = Beacon(b"h" * 16, "Den", 1, 0, Sip("udp", HOTSPOT, 5060), (), 60)
    told: list[Leaving] = []

    def hear(source: Place) -> list[tuple[type[Datagram], Place | None]]:
        client.seeking.receive(encode(beacon, None, BEGAN), source, 3, BEGAN)
        told[:] = [leaving for leaving in client.seeking.take_out() if leaving.to]
        assert {leaving.interface for leaving in told} == {3}
        return [(type(leaving.datagram), leaving.to) for leaving in told]

    assert hear((HOTSPOT, 45_000)) == [(Join, (HOTSPOT, PORT)), (Join, (HOTSPOT, 45_000))]
    client.seeking.disconnect(BEGAN)
    left = [(type(leaving.datagram), leaving.to) for leaving in client.seeking.take_out()]
    assert left[:2] == [(Leave, (HOTSPOT, PORT)), (Leave, (HOTSPOT, 45_000))]


def test_where_its_hotspot_is_is_known_while_it_is_asked_or_connected() -> None:
    lan, _, client = connected()
    known = client.seeking.intake.limits
    assert known.known == {HOTSPOT}
    lan.restart(client)
    assert client.seeking.intake.limits.known == {HOTSPOT}
    client.seeking.disconnect(lan.now)
    assert client.seeking.intake.limits.known == frozenset()
