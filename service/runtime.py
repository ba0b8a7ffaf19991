"""The service at work: the composition root, and the loop around the engine.

Drain a socket, let the engine decide, record, send (``performance.md`` rule 7).  One task a
socket, one for the clock, one for the relay, one for the owner's commands, one for
checkpoints; none for a message, a call or a timer.
"""

import random
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import trio
from eventsourcing.persistence import IntegrityError

from adapters.net.beacon import Sip
from adapters.net.discovery_sockets import Heard
from adapters.net.leaving import Leaving
from adapters.net.relay import Ports, Relay
from adapters.sip.message import Flow
from adapters.sip.own_phone import LOCAL
from adapters.sip.sockets import host_and_port
from adapters.sip.surroundings import SECOND_NS
from adapters.sip.transport import Incoming, Transport
from adapters.store import sqlite
from adapters.store.errors import StoreError
from core.events.log import Log
from core.events.turn import Turn
from replay.replayer import many
from service import control, garbage, state
from service.clock import Clock
from service.config import Config
from service.engine import Engine
from service.ether import Ether
from service.phone_desk import PhoneDesk
from service.refusals import Refusals
from service.resolver import Resolver
from service.settings import worded
from service.telling import Telling

CHECKPOINT_EVERY_S = 5
GRAIN_NS = SECOND_NS // 50  # Deadlines so near to each other share a wake-up.
DISK_NOISE_S = 60


