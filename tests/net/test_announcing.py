"""The hotspot's end, and both ends together over a network that is as bad as it gets."""

from typing import Any

import pytest
from msgspec.structs import replace

from adapters.net.announcing import STRANGERS_MAX
from adapters.net.beacon import (
    Beacon,
    Datagram,
    Deny,
    Dropped,
    Goodbye,
    Join,
    Leave,
    Sip,
    Solicit,
    Welcome,
    decode,
    encode,
)
from adapters.sip.surroundings import SECOND_NS
from core.events.observed import ClientRemoved
from core.machines.client_link import Phase
from tests.net.lan import BEGAN, HOTSPOT, PORT, ClientEnd, End, HotspotEnd, Lan

CLIENT = b"c" * 16
SIP = Sip("udp", "192.0.2.7", 5060)


class Alone:
    """A hotspot, and a client that is only words."""

    def __init__(self, **offer: Any) -> None:
        self.end = HotspotEnd(**offer)
        self.announcing = self.end.announcing
        self.at = BEGAN
        self.told()

    def join(self, client: bytes = CLIENT, **words: object) -> Join:
        join = Join(client, self.announcing.id, b"\1\2\3\4\5\6", "Kitchen", "T1", SIP)
        return replace(join, **words)

    def hear(self, datagram: Datagram, host: str = "192.0.2.7") -> list[Datagram]:
        data = encode(datagram, self.announcing.offer.key, self.at)
        self.announcing.receive(data, (host, PORT), 1, self.at)
        return self.told()

    def told(self) -> list[Datagram]:
        self.end.recorded()
        return [leaving.datagram for leaving in self.announcing.take_out()]

    def wait(self, seconds: float) -> list[Datagram]:
        until, said = self.at + int(seconds * SECOND_NS), list[Datagram]()
        while (due := self.announcing.next_deadline()) is not None and due <= until:
            self.at = max(self.at, due)
            self.announcing.handle_timers(self.at)
            said += self.told()
        self.at = until
        return said

    def link(self, client: bytes = CLIENT) -> Phase:
        return self.announcing.link(f"link:{client.hex()}").phase


# -- The beacon -----------------------------------------------------------------------------


def test_it_is_heard_every_five_seconds_while_it_serves() -> None:
    alone = Alone()
    beacons = alone.wait(11)
    assert all(isinstance(said, Beacon) for said in beacons)
    assert [said.seq for said in beacons if isinstance(said, Beacon)] == [0, 1, 2]
    alone.end.switch(on=False, at=alone.at)
    assert {type(said) for said in alone.wait(11)} == {Goodbye}


def test_it_answers_whoever_solicits_but_not_all_at_once() -> None:
    alone = Alone()
    alone.wait(2)
    assert len(alone.hear(Solicit(CLIENT))) == 1
    assert alone.hear(Solicit(CLIENT)) == []
    assert len(alone.wait(1)) == 1
    alone.end.switch(on=False, at=alone.at)
    alone.wait(5)
    assert alone.hear(Solicit(CLIENT)) == []


def test_it_tells_which_lines_it_shares() -> None:
    alone = Alone()
    alone.end.share("31")
    (beacon, *_) = alone.wait(5)
    assert isinstance(beacon, Beacon)
    assert [label.number for label in beacon.lines] == [1, 3]


def test_a_goodbye_is_said_three_times() -> None:
    alone = Alone()
    alone.end.switch(on=False, at=alone.at)
    goodbye = Goodbye(alone.announcing.id, 1, "deactivated")
    assert alone.told() == [goodbye]
    assert alone.wait(0.5) == [goodbye]
    assert alone.wait(5) == [goodbye]


def test_one_that_ended_before_its_goodbye_says_it_at_the_next_start() -> None:
    alone = Alone()
    alone.end.switch(on=False, at=alone.at)
    alone.end.recorded()
    alone.end.begin(alone.at)
    assert alone.end.announcing.take_out()[0].datagram == Goodbye(
        alone.announcing.id, 1, "deactivated"
    )


# -- Joining --------------------------------------------------------------------------------


def test_a_welcome_has_a_name_and_credentials_for_each_line() -> None:
    alone = Alone()
    alone.end.share("12")
    (welcome,) = alone.hear(alone.join())
    assert isinstance(welcome, Welcome)
    assert (welcome.alias, welcome.display, welcome.epoch) == (1, "Den 1", 1)
    assert [grant.user for grant in welcome.lines] == [f"{CLIENT.hex()}.1", f"{CLIENT.hex()}.2"]
    phone = alone.announcing.phones[f"{CLIENT.hex()}.2"]
    assert phone.password() == welcome.lines[1].password != welcome.lines[0].password
    assert (phone.lines, phone.client, phone.shown) == (("2",), CLIENT.hex(), "Kitchen")


def test_passwords_die_with_the_activation_and_are_nowhere_on_record() -> None:
    alone = Alone()
    (first,) = alone.hear(alone.join())
    alone.end.switch(on=False, at=alone.at)
    alone.end.switch(on=True, at=alone.at)
    alone.told()
    (second,) = alone.hear(alone.join())
    assert isinstance(first, Welcome)
    assert isinstance(second, Welcome)
    passwords = {first.lines[0].password, second.lines[0].password}
    assert len(passwords) == 2
    assert not any(password in repr(alone.end.turns) for password in passwords)


