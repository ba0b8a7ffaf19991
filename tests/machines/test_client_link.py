"""Every phase of a link must have an answer to everything it could be told."""

import pytest
from msgspec.structs import replace

from core.events import discovered, observed, orders
from core.events.base import Observed
from core.events.decided import (
    BindingRemoved,
    BindingSet,
    LinkCleared,
    LinkConnected,
    LinkLeft,
    LinkLost,
)
from core.events.discovered import JoinArrived
from core.events.facts import Contact
from core.events.observed import RegisterArrived
from core.events.turn import Turn, remember, take
from core.machines import client_link as machine
from core.machines.client_link import DEVICES_MAX, Binding, Link, Phase
from tests.events.samples import every_observation


def register(*contacts: tuple[str, int], cseq: int = 9, everything: bool = False) -> Observed:
    asked = tuple(Contact(uri=uri, expires_s=for_s) for uri, for_s in contacts)
    return RegisterArrived(call_id="c", cseq=cseq, contacts=asked, everything=everything)


def bound(*contacts: str) -> Link:
    bindings = {uri: Binding(uri, "", n, "c", 5, 60) for n, uri in enumerate(contacts, start=1)}
    return Link(Phase.CONNECTED if bindings else Phase.LOST, bindings)


def joined(*bindings: Binding) -> Link:
    by_key = {machine.key_of(bound.line, bound.contact): bound for bound in bindings}
    return Link(Phase.CONNECTED, by_key, client=JOIN, joined=True)


def of_line(line: str, contact: str = "A", device: int = 1) -> Binding:
    return Binding(contact, "", device, "c", 5, 60, line=line)


JOIN = JoinArrived(source="192.0.2.4:9", alias=3)
STATES = [Link(phase) for phase in Phase if phase is not Phase.CONNECTED]
STATES += [Link(phase, client=JOIN) for phase in (Phase.LOST, Phase.LEFT, Phase.CLEARED)]
STATES += [joined(), joined(of_line("1")), joined(of_line("1"), of_line("2"))]
STATES += [bound("A"), bound("A", "B"), bound(*map(str, range(DEVICES_MAX)))]
ASKED: list[tuple[tuple[str, int], ...]] = [
    (),
    (("A", 60),),
    (("A", 0),),
    (("A", 10),),
    (("C", 60),),
    (("C", 0),),
    (("A", 60), ("A", 0)),
    (("A", 0), ("A", 60)),
    (("A", 0), ("B", 0)),
    (("A", 0), ("C", 60)),
    (("C", 60), ("D", 60)),
]
SEEN: list[Observed] = [
    *every_observation(),
    *(register(*asked, cseq=cseq) for asked in ASKED for cseq in (1, 5, 9)),
    *(register(everything=True, cseq=cseq) for cseq in (1, 5, 9)),
    observed.BindingExpired(about="A"),
    observed.BindingExpired(about="1 A"),
    *(replace(register(*asked), line="1") for asked in ASKED),
    replace(register(everything=True), line="2"),
    JOIN,
    *(replace(JOIN, refusal=reason) for reason in ("closed", "full", "key", "approve")),
]


@pytest.mark.parametrize("seen", SEEN, ids=str)
def test_has_an_answer_to_everything(seen: Observed) -> None:
    for before in STATES:
        link, did = take(machine, before, seen)  # IllegalTurn escapes here.
        turn = Turn(originator_id="link:A", originator_version=1, at=1, seen=seen, did=did)
        assert remember(machine, before, turn) == link
        assert (link.phase is Phase.CONNECTED) is bool(link.bindings or link.joined)
        devices = [(bound.line, bound.device) for bound in link.bindings.values()]
        assert len(set(devices)) == len(devices) <= DEVICES_MAX
        answers = [e for e in did if isinstance(e, orders.AcceptRegister | orders.RefuseRegister)]
        assert len(answers) == isinstance(seen, RegisterArrived), "every REGISTER is answered"
        if any(isinstance(event, orders.RefuseRegister) for event in did):
            assert link.bindings == before.bindings, "RFC 3261 10.3: refused as a whole"


def test_each_device_has_the_lowest_free_number() -> None:
    _, did = take(machine, bound("A"), register(("A", 0), ("C", 60), ("D", 60)))
    assert [(e.contact, e.device) for e in did if isinstance(e, BindingSet)] == [("C", 2), ("D", 3)]


def test_of_a_contact_named_twice_the_last_word_counts() -> None:
    _, did = take(machine, machine.NEWBORN, register(("A", 60), ("A", 0)))
    assert did == (orders.AcceptRegister(),)
    _, did = take(machine, machine.NEWBORN, register(("A", 0), ("A", 60)))
    assert isinstance(did[0], LinkConnected)


