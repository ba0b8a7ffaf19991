"""Every phase of the hotspot must have an answer to everything it could be told."""

from itertools import product

import pytest

from core.events import observed
from core.events.base import Observed
from core.events.discovered import ClientAdmitted, ClientMet
from core.events.observed import ClientListed, SettingChanged, SettingPostponed
from core.events.turn import Turn, remember, take
from core.machines import hotspot as machine
from core.machines.hotspot import ENABLED, GUESTS_MAX, MODE, Hotspot, Phase, Setting, Waiting
from tests.events.samples import every_observation


def switched(on: bool, who: str = "owner", *members: str) -> SettingChanged:
    value = "true" if on else "false"
    return SettingChanged(key=ENABLED, value=value, who=who, members=members)


def mode(value: str, *members: str) -> SettingChanged:
    return SettingChanged(key=MODE, value=f'"{value}"', members=members)


SEEN: list[Observed] = [
    *every_observation(),
    switched(True),
    switched(False),
    switched(False, "owner", "call:1"),
    SettingChanged(key="hotspot.name", value='"den"'),
    observed.MemberGone(member="call:1"),
    observed.LineCameUp(line="1"),
    observed.LineWentDown(line="1"),
    observed.LinesCounted(count=0),
    ClientListed(client="A", alias=2),
    ClientListed(client="B", alias=2),
    observed.ClientUnlisted(client="C"),
    ClientMet(client="B", alias=1),
    ClientMet(client="D", alias=2),
    ClientMet(client="D", alias=7),
    mode("client"),
    mode("hotspot"),
]


def hotspots(phase: Phase) -> list[Hotspot]:
    return [
        Hotspot(
            phase,
            lines=frozenset(lines),
            pending=frozenset(pending),
            aliases={"B": 2, "C": 1},
            settings={ENABLED: Setting(wanted)} if wanted else {},
            has_account=has_account,
        )
        for lines, pending, wanted, has_account in product(
            ((), ("1",)), ((), ("call:1",)), ("", "true", "false"), (True, False)
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
            assert after.lines or not after.has_account, "S5: it serves with a registered line"
        if after.phase is Phase.WAITING:
            assert not after.lines, "and as soon as there is one"
            assert after.has_account, "where there is none it waits for none"


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


def test_without_an_account_it_waits_for_none() -> None:
    none, one = observed.LinesCounted(count=0), observed.LinesCounted(count=1)
    assert told(none, switched(True))[1] == ["HotspotEnabled", "HotspotOpened"]
    assert told(switched(True), none)[1] == ["HotspotEnabled", "HotspotOpened"]
    assert told(none, switched(True), one)[0].phase is Phase.WAITING
    went = [observed.LineCameUp(line="1"), none, observed.LineWentDown(line="1")]
    assert told(switched(True), *went)[0].phase is Phase.OPEN


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


# -- Guests, and the mode -----------------------------------------------------------------


def test_a_guest_has_the_lowest_free_alias_for_ever() -> None:
    state, names = told(ClientListed(client="A"), ClientMet(client="D"), ClientMet(client="D"))
    assert state.aliases == {"A": 1, "D": 2}
    assert state.guests == {"D"}
    assert names == ["AliasGiven"] * 2


def test_a_guest_has_the_alias_it_would_like_where_nobody_else_has_it() -> None:
    state, _ = told(ClientListed(client="A"), ClientMet(client="D", alias=1))
    assert state.aliases == {"A": 1, "D": 2}
    state, _ = told(ClientMet(client="D"), ClientMet(client="D", alias=7))
    assert state.aliases == {"D": 7}


def test_a_phone_takes_its_alias_from_a_guest() -> None:
    state, _ = told(ClientMet(client="D"), ClientListed(client="A", alias=1))
    assert state.aliases == {"A": 1, "D": 2}


def test_the_owner_admits_a_client_bars_it_and_forgets_it() -> None:
    admitted = ClientAdmitted(client="D")
    assert told(admitted)[0].admitted == {"D"}
    assert told(admitted, ClientAdmitted(client="D", admitted=False))[0].admitted == set()
    state, _ = told(ClientMet(client="D"), admitted, observed.ClientUnlisted(client="D"))
    assert not state.guests | state.admitted
    assert state.aliases == {}


def test_so_many_guests_are_remembered() -> None:
    full = Hotspot(guests=frozenset(map(str, range(GUESTS_MAX))))
    assert full.has_room_for("7")
    assert not full.has_room_for("another")
    assert machine.NEWBORN.has_room_for("another")


def test_a_client_of_another_is_no_hotspot() -> None:
    """S7."""
    state, _ = told(switched(True), mode("client", "link:D"))
    assert state.phase is Phase.DEACTIVATING
    state, _ = take(machine, state, observed.MemberGone(member="link:D"))
    assert state.phase is Phase.DISABLED
    assert take(machine, state, switched(True))[1] == ()
    state, _ = take(machine, state, mode("hotspot"))
    assert (state.phase, state.epoch) == (Phase.WAITING, 2)
    assert told(mode("client"), switched(True))[0].epoch == 0


def test_a_word_that_waits_moves_nothing_and_the_next_that_counts_does_away_with_it() -> None:
    state = Hotspot(Phase.OPEN, lines=frozenset("1"), settings={ENABLED: Setting("true")})
    later = SettingPostponed(key=ENABLED, value="false")
    state, did = take(machine, state, later)
    assert (did, state.phase) == ((), Phase.OPEN)
    assert state.postponed == {ENABLED: Waiting("false", "owner")}
    assert state.is_wanted()
    same, _ = take(machine, state, SettingPostponed(key=ENABLED, value="true", who="reset"))
    assert same.postponed == {}
    state, _ = take(machine, state, SettingChanged(key="hotspot.name", value='"den"'))
    assert state.postponed
    state, _ = take(machine, state, switched(False))
    assert state.postponed == {}
