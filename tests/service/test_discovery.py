"""A hotspot and its client, each of them the whole service with its phone (``pair``)."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from adapters.net.beacon import Join, Sip
from core.machines.line import Line, Phase
from service.config import Secret
from service.discovery import group_of, key_of
from tests.phone.exchange import OFFER
from tests.service.pair import (
    CLIENT,
    FOLLOWER,
    HOTSPOT,
    OWN_LINE,
    SERVER,
    Pair,
    pair_of,
    with_hotspot,
)
from tests.sip.stage import CONFIG

STRANGER = "127.0.0.99"
KEY = {"join": "key", "join_key": Secret("k" * 32)}


@pytest.fixture
def pair() -> Iterator[Pair]:
    with pair_of() as pair:
        pair.wait(3)
        yield pair


# -- Joining, and what both owners see ---------------------------------------------------------


def test_a_client_has_the_line_of_the_hotspot_and_no_own_one(pair: Pair) -> None:
    """S13, S15, S16, S17."""
    row, heard = pair.row(), pair.heard()
    assert (row["alias"], row["ip"], row["line"], row["state"]) == (4, CLIENT, "1", "connected")
    assert row["mac"] == pair.client.mac.hex(":")
    assert (heard["ip"], heard["alias"], heard["state"]) == (HOTSPOT, 0, "connected")
    assert heard["lines"] == {"1": "Line 1"}
    (line,) = pair.status(pair.client)["lines"]
    assert (line["server"], line["display_name"]) == (f"{HOTSPOT}:5060", "SIP Hotspot 4")
    assert line["state"] == "registered"
    assert [user for user, _ in pair.registrations(pair.client)] == []
    assert pair.status(pair.hotspot)["notice"] == pair.status(pair.client)["notice"] == ""


def test_a_call_to_the_account_rings_here_and_at_the_client_who_answers(pair: Pair) -> None:
    """S2, S3."""
    pair.ring()
    assert pair.hotspot.calls() == pair.client.calls() == ["ringing"]
    pair.client.phone.agent.answer("1")
    pair.wait(0.1)
    assert pair.client.calls() == ["talking"]
    assert pair.hotspot.calls() == ["ended"]


def test_a_client_calls_out_with_the_number_of_the_hotspot(pair: Pair) -> None:
    """S4, S22."""
    pair.client.phone.agent.call("0891234")
    pair.wait(0.1)
    host, invite = pair.asked[-1]
    assert (host, invite.method, invite.uri) == (HOTSPOT, "INVITE", "sip:0891234@provider.test")
    assert "sip:4212@provider.test" in invite.first("from")
    pair.answer(invite, pair.hotspot, 200, [("Contact", f"<sip:x@{SERVER}:5060>")], OFFER)
    pair.wait(0.1)
    assert pair.client.calls() == ["talking"]
    pair.client.phone.agent.hang_up("1")
    pair.wait(0.1)
    assert [asked.method for _, asked in pair.asked[-2:]] == ["ACK", "BYE"]


def test_each_calls_the_other_inside(pair: Pair) -> None:
    """S14, S17."""
    pair.client.phone.agent.call("0")
    pair.wait(0.1)
    pair.hotspot.phone.agent.answer("1")
    pair.wait(0.1)
    assert pair.hotspot.calls() == pair.client.calls() == ["talking"]
    pair.hotspot.phone.agent.hang_up("1")
    pair.wait(0.1)
    pair.hotspot.phone.agent.call("4")
    pair.wait(0.1)
    assert pair.client.phone.call("2").number == "0"
    pair.client.phone.agent.answer("2")
    pair.wait(0.1)
    assert pair.hotspot.phone.call("2").state == "talking"


# -- Goodbye -----------------------------------------------------------------------------------


def test_switched_off_the_client_shows_its_line_as_cleared(pair: Pair) -> None:
    """S19, S20."""
    pair.ring()
    pair.client.phone.agent.answer("1")
    pair.wait(0.1)
    pair.set(pair.hotspot, "hotspot.enabled", False)
    pair.wait(1)
    (line,) = pair.status(pair.client)["lines"]
    assert line == {
        "number": 1, "state": "unconfigured", "user": "", "server": "", "display_name": "",
        "reason": "",
    }  # fmt: skip
    assert pair.client.calls() == ["ended"]
    assert (pair.row()["state"], pair.row()["ip"], pair.row()["line"]) == ("cleared", "", "")
    assert pair.hotspot.line().phase is Phase.REGISTERED
    assert pair.status(pair.client)["hotspots"] == []
    pair.set(pair.hotspot, "hotspot.enabled", True)
    pair.wait(6)
    assert pair.is_served()
    assert pair.row()["alias"] == 4


@pytest.mark.parametrize("who", [HOTSPOT, CLIENT])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_restart_of_either_changes_nothing(pair: Pair, who: str, at_once: bool) -> None:
    before = pair.row()
    side = next(side for side in pair.sides if side.host == who)
    pair.restart(side, at_once)
    pair.wait(1)
    assert pair.row() == before
    pair.wait(3600)
    assert pair.row() == before
    assert pair.is_served()


def test_a_hotspot_that_falls_silent_is_lost(pair: Pair) -> None:
    pair.sides.remove(pair.hotspot)
    pair.wait(60)
    assert pair.client.line() == Line()
    assert pair.status(pair.client)["hotspots"] == []
    pair.wait(20)
    notice = pair.status(pair.client)["notice"]
    assert notice.startswith("no hotspot is heard on multicast 224.0.2.0 port 16360")
    pair.sides.insert(0, pair.hotspot)
    pair.wait(20)
    assert pair.is_served()


# -- The mode ----------------------------------------------------------------------------------


def test_a_client_that_becomes_a_hotspot_gives_back_what_it_was_lent(pair: Pair) -> None:
    pair.set(pair.client, "hotspot.address", "224.0.2.9")
    pair.set(pair.client, "hotspot.mode", "hotspot")
    pair.wait(2)
    assert pair.row()["state"] == "left"
    assert pair.client.line().account.user == OWN_LINE.user
    assert pair.client.line().phase is Phase.REGISTERED
    assert pair.registrations(pair.client) == [(OWN_LINE.user, "3600")]
    shown = pair.status(pair.client)
    assert (shown["hotspot"]["state"], shown["hotspots"]) == ("open", [])
    assert [line["number"] for line in shown["lines"]] == [1]


def test_one_that_never_heard_a_hotspot_can_become_one() -> None:
    with pair_of(client=with_hotspot(FOLLOWER, address="224.0.2.9")) as pair:
        pair.wait(3)
        assert pair.client.line() == Line()
        pair.set(pair.client, "hotspot.mode", "hotspot")
        pair.wait(1)
        assert pair.client.line().phase is Phase.REGISTERED


def test_a_hotspot_that_becomes_a_client_signs_off_its_own_line() -> None:
    with pair_of(client=with_hotspot(FOLLOWER, mode="hotspot")) as pair:
        pair.wait(3)
        assert pair.registrations(pair.client) == [(OWN_LINE.user, "3600")]
        pair.set(pair.client, "hotspot.mode", "client")
        pair.wait(6)
        assert pair.registrations(pair.client) == [(OWN_LINE.user, "3600"), (OWN_LINE.user, "0")]
        assert pair.client.line().account.server == f"{HOTSPOT}:5060"
        assert pair.is_served()
        pair.set(pair.client, "hotspot.mode", "hotspot")
        pair.wait(6)
        assert pair.client.line().account.user == OWN_LINE.user
        assert pair.client.line().phase is Phase.REGISTERED


def test_the_mode_of_both_is_exchanged(pair: Pair) -> None:
    pair.set(pair.hotspot, "hotspot.mode", "client")
    pair.set(pair.client, "hotspot.mode", "hotspot")
    pair.wait(20)
    assert pair.hotspot.line().account.server == f"{CLIENT}:5060"
    assert pair.hotspot.line().phase is Phase.REGISTERED
    assert pair.client.line().account.user == OWN_LINE.user


def test_a_mode_that_waits_is_that_of_the_next_start(pair: Pair) -> None:
    """S24."""
    for side, mode in ((pair.client, "hotspot"), (pair.hotspot, "client")):
        pair.set(side, "hotspot.apply", "restart")
        pair.set(side, "hotspot.mode", mode)
    pair.wait(120)
    assert pair.is_served()
    pair.restart(pair.client)
    pair.wait(2)
    assert pair.row()["state"] == "left"
    assert pair.client.line().account.user == OWN_LINE.user
    assert pair.client.line().phase is Phase.REGISTERED
    pair.restart(pair.hotspot)
    pair.wait(20)
    assert pair.registrations(pair.hotspot)[-1] == ("4212", "0")
    assert pair.hotspot.line().account.server == f"{CLIENT}:5060"
    assert pair.hotspot.line().phase is Phase.REGISTERED


def test_a_file_with_another_mode_is_that_of_the_next_start(pair: Pair) -> None:
    pair.client.config = with_hotspot(FOLLOWER, mode="hotspot")
    pair.restart(pair.client)
    pair.wait(2)
    assert pair.row()["state"] == "left"
    assert pair.client.line().account.user == OWN_LINE.user
    pair.client.config = FOLLOWER
    pair.restart(pair.client)
    pair.wait(10)
    assert pair.registrations(pair.client)[-1] == (OWN_LINE.user, "0")
    assert pair.is_served()


def test_the_mode_survives_a_restart(pair: Pair) -> None:
    pair.set(pair.client, "hotspot.mode", "hotspot")
    pair.wait(1)
    pair.restart(pair.client)
    pair.wait(70)
    assert pair.client.engine.config.hotspot.mode == "hotspot"
    assert pair.client.line().account.user == OWN_LINE.user
    assert pair.row()["state"] == "left"


# -- Settings ----------------------------------------------------------------------------------


def test_a_new_name_is_told_at_once_and_heard_at_the_next_beacon(pair: Pair) -> None:
    """S11, S16, S24."""
    pair.set(pair.hotspot, "hotspot.name", "Attic")
    pair.wait(0.2)
    assert pair.client.line().account.display_name == "Attic 4"
    assert pair.is_served()
    pair.wait(5)
    assert pair.heard()["name"] == "Attic"


def test_another_group_is_another_neighbourhood(pair: Pair) -> None:
    """S21."""
    pair.set(pair.hotspot, "hotspot.port", 16361)
    pair.wait(70)
    assert pair.client.line() == Line()
    assert pair.row()["state"] == "lost"
    pair.set(pair.client, "hotspot.port", 16361)
    pair.wait(20)
    assert pair.is_served()


def test_a_line_that_is_shared_no_more_is_withdrawn(pair: Pair) -> None:
    """S12, and at once (S24)."""
    pair.set(pair.hotspot, "line.1.hotspot", False)
    pair.wait(0.2)
    assert pair.client.line() == Line()
    assert pair.row()["line"] == ""
    pair.set(pair.hotspot, "line.1.hotspot", True)
    pair.wait(0.2)
    assert pair.is_served()


def test_no_room(pair: Pair) -> None:
    pair.set(pair.hotspot, "hotspot.max_clients", 1)
    _, hotspot = pair.ids()
    pair.hear(Join(b"x" * 16, hotspot, bytes(6), "x", "x", Sip("udp", STRANGER, 5060)), STRANGER)
    rows = pair.status(pair.hotspot)["clients"]
    assert [(row["alias"], row["name"], row["state"], row["ip"]) for row in rows[3:]] == [
        (4, "SIP Hotspot", "connected", CLIENT), (None, "x", "denied", ""),
    ]  # fmt: skip
    pair.wait(60)
    assert pair.client.line().phase is Phase.REGISTERED


def test_words_of_the_settings() -> None:
    hotspot = CONFIG.hotspot
    assert group_of(hotspot) == "multicast 224.0.2.0 port 16360"
    there = replace(hotspot, monitor="broadcast", interface="eth7")
    assert group_of(there) == "broadcast port 16360 on eth7"
    assert key_of(hotspot) is None
    assert key_of(replace(hotspot, **KEY)) == b"k" * 32
    assert key_of(replace(hotspot, join_key=Secret("k"))) is None


# -- Interfaces come, go and get other addresses -------------------------------------------------


def test_a_client_that_has_moved_says_so_at_once(pair: Pair) -> None:
    pair.wait(6)
    pair.client.host = "127.0.0.22"
    pair.wait(2)
    assert pair.row()["ip"] == CLIENT
    pair.client.engine.moved(pair.at)
    pair.settle()
    assert pair.row()["ip"] == "127.0.0.22"
    pair.ring()
    assert pair.client.calls() == ["ringing"]


def test_a_hotspot_that_has_moved_is_heard_at_once(pair: Pair) -> None:
    pair.set(pair.hotspot, "hotspot.name", "Attic")
    pair.wait(1)
    assert pair.heard()["name"] == "SIP Hotspot"
    pair.hotspot.engine.moved(pair.at)
    pair.wait(0)
    assert pair.heard()["name"] == "Attic"
    pair.set(pair.hotspot, "hotspot.enabled", False)
    pair.wait(5)
    pair.hotspot.engine.moved(pair.at)
    pair.wait(5)
    assert pair.status(pair.client)["hotspots"] == []


def test_a_problem_of_the_sockets_is_shown_first(pair: Pair) -> None:
    for side in pair.sides:
        discovery = side.engine.discovery
        assert discovery is not None
        discovery.problem = "no interface is up"
        discovery.errors()["send-EPERM"] += 1
        assert pair.status(side)["notice"] == "no interface is up"
        discovery.problem = ""
        assert pair.status(side)["notice"] == ""


def test_a_client_has_basic_calls_only_unless_its_owner_wants_more(pair: Pair) -> None:
    """S23: what the phone of a client cannot do, its owner can let it do."""
    pair.client.phone.agent.call("0")
    pair.wait(0.1)
    pair.hotspot.phone.agent.answer("1")
    pair.wait(0.1)
    pair.client.phone.agent.transfer("1", "0891234")
    pair.wait(0.1)
    assert pair.hotspot.calls() == pair.client.calls() == ["talking"]
    assert [asked for _, asked in pair.asked if asked.method == "INVITE"] == []
    pair.set(pair.client, "hotspot.client_transfer", True)
    pair.client.phone.agent.transfer("1", "0891234")
    pair.wait(0.1)
    assert [asked.uri for _, asked in pair.asked if asked.method == "INVITE"] == [
        "sip:0891234@provider.test"
    ]
