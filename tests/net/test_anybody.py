"""Anybody on the network may say anything at any time: nothing breaks, and promises are kept."""

import random
from collections.abc import Callable

import pytest

from adapters.net.beacon import (
    Beacon,
    Datagram,
    Deny,
    Goodbye,
    Grant,
    Join,
    Label,
    Leave,
    Sip,
    Solicit,
    Welcome,
    encode,
)
from adapters.sip.surroundings import SECOND_NS
from core.events.log import Recorded
from core.machines.line import Phase as LinePhase
from core.machines.uplink import Phase
from replay.replayer import verify
from tests.net.lan import BEGAN, PORT, ClientEnd, End, HotspotEnd

SAID_MAX = 150
HOSTS = ("192.0.2.1", "192.0.2.66", "2001:db8::1")


class Anybody:
    """Says what the codec lets through, with ids, epochs and numbers that may well be meant."""

    def __init__(self, seed: int, clients: list[bytes], hotspots: list[bytes]) -> None:
        self.dice = random.Random(seed)
        self.clients = clients
        self.hotspots = hotspots

    def says(self) -> Datagram:
        dice = self.dice
        client, hotspot = dice.choice(self.clients), dice.choice(self.hotspots)
        epoch, alias, ttl = (
            dice.choice([0, 1, 1, 1, 2, 3]),
            dice.choice([1, 2, 9999]),
            dice.choice([15, 60]),
        )
        sip = Sip(dice.choice(["udp", "tcp"]), dice.choice(HOSTS), dice.choice([5060, 65535]))
        numbers = sorted(dice.sample(range(1, 7), dice.randrange(4)))
        labels = tuple(Label(n, "x", "") for n in numbers)
        grants = tuple(Grant(n, f"u{n}", "p", "d") for n in numbers)
        name = dice.choice(["", "Kitchen", "厨房"])
        said: list[Datagram] = [
            Solicit(client),
            Beacon(hotspot, name, epoch, 1, sip, labels, ttl),
            Join(client, hotspot, bytes(6), name, "", sip, dice.choice([None, alias])),
            Welcome(client, hotspot, epoch, alias, name, grants, ttl),
            Welcome(client, hotspot, epoch, alias, name, grants, ttl),
            Deny(client, hotspot, dice.choice(["closed", "full", "key", "approve", "version"])),
            Leave(client, hotspot),
            Goodbye(hotspot, epoch, ""),
        ]
        return dice.choice(said)

    def talk_to(self, end: End, at: int) -> None:
        host = HOSTS[0] if self.dice.random() < 0.8 else self.dice.choice(HOSTS)
        data = encode(self.says(), None, at)
        if self.dice.random() < 0.1:
            data = data[: self.dice.randrange(len(data))]
        end.adapter.receive(data, (host, PORT), self.dice.randrange(3), at)
        if self.dice.random() < 0.3:
            at += 1
            end.adapter.handle_timers(at)


def live(end: End, anybody: Anybody, check: Callable[[], None]) -> None:
    at = BEGAN
    for _ in range(SAID_MAX):
        at += anybody.dice.choice([0, SECOND_NS // 10, SECOND_NS, SECOND_NS, 20 * SECOND_NS])
        anybody.talk_to(end, at)
        end.house.expire(at)
        end.adapter.handle_timers(at)
        end.recorded()
        for leaving in end.adapter.take_out():
            assert leaving.spelled(None, "192.0.2.9", bytes(6), at)
        check()
        if anybody.dice.random() < 0.03:
            end.begin(at)
    recorded = [Recorded(n, turn) for n, turn in enumerate(end.turns, start=1)]
    assert verify(recorded) is None


@pytest.mark.parametrize("seed", range(15))
def test_a_hotspot_takes_it(seed: int) -> None:
    end = HotspotEnd(max_clients=2)
    clients = [letter * 16 for letter in (b"c", b"d", b"e")]
    anybody = Anybody(seed, clients, [end.announcing.id, b"x" * 16])

    def check() -> None:
        joined = [
            stream for stream, state in end.house.board.states.items()
            if stream.startswith("link:") and state.joined
        ]  # fmt: skip
        assert {*joined} == {*end.announcing.alive}, "each that joined has its time to live"
        assert len(joined) <= 2
        users = {user.partition(".")[0] for user in end.announcing.phones}
        assert users == {stream.partition(":")[2] for stream in joined}
        aliases = end.house.board.hotspot.aliases
        assert len({*aliases.values()}) == len(aliases)
        if anybody.dice.random() < 0.03:
            end.switch(on=anybody.dice.random() < 0.7, at=BEGAN)

    live(end, anybody, check)


@pytest.mark.parametrize("seed", range(40))
def test_a_client_takes_it(seed: int) -> None:
    end = ClientEnd("192.0.2.9")
    anybody = Anybody(seed, [end.seeking.id], [b"h" * 16, b"x" * 16])

    def check() -> None:
        phases = [state.phase for _, state in end.seeking.uplinks()]
        assert sum(phase in (Phase.JOINING, Phase.CONNECTED) for phase in phases) <= 1
        lent = {lent.line for _, state in end.seeking.uplinks() for lent in state.lines}
        assert {*end.seeking.lines} == lent
        for number in "123456":
            line = end.house.board.state(f"line:{number}")
            assert (line.phase is not LinePhase.UNCONFIGURED) is (number in lent)
        if anybody.dice.random() < 0.02 and end.seeking.current:
            end.seeking.disconnect(end.around.at)
        elif anybody.dice.random() < 0.05 and end.seeking.found:
            end.seeking.connect(next(iter(end.seeking.found)), end.around.at)

    live(end, anybody, check)
