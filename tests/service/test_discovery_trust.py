"""Whom a hotspot and its client believe, and whom not (``pair``)."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from adapters.net.beacon import Beacon, Datagram, Goodbye, Join, Leave, Sip
from adapters.net.leaving import Leaving
from core.machines.line import Line
from service import membership
from service.config import Secret
from tests.service.pair import CLIENT, FOLLOWER, HOTSPOT, Pair, Side, pair_of, with_hotspot
from tests.sip.stage import CONFIG

STRANGER = "127.0.0.99"
KEY = {"join": "key", "join_key": Secret("k" * 32)}


@pytest.fixture
def pair() -> Iterator[Pair]:
    with pair_of() as pair:
        pair.wait(3)
        yield pair


def test_a_leave_and_a_goodbye_from_elsewhere_are_nothing(pair: Pair) -> None:
    client, hotspot = pair.ids()
    pair.hear(Leave(client, hotspot), STRANGER)
    pair.hear(Goodbye(hotspot, 1, "deactivated"), STRANGER)
    assert pair.is_served()
    assert pair.status(pair.hotspot)["drops"]["discovery-leave-from-elsewhere"] == 1
    assert pair.status(pair.client)["drops"]["discovery-unasked"] == 1


def test_with_a_key_they_must_be_signed_also_from_the_right_place() -> None:
    with pair_of(with_hotspot(CONFIG, **KEY), with_hotspot(FOLLOWER, **KEY)) as pair:
        pair.wait(6)
        client, hotspot = pair.ids()
        for key, why in ((None, "unsigned"), (b"x" * 32, "signature")):
            pair.hear(Leave(client, hotspot), CLIENT, key)
            pair.hear(Goodbye(hotspot, 1, "deactivated"), HOTSPOT, key)
            for side in pair.sides:
                assert pair.status(side)["drops"][f"discovery-{why}"] == 1
        assert pair.is_served()
        pair.hear(Leave(client, hotspot), CLIENT, b"k" * 32)
        assert pair.row()["state"] == "left"


def test_nobody_can_have_a_holder_of_the_key_denied_in_its_name() -> None:
    """An answer to who has proven nothing proves nothing, and a client is not thrown out by it."""
    with pair_of(with_hotspot(CONFIG, **KEY), with_hotspot(FOLLOWER, **KEY)) as pair:
        pair.wait(6)
        client, hotspot = pair.ids()
        join = Join(client, hotspot, bytes(6), "x", "x", Sip("udp", CLIENT, 5060))
        pair.hear(join, CLIENT)
        pair.hear(join, CLIENT, b"x" * 32)
        assert pair.is_served()
        pair.client.engine.change("hotspot.mode", "hotspot", pair.at)
        pair.wait(1)
        pair.client.engine.change("hotspot.mode", "client", pair.at)
        pair.hear(join, CLIENT)
        assert pair.status(pair.client)["drops"]["discovery-unsigned"] == 1
        pair.wait(6)
        assert pair.is_served()


def test_no_client_gets_the_alias_of_another(pair: Pair) -> None:
    _, hotspot = pair.ids()
    join = Join(b"x" * 16, hotspot, bytes(6), "x", "x", Sip("udp", STRANGER, 5060), 4)
    pair.hear(join, STRANGER)
    rows = pair.status(pair.hotspot)["clients"]
    assert [(row["alias"], row["name"]) for row in rows[3:]] == [(4, "SIP Hotspot"), (5, "x")]


def test_no_client_is_taken_for_a_phone_of_the_house() -> None:
    user = "c" * 32
    phone = replace(CONFIG.phones[0], user=user)
    with pair_of(replace(CONFIG, phones=(phone,))) as pair:
        pair.wait(3)
        _, hotspot = pair.ids()
        join = Join(bytes.fromhex(user), hotspot, bytes(6), "x", "x", Sip("udp", STRANGER, 5060))
        pair.hear(join, STRANGER)
        assert pair.status(pair.hotspot)["drops"]["discovery-name-of-a-phone"] == 1
        assert not pair.hotspot.engine.house.board.state(f"link:{user}").joined


def test_a_flood_of_invented_sources_costs_no_client_its_place(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes before each word that the two say to each other."""
    carry = pair.carry_discovery

    def carry_in_a_flood(side: Side, leaving: Leaving) -> None:
        for each in pair.sides:
            for n in range(1000):
                each.engine.receive_discovery(b"x", (f"invented {n}", 1), 1, pair.at)
        carry(side, leaving)

    monkeypatch.setattr(pair, "carry_discovery", carry_in_a_flood)
    pair.wait(70)
    assert pair.is_served()
    for side in pair.sides:
        assert pair.status(side)["drops"]["discovery-rate"] > 0


@pytest.mark.parametrize("said", ["beacon", "goodbye"])
def test_what_somebody_said_in_the_name_of_a_hotspot_bars_nobody_from_it_for_ever(
    pair: Pair, said: str
) -> None:
    """From its very address, of an activation that will never be."""
    _, hotspot = pair.ids()
    never = 1 << 40
    sip = Sip("udp", STRANGER, 5060)
    forged: dict[str, Datagram] = {
        "beacon": Beacon(hotspot, "Den", never, 1, sip, (), 60),
        "goodbye": Goodbye(hotspot, never, "deactivated"),
    }
    pair.hear(forged[said], HOTSPOT)
    pair.wait(300)
    assert pair.client.line() == Line()
    pair.restart(pair.client)
    pair.wait(30)
    assert (pair.heard()["ip"], pair.heard()["state"]) in (
        (HOTSPOT, "cleared"), (HOTSPOT, "joining"), (HOTSPOT, "found"),
    )  # fmt: skip
    membership.obey(pair.client.engine, {"command": "connect", "name": HOTSPOT}, pair.at)
    pair.wait(1)
    assert pair.is_served()
    assert pair.client.line().account.server == f"{HOTSPOT}:5060"
    pair.wait(300)
    pair.restart(pair.client)
    pair.wait(300)
    assert pair.is_served()
