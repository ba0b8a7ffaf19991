"""Who hears what, and that hearing and remembering come to the same."""

import pytest

from core.events import observed
from core.events.base import Decisions, Observed
from core.events.discovered import (
    BeaconHeard,
    JoinArrived,
    LeaveArrived,
    UplinkTimedOut,
    WelcomeArrived,
)
from core.events.facts import Account, Contact, Lent, Target
from core.machines import call, hotspot
from core.machines.call import Phase
from core.machines.life import IllegalTurn
from core.machines.switchboard import Switchboard

INVITE = observed.InviteArrived(line="1", caller="x", offer=b"o", targets=(Target(leg="A"),))
REGISTER = observed.RegisterArrived(
    call_id="c", cseq=1, contacts=(Contact(uri="sip:a@a", expires_s=60),)
)
CONFIGURED = observed.LineConfigured(account=Account(user="7001"))


def switched(board: Switchboard, on: bool) -> Observed:
    value = "true" if on else "false"
    return observed.SettingChanged(key=hotspot.ENABLED, value=value, members=board.members())


def busy_house() -> Switchboard:
    """Two calls that ring and one that has ended, a phone that is bound, a line."""
    board = Switchboard()
    board.hear(switched(board, on=True), 0, hotspot.STREAM)
    for stream in ("call:1", "call:2", "call:3"):
        board.hear(INVITE, 0, stream)
    board.hear(observed.LegUnreachable(leg="A"), 0, "call:2")
    board.hear(CONFIGURED, 0, "line:1")
    board.hear(REGISTER, 0, "link:A")
    return board


def test_everybody_who_lives_here_hears_that_the_hotspot_closes() -> None:
    board = busy_house()
    assert board.members() == ("call:1", "call:3", "link:A")
    turns = board.hear(switched(board, on=False), 1, hotspot.STREAM)
    heard = [(turn.originator_id, turn.originator_version) for turn in turns]
    assert heard == [
        ("hotspot:main", 2),
        ("call:1", 2),
        ("call:3", 2),
        ("link:A", 2),
        ("hotspot:main", 3),
    ]
    assert board.state("call:1").phase is Phase.CLOSING
    assert board.hotspot.pending == {"call:1", "call:3"}


def test_the_hotspot_hears_of_a_line_when_it_changes_and_not_at_each_refresh() -> None:
    board = Switchboard()
    accepted = observed.RegistrationAccepted(granted_s=60)
    streams = []
    for seen in (CONFIGURED, accepted, observed.RefreshDue(), accepted):
        streams.append([turn.originator_id for turn in board.hear(seen, 0, "line:1")])
    assert streams == [["line:1"], ["line:1", "hotspot:main"], ["line:1"], ["line:1"]]
    board.hear(observed.RefreshDue(), 0, "line:1")
    failed = board.hear(observed.RegistrarUnreachable(), 0, "line:1")
    assert [turn.seen for turn in failed][1:] == [observed.LineWentDown(line="1")]
    board.hear(observed.RetryDue(), 0, "line:1")
    assert len(board.hear(observed.RegistrarUnreachable(), 0, "line:1")) == 1


def test_lines_hear_what_a_hotspot_lends_them_and_takes_back() -> None:
    board, den = Switchboard(), "uplink:den"
    board.hear(BeaconHeard(source="d:1", name="den", epoch=1, sip="udp:d:5060", fits=True), 0, den)
    told = []
    for lines, seen in (("12", None), ("23", None), ("", UplinkTimedOut())):
        lent = tuple(Lent(line=line, user=f"us.{line}") for line in lines)
        news = seen or WelcomeArrived(epoch=1, alias=1, lines=lent)
        turns = board.hear(news, 0, den)
        told.append([(turn.originator_id, type(turn.seen).__name__) for turn in turns[1:]])
    given, taken = "LineConfigured", "LineWithdrawn"
    assert told == [
        [("line:1", given), ("line:2", given)],
        [("line:1", taken), ("line:2", given), ("line:3", given)],
        [("line:2", taken), ("line:3", taken)],
    ]
    assert board.state("line:2").account == Account()


def test_a_client_that_leaves_while_it_is_waited_for_is_gone() -> None:
    board = Switchboard()
    board.hear(switched(board, on=True), 0, hotspot.STREAM)
    board.hear(JoinArrived(source="d:1", alias=1), 0, "link:D")
    assert board.members() == ("link:D",)
    board.hear(LeaveArrived(), 0, "link:D")
    assert board.members() == ()


def test_what_is_remembered_is_what_was_heard() -> None:
    board = Switchboard()
    turns = board.hear(INVITE, 0, "call:1") + board.hear(switched(board, True), 1, hotspot.STREAM)
    turns += board.hear(switched(board, False), 1, hotspot.STREAM)
    again = Switchboard(turns)
    assert (again.states, again.numbers) == (board.states, board.numbers)


def test_what_is_forgotten_begins_anew() -> None:
    board = busy_house()
    board.forget("call:2")
    board.forget("call:never")
    assert "call:2" not in board.states
    assert board.hear(INVITE, 2, "call:2")[0].originator_version == 1


def illegal(*_: object, **__: object) -> object:
    raise IllegalTurn("leg: CancelLeg while invited")


def test_an_illegal_turn_has_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    board = busy_house()
    before = (dict(board.states), dict(board.numbers))
    monkeypatch.setattr(call, "refuse", illegal)
    with pytest.raises(IllegalTurn):
        board.hear(observed.CallerCancelled(), 1, "call:1")
    assert (board.states, board.numbers) == before
    assert board.faults == []


def test_a_hearer_at_fault_takes_nobodys_turn_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the others did is in the list, so that it is recorded: the log has no gap."""
    board = busy_house()
    before = board.state("call:1")
    fine = call.decide

    def decide(state: call.Call, seen: Observed) -> Decisions:
        if state.legs["A"].phase is call.LegPhase.PROCEEDING:
            raise IllegalTurn("leg: CancelLeg while invited")
        return fine(state, seen)

    board.hear(observed.LegProgressed(leg="A", code=180), 0, "call:1")
    before = board.state("call:1")
    numbers = dict(board.numbers)
    monkeypatch.setattr(call, "decide", decide)
    turns = board.hear(switched(board, on=False), 1, hotspot.STREAM)
    for turn in turns:
        numbers[turn.originator_id] = turn.originator_version
    assert board.numbers == numbers, "every turn that counts is handed out"
    assert [turn.originator_id for turn in turns] == [
        "hotspot:main", "call:3", "link:A", "hotspot:main",
    ]  # fmt: skip
    assert board.state("call:1") is before
    (fault,) = board.faults
    assert fault.startswith("call:1: leg: CancelLeg while invited, at HotspotClosing")
