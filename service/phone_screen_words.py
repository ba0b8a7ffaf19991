"""What the phone's screen says, as text: functions of what the service shows, and no widgets.

``phone`` is what the service tells of this device's phone, ``status`` what it tells of the
house; both as they come over the control socket, whose names are those of the wire.
"""

import time
from typing import Any

from replay.text import printable

NO_PHONE = "this service runs without a phone of its own"
UNNAMED_LEGS = {"0": "this phone", "line": "the line"}
TYPED_COLUMNS = 18
KEYPAD = ("1  2  3", "4  5  6", "7  8  9", "*  0  #")
KEYS = "Enter call/answer  h hold  d decline  x hang up  t transfer  n quiet  q quit"
MORE_KEYS = "Up/Down choose a call  Esc clear  l line  PgUp/PgDn scroll"


def peer(call: dict[str, Any]) -> str:
    """Number and name of who is at the other end, or was."""
    number, name = str(call["number"]), str(call["name"])
    return number if name in ("", number) else f"{number} {name}"


def account_of(line: dict[str, Any]) -> str:
    """A line that was lent to us has a user that says nothing, and a name that does (S16)."""
    if not line["user"]:
        return "no account"
    account = f"{line['user']}@{line['server']}"
    name = line.get("display_name")
    return f"{name} ({account})" if name else account


def alias(phone: dict[str, Any]) -> str:
    return "no alias" if phone["alias"] is None else f"alias {phone['alias']}"


def call_in_words(call: dict[str, Any]) -> str:
    why = f" ({call['why']})" if call.get("why") else ""
    return f"{call['direction']:<3} {peer(call)}: {call['state']}{why}"


def clock_time(at: float) -> str:
    """Day and time as the clocks of this machine show them; ``at`` in Unix seconds."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def missed_in_words(call: dict[str, Any]) -> str:
    return f"{clock_time(call['at'])} {peer(call)}"


def lasting(seconds: float) -> str:
    """As a phone shows it: 0:07, 1:05:00."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# -- The panes -----------------------------------------------------------------------------


def header(phone: dict[str, Any] | None, lost: str) -> str:
    """Who we are and how the lines are; where the service cannot be heard, that first."""
    rows = [f"NO CONNECTION: {lost}"] if lost else []
    if phone is None:
        return shown([*rows, NO_PHONE] if not lost else rows)
    quiet = "  QUIET: does not ring" if phone["quiet"] else ""
    after = phone["answer_after"]
    automatic = "" if after is None else f"  answers by itself after {after:g} s"
    rows.append(
        f"{phone['name']}  {alias(phone)}  {phone['mode']}: {phone['hotspot']}{quiet}{automatic}"
    )
    for line in phone["lines"]:
        rows.append(f"line {line['number']}  {account_of(line)}: {line['state']}")
    if not phone["lines"]:
        rows.append("no lines: calls inside the house only")
    return shown(rows)


def own_calls(phone: dict[str, Any], chosen: str, now: float) -> list[str]:
    rows = []
    for call in phone["calls"]:
        mark = ">" if str(call["call"]) == chosen else " "
        lasts = "" if call["state"] == "ended" else f" {lasting(now - call['since'])}"
        rows.append(f"{mark} {call['call']} {call_in_words(call)}{lasts}")
    return rows or ["  none"]


def house(status: dict[str, Any]) -> list[str]:
    """Every open call of the house, with each leg under it."""
    users = {str(client["alias"]): str(client["user"]) for client in status["clients"]}
    rows = []
    for call in status["calls"]:
        rows.append(f"  {user_of(call['from'])} -> {user_of(call['to'])}: {call['state']}")
        rows += [f"    {leg_name(leg, users)}: {phase}" for leg, phase in call["legs"].items()]
    return rows or ["  none"]


def leg_name(leg: str, users: dict[str, str]) -> str:
    """A leg is named after the alias it rings, and the device where there are several."""
    alias, _, device = leg.partition(".")
    if leg in UNNAMED_LEGS:
        return UNNAMED_LEGS[leg]
    user = users.get(alias, "")
    return f"{alias} {user}".rstrip() + (f" device {device}" if device else "")


def user_of(uri: str) -> str:
    return uri.partition(":")[2].partition("@")[0] if uri.startswith(("sip:", "sips:")) else uri


def missed(phone: dict[str, Any]) -> list[str]:
    return [f"  {missed_in_words(call)}" for call in reversed(phone["missed"])] or ["  none"]


def calls(report: dict[str, Any], chosen: str, now: float) -> str:
    phone = report.get("phone")
    rows = []
    if phone is not None:
        rows += ["Calls of this phone", *own_calls(phone, chosen, now)]
    if report.get("status"):
        rows += ["Calls of the house", *house(report["status"])]
    if phone is not None:
        rows += ["Missed", *missed(phone)]
    return shown(rows)


def keypad(title: str, typed: str, enter: str) -> str:
    end = typed if len(typed) <= TYPED_COLUMNS else f"..{typed[2 - TYPED_COLUMNS :]}"
    return shown([title, f"> {end}_", "", *(f"   {row}" for row in KEYPAD), "", enter])


def shown(rows: list[str]) -> str:
    return "\n".join(map(printable, rows))
