"""Plays a scenario against the bare machines: no bytes, no sockets, a clock of its own.

An arrow into the hotspot becomes an observation, an order becomes an arrow out of it.
Every turn goes through the real recorder, and the house is photographed after each, so
that ``replay_runner`` can ask the record whether it was so.
"""

from pathlib import Path
from typing import Any

from adapters.store import sqlite
from core.events.base import Decided, Observed, Order
from core.events.log import Log
from core.events.observed import (
    ClientListed,
    ClientRemoved,
    ClientUnlisted,
    LegUnreachable,
    LineConfigured,
    LinesCounted,
    LineSwitchedOff,
    LineSwitchedOn,
    LineWithdrawn,
    RegistrarUnreachable,
    RegistrationAccepted,
    RequestUnanswered,
    ServiceStarted,
    SettingChanged,
    SettingPostponed,
)
from core.events.orders import StartTimer, StopTimer
from core.machines import hotspot, own
from core.machines.house import House
from core.machines.timers import SECOND_NS
from tests.scenarios import joiners, steps
from tests.scenarios.expectations import Expectations
from tests.scenarios.parties import CHALLENGES, Cast
from tests.scenarios.steps import Arrow, Given, Scenario, Step, fits, how_often

MS_NS = 1_000_000
DAWN = 1_700_000_000 * SECOND_NS  # Any time will do; never that of the day.
LINES = ("registrar", "backup")

OWNER: dict[str, Observed] = {
    "switches the line off": LineSwitchedOff(),
    "switches the line on": LineSwitchedOn(),
    "withdraws the line": LineWithdrawn(),
}


class Photograph:
    """The house as it lived, after so many turns."""

    def __init__(self, turns: int, house: House) -> None:
        self.turns = turns
        self.states = dict(house.board.states)
        self.numbers = dict(house.board.numbers)
        self.timers = dict(house.timers.running)
        self.since = dict(house.since)


