"""Who belongs to whom, by the owner's word."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.net.beacon import Join, Sip, encode
from core.machines.line import Line, Phase
from service import membership
from service.membership import MembershipError
from tests.service.pair import CLIENT, FOLLOWER, HOTSPOT, Pair, Side, pair_of, with_hotspot
from tests.sip.stage import CONFIG, Stage

APPROVE = with_hotspot(CONFIG, join="approve")


@pytest.fixture
def pair() -> Iterator[Pair]:
    with pair_of() as pair:
        pair.wait(3)
        yield pair


@pytest.fixture
def strict() -> Iterator[Pair]:
    """Its owner admits each client."""
    with pair_of(APPROVE, with_hotspot(FOLLOWER, name="Kitchen")) as pair:
        pair.wait(3)
        yield pair


def tell(pair: Pair, side: Side, command: str, name: str = "", wait: float = 0.1) -> None:
    membership.obey(side.engine, {"command": command, "name": name}, pair.at)
    pair.wait(wait)


def rows(pair: Pair) -> list[dict[str, Any]]:
    """Those of the clients that came by discovery."""
    found: list[dict[str, Any]] = pair.status(pair.hotspot)["clients"][len(CONFIG.phones) :]
    return found


def knock(pair: Pair, client: bytes, name: str) -> None:
    """Another client asks to join."""
    discovery = pair.hotspot.engine.discovery
    assert discovery is not None
    sip = Sip("udp", "127.0.0.98", 5060)
    join = Join(client, discovery.announcing.id, bytes(6), name, "T1", sip)
    data = encode(join, None, pair.at)
    pair.hotspot.engine.receive_discovery(data, ("127.0.0.98", 40_000), 1, pair.at)
    pair.wait(0.1)


# -- A client --------------------------------------------------------------------------------


def test_disconnected_by_hand_it_stays_away_until_it_is_connected_by_hand(pair: Pair) -> None:
    """S18."""
    tell(pair, pair.client, "disconnect", wait=5)
    assert pair.client.line() == Line()
    assert pair.heard()["state"] == "left"
    assert pair.row()["state"] == "left"
    pair.wait(120)
    pair.restart(pair.client)
    pair.wait(120)
    assert pair.heard()["state"] == "left"
    tell(pair, pair.client, "connect", HOTSPOT, wait=2)
    assert pair.heard()["state"] == "connected"
    assert pair.client.line().phase is Phase.REGISTERED
    assert pair.row()["alias"] == 4
    tell(pair, pair.client, "connect", pair.heard()["id"][:6])
    assert pair.heard()["state"] == "connected"


@pytest.mark.parametrize(
    ("who", "command", "name", "error"),
    [
        (CLIENT, "connect", "10.9.9.9", "no hotspot is heard that is '10.9.9.9'; name one of "
         "those heard: 127.0.0.1 (SIP Hotspot)"),
        (CLIENT, "connect", "", "no hotspot is heard that is ''; name one of those heard: "
         "127.0.0.1 (SIP Hotspot)"),
        (CLIENT, "admit", "x", 'this is a client; set hotspot.mode = "hotspot" to have some'),
        (CLIENT, "remove", "x", 'this is a client; set hotspot.mode = "hotspot" to have some'),
        (HOTSPOT, "connect", "x", 'this is a hotspot; set hotspot.mode = "client" to follow one'),
        (HOTSPOT, "disconnect", "", 'this is a hotspot; set hotspot.mode = "client" to follow one'),
        (HOTSPOT, "remove", "attic", "attic: there is no such client; there are: "
         "{client} (SIP Hotspot)"),
        (HOTSPOT, "admit", "", ": there is no such client; there are: {client} (SIP Hotspot)"),
        (HOTSPOT, "remove", "b", "b: there is no such client; there are: {client} (SIP Hotspot)"),
    ],
)  # fmt: skip
def test_what_cannot_be(pair: Pair, who: str, command: str, name: str, error: str) -> None:
    side = next(side for side in pair.sides if side.host == who)
    client = pair.row()["user"]
    turns = len([*side.log.read()])
    with pytest.raises(MembershipError) as raised:
        tell(pair, side, command, name)
    assert str(raised.value) == error.format(client=client[:8])
    assert len([*side.log.read()]) == turns


def test_there_is_nothing_to_disconnect() -> None:
    with pair_of(client=with_hotspot(FOLLOWER, address="224.0.2.9")) as pair:
        pair.wait(3)
        with pytest.raises(MembershipError, match="no hotspot is connected"):
            tell(pair, pair.client, "disconnect")
        with pytest.raises(MembershipError, match="name one of those heard: none"):
            tell(pair, pair.client, "connect", HOTSPOT)
        with pytest.raises(MembershipError, match="there is no such client; there are: none"):
            tell(pair, pair.hotspot, "remove", "4")


def test_a_service_that_nobody_can_discover() -> None:
    stage = Stage()
    with pytest.raises(MembershipError, match="this service runs without discovery"):
        membership.obey(stage.engine, {"command": "admit", "name": "x"}, stage.at)
    stage.close()


# -- A hotspot -------------------------------------------------------------------------------


def test_removed_it_is_nowhere_any_more(pair: Pair) -> None:
    client = pair.row()["user"]
    tell(pair, pair.hotspot, "remove", "4")
    house = pair.hotspot.engine.house.board
    assert rows(pair) == []
    assert client not in house.hotspot.aliases
    assert client not in house.hotspot.guests
    assert house.state(f"link:{client}").bindings == {}
    assert pair.hotspot.engine.around.directory.joined == {}
    assert pair.client.line() == Line()
    with pytest.raises(MembershipError, match="there is no such client; there are: none"):
        tell(pair, pair.hotspot, "remove", client)
    pair.restart(pair.hotspot)
    pair.restart(pair.client)
    pair.wait(300)
    assert rows(pair) == []
    assert pair.client.line() == Line()


def test_one_that_was_removed_may_come_again_when_the_hotspot_begins_anew(pair: Pair) -> None:
    tell(pair, pair.hotspot, "remove", pair.row()["user"][:8])
    pair.set(pair.hotspot, "hotspot.enabled", False)
    pair.set(pair.hotspot, "hotspot.enabled", True)
    pair.wait(6)
    assert pair.row()["state"] == "connected"
    assert pair.client.line().phase is Phase.REGISTERED


def test_one_that_was_removed_may_be_connected_by_its_user_where_anybody_may_join(
    pair: Pair,
) -> None:
    tell(pair, pair.hotspot, "remove", "4", wait=20)
    assert pair.heard()["state"] == "cleared"
    pair.wait(300)
    assert pair.client.line() == Line()
    tell(pair, pair.client, "connect", HOTSPOT, wait=1)
    assert pair.is_served()


def test_one_that_waits_is_shown_and_admitted_by_its_name(strict: Pair) -> None:
    row = strict.row()
    assert (row["state"], row["alias"], row["ip"], row["name"]) == (
        "waiting", None, CLIENT, "Kitchen",
    )  # fmt: skip
    assert strict.client.line() == Line()
    tell(strict, strict.hotspot, "admit", "Kitchen", wait=60)
    row = strict.row()
    assert (row["state"], row["alias"]) == ("connected", 4)
    assert strict.client.line().phase is Phase.REGISTERED
    strict.restart(strict.hotspot)
    strict.wait(60)
    assert strict.row() == row


def admitted(pair: Pair, name: str = "4") -> str:
    command = {"command": "admit", "name": name}
    return membership.obey(pair.hotspot.engine, command, pair.at)


def test_its_owner_is_told_when_one_that_was_admitted_joins(strict: Pair) -> None:
    assert admitted(strict, "Kitchen") == "it joins when it asks again, within half a minute"
    strict.wait(60)
    assert admitted(strict) == "it is connected already"
    tell(strict, strict.client, "disconnect", wait=6)
    assert admitted(strict) == "its user has disconnected it, and has to connect it"


def test_where_anybody_may_join_nobody_is_told_to_wait(pair: Pair) -> None:
    assert admitted(pair) == "it is connected already"
    knock(pair, b"x" * 16, "Barn")
    pair.wait(300)
    assert admitted(pair, "Barn") == "it joins when it asks again"
    pair.set(pair.hotspot, "hotspot.enabled", False)
    assert admitted(pair, "Barn") == "it joins when the hotspot is open"


def test_however_long_one_has_waited_it_comes_soon_after_it_was_admitted(strict: Pair) -> None:
    strict.wait(3600)
    assert strict.row()["state"] == "waiting"
    tell(strict, strict.hotspot, "admit", "Kitchen", wait=36)
    assert strict.is_served()


def test_one_that_was_admitted_and_removed_waits_again(strict: Pair) -> None:
    tell(strict, strict.hotspot, "admit", "Kitchen", wait=60)
    tell(strict, strict.hotspot, "remove", "4")
    assert rows(strict) == []
    assert strict.client.line() == Line()
    assert strict.heard()["state"] == "cleared"
    strict.wait(60)
    assert strict.row()["state"] == "waiting"
    assert strict.client.line() == Line()


def test_one_that_waits_can_be_removed_and_makes_room_for_another(strict: Pair) -> None:
    knock(strict, b"x" * 16, "Barn")
    assert [row["name"] for row in rows(strict)] == ["Kitchen", "Barn"]
    discovery = strict.hotspot.engine.discovery
    assert discovery is not None
    assert len(discovery.announcing.strangers) == 2
    tell(strict, strict.hotspot, "remove", "Barn")
    assert [row["name"] for row in rows(strict)] == ["Kitchen"]
    assert len(discovery.announcing.strangers) == 1
    strict.restart(strict.hotspot)
    assert [row["name"] for row in rows(strict)] == ["Kitchen"]


def test_two_of_one_name_are_told_apart_by_their_ids(strict: Pair) -> None:
    for client in (b"x" * 16, b"y" * 16):
        knock(strict, client, "Barn")
    both = ", ".join(client.hex() for client in (b"x" * 16, b"y" * 16))
    with pytest.raises(MembershipError, match=f"Barn: 2 clients fit; say its id: {both}"):
        tell(strict, strict.hotspot, "admit", "Barn")
    tell(strict, strict.hotspot, "admit", b"x".hex() * 16)
    assert strict.hotspot.engine.house.board.hotspot.admitted == {b"x".hex() * 16}


def test_an_alias_names_one_also_where_an_id_begins_like_it(pair: Pair) -> None:
    knock(pair, bytes.fromhex("5" * 32), "Fifth")
    knock(pair, bytes.fromhex("5e" * 16), "Sixth")
    assert [row["alias"] for row in rows(pair)] == [4, 5, 6]
    tell(pair, pair.hotspot, "remove", "5")
    assert [row["name"] for row in rows(pair)] == ["SIP Hotspot", "Sixth"]
