"""The service at work, with sockets of this machine and its own clock."""

import random
import socket
from collections.abc import Iterator
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing
from msgspec.structs import replace

from adapters.sip.message import Flow
from adapters.sip.surroundings import SECOND_NS
from adapters.store import sqlite
from adapters.store.errors import StoreError
from core.events.log import Log
from core.events.observed import ServiceStarted
from service import control, status
from service.clock import Clock
from service.config import Config, Hotspot, Listen, Sip, Store
from service.engine import Engine
from service.runtime import GRAIN_NS, Service, saying
from service.state import StateError
from tests.net.neighbourhood import free_port
from tests.sip.stage import CONFIG, codes, credentials, flow_of, response, responses
from tests.sip.stage import Stage as Words

HOTSPOT = replace(
    CONFIG,
    hotspot=Hotspot(interface="lo", port=free_port()),
    lines=(),
    sip=Sip(listen=(Listen("udp", "127.0.0.1", 0),)),
)


@pytest.fixture
def words() -> Iterator[Words]:
    made = Words()
    yield made
    made.close()


class Phone:
    """A socket, and what its owner would say with it."""

    def __init__(self, words: Words, where: tuple[str, int]) -> None:
        self.words = words
        self.where = where
        self.socket = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def say(self, method: str, **more: Any) -> bytes:
        data = self.words.request(method, **more).replace(b";branch", b";rport;branch", 1)
        await self.socket.sendto(data, self.where)
        return await self.hear()

    async def hear(self) -> bytes:
        with trio.fail_after(5):
            data: bytes = await self.socket.recv(65_535)
            return data

    async def register(self, cseq: int, password: str = "pa") -> int:
        asked = response(await self.say("REGISTER", cseq=cseq, more=self.via()))
        if asked.code != 401:
            return asked.code
        proof = credentials(asked, "REGISTER", "sip:127.0.0.1", "a", password)
        more = [*self.via(), proof]
        said = await self.say("REGISTER", cseq=cseq + 1, to="<sip:a@127.0.0.1>", more=more)
        return response(said).code

    def via(self) -> list[tuple[str, str]]:
        return [("Contact", f"<sip:a@127.0.0.1:{self.socket.getsockname()[1]}>")]


class Running:
    def __init__(self, service: Service, said: list[str], words: Words) -> None:
        self.service = service
        self.said = said
        at = service.transport.addresses[0]
        self.where = (at.host, at.port)
        self.words = words

    async def phone(self) -> Phone:
        made = Phone(self.words, self.where)
        await made.socket.bind(("127.0.0.1", 0))
        return made


async def started(
    nursery: trio.Nursery, folder: Path, words: Words, config: Config = HOTSPOT
) -> Running:
    said: list[str] = []
    service = Service(config, folder, said.append)
    await nursery.start(service.run)
    return Running(service, said, words)


async def test_a_phone_registers_and_a_stranger_does_not_call(tmp_path: Path, words: Words) -> None:
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        assert any("listening on udp:127.0.0.1:" in line for line in running.said)
        phone = await running.phone()
        told = response(await phone.say("OPTIONS"))
        assert told.code == 200
        assert await phone.register(1) == 200
        assert "phone 1 a: connected" in running.said
        assert await phone.register(3, password="guessed") == 403
        assert await phone.register(5, password="guessed") == 403
        assert running.said.count("phone a from 127.0.0.1: wrong password") == 1
        assert response(await phone.say("INVITE", user="x", call_id="9")).code == 403
        await phone.socket.sendto(b"\r\n\r\n", phone.where)
        assert response(await phone.say("OPTIONS")).code == 200
        shown = status.report(running.service.engine, running.service.clock.at())
        assert shown["drops"] == {
            "wrong-password": 2, "stranger": 1, "udp-keepalive-or-too-short": 1,
        }  # fmt: skip
        phone.socket.close()
        running.service.stopping.set()


