"""A seeded house on the wire: the whole service, and nothing but bytes around it.

``python -m tests.simulation.wire_house SEED`` plays that one and prints all that was said;
``python -m tests.simulation.wire_house 0 2000`` plays so many.  What must hold in each,
once everybody has hung up, is said in ``wire_promises``.

Phones, the server of the line and the hotspot's own phone call each other, refer each other,
with and without Replaces, pick up, ask, hold and hang up; they come and go while the owner
switches the hotspot off and on.  The network loses and doubles what is said and brings it
out of order; an address becomes unreachable; the service is killed and rebuilt.
"""

import random
import sys
import time

from msgspec.structs import replace

from adapters.net.relay import Counts
from adapters.sip.message import parse
from adapters.sip.own_phone import OWN
from service.config import Hotspot
from service.sections import Ring
from tests.scenarios.wire_parties import cancel_of
from tests.simulation.wire_dialogs import (
    FLOWS,
    OUTSIDE,
    PARTIES,
    Dialog,
    Phase,
    asked_in,
    inviting,
    refer_to,
)
from tests.simulation.wire_people import People
from tests.simulation.wire_promises import check
from tests.sip.messages import OFFER
from tests.sip.stage import CONFIG, PHONES, SERVER, FakeRelay, Stage, flow_of

RINGS: list[Ring] = ["all", "all", "hotspot-first", "in-turn"]
CALLERS = [OUTSIDE, OUTSIDE, *PHONES]
DIALLED = ["1", "2", "3", "030555", "*8", "*8", "77", OWN]
REFERRED = ["1", "2", "3", "030666", "4", OWN]
ACCOUNT = "sip:4212@127.0.0.1"
ROUNDS = 30
CALLS_MAX = 5
UNASKED_MAX = 150
RESTARTS_MAX = 12
"""Each restart repeats whatever is open.  Were there no end to restarts and deeds while that
is delivered, a house with more than a few dozen open transactions would never be done."""
MESSAGES_MAX = 3000  # From one deed to the next rest: whoever needs more talks in a circle.


