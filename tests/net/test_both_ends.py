"""A hotspot and a client, each of them the whole service, and nothing but bytes between them."""

from collections.abc import Iterator

import pytest

from adapters.net.beacon import Sip
from adapters.sip.message import Flow
from adapters.sip.surroundings import SECOND_NS
from adapters.store import sqlite
from core.events.log import Log
from core.machines.line import Line, Phase
from service.config import Config, Hotspot, Media
from service.engine import Engine
from tests.sip.stage import BEGAN, CONFIG

HOTSPOT, CLIENT = "127.0.0.1", "127.0.0.21"
PORT = 16360


class Device:
    def __init__(self, host: str, config: Config) -> None:
        self.host = host
        self.config = config
        self.log = Log(sqlite.settings())

    def begin(self, at: int) -> None:
        here = f"{self.host}:5060"
        secret = self.host.encode().ljust(32)
        self.engine = Engine(
            self.log, secret, self.config, lambda _: here, lambda *_: here, lambda: 0.5
        )
        self.engine.loud = True
        self.engine.around.ways["127.0.0.2"] = (("127.0.0.2", 5060),)
        self.engine.discover(Sip("udp", self.host, 5060))
        self.engine.start(at)

    def line(self) -> Line:
        line: Line = self.engine.house.board.state("line:1")
        return line


class Two:
    """The clock and the wire of both; the server of the account is never reached."""

    def __init__(self) -> None:
        hotspot = Device(HOTSPOT, CONFIG)
        client = Device(CLIENT, Config(hotspot=Hotspot(mode="client"), media=Media(mode="direct")))
        self.devices = {HOTSPOT: hotspot, CLIENT: client}
        self.hotspot, self.client = hotspot, client
        self.at = BEGAN
        hotspot.begin(self.at)
        client.begin(self.at)

    def wait(self, seconds: float) -> None:
        until = self.at + int(seconds * SECOND_NS)
        while True:
            while self.pass_on():
                pass
            due = [each.engine.next_deadline() for each in self.devices.values()]
            known = [each for each in due if each is not None and each <= until]
            if not known:
                break
            self.at = max(self.at, min(known))
            for device in self.devices.values():
                device.engine.handle_timers(self.at)
        self.at = until

    def pass_on(self) -> bool:
        """Whatever leaves arrives at once."""
        has_passed = False
        for host, device in self.devices.items():
            engine = device.engine
            for flow, data in engine.flush(self.at):
                has_passed = True
                if other := self.devices.get(flow.host):
                    source = Flow("udp", f"{flow.host}:5060", host, 5060)
                    other.engine.receive([(data, source)], self.at)
            for leaving in engine.take_leaving():
                has_passed = True
                data = leaving.spelled(None, host, bytes(6), self.at)
                for other_host, other in self.devices.items():
                    if other_host != host and (leaving.to is None or leaving.to[0] == other_host):
                        other.engine.receive_discovery(data, (host, PORT), 1, self.at)
        return has_passed


@pytest.fixture
def two() -> Iterator[Two]:
    two = Two()
    yield two
    for device in two.devices.values():
        device.log.close()


def bound(two: Two) -> list[str]:
    states = two.hotspot.engine.house.board.states.items()
    return [
        each.contact
        for stream, link in states
        if stream.startswith("link:")
        for each in link.bindings.values()
    ]


def test_the_client_registers_what_it_is_lent_and_all_is_cleared(two: Two) -> None:
    """S15, S16, S19."""
    two.wait(3)
    line = two.client.line()
    assert line.phase is Phase.REGISTERED
    assert (line.account.server, line.account.display_name) == (f"{HOTSPOT}:5060", "SIP Hotspot 4")
    (contact,) = bound(two)
    assert contact.endswith(f".1@{CLIENT}:5060")
    two.wait(3600)
    assert two.client.line().phase is Phase.REGISTERED
    assert len(bound(two)) == 1
    two.hotspot.engine.change("hotspot.enabled", False, two.at)
    two.wait(1)
    assert two.client.line() == Line()
    assert bound(two) == []
    two.hotspot.engine.change("hotspot.enabled", True, two.at)
    two.wait(10)
    assert two.client.line().phase is Phase.REGISTERED
    assert len(bound(two)) == 1


@pytest.mark.parametrize("who", [HOTSPOT, CLIENT])
def test_a_restart_of_either_side_changes_nothing(two: Two, who: str) -> None:
    two.wait(3)
    before = bound(two)
    two.devices[who].begin(two.at)
    two.wait(3600)
    assert two.client.line().phase is Phase.REGISTERED
    assert bound(two) == before
