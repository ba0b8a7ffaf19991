"""Who comes to a call that rings already, on the stage of the bare runner.

What ``adapters.sip.joining`` does for real: a phone that has registered, and one that
dials ``*8``.
"""

from collections.abc import Iterator

from core.events.base import Observed
from core.events.decided import BindingSet
from core.events.joined import LegJoined, PickupArrived
from core.events.turn import Turn
from core.machines.call import Phase
from core.machines.house import House
from core.machines.ringing import alias_of
from core.machines.switchboard import name_of
from tests.scenarios.parties import PICKUP, Cast, bodies, body_of
from tests.scenarios.roles import Stage
from tests.scenarios.steps import Arrow


def ringing(cast: Cast, house: House) -> list[Stage]:
    """The calls to the account, the oldest first."""
    states = ((stage, house.board.state(stage.stream)) for stage in cast.stages)
    return [
        stage
        for stage, state in states
        if state.kind == "incoming" and state.phase is Phase.RINGING
    ]


def joined(cast: Cast, turn: Turn, house: House) -> Iterator[tuple[str, Observed]]:
    """Those whom this turn of a link lets ring too."""
    phone = name_of(turn.originator_id)
    if phone in cast.quiet or not any(isinstance(entry, BindingSet) for entry in turn.did):
        return
    for stage in ringing(cast, house):
        legs = house.board.state(stage.stream).legs
        refused = {alias_of(name) for name, leg in legs.items() if leg.refused}
        for target in cast.targets([phone], house):
            if target.leg not in legs and alias_of(target.leg) not in refused:
                stage.legs = stage.legs | {target.leg: cast.devices[target.uri]}
                yield stage.stream, LegJoined(target=target)


def pick_up(cast: Cast, arrow: Arrow, house: House) -> tuple[str, Observed] | None:
    """None where nothing rings, or something else was dialled."""
    stages = ringing(cast, house)
    if arrow.method != "INVITE" or arrow.args.get("to") != PICKUP or not stages:
        return None
    stage, phone = stages[0], arrow.src
    leg = f"{house.board.hotspot.aliases.get(phone[0], 0)}.pickup"
    stage.legs = stage.legs | {leg: phone}
    stage.said = stage.said | {leg: bodies(arrow)}
    return stage.stream, PickupArrived(leg=leg, offer=body_of(arrow), own=phone == "0")