class LentPorts(FakeRelay):
    """A relay that knows which calls have ports of it."""

    def __init__(self) -> None:
        super().__init__(600)
        self.lent: set[str] = set()

    def open(self, call: str, streams: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ports = super().open(call, streams)
        self.lent.add(call)
        return ports

    def close(self, call: str) -> Counts:
        self.lent.discard(call)
        return super().close(call)


class WireHouse:
    def __init__(self, seed: int) -> None:
        self.dice = dice = random.Random(seed)
        hotspot = Hotspot(ring_timeout=20, client_transfer=True, ring=dice.choice(RINGS))
        self.stage = Stage(replace(CONFIG, hotspot=hotspot), has_phone=dice.random() < 0.6)
        self.relay = LentPorts()
        if dice.random() < 0.4:
            self.stage.give_relay(self.relay)
        self.loss = dice.choice([0, 0, 0.1])
        self.people = People(dice, self)
        self.trace: list[tuple[str, str, bytes]] = []
        self.waiting: list[tuple[str, bytes]] = []  # On its way to a party.
        self.is_calm = False  # Nobody begins anything, and the network is a good one.
        self.calls = self.unasked = self.restarts = 0
        self.registered = 10  # The latest CSeq of a phone's REGISTER.
        self.stage.register_line()
        self.stage.register()
        self.seen = len(self.stage.left)

    # -- The network -----------------------------------------------------------------------

    def say(self, party: str, data: bytes) -> None:
        """To the hotspot; what it has to say to that is on its way then."""
        is_repeated = data.startswith(b"BYE")  # Nobody here repeats anything: it must arrive.
        if not is_repeated and self.is_lost():
            return
        for _ in range(1 if self.is_calm or self.dice.random() >= 0.1 else 2):
            self.trace.append((party, "->", data))
            self.stage.feed(data, FLOWS[party])
            self.collect()

    def is_lost(self) -> bool:
        return not self.is_calm and self.dice.random() < self.loss

    def collect(self) -> None:
        new = self.stage.left[self.seen :]
        self.seen += len(new)
        for flow, data in new:
            party = PARTIES.get(flow, "")
            self.trace.append((party or str(flow), "<-", data))
            if party and not self.is_lost():
                self.waiting.append((party, data))

    def deliver(self) -> None:
        """All that is on its way, and what comes of it; meanwhile other things happen."""
        for _ in range(MESSAGES_MAX):
            if not self.waiting:
                return
            is_late = self.dice.random() < 0.3
            at = self.dice.randrange(len(self.waiting)) if is_late else 0
            party, data = self.waiting.pop(at)
            self.people.hear(party, parse(data))
            if not self.is_calm:
                self.be_disturbed()
        raise AssertionError("there is no end of talking")

    def be_disturbed(self) -> None:
        if self.unasked < UNASKED_MAX and self.dice.random() < 0.2:
            self.unasked += 1
            self.do_something()
        if self.restarts < RESTARTS_MAX and self.dice.random() < 0.03:
            self.restarts += 1
            self.restart()

    def restart(self) -> None:
        """The own phone lives in the same process, and forgets its calls with it."""
        self.trace.append(("hotspot", "restarts", b""))
        self.relay.lent.clear()
        self.stage.restart(at_once=self.dice.random() < 0.3)
        known = self.people.dialogs
        self.people.dialogs = {key: one for key, one in known.items() if one.party != OWN}
        self.waiting = [each for each in self.waiting if each[0] != OWN]
        self.collect()

    def wait(self, seconds: float) -> None:
        self.stage.wait(seconds)
        self.collect()

    # -- What people do of their own accord ------------------------------------------------

    def do_something(self) -> None:
        up = [dialog for dialog in self.people.those(Phase.UP) if dialog.remote]
        early = self.people.those(Phase.EARLY)
        deeds = {
            "call": 2,
            "be busy": 6,
            "ring": 3,
            "owner": 1,
            "time": 1,
            "register": 1,
            "icmp": 1,
        }
        match self.dice.choices([*deeds], [*deeds.values()])[0]:
            case "call" if self.calls < CALLS_MAX:
                self.call()
            case "be busy" if up:
                self.talk(self.dice.choice(up), up)
            case "ring" if early:
                self.lose_patience(self.dice.choice(early))
            case "owner" if self.dice.random() < 0.15:
                on = self.dice.random() < 0.5
                self.stage.engine.change("hotspot.enabled", on, self.stage.at)
                self.stage.flush()
            case "time":
                self.stage.wait(self.dice.choice([0.3, 1, 6, 25]))
            case "register" if self.stage.engine.house.board.hotspot.is_serving():
                self.register(self.dice.choice(PHONES), self.dice.choice([0, 3600]))
            case "icmp" if self.dice.random() < 0.5:
                flow = self.dice.choice([SERVER, *(flow_of(phone) for phone in PHONES)])
                self.stage.engine.failed(flow, self.stage.at)
                self.stage.flush()
        self.collect()

    def call(self) -> None:
        self.calls += 1
        party = self.dice.choice([*CALLERS, *[OWN, OWN] * self.stage.has_phone])
        uri = ACCOUNT if party == OUTSIDE else f"sip:{self.dice.choice(DIALLED)}@127.0.0.1"
        call_id = f"x{self.calls}"
        body = self.maybe_offer()
        invite = self.stage.request("INVITE", uri, user=party, call_id=call_id, body=body)
        self.people.dialogs[party, call_id] = inviting(party, invite)
        self.say(party, invite)

    def talk(self, dialog: Dialog, up: list[Dialog]) -> None:
        """Somebody who is in a call does something with it."""
        match self.dice.choice(["offer", "offer", "refer", "refer", "ask", "hang up"]):
            case "offer":
                self.ask(dialog, "INVITE", body=self.maybe_offer())
            case "refer":
                mine = [one for one in up if one.party == dialog.party and one is not dialog]
                taken = self.dice.choice(mine) if mine and self.dice.random() < 0.7 else None
                self.ask(dialog, "REFER", refer_to(self.dice.choice(REFERRED), taken))
            case "ask":
                self.ask(dialog, self.dice.choice(["INFO", "UPDATE", "OPTIONS"]))
            case "hang up" if self.dice.random() < 0.5:
                self.people.hang_up(dialog)

    def ask(self, dialog: Dialog, method: str, *more: tuple[str, str], body: bytes = b"") -> None:
        self.say(dialog.party, asked_in(self.stage, dialog, method, more, body))

    def lose_patience(self, dialog: Dialog) -> None:
        """A phone answers at last, or its caller waits no longer."""
        if not dialog.opened_by_us:
            self.people.answer(dialog)
        elif self.dice.random() < 0.5:
            self.say(dialog.party, cancel_of(dialog.invite, []))

    def register(self, phone: str, expires_s: int) -> None:
        self.registered += 2
        contact = ("Contact", f"<sip:{phone}@{flow_of(phone).host}:5060>;expires={expires_s}")
        self.stage.proven(
            "REGISTER", user=phone, call_id=f"reg-{phone}", cseq=self.registered, more=[contact]
        )

    def maybe_offer(self) -> bytes:
        return OFFER if self.dice.random() < 0.9 else b""

    # -- Its life --------------------------------------------------------------------------

    def live(self) -> None:
        for _ in range(ROUNDS):
            self.do_something()
            self.deliver()
        self.is_calm = True
        for seconds in (100, 100, 100, 500, 300, 300):
            for dialog in self.people.those(Phase.UP):
                self.people.hang_up(dialog)
                self.deliver()
            self.wait(seconds)
            self.deliver()
        check(self.stage)
        assert not self.relay.lent, "a call has ended and has its ports yet"

    def told(self) -> str:
        """All that was said, a line each."""
        lines = []
        for party, way, data in self.trace:
            first, _, rest = data.decode("latin-1").partition("\r\n")
            named = [line for line in rest.split("\r\n") if line.startswith(("Call-ID:", "CSeq:"))]
            lines.append(" ".join([f"{party:>8} {way} {first}", *named]))
        return "\n".join(lines)


def play(seed: int, is_told: bool = False) -> WireHouse:
    """Raises ``AssertionError`` with the seed where the house did not keep its promises."""
    house = WireHouse(seed)
    try:
        house.live()
    except Exception as error:
        again = f"python -m tests.simulation.wire_house {seed}"
        raise AssertionError(f"seed {seed} ({again}): {error}") from error
    finally:
        if is_told:
            print(house.told())
        house.stage.close()
    return house


if __name__ == "__main__":
    first, *behind = map(int, sys.argv[1:])
    if behind:
        started = time.monotonic()
        said = sum(len(play(seed).trace) for seed in range(first, behind[0]))
        seconds = time.monotonic() - started
        print(f"{behind[0] - first} houses, {said} messages, replay agrees, {seconds:.0f} s")
    else:
        play(first, is_told=True)