def test_with_a_key_no_password_crosses_the_wire() -> None:
    alone = Alone(join="key", key=b"k" * 32)
    (welcome,) = alone.hear(alone.join())
    assert isinstance(welcome, Welcome)
    assert [grant.password for grant in welcome.lines] == [""]
    assert alone.announcing.phones[f"{CLIENT.hex()}.1"].password()
    assert "kkkk" not in repr(alone.announcing.offer)


def test_what_is_said_again_is_answered_again_and_not_recorded() -> None:
    alone = Alone()
    answers = [alone.hear(alone.join()) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2] != []
    links = [turn for turn in alone.end.turns if turn.originator_id.startswith("link:")]
    assert len(links) == 1


def test_what_is_new_is_recorded_but_not_faster_than_people_change_things() -> None:
    alone = Alone()
    for name in ("a", "b", "c"):
        alone.hear(alone.join(name=name))
    assert len([turn for turn in alone.end.turns if "link:" in turn.originator_id]) == 1
    alone.wait(6)
    alone.hear(alone.join(name="d"))
    link = alone.announcing.link(f"link:{CLIENT.hex()}")
    assert link.client is not None
    assert link.client.name == "d"
    assert link.client.mac == "01:02:03:04:05:06"


def test_who_wants_another_number_each_time_has_one_and_no_turn_for_each() -> None:
    alone = Alone()
    alone.hear(alone.join(alias=7))
    numbers = alone.announcing.around.house.board.numbers
    before = dict(numbers)
    for alias in range(20, 40):
        (welcome,) = alone.hear(alone.join(alias=alias))
        assert isinstance(welcome, Welcome)
        assert welcome.alias == 7
    assert numbers == before
    alone.wait(6)
    assert any(
        isinstance(said, Welcome) and said.alias == 50 for said in alone.hear(alone.join(alias=50))
    )


def test_it_lives_as_long_as_it_says_so() -> None:
    alone = Alone()
    alone.hear(alone.join())
    alone.wait(59)
    alone.hear(alone.join())
    alone.wait(59)
    assert alone.link() is Phase.CONNECTED
    alone.wait(1)
    assert alone.link() is Phase.LOST
    assert alone.announcing.phones == {}


def test_a_client_leaves_from_where_it_is() -> None:
    alone = Alone()
    alone.hear(Leave(CLIENT, alone.announcing.id))
    assert alone.link() is Phase.ABSENT
    alone.hear(alone.join())
    alone.wait(5)
    alone.hear(Leave(CLIENT, alone.announcing.id), host="192.0.2.8")
    assert alone.link() is Phase.CONNECTED
    alone.hear(Leave(CLIENT, alone.announcing.id))
    assert alone.link() is Phase.LEFT
    assert alone.announcing.intake.drops == {"leave-from-elsewhere": 1}


def test_what_is_for_another_hotspot_is_passed_over() -> None:
    alone = Alone()
    assert alone.hear(alone.join(hotspot=b"x" * 16)) == []
    assert alone.hear(Leave(CLIENT, b"x" * 16)) == []
    assert alone.hear(Deny(CLIENT, alone.announcing.id, "full")) == []


def test_a_phone_of_the_configuration_is_not_taken_over() -> None:
    alone = Alone()
    alone.end.around.directory.phones[CLIENT.hex()] = None  # type: ignore[assignment]
    assert alone.hear(alone.join()) == []
    assert alone.announcing.intake.drops == {"name-of-a-phone": 1}


# -- Those who may not ------------------------------------------------------------------------


def test_a_join_in_another_version_or_unsigned_is_told_why() -> None:
    alone = Alone(join="key", key=b"k" * 32)
    unsigned = encode(alone.join(), None, alone.at)
    alone.announcing.receive(unsigned, ("192.0.2.7", PORT), 1, alone.at)
    assert alone.told() == [Deny(CLIENT, alone.announcing.id, "key")]
    forged = encode(alone.join(), b"x" * 32, alone.at)
    old = encode(alone.join(), b"k" * 32, alone.at - 31 * SECOND_NS)
    for data in (forged, old):
        alone.announcing.receive(data, ("192.0.2.7", PORT), 1, alone.at)
        assert alone.told() == [Deny(CLIENT, alone.announcing.id, "key")]
    alone.announcing.receive(b"nonsense", ("192.0.2.7", PORT), 1, alone.at)
    assert alone.told() == []


def test_who_has_proven_nothing_is_answered_without_a_proof() -> None:
    alone = Alone(join="key", key=b"k" * 32)
    alone.announcing.receive(encode(alone.join(), None, alone.at), ("192.0.2.7", PORT), 1, alone.at)
    (deny,) = alone.announcing.take_out()
    data = deny.spelled(alone.announcing.intake.key, HOTSPOT, bytes(6), alone.at)
    with pytest.raises(Dropped, match="unsigned"):
        decode(data, b"k" * 32, alone.at)
    assert decode(data, None, alone.at) == deny.datagram


