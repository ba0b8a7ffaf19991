"""REFER on the stage of the bare runner: what an exchange finds out before the call hears it."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.events.base import Observed
from core.events.facts import Target
from core.events.observed import TransferAsked
from core.machines.house import House
from core.machines.passing import ASK
from core.machines.transferring import remaining
from tests.scenarios.roles import Asked, Stage
from tests.scenarios.steps import Arrow

if TYPE_CHECKING:
    from tests.scenarios.parties import Cast


def refer(cast: "Cast", stage: Stage, role: str, arrow: Arrow, house: House) -> Observed:
    number, called = len(stage.asked) + 101, arrow.args.get("to", "")
    stage.asked = [*stage.asked, Asked(role, number, "REFER", {})]
    if "replaces" in arrow.args:
        return join(cast, stage, role, arrow, house)
    phone = cast.phone_with_alias(called, house)
    outside = not phone and called != "0"
    targets = cast.targets([phone] if phone else [], house)
    if not phone:
        world = Target(leg="line", uri=f"sip:{called}@registrar")
        targets = (world,) if outside else cast.own_targets()
    legs = len(house.board.state(stage.stream).legs)
    targets = tuple(replace(target, leg=f"{target.leg}/{legs}") for target in targets)
    parties = {target.leg: cast.devices.get(target.uri, "server") for target in targets}
    stage.legs = stage.legs | parties
    stage.joined = stage.joined | {leg: {} for leg in parties}
    return TransferAsked(
        by=role,
        number=number,
        called=called,
        targets=targets,
        ring_s=cast.ring_s,
        outside=outside,
    )


def join(cast: "Cast", stage: Stage, role: str, arrow: Arrow, house: House) -> Observed:
    """With the other side of another call of the same party."""
    other = cast.stage_of(arrow.src, arrow.args["replaces"])
    call = house.board.state(other.stream)
    party = remaining(call, other.role_of(arrow.src))
    base = "line" if party == "caller" else party.partition("/")[0]
    leg = f"{base}/{len(house.board.state(stage.stream).legs)}"
    stage.legs = stage.legs | {leg: other.party_of(party)}
    stage.joined = stage.joined | {leg: {}}
    cast.taken[other.stream, other.party_of(party)] = stage
    return TransferAsked(
        by=role,
        number=stage.asked[-1].number,
        targets=(Target(leg=leg),),
        replaces=other.stream,
        party=party,
    )


def where_it_is(cast: "Cast", stage: Stage, arrow: Arrow, house: House) -> Stage:
    """A side of one call may be another call's for a while, or for ever."""
    joined = cast.taken.get((stage.stream, arrow.src))
    if joined is None:
        return stage
    is_asked = any(one.number == ASK and not one.code for one in joined.asked)
    is_lent = house.board.state(stage.stream).lent == stage.role_of(arrow.src)
    return joined if is_lent or (arrow.code and is_asked) else stage
