"""Who belongs to whom, by the owner's word: ``connect``, ``disconnect``, ``admit``, ``remove``.

The first two are for a client (S18), the others for a hotspot.
"""

from typing import TYPE_CHECKING, Any

from core.events.discovered import JoinArrived
from core.events.observed import ClientRemoved, ClientUnlisted
from core.machines.client_link import Link, Phase
from core.machines.hotspot import STREAM
from core.machines.switchboard import kind_of, name_of
from service.discovery import Discovery

if TYPE_CHECKING:
    from service.engine import Engine


class MembershipError(ValueError):
    """Why that cannot be; names the thing and the fix."""


def obey(engine: "Engine", command: dict[str, Any], at: int) -> str:
    """What comes of it, where that has to be said.

    Raises ``MembershipError``, and then has changed nothing.
    """
    discovery = engine.discovery
    if discovery is None:
        raise MembershipError("this service runs without discovery")
    name = str(command.get("name", ""))
    match command["command"]:
        case "connect" | "disconnect" if not discovery.is_client:
            raise MembershipError('this is a hotspot; set hotspot.mode = "client" to follow one')
        case "admit" | "remove" if discovery.is_client:
            raise MembershipError('this is a client; set hotspot.mode = "hotspot" to have some')
        case "connect":
            connect(discovery, name, at)
        case "disconnect":
            disconnect(discovery, at)
        case "admit":
            return admit(engine, discovery, client_named(engine, name), at)
        case "remove":
            remove(engine, client_named(engine, name), at)
    return ""


def connect(discovery: Discovery, name: str, at: int) -> None:
    try:
        discovery.seeking.connect(name, at)
    except ValueError as error:
        raise MembershipError(str(error)) from None


def disconnect(discovery: Discovery, at: int) -> None:
    try:
        discovery.seeking.disconnect(at)
    except ValueError as error:
        raise MembershipError(str(error)) from None


def admit(engine: "Engine", discovery: Discovery, client: str, at: int) -> str:
    discovery.announcing.admit(client, admitted=True, at=at)
    link: Link = engine.house.board.state(f"link:{client}")
    if link.joined:
        return "it is connected already"
    if link.phase is Phase.LEFT:
        return "its user has disconnected it, and has to connect it"
    if not engine.house.board.hotspot.is_serving():
        return "it joins when the hotspot is open"
    asks = link.denied is not None and link.denied.refusal == "approve"
    return f"it joins when it asks again{', within half a minute' if asks else ''}"


def remove(engine: "Engine", client: str, at: int) -> None:
    """Its bindings, its alias and its admission go, and it is told.

    Where anybody may join, or whoever holds the key, a device that wants to can come again.
    """
    engine.hear(ClientRemoved(), f"link:{client}", at)
    engine.hear(ClientUnlisted(client=client), STREAM, at)


def guests(engine: "Engine") -> dict[str, JoinArrived]:
    """Who came by discovery, by id, and what it said last: who joined once, and who was denied.

    One that its owner has removed is none of them, until it asks again.
    """
    remembered = engine.house.board.hotspot.guests
    known = {}
    for stream, link in engine.house.board.states.items():
        if kind_of(stream) == "link" and (link.denied or name_of(stream) in remembered):
            said = link.client or link.denied
            if said is not None:
                known[name_of(stream)] = said
    return known


def client_named(engine: "Engine", name: str) -> str:
    """By the id, its beginning, the alias, or what it calls itself."""
    hotspot = engine.house.board.hotspot
    known = {
        client: (said.name, str(hotspot.aliases.get(client, "")))
        for client, said in guests(engine).items()
    }
    fits = [client for client, names in known.items() if name and name in names]
    fits = fits or [client for client in known if name and client.startswith(name.lower())]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise MembershipError(f"{name}: {len(fits)} clients fit; say its id: {', '.join(fits)}")
    there = ", ".join(f"{client[:8]} ({names[0]})" for client, names in known.items())
    raise MembershipError(f"{name}: there is no such client; there are: {there or 'none'}")
