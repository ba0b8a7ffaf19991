"""What the service says while it runs: one short line for what its owner would want to know.

Nothing of calls: they are on record, and a line a call would be work on their path.
"""

from adapters.net.leaving import place
from core.events.decided import (
    DeactivationBegan,
    HotspotDisabled,
    HotspotEnabled,
    HotspotOpened,
    HotspotStalled,
    JoinFailed,
    LineCleared,
    LineFailed,
    LineKept,
    LineRegistered,
    LinkCleared,
    LinkConnected,
    LinkLeft,
    LinkLost,
    UplinkChanged,
    UplinkCleared,
    UplinkConnected,
    UplinkLeft,
    UplinkLost,
)
from core.events.discovered import JoinArrived
from core.events.turn import Turn
from core.machines.client_link import Link
from core.machines.line import Line
from core.machines.switchboard import Switchboard, kind_of, name_of
from core.machines.uplink import Uplink
from replay.text import printable

SHORT_ID = 8  # Hexadecimal digits that are enough to name a client by.
KEPT_MAX = 1000  # Whoever invents clients.


class Telling:
    """``board`` is the house as it is after the turn.  What was said last is not said again."""

    def __init__(self, board: Switchboard) -> None:
        self.board = board
        self.last: dict[str, str] = {}  # By stream.

    def lines(self, turn: Turn) -> list[str]:
        """Usually none, and never one that says what the line before it about the same did."""
        stream, told = turn.originator_id, []
        tell = TELLS.get(kind_of(stream))
        if tell is None:
            return []
        for entry in (turn.seen, *turn.did):
            words = tell(self.board, name_of(stream), entry)
            if words and self.last.get(stream) != words:
                if len(self.last) >= KEPT_MAX:
                    self.last.clear()
                self.last[stream] = words
                told.append(printable(words))
        return told


def of_a_line(board: Switchboard, number: str, entry: object) -> str:
    line: Line = board.state(f"line:{number}")
    account = line.account
    match entry:
        case LineRegistered():
            said = f"registered with {account.server} as {account.display_name or account.user}"
        case LineFailed(why=why):
            said = f"not registered with {account.server} ({why}); it is tried again"
        case LineKept():
            said = "switched off; its account is kept"
        case LineCleared():
            said = "cleared"
        case _:
            return ""
    return f"line {number}: {said}"


def of_a_link(board: Switchboard, client: str, entry: object) -> str:
    who = phone_named(board, client)
    match entry:
        case JoinArrived(refusal="approve", source=source):
            where = place(source)[0]
            return f"{who} at {where} asks to join: siphotspot admit {client[:SHORT_ID]}"
        case JoinArrived(refusal=refusal, source=source) if refusal:
            return f"{who} at {place(source)[0]} may not join: {REFUSED.get(refusal, refusal)}"
        case LinkConnected():
            return f"{who}: connected"
        case LinkLost(why=why):
            return f"{who}: lost ({why})"
        case LinkLeft():
            return f"{who}: disconnected by its user"
        case LinkCleared(why=why):
            return f"{who}: cleared ({why})"
        case _:
            return ""


def of_an_uplink(board: Switchboard, hotspot: str, entry: object) -> str:
    uplink: Uplink = board.state(f"uplink:{hotspot}")
    who = f"hotspot {uplink.beacon.name if uplink.beacon else hotspot[:SHORT_ID]}"
    match entry:
        case UplinkConnected(alias=alias, lines=lines) | UplinkChanged(alias=alias, lines=lines):
            lent = ", ".join(lent.line for lent in lines)
            said = f"joined, as {alias}, with {f'line {lent}' if lent else 'no line'}"
        case JoinFailed(why=why):
            said = f"not joined ({why})"
        case UplinkLost(why=why):
            said = f"lost ({why}); its lines are cleared"
        case UplinkLeft():
            said = "disconnected; its lines are cleared, only connect joins it again"
        case UplinkCleared(why=why):
            said = f"ended ({why}); its lines are cleared"
        case _:
            return ""
    return f"{who}: {said}"


def of_the_hotspot(board: Switchboard, _: str, entry: object) -> str:
    match entry:
        case HotspotEnabled():
            return f"hotspot: switched on, activation {board.hotspot.epoch}"
        case HotspotOpened():
            return "hotspot: open"
        case HotspotStalled():
            return "hotspot: closed until a line is registered"
        case DeactivationBegan():
            return "hotspot: is being switched off; its clients are told"
        case HotspotDisabled():
            return "hotspot: off"
        case _:
            return ""


def phone_named(board: Switchboard, client: str) -> str:
    link: Link = board.state(f"link:{client}")
    said = link.client or link.denied
    alias = board.hotspot.aliases.get(client)
    number = "" if alias is None else f" {alias}"
    return f"phone{number} {said.name} ({client[:SHORT_ID]})" if said else f"phone{number} {client}"


REFUSED = {
    "closed": "the hotspot is not open",
    "full": "there are hotspot.max_clients already",
    "key": "it does not hold the key",
}
TELLS = {
    "line": of_a_line,
    "link": of_a_link,
    "uplink": of_an_uplink,
    "hotspot": of_the_hotspot,
}
