"""Every phase of an uplink must have an answer to everything it could be told."""

import pytest
from msgspec.structs import replace

from core.events import discovered, orders
from core.events.base import Observed
from core.events.decided import JoinBegan, UplinkChanged, UplinkConnected, UplinkLost
from core.events.discovered import BeaconHeard, GoodbyeArrived, UserConnected, WelcomeArrived
from core.events.facts import Account, Lent, LentLine
from core.events.turn import Turn, remember, take
from core.machines import uplink as machine
from core.machines.uplink import Phase, Uplink
from tests.events.samples import every_observation

EPOCHS = range(1, 6)


def beacon(epoch: int = 3, fits: bool = True, host: str = "192.0.2.1") -> BeaconHeard:
    sip = f"udp:{host}:5060"
    return BeaconHeard(source=f"{host}:16360", name="den", epoch=epoch, sip=sip, fits=fits)


def welcome(epoch: int = 3, *lines: str) -> WelcomeArrived:
    lent = tuple(Lent(line=line, user=f"us.{line}", domain="den") for line in lines or ("1",))
    return WelcomeArrived(epoch=epoch, alias=4, display="Den 4", lines=lent)


SEEN: list[Observed] = [
    *every_observation(),
    *(beacon(epoch, fits) for epoch in EPOCHS for fits in (False, True)),
    *(beacon(epoch, host="192.0.2.2") for epoch in EPOCHS),
    *(welcome(epoch, *lines) for epoch in EPOCHS for lines in ((), ("2",), ("1", "2"))),
    *(GoodbyeArrived(epoch=epoch) for epoch in EPOCHS),
    *(
        discovered.DenyArrived(reason=reason)
        for reason in ("closed", "full", "key", "approve", "version", "never heard of")
    ),
]


def told(*seen: Observed) -> Uplink:
    state = machine.NEWBORN
    for one in seen:
        state, _ = take(machine, state, one)
    return state


CONNECTED = told(beacon(), welcome())
STATES = [
    machine.NEWBORN,
    told(beacon(fits=False)),
    told(beacon()),
    CONNECTED,
    told(beacon(2), welcome(2), GoodbyeArrived(epoch=2), beacon(3), welcome(3)),
    told(beacon(), welcome(), discovered.UplinkTimedOut()),
    told(beacon(), welcome(), discovered.UserDisconnected()),
    told(beacon(), welcome(), GoodbyeArrived(epoch=3)),
]


def test_the_states_are_all_there_are() -> None:
    assert {state.phase for state in STATES} == {*Phase}


@pytest.mark.parametrize("seen", SEEN, ids=str)
def test_has_an_answer_to_everything(seen: Observed) -> None:
    for before in STATES:
        after, did = take(machine, before, seen)  # IllegalTurn escapes here.
        turn = Turn(originator_id="uplink:1", originator_version=1, at=1, seen=seen, did=did)
        assert remember(machine, before, turn) == after
        assert bool(after.lines) is (after.phase is Phase.CONNECTED), "lent while connected"
        is_reset = isinstance(seen, UserConnected)
        assert after.epoch >= before.epoch or is_reset, "an epoch only rises"
        given = set(before.names()) - set(after.names())
        withdrawn = {name for event in did for name in getattr(event, "withdrawn", ())}
        assert withdrawn - set(after.names()) == given, "each is taken back"
        joins = [event for event in did if isinstance(event, orders.SendJoin)]
        assert len(joins) == sum(isinstance(event, JoinBegan) for event in did) <= 1


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("kind", [beacon, welcome, lambda epoch: GoodbyeArrived(epoch=epoch)])
def test_what_is_of_the_past_changes_nothing(kind, epoch: int) -> None:  # type: ignore[no-untyped-def]
    for before in STATES:
        if before.epoch > epoch:
            after, did = take(machine, before, kind(epoch))
            assert (after, did) == (before, ())


def test_an_ended_activation_is_not_joined_again_unless_the_user_says_so() -> None:
    cleared = told(beacon(), welcome(), GoodbyeArrived(epoch=3))
    assert take(machine, cleared, beacon())[1] == ()
    joining, did = take(machine, cleared, discovered.UserConnected())
    assert did == (JoinBegan(), orders.SendJoin(alias=4))
    connected, _ = take(machine, joining, welcome())
    assert connected.phase is Phase.CONNECTED


def test_the_server_of_a_line_is_the_hotspot() -> None:
    """S16."""
    _, did = take(machine, told(beacon()), welcome())
    account = Account(
        server="192.0.2.1:5060",
        user="us.1",
        auth_user="us.1",
        domain="den",
        expires_s=machine.EXPIRES_S,
        display_name="Den 4",
    )
    assert did == (UplinkConnected(alias=4, lines=(LentLine(line="1", account=account),)),)


def test_a_line_without_a_domain_is_at_the_hotspot_itself() -> None:
    lent = replace(welcome(), lines=(Lent(line="1", user="us.1"),))
    (line,) = take(machine, told(beacon()), lent)[0].lines
    assert line.account.domain == "192.0.2.1:5060"


def test_another_activation_is_joined_anew() -> None:
    after, did = take(machine, CONNECTED, beacon(4))
    why = "it was switched off and on again"
    assert did == (
        UplinkLost(why=why, withdrawn=("1",)),
        JoinBegan(),
        orders.SendJoin(alias=4),
    )
    assert after.phase is Phase.JOINING


def test_where_it_is_now_is_where_its_lines_register() -> None:
    _, did = take(machine, CONNECTED, beacon(host="192.0.2.2"))
    (changed,) = did
    assert isinstance(changed, UplinkChanged)
    assert [lent.account.server for lent in changed.lines] == ["192.0.2.2:5060"]
    assert take(machine, CONNECTED, beacon())[1] == ()


def test_a_line_that_is_lent_no_longer_is_named() -> None:
    _, did = take(machine, CONNECTED, welcome(3, "2"))
    (changed,) = did
    assert isinstance(changed, UplinkChanged)
    assert changed.withdrawn == ("1",)
    assert [lent.line for lent in changed.lines] == ["2"]
    assert not machine.is_over(CONNECTED)
