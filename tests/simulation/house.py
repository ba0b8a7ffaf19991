"""A seeded house: random phones, random people, random order.  Same seed, same story.

``python -m tests.simulation.house 0 20000`` plays that many houses, records them all and
replays the record.  What must hold in each is said once, in ``promises``.

Everybody in it has a habit: phones ring, answer, refuse, send early media, hang up the
moment they were answered, or are silent; callers forget the ACK or hang up before it;
the server of the line challenges; both sides ask each other things; somebody picks a call
up or comes late; a call is handed over, to nobody, to one phone or to two, or joined
with another call; the owner switches the hotspot off; a client joins, leaves and falls
silent.  The network says things twice and late, and the service is killed and rebuilt from
its log in the middle of it all.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from adapters.store import sqlite
from core.events import observed, orders
from core.events.base import Observed
from core.events.discovered import ClientMet, JoinArrived, LeaveArrived, LinkTimedOut
from core.events.facts import Account, Contact, Target
from core.events.log import Log
from core.events.turn import Turn
from core.machines import hotspot, own
from core.machines.call import Call, Phase
from core.machines.client_link import Link
from core.machines.house import House
from core.machines.passing import JOIN
from core.machines.timers import SECOND_NS
from replay.replayer import verify
from tests.simulation.people import People
from tests.simulation.promises import check, check_house

TURNS_MAX = 400
CALL, OTHER = "call:1", "call:2"
LINE = "line:1"
PHONES = "ABCD"
RINGS = ("all", "all", "hotspot-first", "in-turn")
GUEST = "G"  # A client that came by discovery, and registers for two lines.
REGISTERS = (orders.RegisterLine, orders.AuthorizeRegistration, orders.UnregisterLine)
OWNER = [
    observed.LineConfigured(account=Account(user="7002", proxies=("a", "b"))),
    observed.LineSwitchedOff(),
    observed.LineSwitchedOn(),
    observed.LineWithdrawn(),
]


class SeededHouse:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.house = House()
        self.turns: list[Turn] = []
        self.now = 1_700_000_000 * SECOND_NS
        self.waiting: list[tuple[str, Observed]] = []
        self.people = People(self.dice, self)
        self.is_awake = False
        self.restless = 5  # How many more things somebody does of his own accord.

    @property
    def call(self) -> Call:
        call: Call = self.house.board.state(CALL)
        return call

    @property
    def other(self) -> Call:
        call: Call = self.house.board.state(OTHER)
        return call

    # -- What happens --------------------------------------------------------------------

    def live(self) -> None:
        """Until nobody has anything left to say and the call has ended."""
        self.move_in()
        self.talk_beside()
        self.waiting.append((CALL, self.invite()))
        while self.waiting or self.call.phase is not Phase.ENDED or self.is_closing():
            assert len(self.turns) < TURNS_MAX, f"no end: {self.call}"
            if not self.waiting:
                self.lose_patience()
                continue
            stream, seen = self.waiting.pop(0)
            if not is_known_again(seen) and self.dice.random() < 0.15:
                self.later(seen, stream)  # The LAN says it twice, the second time whenever.
            self.hear(stream, seen)
            if self.dice.random() < 0.04:
                self.restart()
        self.end_the_other()

    def talk_beside(self) -> None:
        """A second call, which the first one may be joined with."""
        targets = (Target(leg="X"),)
        invite = observed.InviteArrived(
            line="1", caller="y", offer=b"o", targets=targets, kind="internal"
        )
        for seen in (invite, observed.LegAnswered(leg="X", answer=b"a"), observed.CallerAcked()):
            self.hear(OTHER, seen)

    def end_the_other(self) -> None:
        for seen in (observed.CallerHungUp(), observed.LegHungUp(leg="X")):
            self.hear(OTHER, seen)
        assert self.other.phase is Phase.ENDED, self.other

    def move_in(self) -> None:
        self.hear(hotspot.STREAM, self.switch(on=True))
        self.hear(LINE, observed.LineConfigured(account=Account(user="7001")))
        self.hear(LINE, observed.RegistrationAccepted(granted_s=1_000_000))
        for phone in PHONES[: self.dice.choice([0, 1, 2, 2, 3, 3, 4])]:
            self.hear(hotspot.STREAM, observed.ClientListed(client=phone))
            for device in range(self.dice.choice([1, 1, 1, 2])):
                self.hear(f"link:{phone}", self.register(phone, device))

        if self.dice.random() < 0.5:
            self.hear(hotspot.STREAM, ClientMet(client=GUEST))
            self.hear(f"link:{GUEST}", self.join())
            self.hear(f"link:{GUEST}", self.register(GUEST, 0))
        self.is_awake = True

    def hear(self, stream: str, seen: Observed) -> None:
        turns = self.house.hear(seen, self.now, stream)
        assert not self.house.faults, self.house.faults
        self.turns += turns
        for turn in turns:
            for event in turn.did:
                if turn.originator_id == CALL:
                    self.people.carry_out(event)
                elif isinstance(event, REGISTERS) and self.is_awake:
                    self.later(self.people.registrar_says(), LINE)

    def later(self, seen: Observed, stream: str = CALL) -> None:
        self.waiting.insert(self.dice.randrange(len(self.waiting) + 1), (stream, seen))

    def restart(self) -> None:
        """Killed, and built again from its turns: it must come back as it was."""
        house = House()
        house.remember(self.turns)
        assert house.board.states == self.house.board.states
        assert house.board.numbers == self.house.board.numbers
        assert house.timers.running == self.house.timers.running
        self.house = house
        for seen in own.forgotten(self.call):
            self.hear(CALL, seen)

    def lose_patience(self) -> None:
        """Nobody has anything to say: somebody does something, or time goes by."""
        if self.restless and self.call.phase is not Phase.IDLE and self.dice.random() < 0.7:
            self.restless -= 1
            if self.dice.random() < 0.4:
                self.waiting.append(self.keep_house())
                return
            if self.dice.random() < 0.1:
                hung_up = [observed.CallerHungUp(), observed.LegHungUp(leg="X")]
                self.waiting.append((OTHER, self.dice.choice(hung_up)))
            if seen := self.people.do_something(self.call, self.other):
                at_once = isinstance(seen, observed.TransferAsked)  # It is as of now.
                self.waiting.insert(0 if at_once else len(self.waiting), (CALL, seen))
                return
        if seen := self.people.give_up(self.call):
            self.waiting.append((CALL, seen))
            return
        due = self.house.timers.next_due()
        assert due is not None, f"nobody is left to report: {self.call}"
        self.now = max(self.now, due)
        for stream, seen in self.house.timers.expired(self.now):
            self.hear(stream, seen)

    def keep_house(self) -> tuple[str, Observed]:
        """The owner changes something, or a phone comes or goes."""
        match self.dice.choice(["hotspot", "line", "phone", "phone", "list", "guest"]):
            case "hotspot":
                return hotspot.STREAM, self.switch(on=self.dice.random() < 0.3)
            case "line":
                return LINE, self.dice.choice(OWNER)
            case "guest":
                return f"link:{GUEST}", self.dice.choice([
                    self.join(), self.join(), LeaveArrived(), LinkTimedOut(),
                    self.register(GUEST, 0, expires_s=self.dice.choice([0, 3600])),
                ])  # fmt: skip
            case "list":
                client, alias = self.dice.choice(PHONES), self.dice.randrange(-1, 4)
                listed = observed.ClientListed(client=client, alias=alias)
                unlisted = observed.ClientUnlisted(client=client)
                return hotspot.STREAM, self.dice.choice([listed, unlisted])
        phone = self.dice.choice(PHONES)
        if not self.house.board.hotspot.is_serving() or self.dice.random() < 0.1:
            return f"link:{phone}", observed.ClientRemoved()
        device, expires_s = self.dice.randrange(3), self.dice.choice([0, 0, 10, 60, 3600])
        return f"link:{phone}", self.register(phone, device, self.dice.randrange(3), expires_s)

    def is_closing(self) -> bool:
        return self.house.board.hotspot.phase is hotspot.Phase.DEACTIVATING

    # -- What is said --------------------------------------------------------------------

    def switch(self, on: bool) -> Observed:
        members = self.house.board.members()
        value = "true" if on else "false"
        return observed.SettingChanged(key=hotspot.ENABLED, value=value, members=members)

    def join(self) -> Observed:
        board = self.house.board.hotspot
        refusal = "" if board.is_serving() and GUEST in board.aliases else "closed"
        return JoinArrived(source="g:1", alias=board.aliases.get(GUEST, 0), refusal=refusal)

    def register(self, phone: str, device: int, cseq: int = 1, expires_s: int = 3600) -> Observed:
        contacts = (Contact(uri=f"sip:{phone}@{device}", expires_s=expires_s),)
        return observed.RegisterArrived(
            call_id=f"{phone}{device}",
            cseq=cseq,
            contacts=contacts if self.dice.random() < 0.9 or not self.is_awake else (),
            everything=self.is_awake and self.dice.random() < 0.1,
            line=self.dice.choice("12") if phone == GUEST else "",
        )

    def invite(self) -> Observed:
        kind = self.dice.choice(["incoming", "incoming", "internal", "outgoing"])
        targets = (Target(leg="line"),) if kind == "outgoing" else tuple(self.targets())
        offer = b"" if self.dice.random() < 0.2 else b"o"
        is_own = kind != "incoming" and self.dice.random() < 0.4
        if kind != "outgoing" and not is_own and self.dice.random() < 0.4:
            targets = (Target(leg="0", own=True, waits=self.dice.random() < 0.5), *targets)
        ring = self.dice.choice(RINGS) if kind == "incoming" else "all"
        return observed.InviteArrived(
            line="1",
            caller="x",
            offer=offer,
            targets=targets,
            kind=kind,
            own=is_own,
            ring=ring,
            step_s=0 if ring == "all" else self.dice.choice([5, 15, 90]),
        )

    def targets(self) -> Iterator[Target]:
        for phone, alias in self.house.board.hotspot.aliases.items():
            link: Link = self.house.board.state(f"link:{phone}")
            told = self.dice.random() < 0.8
            for bound in [each for each in link.bindings.values() if each.line in ("", "1")]:
                yield Target(leg=f"{alias}.{bound.device}", uri=bound.contact, told=told)


def is_known_again(seen: Observed) -> bool:
    """A request by its CSeq (RFC 3261 12.2.2), an answer to one of ours by its transaction."""
    if isinstance(seen, observed.RequestAnswered):
        return seen.number <= JOIN or bool(seen.challenge.nonce)
    return isinstance(seen, observed.RequestArrived | observed.TransferAsked)


def play(seed: int) -> list[Turn]:
    """The turns of one house, its streams named after it, if it kept its promises."""
    seeded = SeededHouse(seed)
    try:
        seeded.live()
        seeded.restart()
        check_house(seeded.house)
        check(seeded.call, [turn for turn in seeded.turns if turn.originator_id == CALL])
    except Exception as error:
        story = "\n".join(
            f"  {turn.originator_id}  {turn.seen} -> {[*turn.did]}" for turn in seeded.turns
        )
        raise AssertionError(f"seed {seed}: {error}\n{story}") from error
    return [replace(turn, originator_id=f"{turn.originator_id}.{seed}") for turn in seeded.turns]


def record(seeds: range, store: Path) -> int:
    """Play these houses, record them, read the record and replay it.  Returns the turns."""
    log = Log(sqlite.settings(str(store)))
    played: Iterator[list[Turn]] = map(play, seeds)
    while batch := [turn for turns in islice(played, 100) for turn in turns]:
        log.append(batch)
    recorded = list(log.read())
    assert (divergence := verify(recorded)) is None, divergence
    return len(recorded)


if __name__ == "__main__":
    first, behind = map(int, sys.argv[1:])
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        turns = record(range(first, behind), Path(folder) / "log.db")
    seconds = time.monotonic() - started
    print(f"{behind - first} houses, {turns} turns, replay agrees, {seconds:.0f} s")
