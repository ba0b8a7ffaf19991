"""A network with a hotspot and clients on it, and a clock that only tests move.

Every end has a house of its own; bytes go from one to the other, and the network may lose
them, say them twice and bring them late and out of order, all of it by one seed.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from typing import Any

from adapters.net.announcing import Announcing, Offer
from adapters.net.beacon import Datagram, Sip, decode
from adapters.net.leaving import Leaving, Place
from adapters.net.seeking import Card, Seeking
from adapters.sip.directory import Directory, LineEntry
from adapters.sip.identifiers import Identifiers
from adapters.sip.surroundings import SECOND_NS, Surroundings
from core.events.base import Observed
from core.events.facts import Account
from core.events.observed import LineConfigured, RegistrationAccepted, SettingChanged
from core.events.turn import Turn
from core.machines import hotspot
from core.machines.house import House

PORT = 16360
BEGAN = 1_700_000_000 * SECOND_NS
MS_NS = 1_000_000
EVERYWHERE = Sip("udp", "0.0.0.0", 5060)
HOTSPOT = "192.0.2.1"


class End:
    """One service: its house, its adapter, and all that it would have recorded."""

    def __init__(self, host: str, secret: str, numbers: str = "1") -> None:
        self.host = host
        self.secret = secret
        self.numbers = numbers
        self.turns: list[Turn] = []
        self.adapter: Announcing | Seeking

    def build(self) -> Surroundings:
        self.house = House()
        self.house.remember(self.turns)
        self.around = Surroundings(
            self.house,
            Identifiers(self.secret.encode()),
            Directory(),
            str,
            lambda *_: "",
            lambda: 0.5,
        )
        return self.around

    def recorded(self) -> list[Turn]:
        assert not self.house.faults, self.house.faults
        self.turns += (new := self.house.take_unrecorded())
        return new

    def see(self, seen: Observed, stream: str, at: int) -> None:
        self.house.hear(seen, at, stream)

    def begin(self, at: int) -> None:
        raise AssertionError("each end begins in its own way")


class HotspotEnd(End):
    def __init__(self, **offer: Any) -> None:
        super().__init__(HOTSPOT, "hotspot")
        self.offer = Offer("Den", EVERYWHERE, **offer)
        self.begin(BEGAN)
        self.see(LineConfigured(account=Account(user="4212")), "line:1", BEGAN)
        self.see(RegistrationAccepted(granted_s=1_000_000), "line:1", BEGAN)
        self.switch(on=True, at=BEGAN)

    def begin(self, at: int) -> None:
        around = self.build()
        self.adapter = self.announcing = Announcing(around, self.offer)
        self.share(self.numbers)
        self.house.listeners.append(self.announcing.carry_out)
        self.announcing.start(at)

    def share(self, numbers: str) -> None:
        self.numbers = numbers
        lines = {number: LineEntry(number, Account(), str) for number in numbers}
        self.around.directory = Directory(lines=lines, joined=self.announcing.phones)
        self.announcing.guests.refresh()

    def switch(self, on: bool, at: int) -> None:
        members = self.house.board.members()
        value = "true" if on else "false"
        word = SettingChanged(key=hotspot.ENABLED, value=value, members=members)
        self.see(word, hotspot.STREAM, at)


class ClientEnd(End):
    def __init__(self, host: str, key: bytes | None = None) -> None:
        super().__init__(host, f"client {host}")
        self.key = key
        self.begin(BEGAN)

    def begin(self, at: int) -> None:
        around = self.build()
        card = Card(f"Desk {self.host}", "T1", EVERYWHERE)
        self.adapter = self.seeking = Seeking(around, card, PORT, "224.0.2.0:16360", self.key)
        self.house.listeners.append(self.seeking.carry_out)
        self.seeking.start(at)

    def phase(self, end: HotspotEnd) -> str:
        return self.seeking.uplink(end.announcing.id.hex()).phase.name


class Lan:
    """``heard`` is what was sent, read again, with who said it and to whom."""

    def __init__(self, *ends: End, seed: int = 0) -> None:
        self.ends = {end.host: end for end in ends}
        self.now = BEGAN
        self.dice = random.Random(seed)
        self.loss = self.doubling = 0.0
        self.delay_ms = (1, 1)
        self.way: list[tuple[int, int, str, bytes, Place]] = []
        self.numbers = count()
        self.heard: list[tuple[str, str, Datagram]] = []
        self.flush()

    @contextmanager
    def bad(self, loss: float = 0.3) -> Iterator[None]:
        self.loss, self.doubling, self.delay_ms = loss, 0.2, (1, 3000)
        yield
        self.loss, self.doubling, self.delay_ms = 0.0, 0.0, (1, 1)

    def flush(self) -> None:
        """What each end did is recorded, then what it has to say leaves."""
        for host, end in self.ends.items():
            end.recorded()
            for leaving in end.adapter.take_out():
                self.send(host, end, leaving)

    def send(self, host: str, end: End, leaving: Leaving) -> None:
        key = end.adapter.intake.key
        mac = host.encode()[-6:]
        data = leaving.spelled(key, host, mac, self.now)
        to = leaving.to[0] if leaving.to else "group"
        self.heard.append((host, to, decode(data, key if leaving.signed else None, self.now)))
        for each in self.ends if leaving.to is None else [to]:
            if each != host and each in self.ends:
                self.carry(each, data, (host, PORT))

    def carry(self, to: str, data: bytes, source: Place) -> None:
        copies = 2 if self.dice.random() < self.doubling else 1
        for _ in range(copies):
            if self.dice.random() >= self.loss:
                at = self.now + self.dice.randint(*self.delay_ms) * MS_NS
                heappush(self.way, (at, next(self.numbers), to, data, source))

    def wait(self, seconds: float) -> None:
        until = self.now + int(seconds * SECOND_NS)
        self.flush()
        while (due := self.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            while self.way and self.way[0][0] <= self.now:
                _, _, to, data, source = heappop(self.way)
                if to in self.ends:
                    self.ends[to].adapter.receive(data, source, 1, self.now)
            for end in self.ends.values():
                end.house.expire(self.now)
                end.adapter.handle_timers(self.now)
            self.flush()
        self.now = until

    def next_due(self) -> int | None:
        due = [end.adapter.next_deadline() for end in self.ends.values()]
        due += [end.house.timers.next_due() for end in self.ends.values()]
        due += [self.way[0][0]] if self.way else []
        return min((one for one in due if one is not None), default=None)

    def restart(self, end: End) -> None:
        end.recorded()
        end.begin(self.now)

    def said(self, host: str, kind: type[Datagram]) -> list[Datagram]:
        return [said for who, _, said in self.heard if who == host and isinstance(said, kind)]