class Service:
    """One hotspot, from its first bind to its last commit."""

    def __init__(self, config: Config, folder: Path, say: Callable[[str], None]) -> None:
        self.config = config
        self.folder = folder
        self.say = say
        self.clock = Clock()
        self.transport = Transport(
            [
                f"{each.transport}:{host_and_port(each.host, each.port)}"
                for each in config.sip.listen
                if each.transport != "tls"  # Warned of when the file was read.
            ],
            self.receive,
            self.failed,
        )
        self.ether = Ether(config.hotspot, self.receive_discovery, self.complain, self.moved)
        self.refusals = Refusals()
        self.noticed = ""
        self.store_said_at = 0
        self.sleeping: trio.CancelScope | None = None
        self.wakes_at = float("inf")
        self.engine: Engine
        self.telling: Telling
        self.second_writer: IntegrityError | None = None
        self.stopping = trio.Event()
        self.changes = control.Changes()
        self.has_phone = all(phone.alias != 0 for phone in config.phones)  # Else that one is 0.
        self.desk: PhoneDesk | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serves until it is told to stop.

        Raises ``StateError``, ``StoreError`` and ``BindError``: each names the thing and the fix.
        """
        state.prepare(self.folder)
        path = state.store_path(self.folder, self.config)
        secret = state.secret_of(self.folder, path)
        with ExitStack() as opened:
            log = opened.enter_context(sqlite.writer(path, self.config.store.durability))
            ports = self.config.media.ports
            shared = Ports(ports.first, ports.last)
            relay = Relay(shared, host=self.relay_host())
            opened.callback(relay.shut)
            self.engine = self.build(log, secret, relay)
            if self.has_phone:
                self.desk = PhoneDesk(self.engine, self.clock.at, self.step, self.say, shared)
            async with trio.open_nursery() as nursery:
                await self.open(nursery, relay, log)
                task_status.started()
                await self.stopping.wait()
                self.record_the_rest()
                nursery.cancel_scope.cancel()
            self.record_the_rest()
            self.tell_of_what_is_lost()
        if self.second_writer is not None:
            raise StoreError(path, "another writer is at work on it", "stop the other service")

    def build(self, log: Log, secret: bytes, relay: Relay) -> Engine:
        engine = Engine(
            log,
            secret,
            self.config,
            self.here,
            self.local,
            random.SystemRandom().random,
            relay,
            has_phone=self.has_phone,
        )
        engine.transport_drops = self.transport.drops
        engine.around.tell_refused = self.tell_refused
        self.telling = Telling(engine.house.board)
        engine.house.beside_calls.append(self.tell)
        return engine

    async def open(self, nursery: trio.Nursery, relay: Relay, log: Log) -> None:
        """Recover before the first datagram is read, bind before the first is sent."""
        resolver = Resolver(self.engine.around.ways, self.say)
        await resolver.prime(self.servers())
        began = trio.current_time()
        await nursery.start(self.transport.run)
        listening = ", ".join(
            f"{each.transport}:{host_and_port(each.host, each.port)}"
            for each in self.transport.addresses
        )
        self.say(f"listening on {listening}")
        self.engine.discover(self.sip()).errors = self.ether.counted
        count = self.engine.start(self.clock.at(), version("siphotspot"))
        self.ether.move(self.engine.config.hotspot)
        if count:
            took = trio.current_time() - began
            self.say(f"taken up from the log: {count} turns in {took:.2f} s")
        for key, value in self.engine.differing().items():
            self.say(f"{worded(key, value)}, unlike the file: set --reset {key} undoes it")
        garbage.settle()
        await nursery.start(self.ether.run)
        self.step()
        if self.desk is not None:
            nursery.start_soon(self.desk.run)
        nursery.start_soon(self.keep_time)
        nursery.start_soon(relay.run)
        nursery.start_soon(self.keep_checkpoints, log)
        nursery.start_soon(resolver.keep, self.servers)
        await nursery.start(control.serve, self.folder, self)

    def servers(self) -> set[str]:
        directory = self.engine.around.directory
        entries = [*directory.lines.values(), *directory.own_lines.values()]
        accounts = [entry.account for entry in entries]
        return {name for each in accounts for name in (each.server, *each.proxies) if name}

    # -- Where we are --------------------------------------------------------------------------

    def here(self, flow: Flow) -> str:
        """How the peer of this flow sees us."""
        host, _, port = flow.local.rpartition(":")
        if host in ("0.0.0.0", "[::]", ""):
            host = self.transport.local_address_toward(flow.host)
            host = f"[{host}]" if ":" in host else host
        return f"{host}:{port}"

    def local(self, transport: str, host: str) -> str:
        """The first of our sockets that speaks this transport and IP version."""
        for listen in self.transport.addresses:
            if listen.transport == transport and (":" in listen.host) == (":" in host):
                return host_and_port(listen.host, listen.port)
        return ""

    def relay_host(self) -> str:
        hosts = {listen.host for listen in self.config.sip.listen}
        return hosts.pop() if len(hosts) == 1 else "0.0.0.0"

    def sip(self) -> Sip:
        """Where clients register: UDP where we speak it."""
        listening = sorted(self.transport.addresses, key=lambda each: each.transport != "udp")
        return Sip(*listening[0])

    # -- Drain, decide, record, send -------------------------------------------------------------

    def receive(self, batch: Iterable[Incoming]) -> None:
        if self.desk is not None:
            self.engine.attend(self.desk.is_attended())
        self.engine.receive(batch, self.clock.at())
        self.step()

    def failed(self, flow: Flow, reason: str) -> None:
        self.engine.failed(flow, self.clock.at())
        self.step()

    def receive_discovery(self, batch: Sequence[Heard]) -> None:
        for heard in batch:
            at = self.clock.at()
            self.engine.receive_discovery(heard.data, heard.source, heard.interface, at)
        self.step()

    def moved(self) -> None:
        self.transport.forget_routes()
        self.engine.moved(self.clock.at())
        self.step()

    def complain(self, problem: str) -> None:
        """What keeps discovery from working, or that nothing does any more."""
        if self.engine.discovery is not None:
            self.engine.discovery.problem = problem
        if problem:
            self.say(f"discovery: {problem}")
        self.changes.notify()

    def settings_changed(self) -> None:
        self.ether.move(self.engine.config.hotspot)
        if self.desk is not None:
            self.desk.settings_changed()
        self.step()

    def step(self) -> None:
        """Until nobody in this process has anything to say to another."""
        at = self.clock.at()
        try:
            self.record_and_send(at)
            while self.desk is not None and (said := self.desk.take_out()):
                self.engine.receive([(data, LOCAL) for data in said], at)
                self.record_and_send(at)
        except IntegrityError as error:
            self.second_writer = error
            self.engine.store_fails(error, at)
            self.stopping.set()
            return
        self.changes.notify()
        if self.engine.house.faults:
            self.tell_faults()
        if self.sleeping is None or self.wakes_at - at < GRAIN_NS:
            return  # It wakes and looks for itself, as late as any timer of ours may be.
        due = self.due()
        if due < self.wakes_at:
            self.wakes_at = due
            self.sleeping.deadline = self.moment(due)

    def record_and_send(self, at: int) -> None:
        send, desk = self.transport.send, self.desk
        for flow, data in self.engine.flush(at):
            if desk is not None and flow.transport == LOCAL.transport:
                desk.receive(data)
            else:
                send(flow, data)
        if leaving := self.engine.take_leaving():
            self.send_discovery(leaving, at)

    def send_discovery(self, leaving: Sequence[Leaving], at: int) -> None:
        discovery = self.engine.discovery
        assert discovery is not None
        for each in leaving:
            self.ether.send(each, discovery.intake.key, at)

    def due(self) -> float:
        """The next deadline, up to a grain late: no timer of ours is meant to the millisecond."""
        due = self.engine.next_deadline()
        return float("inf") if due is None else -(-due // GRAIN_NS) * GRAIN_NS

    def moment(self, due: float) -> float:
        """The same on trio's clock."""
        return trio.current_time() + (due - self.clock.at()) / SECOND_NS

    async def keep_time(self) -> None:
        """The one sleeper: wakes for the earliest deadline of all, however it came to be."""
        while True:
            self.wakes_at = self.due()
            with trio.CancelScope(deadline=self.moment(self.wakes_at)) as self.sleeping:
                await trio.sleep_forever()
            at = self.clock.at()
            self.engine.handle_timers(at)
            self.step()
            self.tell_of_the_store(at)
            self.notice(at)

    def notice(self, at: int) -> None:
        """A client that hears no hotspot says what it listens to."""
        discovery = self.engine.discovery
        notice = discovery.seeking.notice(at) if discovery else ""
        if notice and not self.noticed:
            self.say(notice)
        self.noticed = notice

    async def keep_checkpoints(self, log: Log) -> None:
        """In a thread with a connection of its own: the loop never waits for the disk."""
        recorder = log.recorder
        assert isinstance(recorder, sqlite.Recorder)
        while True:
            await trio.sleep(CHECKPOINT_EVERY_S)
            try:
                await trio.to_thread.run_sync(recorder.checkpoint)
            except StoreError as error:
                self.say(f"the log could not be tidied: {error}")
            garbage.search(quiet=not self.engine.exchange.calls.open)

    def record_the_rest(self) -> None:
        """What rode without a commit of its own is recorded, and leaves, before we go."""
        if self.second_writer is None and self.engine.house.unrecorded:
            self.engine.hasten()
            self.step()

    def tell_of_what_is_lost(self) -> None:
        if lost := len(self.engine.house.unrecorded):
            self.say(f"lost with the service: {many(lost, 'turn')}; {self.engine.store_failure}")

    # -- What the owner sees of it -----------------------------------------------------------------

    def tell_of_the_store(self, at: int) -> None:
        """That nothing can be recorded, once a minute; and that it can again."""
        if self.engine.store_failed_at:
            if at - self.store_said_at > DISK_NOISE_S * SECOND_NS:
                self.store_said_at = at
                self.say(f"no new calls: {self.engine.store_failure}")
        elif self.store_said_at:
            self.store_said_at = 0
            self.say("the log is written again: calls are taken")

    def tell_faults(self) -> None:
        for fault in self.engine.house.faults:
            self.say(f"fault: {fault}")
        self.engine.house.faults.clear()

    def tell_refused(self, why: str, user: str, host: str) -> None:
        if line := self.refusals.line(why, user, host, self.clock.at()):
            self.say(line)

    def tell(self, turn: Turn) -> None:
        for line in self.telling.lines(turn):
            self.say(line)


def saying(out: TextIO) -> Callable[[str], None]:
    """Says a line; one that cannot be written is lost, and nothing ends of that."""
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="backslashreplace")

    def say(line: str) -> None:
        with suppress(OSError):  # Nobody reads it any more, or its disk is full.
            print(line, file=out, flush=True)

    return say


def ending() -> list[signal.Signals]:
    """SIGHUP is one of them, but not where ``nohup`` has it ignored."""
    signals = [signal.SIGTERM, signal.SIGINT]
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return signals if is_ignored else [*signals, signal.SIGHUP]


async def serve(config: Config, folder: Path, out: TextIO = sys.stdout) -> None:
    """The service until SIGTERM or SIGINT, or until its terminal is closed."""
    service = Service(config, folder, saying(out))
    with trio.open_signal_receiver(*ending()) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.run)

            async def stop() -> None:
                async for _ in signals:
                    service.stopping.set()
                    return

            nursery.start_soon(stop)
            await service.stopping.wait()
            nursery.cancel_scope.deadline = trio.current_time() + 5