def test_a_contact_that_is_bound_nowhere_can_be_taken_back_by_a_full_phone() -> None:
    full = bound(*map(str, range(DEVICES_MAX)))
    assert take(machine, full, register(("new", 0)))[1] == (orders.AcceptRegister(),)
    assert take(machine, full, register(("new", 60)))[1] == (
        orders.RefuseRegister(code=503, min_expires_s=0),
    )


def test_more_than_we_keep_is_cut() -> None:
    link, did = take(machine, machine.NEWBORN, register(("A", 1_000_000)))
    assert link.bindings["A"].expires_s == machine.EXPIRES_MAX_S
    assert orders.StartTimer(timer="BindingExpired", after_s=3600, about="A") in did


def test_nothing_of_a_stale_register_is_done() -> None:
    """RFC 3261 10.3 step 7: neither for the contact that is stale nor for any other."""
    _, did = take(machine, bound("A"), register(("A", 60), ("B", 60), cseq=4))
    assert did == (orders.RefuseRegister(code=500, min_expires_s=0),)


def test_everything_that_is_bound_is_removed() -> None:
    link, did = take(machine, bound("A", "B"), observed.ClientRemoved())
    assert [e.contact for e in did if isinstance(e, BindingRemoved)] == ["A", "B"]
    assert link.phase is Phase.CLEARED
    assert not machine.is_over(link)


# -- A client that joins -----------------------------------------------------------------


def test_a_client_that_joined_is_connected_without_a_binding() -> None:
    link, did = take(machine, machine.NEWBORN, JOIN)
    assert did == (LinkConnected(), orders.WelcomeClient(alias=3))
    assert link == replace(joined(), seen=None)
    link, did = take(machine, link, replace(JOIN, source="192.0.2.5:9"))
    assert did == (orders.WelcomeClient(alias=3),)
    assert link.client is not None
    assert link.client.source == "192.0.2.5:9"


def test_it_stays_connected_when_its_last_binding_goes() -> None:
    link, did = take(machine, joined(of_line("1")), observed.BindingExpired(about="1 A"))
    assert did == (BindingRemoved(contact="A", why="it was not refreshed", line="1"),)
    assert link.phase is Phase.CONNECTED


def test_each_line_has_its_bindings_and_its_devices() -> None:
    link = joined(of_line("1"), of_line("1", "B", 2), of_line("2"))
    link, did = take(machine, link, replace(register(everything=True), line="1"))
    assert [(e.line, e.contact) for e in did if isinstance(e, BindingRemoved)] == [
        ("1", "A"),
        ("1", "B"),
    ]
    link, _ = take(machine, link, replace(register(("A", 60), ("C", 60)), line="3"))
    assert [(b.line, b.contact, b.device) for b in link.bindings.values()] == [
        ("2", "A", 1),
        ("3", "A", 1),
        ("3", "C", 2),
    ]


def test_a_stale_register_of_one_line_says_nothing_of_another() -> None:
    stale = register(("A", 60), cseq=4)
    assert take(machine, joined(of_line("1")), replace(stale, line="1"))[1] == (
        orders.RefuseRegister(code=500),
    )
    assert take(machine, joined(of_line("1")), replace(stale, line="2"))[1][-1] == (
        orders.AcceptRegister()
    )


@pytest.mark.parametrize("link", [machine.NEWBORN, Link(Phase.LOST, client=JOIN)])
def test_who_has_not_joined_registers_for_no_line(link: Link) -> None:
    _, did = take(machine, link, replace(register(("A", 60)), line="1"))
    assert did == (orders.RefuseRegister(code=403),)


@pytest.mark.parametrize(
    ("seen", "decided"),
    [
        (discovered.LeaveArrived(), LinkLeft()),
        (discovered.LinkTimedOut(), LinkLost(why="nothing was heard of it")),
        (replace(JOIN, refusal="full"), LinkCleared(why="there are too many clients")),
        (observed.HotspotClosing(), LinkCleared(why="the hotspot was deactivated")),
    ],
    ids=str,
)
def test_however_it_goes_it_takes_its_bindings_along(seen: Observed, decided: object) -> None:
    link, did = take(machine, joined(of_line("1"), of_line("2")), seen)
    assert decided in did
    assert (link.bindings, link.joined) == ({}, False)


def test_a_client_is_told_that_it_is_dismissed_also_where_it_is_lost() -> None:
    for before in (joined(), Link(Phase.LOST, client=JOIN)):
        _, did = take(machine, before, observed.HotspotClosing())
        assert did[-1] == orders.DismissClient(reason="deactivated")
    assert take(machine, bound("A"), observed.HotspotClosing())[1][-1] == LinkCleared(
        why="the hotspot was deactivated"
    )


def test_a_client_that_was_denied_is_remembered_until_it_is_welcome() -> None:
    link, did = take(machine, machine.NEWBORN, replace(JOIN, refusal="approve"))
    assert did == (orders.DenyClient(reason="approve"),)
    assert link.denied is not None
    assert link.phase is Phase.ABSENT
    assert take(machine, link, JOIN)[0].denied is None