async def test_switched_off_and_on_again_a_phone_has_its_alias(
    tmp_path: Path, words: Words
) -> None:
    def set_(value: str) -> None:
        control.ask(tmp_path, {"command": "set", "settings": [f"hotspot.enabled={value}"]})

    def alias() -> int:
        rows = control.ask(tmp_path, {"command": "status"})["status"]["clients"]
        return int(next(row["alias"] for row in rows if row["user"] == "a" and row["ip"]))

    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        phone = await running.phone()
        assert await phone.register(1) == 200
        before = await trio.to_thread.run_sync(alias)
        await trio.to_thread.run_sync(set_, "false")
        assert await phone.register(3) == 403
        await trio.to_thread.run_sync(set_, "true")
        assert await phone.register(5) == 200
        assert await trio.to_thread.run_sync(alias) == before == 1
        phone.socket.close()
        running.service.stopping.set()


async def test_the_next_run_takes_up_what_this_one_recorded(tmp_path: Path, words: Words) -> None:
    for run in (1, 2):
        async with trio.open_nursery() as nursery:
            running = await started(nursery, tmp_path, words)
            if run == 1:
                phone = await running.phone()
                assert await phone.register(1) == 200
                phone.socket.close()
                control.change(running.service, ["hotspot.ring_timeout=5", "hotspot.name=家"], [])
            else:
                assert (
                    "hotspot.ring_timeout = 5, unlike the file: "
                    "set --reset hotspot.ring_timeout undoes it"
                ) in running.said
                assert any('hotspot.name = "家", unlike' in line for line in running.said)
                assert any("taken up from the log" in line for line in running.said)
                link = running.service.engine.house.board.state("link:a")
                assert link.bindings
            running.service.stopping.set()
    with sqlite.reader(tmp_path / "siphotspot.db") as log:
        seen = [type(recorded.turn.seen) for recorded in log.read()]
    assert seen.count(ServiceStarted) == 2


async def test_what_rode_leaves_before_we_go(tmp_path: Path, words: Words) -> None:
    """The ACK of a 487 rides: a phone that misses it would repeat itself for 32 seconds."""
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        phone = await running.phone()
        engine, here = running.service.engine, phone.socket.getsockname()
        transactions = engine.around.transactions
        local = running.service.transport.addresses[0]
        engine.hear(ServiceStarted(version="rides"), "hotspot", running.service.clock.at())
        transactions.send_ack(b"ACK", Flow("udp", f"{local.host}:{local.port}", *here))
        transactions.patient += 1
        running.service.step()
        assert engine.house.unrecorded
        running.service.stopping.set()
        assert await phone.hear() == b"ACK"
        phone.socket.close()


async def test_noise_is_survived(tmp_path: Path, words: Words) -> None:
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        phone = await running.phone()
        for noise in (b"", b"\0", b"\r\n\r\n", b"INVITE", b"\xff" * 900, b"SIP/2.0 200 OK\r\n\r\n"):
            await phone.socket.sendto(noise, running.where)
        answers = [await phone.say("OPTIONS")]
        while codes(answers) != [200]:
            answers = [await phone.hear()]
        assert len(responses(answers)) == 1
        phone.socket.close()
        running.service.stopping.set()


async def test_how_a_peer_sees_us(tmp_path: Path, words: Words) -> None:
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        service = running.service
        assert service.here(flow_of("a")) == "127.0.0.1:5060"
        anywhere = Flow("udp", "0.0.0.0:5061", "127.0.0.1", 5060)
        assert service.here(anywhere) == "127.0.0.1:5061"
        assert service.local("udp", "127.0.0.9") == f"127.0.0.1:{running.where[1]}"
        assert service.local("tcp", "127.0.0.9") == ""
        assert service.local("udp", "::1") == ""
        assert service.relay_host() == "127.0.0.1"
        service.stopping.set()


async def test_two_services_cannot_share_a_store(tmp_path: Path, words: Words) -> None:
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        with pytest.raises(StoreError):
            await Service(HOTSPOT, tmp_path, lambda _: None).run()
        running.service.stopping.set()


async def test_a_store_that_is_not_built_yet(tmp_path: Path) -> None:
    config = replace(HOTSPOT, store=Store(url="postgresql://somewhere"))
    with pytest.raises(StateError, match="not built yet"):
        await Service(config, tmp_path, lambda _: None).run()