def test_who_has_joined_is_denied_by_no_word_that_was_not_read() -> None:
    alone = Alone(join="key", key=b"k" * 32)
    alone.hear(alone.join())
    alone.announcing.receive(encode(alone.join(), None, alone.at), ("192.0.2.7", PORT), 1, alone.at)
    assert alone.told() == []
    assert alone.link() is Phase.CONNECTED


def test_where_clients_are_is_known_as_long_as_they_are_there() -> None:
    alone = Alone()
    known = alone.announcing.intake.limits
    assert known.known == frozenset()
    alone.hear(alone.join())
    assert known.known == {"192.0.2.7"}
    alone.wait(6)
    alone.hear(alone.join(), "192.0.2.8")
    assert known.known == {"192.0.2.8"}
    alone.end.begin(alone.at)
    assert alone.end.announcing.intake.limits.known == {"192.0.2.8"}
    alone.announcing = alone.end.announcing
    alone.wait(61)
    assert alone.announcing.intake.limits.known == frozenset()


def test_one_that_has_moved_is_heard_at_once_where_it_serves() -> None:
    alone = Alone()
    alone.wait(1)
    alone.announcing.moved(alone.at)
    assert [type(said) for said in alone.wait(0)] == [Beacon]
    alone.end.switch(on=False, at=alone.at)
    alone.wait(5)
    alone.announcing.moved(alone.at)
    assert alone.wait(5) == []


def test_one_that_its_owner_removes_is_no_stranger_either() -> None:
    alone = Alone(join="approve")
    alone.hear(alone.join())
    stream = f"link:{CLIENT.hex()}"
    assert alone.announcing.strangers == {stream}
    alone.end.see(ClientRemoved(), stream, alone.at)
    assert alone.announcing.strangers == set()
    assert alone.announcing.link(stream).denied is None
    assert alone.told() == []


def test_strangers_are_on_record_once_and_not_without_end() -> None:
    alone = Alone(join="approve")
    strangers = [n.to_bytes(16, "big") for n in range(STRANGERS_MAX + 20)]
    for _ in range(2):
        for client in strangers:
            (deny,) = alone.hear(alone.join(client))
            assert deny == Deny(client, alone.announcing.id, "approve")
            alone.wait(0.5)
    links = [turn for turn in alone.end.turns if "link:" in turn.originator_id]
    assert len(links) == STRANGERS_MAX
    alone.announcing.admit(strangers[0].hex(), admitted=True, at=alone.at)
    assert isinstance(alone.hear(alone.join(strangers[0]))[0], Welcome)
    alone.announcing.admit(strangers[0].hex(), admitted=False, at=alone.at)
    assert alone.told() == [Deny(strangers[0], alone.announcing.id, "approve")]
    alone.end.begin(alone.at)
    assert len(alone.end.announcing.strangers) == STRANGERS_MAX - 1


def test_a_full_hotspot_keeps_those_it_has() -> None:
    alone = Alone(max_clients=1)
    assert isinstance(alone.hear(alone.join())[0], Welcome)
    other = b"d" * 16
    assert alone.hear(alone.join(other)) == [Deny(other, alone.announcing.id, "full")]
    assert isinstance(alone.hear(alone.join())[0], Welcome)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80" * 5, bytes(1201), b"\xdf" + b"\xff" * 40])
def test_nonsense_raises_nothing(data: bytes) -> None:
    alone = Alone()
    alone.announcing.receive(data, ("192.0.2.7", PORT), 1, alone.at)
    assert alone.told() == []


# -- Both ends --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_on_a_bad_network_all_find_each_other_and_all_is_cleared(seed: int) -> None:
    hotspot = HotspotEnd()
    clients = [ClientEnd(f"192.0.2.{n}") for n in (11, 12, 13)]
    lan = Lan(hotspot, *clients, seed=seed)
    with lan.bad():
        lan.wait(90)
        ends: list[End] = [hotspot, *clients]
        lan.restart(lan.dice.choice(ends))
        lan.wait(90)
    lan.wait(15)
    for client in clients:
        assert client.phase(hotspot) == "CONNECTED"
        user = f"{client.seeking.id.hex()}.1"
        assert client.seeking.lines["1"].password() == hotspot.announcing.phones[user].password()
        assert client.seeking.lines["1"].account.server == f"{HOTSPOT}:5060"
    aliases = hotspot.house.board.hotspot.aliases
    assert sorted(aliases.values()) == [1, 2, 3]
    with lan.bad(loss=0.9):
        hotspot.switch(on=False, at=lan.now)
        lan.wait(70)
    for client in clients:
        assert client.phase(hotspot) in ("CLEARED", "LOST", "FOUND", "JOINING")
        assert client.house.board.state("line:1").phase.name == "UNCONFIGURED"
        assert client.seeking.lines == {}
    assert hotspot.announcing.phones == {}
    hotspot.switch(on=True, at=lan.now)
    lan.wait(70)
    assert {client.phase(hotspot) for client in clients} == {"CONNECTED"}
    assert hotspot.house.board.hotspot.aliases == aliases
