"""What the owner is shown: ``siphotspot status`` (design section 5)."""

from datetime import UTC, datetime
from typing import Any

from adapters.sip.address import uri
from adapters.sip.grammar import Malformed
from adapters.sip.surroundings import SECOND_NS
from core.machines.call import Phase as CallPhase
from core.machines.client_link import Binding, Link
from core.machines.line import Line
from core.machines.switchboard import kind_of, name_of
from service.engine import Engine


def report(engine: Engine, at: int) -> dict[str, Any]:
    hotspot = engine.house.board.hotspot
    return {
        "hotspot": {
            "state": hotspot.phase.value,
            "enabled": hotspot.is_wanted(),
            "name": engine.config.hotspot.name,
            "epoch": hotspot.epoch,
        },
        "lines": [line(engine, entry.number) for entry in engine.config.lines],
        "clients": clients(engine),
        "calls": calls(engine),
        "settings": engine.differing(),
        "drops": dict(engine.around.drops),
        "store": engine.store_failure if engine.store_failed_at else "",
    }


def line(engine: Engine, number: int) -> dict[str, Any]:
    state: Line = engine.house.board.state(f"line:{number}")
    return {
        "number": number,
        "state": state.phase.value,
        "user": state.account.user,
        "server": state.account.server,
        "reason": state.why,
    }


def clients(engine: Engine) -> list[dict[str, Any]]:
    """One row a device; a phone that is not here has one too, without an address (S13)."""
    rows = []
    aliases = engine.house.board.hotspot.aliases
    for user, phone in engine.around.directory.phones.items():
        link: Link = engine.house.board.state(f"link:{user}")
        bound: list[Binding | None] = [*link.bindings.values()]
        for binding in bound or [None]:
            rows.append(
                {
                    "alias": aliases.get(user),
                    "user": user,
                    "ip": host_of(binding),
                    "mac": "",
                    "name": binding.agent if binding else "",
                    "line": ",".join(phone.lines),
                    "state": link.phase.value,
                    "since": since(engine, user),
                }
            )
    return sorted(rows, key=lambda row: (row["alias"] is None, row["alias"], row["ip"]))


def host_of(binding: Binding | None) -> str:
    if binding is None:
        return ""
    try:
        return uri(binding.contact).host
    except Malformed:
        return ""


def since(engine: Engine, user: str) -> str:
    """Since when its link is in this state; empty where it never was here."""
    at = engine.house.since.get(f"link:{user}")
    return datetime.fromtimestamp(at // SECOND_NS, UTC).isoformat() if at else ""


def calls(engine: Engine) -> list[dict[str, Any]]:
    rows = []
    for stream, state in engine.house.board.states.items():
        if kind_of(stream) != "call" or state.phase is CallPhase.ENDED:
            continue
        dialogs = engine.exchange.calls.open.get(stream)
        invite = dialogs.invite if dialogs else None
        rows.append(
            {
                "call": name_of(stream),
                "line": invite.line if invite else "",
                "from": invite.caller if invite else "",
                "to": invite.called if invite else "",
                "state": state.phase.value,
                "legs": {name: leg.phase.value for name, leg in state.legs.items()},
            }
        )
    return rows
