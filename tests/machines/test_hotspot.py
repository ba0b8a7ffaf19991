"""Every phase of the hotspot must have an answer to everything it could be told."""

from itertools import product

import pytest

from core.events import observed
from core.events.base import Observed
from core.events.observed import ClientListed, SettingChanged
from core.events.turn import Turn, remember, take
from core.machines import hotspot as machine
from core.machines.hotspot import ENABLED, Hotspot, Phase, Setting
from tests.events.samples import every_observation


def switched(on: bool, who: str = "owner", *members: str) -> SettingChanged:
    value = "true" if on else "false"
    return SettingChanged(key=ENABLED, value=value, who=who, members=members)


SEEN: list[Observed] = [
    *every_observation(),
    switched(True),
    switched(False),
    switched(False, "owner", "call:1"),
    SettingChanged(key="hotspot.name", value='"den"'),
    observed.MemberGone(member="call:1"),
    observed.LineCameUp(line="1"),
    observed.LineWentDown(line="1"),
    ClientListed(client="A", alias=2),
    ClientListed(client="B", alias=2),
    observed.ClientUnlisted(client="C"),
]


def hotspots(phase: Phase) -> list[Hotspot]:
    return [
        Hotspot(
            phase,
            lines=frozenset(lines),
            pending=frozenset(pending),
            aliases={"B": 2, "C": 1},
            settings={ENABLED: Setting(wanted)} if wanted else {},
        )
        for lines, pending, wanted in product(
            ((), ("1",)), ((), ("call:1",)), ("", "true", "false")
        )
    ]


@pytest.mark.parametrize("seen", SEEN, ids=str)
@pytest.mark.parametrize("phase", Phase)
def test_has_an_answer_to_everything(phase: Phase, seen: Observed) -> None:
    for before in hotspots(phase):
        after, did = take(machine, before, seen)  # IllegalTurn escapes here.
        turn = Turn(originator_id="hotspot:main", originator_version=1, at=1, seen=seen, did=did)
        assert remember(machine, before, turn) == after
        assert len(set(after.aliases.values())) == len(after.aliases), "one phone an alias"
        assert set(before.aliases) - set(after.aliases) <= {getattr(seen, "client", "")}
        if after.phase is Phase.DEACTIVATING:
            assert after.pending, "it waits for somebody"
        if after.phase is Phase.OPEN:
            assert after.lines, "S5: it serves with a registered line"
        if after.phase is Phase.WAITING:
            assert not after.lines, "and as soon as there is one"


def told(*seen: Observed) -> tuple[Hotspot, list[str]]:
    state, names = machine.NEWBORN, []
    for one in seen:
        state, did = take(machine, state, one)
        names += [type(event).__name__ for event in did]
    return state, names


def test_the_latest_word_wins_and_the_file_is_remembered() -> None:
    state, _ = told(switched(True, "file"), switched(False), switched(False))
    assert state.settings[ENABLED] == Setting("false", in_file="true")
    assert state.setting("hotspot.name") is None
    state, _ = told(switched(True), switched(False, "file"))
    assert not state.is_serving()
    assert state.settings[ENABLED] == Setting("false", in_file="false")


def test_every_activation_is_another_epoch() -> None:
    state, _ = told(*[switched(on) for on in (True, True, False, False, True)])
    assert state.epoch == 2
    assert state.is_serving()


def test_switched_on_and_off_again_while_deactivating_it_stays_off() -> None:
    seen = [switched(True), switched(False, "owner", "call:1"), switched(True), switched(False)]
    state, names = told(*seen, observed.MemberGone(member="call:1"))
    assert state.phase is Phase.DISABLED
    assert names == ["HotspotEnabled", "DeactivationBegan", "HotspotDisabled"]


def test_whoever_comes_while_it_deactivates_is_not_waited_for() -> None:
    seen = [switched(True), switched(False, "owner", "call:1"), switched(False, "owner", "call:2")]
    state, _ = told(*seen)
    assert state.pending == {"call:1"}


def test_the_phone_whose_alias_another_was_promised_moves_to_the_lowest_free() -> None:
    seen = [ClientListed(client=name) for name in "ABC"]
    state, _ = told(*seen, ClientListed(client="C", alias=1))
    assert state.aliases == {"C": 1, "B": 2, "A": 3}
    state, names = told(*seen, ClientListed(client="C", alias=3), ClientListed(client="C"))
    assert state.aliases == {"A": 1, "B": 2, "C": 3}
    assert names == ["AliasGiven"] * 3


def test_zero_is_an_alias_like_any_other() -> None:
    state, _ = told(ClientListed(client="own", alias=0), ClientListed(client="A"))
    assert state.aliases == {"own": 0, "A": 1}
    assert not machine.is_over(state)
    assert told(observed.ClientUnlisted(client="A"))[1] == []