class Played(Expectations):
    """One scenario under way: the house, its log, and what it still owes."""

    def __init__(self, scenario: Scenario, store: Path) -> None:
        self.scenario = scenario
        self.settings = sqlite.settings(str(store))
        self.log = Log(self.settings)
        self.house: House | None = House()
        self.cast = Cast()
        self.now = DAWN
        self.turns = 0
        self.album: list[Photograph] = []
        self.outbox: list[Arrow] = []
        self.decided: list[str] = []
        self.ladder: list[str] = []

    @property
    def living(self) -> House:
        assert self.house is not None, "the service is stopped"
        return self.house

    def state(self, stream: str) -> Any:
        return self.living.board.state(stream)

    # -- The givens --------------------------------------------------------------------------

    def set_the_stage(self) -> None:
        for given in self.scenario.givens:
            self.give(given)
        self.count_lines(len(self.cast.lines))
        self.outbox.clear()
        self.decided.clear()
        self.ladder.clear()

    def give(self, given: Given) -> None:
        match given.what, given.state:
            case "hotspot", state:
                self.see(self.setting(state == "active", who="file"), hotspot.STREAM)
            case "line", "registered":
                line = self.cast.line(given.names[0])
                self.see(LineConfigured(account=self.cast.account(line)), line)
                self.see(RegistrationAccepted(granted_s=1_000_000), line)
            case "line", "backup proxy":
                self.cast.proxies = LINES
            case "phone", "wants missed calls":
                self.cast.untold.add(given.names[0])
            case "phone", "not to ring":
                self.cast.quiet.add(given.names[0])
            case "phone", state:
                for phone in given.names:
                    self.see(ClientListed(client=phone), hotspot.STREAM)
                    self.sign_on(phone)
                    if "two" in state:
                        self.sign_on(f"{phone}.2")
            case "own phone", _:
                self.cast.has_own = True
            case "ring time", seconds:
                self.cast.ring_s = int(seconds)
            case "ring", mode:
                self.cast.ring, self.cast.step_s = mode, int(given.names[0])
            case "nobody", _:
                self.cast.attended = False

    def count_lines(self, count: int) -> None:
        if bool(count) is not self.living.board.hotspot.has_account:
            self.see(LinesCounted(count=count), hotspot.STREAM)

    def sign_on(self, device: str) -> None:
        arrow = Arrow(line=0, text="", src=device, dst="hotspot", method="REGISTER")
        self.see(self.cast.register(arrow), f"link:{device[0]}")

    def postponed(self, enabled: bool) -> SettingPostponed:
        return SettingPostponed(key=hotspot.ENABLED, value="true" if enabled else "false")

    def setting(self, enabled: bool, who: str = "owner") -> SettingChanged:
        members = self.living.board.members()
        value = "true" if enabled else "false"
        return SettingChanged(key=hotspot.ENABLED, value=value, who=who, members=members)

    # -- The house at work -------------------------------------------------------------------

    def see(self, seen: Observed, stream: str) -> None:
        self.living.hear(seen, self.now, stream)
        self.record()

    def record(self) -> None:
        house = self.living
        assert not house.faults, house.faults
        turns = house.take_unrecorded()
        self.log.append(turns)
        self.turns += len(turns)
        self.album.append(Photograph(self.turns, house))
        for turn in turns:
            for event in turn.did:
                if isinstance(event, Decided):
                    self.decided.append(type(event).__name__)
                    self.ladder.append(f"          * {turn.originator_id} {event}")
                elif isinstance(event, Order) and not isinstance(event, StartTimer | StopTimer):
                    self.outbox += self.as_arrows(turn.originator_id, event)
            for stream, seen in joiners.joined(self.cast, turn, house):
                self.see(seen, stream)

    def as_arrows(self, stream: str, order: Order) -> list[Arrow]:
        return self.cast.as_arrows(stream, order, self.state(stream))

    def pass_time(self, ms: int) -> None:
        """Let every timer expire that is due by then, the earliest first."""
        until = self.now + ms * MS_NS
        while self.house and (due := self.next_due()) is not None and due <= until:
            self.now = max(due, self.now)
            self.expire()
        self.now = until

    def next_due(self) -> int | None:
        return self.living.timers.next_due()

    def expire(self) -> None:
        for stream, seen in self.living.timers.expired(self.now):
            self.tell(f". {type(seen).__name__} at {stream}")
            self.see(seen, stream)

    def tell(self, what: str) -> None:
        self.ladder.append(f"{(self.now - DAWN) / SECOND_NS:8.1f}  {what}")

    # -- Its steps ---------------------------------------------------------------------------

    def play(self, step: Step) -> None:
        match step:
            case Arrow(wire=True):
                return
            case Arrow(is_played=True):
                self.settled()
                self.arrives(step)
            case Arrow():
                self.leaves(step)
            case steps.Together(arrows=arrows):
                self.leave_in_any_order([arrow for arrow in arrows if not arrow.wire])
            case steps.After(ms=ms):
                self.settled()
                self.pass_time(ms)
            case steps.Operator(does=does, about=about):
                self.settled()
                self.operate(does, about)
            case steps.Service(does=does):
                self.settled()
                self.serve(does)
            case steps.Unreachable(party=party) | steps.GivenUp(party=party):
                self.settled()
                self.tell(step.text)
                self.is_gone(party, getattr(step, "method", "INVITE"))
            case _:
                self.settled()
                self.expect(step)

    def arrives(self, arrow: Arrow) -> None:
        self.tell(f"{arrow} {arrow.fate}")
        if arrow.method == "BYE" and arrow.code not in (0, *CHALLENGES):
            return  # Nobody waits for it.
        if times := how_often(arrow):
            stream, seen = joiners.pick_up(self.cast, arrow, self.living) or self.cast.observe(
                arrow, self.living
            )
            for _ in range(times):
                self.see(seen, stream)

    def leaves(self, arrow: Arrow) -> None:
        fits_first = bool(self.outbox) and fits(arrow, self.outbox[0])
        if not fits_first and arrow.maybe:
            return
        assert fits_first, f"ordered {self.orders()}"
        self.tell(str(self.outbox.pop(0)))

    def leave_in_any_order(self, arrows: list[Arrow]) -> None:
        for arrow in arrows:
            match = next((sent for sent in self.outbox if fits(arrow, sent)), None)
            if match is None:
                assert arrow.maybe, f"{arrow.text!r} is not among what was ordered: {self.orders()}"
            else:
                self.outbox.remove(match)
                self.tell(str(match))

    def operate(self, does: str, about: str) -> None:
        self.tell(f"operator {does} {about}")
        match does:
            case "activates the hotspot" | "deactivates the hotspot" if about:
                self.see(self.postponed(does.startswith("activates")), hotspot.STREAM)
            case "activates the hotspot" | "deactivates the hotspot":
                self.see(self.setting(does.startswith("activates")), hotspot.STREAM)
            case "configures the line":
                self.count_lines(1)
                stream = self.cast.line("7001")
                self.see(LineConfigured(account=self.cast.account(stream)), stream)
            case "removes":
                self.see(ClientRemoved(), f"link:{about}")
                self.see(ClientUnlisted(client=about), hotspot.STREAM)
            case "takes in":
                self.see(ClientListed(client=about), hotspot.STREAM)
            case _ if does.startswith("gives alias"):
                alias = int(does.split()[2])
                self.see(ClientListed(client=about, alias=alias), hotspot.STREAM)
            case _:
                if does == "withdraws the line":
                    self.count_lines(0)
                self.see(OWNER[does], self.cast.line())

    def serve(self, does: str) -> None:
        """Killed and started: the next house is made of nothing but the record."""
        self.tell(f"the service {does}")
        if does in ("stops", "restarts"):
            self.house = None
        if does in ("starts", "restarts"):
            self.house = House()
            self.house.remember(turn for _, turn in self.log.read())
            before, after = self.album[-1], Photograph(self.turns, self.house)
            assert vars(after) == vars(before), "the house has come back as another"
            for stage in self.cast.stages:
                for seen in own.forgotten(self.state(stage.stream)):
                    self.see(seen, stage.stream)
            for word in self.living.board.hotspot.postponed.values():
                self.see(self.setting(word.value == "true"), hotspot.STREAM)
            self.see(ServiceStarted(version="0"), hotspot.STREAM)
            self.pass_time(0)

    def is_gone(self, party: str, method: str) -> None:
        if party in LINES:
            self.see(RegistrarUnreachable(), self.cast.line())
        elif method == "INVITE":
            stage = self.cast.stage_of(party)
            self.see(LegUnreachable(leg=stage.role_of(party, rung=True)), stage.stream)
        else:
            stage = self.cast.stage_of(party)
            asked = stage.asked_of(party, method)
            asked.code = 408
            self.see(RequestUnanswered(by=asked.by, number=asked.number), stage.stream)

    # -- What is expected ----------------------------------------------------------------------

    def call_stream(self, number: int = 0) -> str:
        return self.cast.stage(number).stream

    def line_stream(self, user: str) -> str:
        return self.cast.line(user)

    def parties(self, number: int = 0) -> dict[str, str]:
        return self.cast.stage(number).legs

    def device_at(self, contact: str) -> str:
        return self.cast.devices[contact]

    def check_record(self) -> None:
        from tests.scenarios.replay_runner import check_record

        check_record(self)

    def orders(self) -> str:
        return "; ".join(str(arrow).strip() for arrow in self.outbox) or "nothing"

    def settled(self) -> None:
        assert not self.outbox, f"nobody expected {self.orders()}"


def play(scenario: Scenario, store: Path, kind: type[Played] = Played) -> Played:
    """Play it to its end, or fail with the ladder so far and the line that was not so."""
    played = kind(scenario, store)
    step = Step(line=0, text="the givens")
    try:
        played.set_the_stage()
        for step in scenario.steps:
            played.play(step)
        step = Step(line=step.line + 1, text="the end")
        played.settled()
    except AssertionError as why:
        story = [*played.ladder, f"line {step.line}: {step.text}", f"    {why}"]
        raise AssertionError("\n".join(story)) from None
    finally:
        played.log.close()
    return played
