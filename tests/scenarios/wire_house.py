"""The service of a scenario: its engine, its clock, its owner, and what the house came to.

A real log and real turns; only sockets and time are imagined.  Who speaks with it over the
wire is the business of ``wire_runner``.
"""

from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from adapters.sip.dial_plan import is_outside
from adapters.sip.message import Flow, Request, Response, parse
from adapters.sip.surroundings import SECOND_NS
from adapters.store import sqlite
from core.events.base import Decided
from core.events.log import Log
from core.events.observed import LineConfigured
from core.events.turn import Turn
from core.machines.call import Phase
from replay.replayer import verify
from service import configuring
from service.config import Config, HostPort, Hotspot, Line, Media, Phone, Secret
from service.directory import account_of
from service.engine import RIDE_NS, Engine
from service.sections import Ring
from tests.scenarios import steps
from tests.scenarios.bare_runner import DAWN, MS_NS
from tests.scenarios.expectations import Expectations
from tests.scenarios.steps import Scenario, arrows_of
from tests.scenarios.wire_parties import (
    HERE,
    HOSTS,
    party_at,
)

SECRET = b"a secret of thirty-two octets...."
GRANTED_S = 1_000_000
NONCE_KEPT_NS = 200 * SECOND_NS
JUST_AFTER_MS = 1


def line_config(scenario: Scenario, user: str, number: int) -> Line:
    backup = any(given.state == "backup proxy" for given in scenario.givens)
    return Line(
        number=number,
        server=HostPort(HOSTS["registrar"]),
        user=user,
        password=Secret("secret"),
        backup_proxy=HostPort(HOSTS["backup"]) if backup else None,
    )


def config_of(scenario: Scenario) -> Config:
    """The house as the givens describe it; who takes in a phone later does so later."""
    house, lines = Hotspot(enabled=False), list[Line]()
    untold, quiet = set[str](), set[str]()
    may_transfer = any(given.what == "transfer" for given in scenario.givens)
    for given in scenario.givens:
        match given.what, given.state:
            case "hotspot", state:
                house = replace(house, enabled=state == "active")
            case "line", "registered":
                lines.append(line_config(scenario, given.names[0], len(lines) + 1))
            case "phone", "wants missed calls":
                untold.add(given.names[0])
            case "phone", "not to ring":
                quiet.add(given.names[0])
            case "ring time", seconds:
                house = replace(house, ring_timeout=int(seconds))
            case "ring", mode:
                house = replace(house, ring=cast(Ring, mode), ring_step=int(given.names[0]))
    house = replace(house, client_transfer=may_transfer)
    later = {step.about for step in scenario.steps if isinstance(step, steps.Operator)}
    named = {arrow.src[0] for arrow in arrows_of(scenario.steps) if arrow.src[0].isupper()}
    users = [*scenario.phones(), *sorted(named - later - {*scenario.phones()})]
    phones = tuple(phone_config(user, user in untold, user in quiet) for user in users)
    return Config(hotspot=house, media=Media(mode="direct"), lines=tuple(lines), phones=phones)


def phone_config(
    user: str, untold: bool = False, quiet: bool = False, alias: int | None = None
) -> Phone:
    return Phone(
        user=user,
        password=Secret(f"p{user}"),
        alias=alias,
        log_answered_elsewhere=untold,
        quiet=quiet,
    )


