"""What the owner is shown: ``siphotspot status`` (design section 5)."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from adapters.net.leaving import place
from adapters.sip.address import uri
from adapters.sip.grammar import Malformed
from adapters.sip.surroundings import SECOND_NS
from core.machines.call import Phase as CallPhase
from core.machines.client_link import Binding, Link
from core.machines.line import Line
from core.machines.line import Phase as LinePhase
from core.machines.switchboard import kind_of, name_of
from service import membership
from service.engine import Engine

WAITING = "waiting"  # For its owner to admit it.
ASTRAY = ("stray-response", "several-vias")  # What else is absorbed is as the RFC has it.
SWITCHED_OFF = "switched off"


def report(engine: Engine, at: int) -> dict[str, Any]:
    hotspot = engine.house.board.hotspot
    return {
        "hotspot": {
            "mode": engine.config.hotspot.mode,
            "state": hotspot.phase.value,
            "enabled": engine.config.hotspot.enabled,
            "name": engine.config.hotspot.name,
            "epoch": hotspot.epoch,
        },
        "lines": [line(engine, number) for number in line_numbers(engine)],
        "clients": sorted(clients(engine) + guests(engine), key=by_alias),
        "hotspots": hotspots(engine),
        "calls": calls(engine),
        "settings": engine.differing(),
        "waiting": engine.waiting(),
        "drops": drops(engine),
        "notice": engine.discovery.notice(at) if engine.discovery else "",
        "store": engine.store_failure if engine.store_failed_at else "",
    }


def line_numbers(engine: Engine) -> list[int]:
    """Of a client also those that are cleared: it shows that they are."""
    if engine.config.hotspot.mode != "client":
        return [entry.number for entry in engine.config.lines]
    streams = [stream for stream in engine.house.board.states if kind_of(stream) == "line"]
    return sorted({int(name_of(stream)) for stream in streams})


def line(engine: Engine, number: int) -> dict[str, Any]:
    state: Line = engine.house.board.state(f"line:{number}")
    return {
        "number": number,
        "state": state.phase.value,
        "user": state.account.user,
        "server": state.account.server,
        "display_name": state.account.display_name,
        "reason": SWITCHED_OFF if state.phase is LinePhase.KEPT else state.why,
    }


def clients(engine: Engine) -> list[dict[str, Any]]:
    """Phones: one row a device; one that is not here has a row too, without an address (S13)."""
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
                    "since": since(engine, f"link:{user}"),
                }
            )
    return rows


def guests(engine: Engine) -> list[dict[str, Any]]:
    """Clients that came by discovery, and those that wait to be admitted: one row each."""
    rows = []
    hotspot = engine.house.board.hotspot
    lines: dict[str, list[str]] = {}
    for entry in engine.around.directory.joined.values():
        lines.setdefault(entry.member, []).append(entry.line)
    for client, said in membership.guests(engine).items():
        link: Link = engine.house.board.state(f"link:{client}")
        state = state_of(link)
        rows.append(
            {
                "alias": hotspot.aliases.get(client),
                "user": client,
                "ip": place(said.source)[0] if link.joined or state == WAITING else "",
                "mac": said.mac,
                "name": said.name,
                "line": ",".join(lines.get(client, ())),
                "state": state,
                "since": since(engine, f"link:{client}"),
            }
        )
    return rows


def state_of(link: Link) -> str:
    """Of a guest, as its owner sees it."""
    if link.denied is not None and link.denied.refusal == "approve":
        return WAITING
    return "denied" if link.denied and link.client is None else link.phase.value


def by_alias(row: dict[str, Any]) -> tuple[bool, int, str]:
    return row["alias"] is None, row["alias"] or 0, row["ip"]


def hotspots(engine: Engine) -> list[dict[str, Any]]:
    """What a client hears (S17)."""
    if engine.discovery is None:
        return []
    heard = engine.discovery.seeking.heard()
    return [{**row, "since": since(engine, f"uplink:{row['id']}")} for row in heard]


def drops(engine: Engine) -> dict[str, int]:
    """What came from the network and was of no use, by reason."""
    absorbed = engine.around.transactions.absorbed
    counted = engine.around.drops + engine.transport_drops
    counted += Counter({why: absorbed[why] for why in ASTRAY})
    if engine.discovery is not None:
        of_discovery = engine.discovery.intake.drops + engine.discovery.errors()
        counted.update({f"discovery-{why}": n for why, n in of_discovery.items()})
    return dict(counted)


def host_of(binding: Binding | None) -> str:
    if binding is None:
        return ""
    try:
        return uri(binding.contact).host
    except Malformed:
        return ""


def since(engine: Engine, stream: str) -> str:
    """Since when this link is in its state; empty where it never was here."""
    at = engine.house.since.get(stream)
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
