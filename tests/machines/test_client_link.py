"""Every phase of a link must have an answer to everything it could be told."""

import pytest

from core.events import observed, orders
from core.events.base import Observed
from core.events.decided import BindingRemoved, BindingSet, LinkConnected
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


STATES = [Link(phase) for phase in (Phase.ABSENT, Phase.LOST, Phase.CLEARED)]
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
]


@pytest.mark.parametrize("seen", SEEN, ids=str)
def test_has_an_answer_to_everything(seen: Observed) -> None:
    for before in STATES:
        link, did = take(machine, before, seen)  # IllegalTurn escapes here.
        turn = Turn(originator_id="link:A", originator_version=1, at=1, seen=seen, did=did)
        assert remember(machine, before, turn) == link
        assert (link.phase is Phase.CONNECTED) is bool(link.bindings), "connected while bound"
        devices = [binding.device for binding in link.bindings.values()]
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