class WireHouse(Expectations):
    """``reaches`` is given every message that leaves, the repetitions left out."""

    def __init__(self, scenario: Scenario, store: Path) -> None:
        self.scenario = scenario
        self.log = Log(sqlite.settings(str(store)))
        self.config = config_of(scenario)
        self.now = DAWN
        self.engine: Engine | None = None
        self.left: list[tuple[Flow, bytes]] = []  # All that ever left, each message once.
        self.known: set[tuple[Flow, bytes]] = set()
        self.decided: list[str] = []
        self.ladder: list[str] = []
        self.calls: list[Request] = []  # The INVITE that began each of them.

    def reaches(self, flow: Flow, message: Request | Response) -> None:
        raise AssertionError(f"nobody is there to hear {message}")

    def is_repeated(self, data: bytes) -> None:
        """What left before leaves again."""

    @property
    def living(self) -> Engine:
        assert self.engine is not None, "the service is stopped"
        return self.engine

    # -- The service -------------------------------------------------------------------------

    def begin(self) -> None:
        has_phone = any(given.what == "own phone" for given in self.scenario.givens)
        engine = Engine(
            self.log,
            SECRET,
            self.config,
            lambda _: HERE,
            lambda *_: HERE,
            lambda: 0.0,
            has_phone=has_phone,
        )
        engine.loud = True
        engine.attend(not any(given.what == "nobody" for given in self.scenario.givens))
        engine.house.listeners.append(self.note)
        for host in HOSTS.values():
            engine.around.ways[host] = ((host, 5060),)
        self.engine = engine
        engine.start(self.now)
        self.flush()

    def note(self, turn: Turn) -> None:
        for event in turn.did:
            if isinstance(event, Decided):
                self.decided.append(type(event).__name__)
                self.ladder.append(f"          * {turn.originator_id} {event}")

    def flush(self, waited: int = 0) -> None:
        """What may leave, after so many nanoseconds in which the turns have waited for company."""
        for flow, data in self.living.flush(self.now + waited):
            if (flow, data) in self.known:
                self.is_repeated(data)
                continue
            self.known.add((flow, data))
            self.left.append((flow, data))
            self.reaches(flow, parse(data))

    def feed(self, data: bytes, flow: Flow) -> None:
        self.living.receive([(data, flow)], self.now)
        self.flush()

    def pass_time(self, ms: int) -> None:
        until = self.now + ms * MS_NS
        while self.engine and (due := self.engine.next_deadline()) is not None and due <= until:
            self.now = max(due, self.now)
            self.tick()
        self.now = until

    def tick(self) -> None:
        self.living.handle_timers(self.now)
        self.flush()

    def tell(self, what: str) -> None:
        self.ladder.append(f"{(self.now - DAWN) / SECOND_NS:8.1f}  {what}")

    # -- The owner ---------------------------------------------------------------------------

    def serve(self, does: str) -> None:
        self.tell(f"the service {does}")
        if does in ("stops", "restarts"):
            self.living.flush(self.now + RIDE_NS)
            self.engine = None
        if does in ("starts", "restarts"):
            self.begin()
            self.pass_time(0)

    def operate(self, does: str, about: str) -> None:
        engine, board = self.living, self.living.house.board
        match does:
            case "activates the hotspot" | "deactivates the hotspot":
                engine.change("hotspot.apply", "restart" if about else "live", self.now)
                engine.change("hotspot.enabled", does.startswith("activates"), self.now)
            case "switches the line off" | "switches the line on":
                engine.change("line.1.enabled", does.endswith("on"), self.now)
            case "configures the line":
                line = line_config(self.scenario, "7001", 1)
                self.write((line,), self.config.phones)
                engine.hear_all(configuring.line_count(self.config, board), self.now)
                engine.hear(LineConfigured(account=account_of(line)), "line:1", self.now)
            case "withdraws the line":
                self.write((), self.config.phones)
                engine.hear_all(configuring.lines_in(self.config, board), self.now)
            case _:
                phones = tuple(one for one in self.config.phones if one.user != about)
                if does == "takes in":
                    phones += (phone_config(about),)
                elif does.startswith("gives alias"):
                    phones += (phone_config(about, alias=int(does.split()[2])),)
                self.write(self.config.lines, phones)
                engine.hear_all(configuring.clients_in(self.config, board), self.now)

    def write(self, lines: tuple[Line, ...], phones: tuple[Phone, ...]) -> None:
        """The file as it is from now on."""
        file = self.config
        self.config = Config(hotspot=file.hotspot, media=file.media, lines=lines, phones=phones)
        self.living.file = self.config
        self.living.apply_settings()

    # -- What is expected ----------------------------------------------------------------------

    def state(self, stream: str) -> Any:
        return self.living.house.board.state(stream)

    def call_stream(self, number: int = 0) -> str:
        return self.living.exchange.calls.stream_of(self.calls[number - 1])

    def rings(self) -> bool:
        """Whether there is a call to be picked up; that is not another call."""
        return any(
            self.state(self.call_stream(n)).phase is Phase.RINGING
            for n in range(1, len(self.calls) + 1)
        )

    def line_stream(self, user: str) -> str:
        users = [line.user for line in self.config.lines]
        return f"line:{users.index(user) + 1 if user in users else 1}"

    def parties(self, number: int = 0) -> dict[str, str]:
        targets = self.living.exchange.calls.open[self.call_stream(number)].targets
        return {
            leg: "server" if is_outside(leg) else party_in(target.uri)
            for leg, target in targets.items()
        }

    def device_at(self, contact: str) -> str:
        return party_in(contact)

    def check_record(self) -> None:
        self.living.flush(self.now + RIDE_NS)
        divergence = verify([*self.log.read()])
        assert divergence is None, divergence


def party_in(uri: str) -> str:
    return party_at(uri.partition("@")[2].partition(":")[0])
