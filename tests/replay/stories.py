"""Logs to read: houses at work, played through the core and kept in a store.

A story is what reached the house, each with its second; the house makes the turns.
"""

from datetime import UTC, datetime
from pathlib import Path

from adapters.store import sqlite
from core.events import observed
from core.events.base import Observed
from core.events.facts import Account, Contact, Origin, Target
from core.events.log import Log, Recorded
from core.machines.hotspot import STREAM
from core.machines.house import House

START = int(datetime(2026, 1, 2, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
MILLISECOND = 1_000_000

Said = tuple[float, str, Observed]  # The second, the stream, what reached it.


def targets(*legs: str) -> tuple[Target, ...]:
    return tuple(
        Target(leg=leg, uri=f"sip:{leg}@192.0.2.{n}", flow=f"udp:192.0.2.{n}:5060")
        for n, leg in enumerate(legs, start=11)
    )


def invite(*legs: str, **values: object) -> observed.InviteArrived:
    told: dict[str, object] = {
        "line": "1",
        "caller": "5550100",
        "called": "7001",
        "offer": b"v=0 the offer",
        "targets": targets(*legs),
        "origin": Origin(flow="udp:198.51.100.1:5060", call_id="c1@provider.example"),
    }
    return observed.InviteArrived(**(told | values))  # type: ignore[arg-type]


def rings(leg: str, code: int = 180) -> Observed:
    return observed.LegProgressed(leg=leg, code=code)


def answers(leg: str) -> Observed:
    return observed.LegAnswered(leg=leg, answer=b"v=0 an answer")


def refuses(leg: str, code: int = 487) -> Observed:
    return observed.LegRefused(leg=leg, code=code)


def of_call(call: str, *said: tuple[float, Observed]) -> list[Said]:
    return [(second, f"call:{call}", seen) for second, seen in said]


THREE_RING_B_ANSWERS = of_call(
    "b-answers",
    (0, invite("A", "B", "C", name="Ann")),
    (0.1, rings("A")),
    (0.2, rings("B")),
    (0.3, rings("C", 100)),
    (4, answers("B")),
    (4.02, observed.CallerAcked()),
    (4.05, refuses("A")),
    (4.06, refuses("C")),
    (64.25, observed.LegHungUp(leg="B")),
)
ALL_BUSY = of_call(
    "all-busy",
    (100, invite("A", "B")),
    (100.1, refuses("A", 486)),
    (100.2, refuses("B", 486)),
)
CALLER_CANCELS = of_call(
    "cancelled",
    (200, invite("A", "B")),
    (200.1, rings("A")),
    (205, observed.CallerCancelled()),
    (205.1, refuses("A")),
    (205.2, rings("B", 100)),
    (205.3, refuses("B")),
)
OPENED: list[Said] = [
    (299.0, STREAM, observed.SettingChanged(key="hotspot.enabled", value="true", who="file")),
    (
        299.1,
        "line:1",
        observed.LineConfigured(account=Account(server="provider.example", user="7001")),
    ),
    (299.2, "line:1", observed.RegistrationAccepted(granted_s=600)),
    (
        299.3,
        "link:A",
        observed.RegisterArrived(
            call_id="r1",
            cseq=1,
            contacts=(Contact(uri="sip:A@192.0.2.11", expires_s=600),),
            flow="udp:192.0.2.11:5060",
        ),
    ),
]
SWITCHED_OFF: list[Said] = [
    (
        303.0,
        STREAM,
        observed.SettingChanged(
            key="hotspot.enabled",
            value="false",
            before="true",
            members=("call:switched-off", "link:A"),
        ),
    )
]
DEACTIVATION = [
    *OPENED,
    *of_call("switched-off", (300, invite("A", "B")), (301, rings("A"))),
    *SWITCHED_OFF,
    *of_call("switched-off", (303.1, refuses("A")), (303.5, observed.LegUnreachable(leg="B"))),
]
EVERYTHING = [*THREE_RING_B_ANSWERS, *ALL_BUSY, *CALLER_CANCELS, *DEACTIVATION]


def played(story: list[Said]) -> House:
    """A house that has lived through it; its turns still wait to be recorded."""
    house = House()
    for second, stream, seen in story:
        house.hear(seen, START + round(second * 1000) * MILLISECOND, stream)
    assert not house.faults, house.faults
    return house


def recorded(story: list[Said]) -> list[Recorded]:
    """The log of it, without a store."""
    turns = played(story).take_unrecorded()
    return [Recorded(position, turn) for position, turn in enumerate(turns, start=1)]


def store(path: Path, story: list[Said]) -> None:
    """The log of it, in a store whose service has ended in order."""
    log = Log(sqlite.settings(str(path)))
    log.append(played(story).take_unrecorded())
    log.close()
