"""What every house promises, whatever its phones, its people and its network did."""

from collections.abc import Iterable
from typing import Any

from core.events import decided, joined, observed, orders
from core.events.base import Decided, Event, Order
from core.events.turn import Turn
from core.machines.call import Call, Phase
from core.machines.client_link import Link
from core.machines.client_link import Phase as LinkPhase
from core.machines.hotspot import Phase as HotspotPhase
from core.machines.house import House
from core.machines.line import Line
from core.machines.line import Phase as LinePhase
from core.machines.passing import JOIN
from core.machines.switchboard import name_of

AFTERWARDS = (
    orders.AckLeg,
    orders.ReleaseLeg,
    orders.ReleaseFork,
    orders.AuthorizeRelease,
    orders.AckAnswer,
)


def check(call: Call, turns: list[Turn]) -> None:
    assert call.phase is Phase.ENDED, call
    assert not call.pending(), call
    events: list[Event] = [event for turn in turns for event in (turn.seen, *turn.did)]
    check_caller(events)
    check_end(events)
    check_own_phone(events)
    check_transfers(events)
    referred = [event for event in events if isinstance(event, observed.TransferAsked)]
    taken = {target.leg for event in referred if event.replaces for target in event.targets}
    for leg in call.legs.keys() - taken:
        check_leg(leg, [event for event in events if leg == about(event)])
    passed = [event for event in events if isinstance(event, orders.PassRequest)]
    asked = [request for request in passed if request.number > JOIN]
    for request in asked:
        key = (request.by, request.number)
        check_request([e for e in events if (getattr(e, "by", ""), getattr(e, "number", 0)) == key])


def check_house(house: House) -> None:
    """Of the machines beside the call."""
    board = house.board
    aliases = board.hotspot.aliases
    assert len(set(aliases.values())) == len(aliases), f"one phone an alias: {aliases}"
    is_off = board.hotspot.phase is HotspotPhase.DISABLED
    assert not (is_off and board.members()), "whoever is in the house was seen off"
    for stream, state in board.states.items():
        if isinstance(state, Link):
            assert (state.phase is LinkPhase.CONNECTED) is bool(state.bindings or state.joined)
            devices = [(bound.line, bound.device) for bound in state.bindings.values()]
            assert len(set(devices)) == len(devices), "one device a number"
            for contact in state.bindings:
                assert house.timers.due(stream, "BindingExpired", contact), (
                    f"{contact} never expires"
                )
        if isinstance(state, Line):
            up = state.phase in (LinePhase.REGISTERED, LinePhase.REFRESHING)
            assert (
                up
                or state.phase is LinePhase.UNREGISTERING
                or name_of(stream) not in (board.hotspot.lines)
            )
            waits = {LinePhase.REGISTERED: "RefreshDue", LinePhase.FAILED: "RetryDue"}
            for timer in waits.values():
                runs = house.timers.due(stream, timer) is not None
                assert runs is (waits.get(state.phase) == timer), f"{timer} while {state.phase}"
    waits_for_ack = [
        stream
        for stream, state in board.states.items()
        if isinstance(state, Call) and house.timers.due(stream, "AckTimedOut")
    ]
    assert not waits_for_ack, "no timer outlives its call"


def where(events: Iterable[Event], *kinds: type[Event]) -> list[int]:
    return [n for n, event in enumerate(events) if isinstance(event, kinds)]


def check_caller(events: list[Event]) -> None:
    finals = where(events, orders.AnswerCaller, orders.RefuseCaller)
    assert len(finals) == 1, "one final response to the caller"
    final: Any = events[finals[0]]
    assert len(where(events, decided.CallAnswered)) <= 1, "one winner"
    rings: list[Any] = [events[n] for n in where(events, orders.RingCaller)]
    assert all(ring.code > 100 for ring in rings)
    assert len({ring.leg for ring in rings if ring.leg}) <= 1, "early media of one leg"
    assert all(n < finals[0] for n in where(events, orders.RingCaller))
    released = where(events, orders.ReleaseCaller)
    if isinstance(final, orders.RefuseCaller):
        assert final.code >= 400, final
        assert final.code not in (401, 407, 503), final
        assert not released, "there is no dialog to end"
        return
    left = [n for n in where(events, observed.CallerHungUp) if n > finals[0]]
    allowed = where(events, observed.CallerAcked, observed.AckTimedOut)
    assert len(released) + bool(left) >= 1, "an answered caller is released or has hung up"
    assert len(released) <= 1, "released once"
    for n in released:
        assert any(ready < n for ready in allowed), "RFC 3261 15: no BYE before the ACK"
        assert not left or left[0] > n, "whoever hung up is not released"


