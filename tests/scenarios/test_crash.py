"""The service is killed after every turn of a scenario, and nobody can tell from what it says.

Three moments: before the turn is on record, when it is and nothing has left yet, and when
all has left.  Each time the next engine has the log and the secret and nothing else.  What
it sent by the end, repetitions left out, is byte for byte what an undisturbed run sends.
"""

from pathlib import Path

import pytest

from adapters.sip.message import Flow, Response, parse
from service.engine import RIDE_NS
from tests.scenarios.language import parse as scenario_in
from tests.scenarios.steps import Arrow, ExpectLog, GivenUp, Step
from tests.scenarios.test_wire import SCENARIOS
from tests.scenarios.wire_runner import Wired, play

MOMENTS = ("before-commit", "before-send", "after-send")
T1_MS = 500

AT_ONCE = "a start tries a line whose password was refused at once: it may have been mended"
FORGETS = "the hotspot's own phone is in the same process and knows no call after a start"
STARTED = {  # What a start changes, and why.
    "line_backs_off": AT_ONCE,
    "line_endlessly_stale": AT_ONCE,
    "line_has_a_wrong_password": AT_ONCE,
}


class Killed(Wired):
    """Its engine lives for one turn only."""

    moment = ""
    kills = 0
    is_on_stage = False

    def set_the_stage(self) -> None:
        super().set_the_stage()
        self.is_on_stage = True

    def play(self, step: Step) -> None:
        """What was decided twice is listed twice, and a transaction may be another's by now."""
        if isinstance(step, ExpectLog):
            return
        if isinstance(step, GivenUp):
            self.pass_time(64 * T1_MS)
        try:
            super().play(step)
        except AssertionError:
            if not is_of_the_wire(step):
                raise

    def leaves(self, arrow: Arrow, in_order: bool = False) -> None:
        super().leaves(arrow, in_order=False)

    def feed(self, data: bytes, flow: Flow) -> None:
        if not self.is_on_stage:
            super().feed(data, flow)
            return
        self.living.flush(self.now + RIDE_NS)  # What came before is on record.
        self.living.receive([(data, flow)], self.now)
        if self.is_killed() and (self.moment == "before-commit" or is_repeated(self, data)):
            self.living.receive([(data, flow)], self.now)
        self.flush()

    def tick(self) -> None:
        if not self.is_on_stage or not self.comes_again():
            super().tick()
            return
        self.living.flush(self.now + RIDE_NS)
        self.living.handle_timers(self.now)
        if self.is_killed():
            self.living.handle_timers(self.now)
        self.flush()

    def comes_again(self) -> bool:
        """The timers of the house are in the log; a wait of 64*T1 is not, and begins afresh."""
        due = self.living.house.timers.next_due()
        return self.moment != "before-commit" or (due is not None and due <= self.now)

    def is_killed(self) -> bool:
        """Whether there was a turn; then the engine that took it is no more."""
        if not self.living.house.unrecorded:
            return False
        self.kills += 1
        if self.moment == "before-send":
            self.living.flush(self.now)
            self.living.flush(self.now + RIDE_NS)
        elif self.moment == "after-send":
            self.flush()
            self.living.flush(self.now + RIDE_NS)
        self.begin()
        return True


def is_of_the_wire(step: Step) -> bool:
    return isinstance(step, Arrow) and step.wire and step.dst != "hotspot"


def matters(data: bytes) -> bool:
    """All but a 100 and the ACK to a refusal: only the transaction that was under way says them."""
    message = parse(data)
    if isinstance(message, Response):
        return message.code != 100
    return message.method != "ACK" or not message.via.branch.endswith(tuple("0123456789"))


def is_repeated(killed: Killed, data: bytes) -> bool:
    """Whoever hears nothing says it again; but nobody repeats a provisional or an ACK."""
    if killed.moment != "before-send":
        return False
    message = parse(data)
    if isinstance(message, Response):
        return message.method == "INVITE" and message.code >= 200
    return message.method != "ACK"


def spoken(wired: Wired) -> set[tuple[Flow, bytes]]:
    return {(flow, data) for flow, data in wired.known if matters(data)}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_killed_after_every_turn(path: Path, moment: str, tmp_path: Path) -> None:
    if why := STARTED.get(path.stem):
        pytest.skip(why)
    scenario = scenario_in(path.read_text())
    if any(given.what == "own phone" for given in scenario.givens):
        pytest.skip(FORGETS)
    calm = play(scenario, tmp_path / "calm.db")
    killed = Killed(scenario, tmp_path / "killed.db")
    killed.moment = moment
    killed.play_all()
    assert killed.kills, "nothing was ever killed"
    assert spoken(killed) == spoken(calm)