async def test_what_keeps_discovery_from_working_is_said_and_shown(
    tmp_path: Path, words: Words
) -> None:
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        service, shown = running.service, []
        for problem in ("no interface is up", ""):
            service.complain(problem)
            shown.append(status.report(service.engine, service.clock.at())["notice"])
        assert shown == ["no interface is up", ""]
        assert running.said[-1] == "discovery: no interface is up"
        service.stopping.set()


async def test_on_a_machine_that_has_moved_the_way_to_each_peer_is_asked_anew(
    tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    anywhere = Sip(listen=(Listen("udp", "0.0.0.0", 0),))
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words, replace(HOTSPOT, sip=anywhere))
        service = running.service
        flow = Flow("udp", "0.0.0.0:5061", "127.0.0.1", 5060)
        assert service.here(flow) == "127.0.0.1:5061"
        monkeypatch.setattr("adapters.sip.transport.source_toward", lambda host: "127.0.0.8")
        assert service.here(flow) == "127.0.0.1:5061"
        service.moved()
        assert service.here(flow) == "127.0.0.8:5061"
        service.stopping.set()


class Deadlines:
    """An engine that has nothing else, and the clock of the test."""

    discovery = store_failed_at = None
    house = SimpleNamespace(faults=[])

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.late: list[int] = []
        self.wakes = 0

    def at(self) -> int:
        return int(trio.current_time() * SECOND_NS)

    def next_deadline(self) -> int | None:
        return min(self.waiting, default=None)

    def handle_timers(self, at: int) -> None:
        self.wakes += 1
        self.late += [at - due for due in self.waiting if due <= at]
        self.waiting = [due for due in self.waiting if due > at]

    def flush(self, _at: int) -> list[tuple[Flow, bytes]]:
        return []

    def take_leaving(self) -> list[object]:
        return []


async def test_each_deadline_is_kept_a_grain_late_at_most(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """However the next one comes to be: while the sleeper sleeps longer, or nearly as long."""
    service, engine, dice = Service(HOTSPOT, tmp_path, print), Deadlines(), random.Random(1)
    service.engine, service.clock = cast(Engine, engine), cast(Clock, engine)
    engine.waiting.append(3 * SECOND_NS)  # From before the start.
    service.step()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.keep_time)
        for _ in range(200):
            await trio.sleep(dice.choice((0.0, 0.001, 0.015, 0.1, 1.0)))
            engine.waiting.append(engine.at() + dice.choice((0, 1, 10, 21, 500, 4000)) * 1_000_000)
            service.step()
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert not engine.waiting
    assert len(engine.late) == 201
    assert max(engine.late) <= GRAIN_NS
    assert engine.wakes <= 201, "nobody wakes for nothing"


def test_what_cannot_be_said_ends_nothing() -> None:
    written = BytesIO()
    say = saying(TextIOWrapper(written, encoding="ascii"))
    say("phone 1 K\xfcche: connected")
    assert written.getvalue() == b"phone 1 K\\xfcche: connected\n"

    class Closed(StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    saying(Closed())("nobody reads this")


async def test_a_full_disk_and_that_it_has_room_again_are_said(
    tmp_path: Path, words: Words
) -> None:
    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        service, at = running.service, running.service.clock.at()
        service.engine.store_failed_at, service.engine.store_failure = at, "no space is left"
        service.tell_of_the_store(at)
        service.tell_of_the_store(at + 1)
        assert running.said[-1] == "no new calls: no space is left"
        assert running.said.count(running.said[-1]) == 1
        service.engine.store_failed_at = None
        service.tell_of_the_store(at + 2)
        service.tell_of_the_store(at + 3)
        assert running.said[-1] == "the log is written again: calls are taken"
        assert running.said.count(running.said[-1]) == 1
        service.stopping.set()


async def test_what_is_lost_with_the_service_is_said(
    tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, turns: object) -> None:
        raise StoreError("s.db", "no space is left for it", "make room on its disk")

    async with trio.open_nursery() as nursery:
        running = await started(nursery, tmp_path, words)
        running.service.record_the_rest()
        monkeypatch.setattr(Log, "append", full)
        running.service.engine.change("hotspot.ring_timeout", 9, running.service.clock.at())
        running.service.stopping.set()
    assert running.said[-1].startswith("lost with the service: 1 turn; s.db: no space is left")