def check_end(events: list[Event]) -> None:
    (end,) = where(events, decided.CallEnded)
    for event in events[end + 1 :]:
        is_ours = isinstance(event, Order | Decided)
        assert not is_ours or isinstance(event, AFTERWARDS), f"{event} after the end"


def check_own_phone(events: list[Event]) -> None:
    """No deactivation ends what it has with the world outside, and no client it has let go wins."""
    invite = next(event for event in events if isinstance(event, observed.InviteArrived))
    winners = [event.by for event in events if isinstance(event, decided.CallAnswered)]
    (closed,) = (event for event in events if isinstance(event, decided.CallClosed))
    calls_out = invite.own and invite.kind == "outgoing"
    if where(events, decided.TransferBegan):
        return  # It may have handed its side over.
    if calls_out or (invite.kind == "incoming" and winners == ["0"]):
        assert closed.why != "the hotspot was deactivated"
    for event in events[: events.index(closed)]:
        if isinstance(event, orders.CancelLeg | decided.LegDoomed) and invite.ring != "in-turn":
            assert event.leg not in winners, f"{event.leg} was let go and won"


def check_transfers(events: list[Event]) -> None:
    """Each has one end, and whoever joins has said who was joined with it."""
    began = where(events, decided.TransferBegan)
    assert len(began) == len(where(events, decided.TransferFailed, decided.CallTransferred))
    joined_by = [e.to for e in events if isinstance(e, decided.CallTransferred)]
    acks = (orders.AckAnswer, decided.JoinRefused, orders.RefuseRequest)
    for leg in joined_by:
        own = [e for e in events if (getattr(e, "by", ""), getattr(e, "number", 9)) == (leg, JOIN)]
        asked, settled = where(own, orders.PassRequest), where(own, *acks)
        assert len(asked) == len(settled), f"{leg} was joined without an end"


def about(event: Event) -> str:
    """The leg that this is about, "" where it is about none."""
    name: str = getattr(event, "about" if isinstance(event, joined.LegAckTimedOut) else "leg", "")
    return name


def check_leg(leg: str, events: list[Event]) -> None:
    invited = where(events, orders.InviteLeg)
    cancelled = where(events, orders.CancelLeg)
    acked = where(events, orders.AckLeg)
    released = where(events, orders.ReleaseLeg)
    assert len(invited) <= 1, f"{leg} is invited once"
    assert len(cancelled) <= 1, f"{leg} is cancelled once"
    assert len(acked) <= 1, f"{leg} is acknowledged once"
    assert len(released) <= 1, f"{leg} is released once"
    for n in cancelled:
        assert where(events[:n], observed.LegProgressed), "RFC 3261 9.1"
        assert not where(events[:n], observed.LegAnswered), "CANCEL after the answer"
    for n in acked:
        assert where(events[n:], orders.ReleaseLeg) or where(events, observed.LegHungUp), (
            f"{leg} was answered and never released"
        )
    acks = (orders.AckLeg, joined.LegAcked, joined.LegAckTimedOut)
    for n in released:
        assert where(events[:n], *acks), f"{leg} is released and its 2xx not acknowledged"


def check_request(events: list[Event]) -> None:
    """What was passed on is answered once, and a 2xx to it acknowledged once."""
    answers = where(events, orders.PassAnswer, orders.RefuseRequest)
    assert len(answers) == 1, f"one final response to {events[0]}"
    acks = where(events, orders.PassAck, orders.AckAnswer)
    finals = [e for e in events if isinstance(e, observed.RequestAnswered)]
    first = next((e for e in finals if not e.challenge.nonce), None)
    invited = any(isinstance(e, orders.PassRequest) and e.method == "INVITE" for e in events)
    given_up = where(events, observed.RequestUnanswered)
    owed = invited and first is not None and first.code < 300 and not given_up
    assert len(acks) <= 1, "acknowledged once"
    assert bool(acks) or not owed, f"a 2xx was not acknowledged: {events}"
