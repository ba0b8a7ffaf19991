"""Asks the record of a scenario whether it was so.

What another process would read from the store is verified against today's machines and
folded turn by turn.  Every prefix of the log must give the house as it lived then: its
states, the number of each stream's last turn, and the timers that ran.
"""

from contextlib import closing

from core.events.log import Log
from core.machines.house import House
from replay.replayer import verify
from tests.scenarios.bare_runner import Photograph, Played


def check_record(played: Played) -> None:
    with closing(Log(played.settings)) as log:
        recorded = list(log.read())
    assert (divergence := verify(recorded)) is None, divergence
    album = {photograph.turns: photograph for photograph in played.album}
    assert len(recorded) == played.turns, "as many turns as were taken"
    house = House()
    for turns, (_, turn) in enumerate(recorded, start=1):
        house.remember([turn])
        if photograph := album.get(turns):
            assert vars(Photograph(turns, house)) == vars(photograph), f"not so at {turn}"
