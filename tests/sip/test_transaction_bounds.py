"""What must hold whatever the wire does: nothing raises, nothing is heard twice, all ends."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sip.deadlines import Deadlines
from adapters.sip.message import Flow, Malformed, Request, parse
from adapters.sip.transaction import ClientTransaction, ServerTransaction, State
from tests.sip.clockwork import (
    PATIENCE,
    T1,
    TCP,
    UDP,
    Clockwork,
    a_request,
    an_answer,
    answer_data,
    request_data,
)

steady = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@pytest.fixture
def clock() -> Clockwork:
    return Clockwork()


def branch_of(client: ClientTransaction) -> str:
    return str(client.key[0])


def is_empty(deadlines: Deadlines) -> bool:
    return not (deadlines._heap or deadlines._lingering or deadlines._leaving)


# -- Ways that are lost, and time that jumps ---------------------------------------


def test_what_waits_on_a_lost_way_ends(clock: Clockwork) -> None:
    """RFC 3261 17.1.4: the user hears it; what has its final already goes on by its timers."""
    calling, ringing = clock.ask("INVITE", TCP), clock.ask("INVITE", TCP, "z9hG4bK-2")
    asking, answered = clock.ask("BYE", TCP, "z9hG4bK-3"), clock.ask("INVITE", TCP, "z9hG4bK-4")
    elsewhere = clock.ask("INVITE", TCP._replace(port=1), "z9hG4bK-5")
    clock.answer(ringing, 180)
    clock.answer(answered, 200)
    ended = clock.layer.failed(TCP, clock.now)
    assert [gone.reason for gone in ended] == ["unreachable"] * 3
    assert {gone.transaction for gone in ended} == {calling, ringing, asking}
    assert clock.layer.failed(TCP, clock.now) == []
    assert elsewhere.state is State.CALLING
    clock.wait()
    assert len(clock.layer) == 0


def test_a_late_clock_repeats_once_and_does_not_catch_up(clock: Clockwork) -> None:
    """A process that stood still must not send a burst when it wakes."""
    clock.ask("BYE")
    clock.note()
    clock.now = 10.0
    assert clock.layer.handle_timers(10.0) == []
    assert clock.note() == ["BYE"]
    assert clock.layer.next_deadline() == 10.0 + 2 * T1
    clock.now = 100.0
    assert [gone.reason for gone in clock.layer.handle_timers(100.0)] == ["timeout"]
    assert clock.note() == []


def test_the_next_deadline_is_exact_and_the_heap_stays_small(clock: Clockwork) -> None:
    assert clock.layer.next_deadline() is None
    for number in range(50):
        invite = clock.ask("INVITE", branch=f"z9hG4bK-{number}")
        clock.answer(invite, 180)
        clock.answer(invite, 200)
    assert clock.layer.next_deadline() == PATIENCE
    assert not clock.layer.deadlines._heap, "what is answered and what has moved stays in no heap"
    assert [*map(len, clock.layer.deadlines._lingering.values())] == [50]
    clock.wait()
    assert is_empty(clock.layer.deadlines)


def test_nothing_secret_in_a_repr(clock: Clockwork) -> None:
    data = request_data("REGISTER", more=(("Authorization", 'Digest response="abc"'),))
    assert "abc" not in repr(clock.ask("REGISTER", data=data))
    assert "udp" in repr(clock.heard(a_request("REGISTER")))


# -- Anything in any order ---------------------------------------------------------

METHODS = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"]
BRANCHES = ["z9hG4bK-one", "z9hG4bK-two", "old", ""]
CODES = [100, 180, 200, 202, 302, 401, 486, 487, 503, 603]
Step = tuple[str, str, str, int, Flow, int]
one_step = st.tuples(
    st.sampled_from(["hear", "respond", "ack", "ask", "answer", "give up", "lost", "wait"]),
    st.sampled_from(METHODS),
    st.sampled_from(BRANCHES),
    st.sampled_from(CODES),
    st.sampled_from([UDP, TCP]),
    st.integers(0, 40),
)


def play(clock: Clockwork, steps: list[Step]) -> None:
    servers: list[ServerTransaction] = []
    clients: list[ClientTransaction] = []
    for what, method, branch, code, flow, number in steps:
        server = servers[number % len(servers)] if servers else None
        client = clients[number % len(clients)] if clients else None
        match what:
            case "hear":
                heard = clock.hear(a_request(method, branch, to_tag=""), flow)
                if heard is not None and heard.state is not State.ACK:
                    servers.append(heard)
            case "respond" if server:
                clock.respond(server, code)
            case "ack" if server:
                clock.layer.acknowledged(server)
            case "ask" if method != "ACK":
                clients.append(clock.ask(method, flow, f"z9hG4bK-{len(clients)}"))
            case "answer" if client:
                clock.answer(client, code)
            case "give up" if client:
                clock.layer.give_up_after_cancel(branch_of(client), clock.now)
            case "lost":
                clock.layer.failed(flow, clock.now)
            case "wait":
                clock.wait(until=clock.now + number / 4)
    for server in servers:  # Whatever the users owe.
        clock.respond(server, 486)
    for client in clients:
        clock.layer.give_up_after_cancel(branch_of(client), clock.now)


@given(steps=st.lists(one_step, max_size=40))
@steady
def test_nothing_raises_and_everything_ends(steps: list[Step]) -> None:
    clock = Clockwork()
    play(clock, steps)
    last = clock.now
    clock.wait()
    assert clock.now <= last + PATIENCE
    assert len(clock.layer) == 0
    assert clock.layer.next_deadline() is None
    assert is_empty(clock.layer.deadlines)


# -- Two layers and a bad wire between them ----------------------------------------


class Wire:
    """Each datagram is lost, delivered, doubled or late, as the list of fates says.

    Responses and ACKs may be later than much that was sent after them.  Requests are not late
    by more than 64*T1 - 31.5 s, or the last repetition could come when the server has just
    forgotten the first: RFC 3261 has nothing against that.
    """

    def __init__(self, fates: list[int], final: int) -> None:
        self.caller, self.phone = Clockwork(), Clockwork()
        self.fates, self.final = fates, final
        self.on_the_way: list[tuple[float, int, bool, bytes]] = []
        self.count = 0
        self.heard: Counter[str] = Counter()
        self.finals: list[int] = []
        self.ringing: list[ServerTransaction] = []

    def post(self, now: float) -> None:
        for side, toward_phone in ((self.caller, True), (self.phone, False)):
            for _, data in side.layer.take_out():
                fate = self.fates[self.count % len(self.fates)]
                self.count += 1
                longest = 0.45 if data.startswith((b"INVITE", b"BYE")) else 4.5
                for late_s in ((), (0.01,), (0.01, 0.02), (0.4,), (longest, 0.01))[fate]:
                    self.on_the_way.append((now + late_s, self.count, toward_phone, data))

    def run(self) -> None:
        """From event to event of both ends and the wire, until there are no more."""
        while True:
            layers = (self.caller.layer.next_deadline(), self.phone.layer.next_deadline())
            moments = [at for at in layers if at is not None]
            moments += [min(self.on_the_way)[0]] if self.on_the_way else []
            if not moments:
                return
            now = self.caller.now = self.phone.now = min(moments)
            for side in (self.caller, self.phone):
                side.ended += [(now, gone) for gone in side.layer.handle_timers(now)]
            for parcel in sorted(p for p in self.on_the_way if p[0] <= now):
                self.on_the_way.remove(parcel)
                self.deliver(parcel[3], parcel[2])
            self.post(now)

    def deliver(self, data: bytes, toward_phone: bool) -> None:
        message = parse(data)
        if isinstance(message, Request):
            assert toward_phone
            heard = self.phone.hear(message)
            if heard is not None:
                self.hear(heard)
        elif (found := self.caller.layer.receive_response(message, self.caller.now)) is not None:
            if message.code >= 200:
                self.finals.append(message.code)
            if found.method == "INVITE" and 200 <= message.code < 300:
                ack = request_data("ACK", "z9hG4bK-ack", to_tag="to")
                self.caller.layer.send_ack(ack, found.flow)

    def hear(self, heard: ServerTransaction) -> None:
        self.heard[heard.request.method] += 1
        if heard.state is State.ACK:
            for invite in self.ringing:
                self.phone.layer.acknowledged(invite)
            return
        self.ringing.append(heard)
        if heard.is_invite:
            self.phone.respond(heard, 180)
        self.phone.respond(heard, self.final)


@given(
    fates=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    final=st.sampled_from([200, 486]),
    method=st.sampled_from(["INVITE", "BYE"]),
)
@steady
def test_over_a_bad_wire_each_request_and_refusal_is_heard_once(
    fates: list[int], final: int, method: str
) -> None:
    wire = Wire(fates, final)
    call = wire.caller.ask(method)
    wire.post(0.0)
    wire.run()
    if call.state is State.PROCEEDING:  # Every final was lost: the ring timer would cancel.
        wire.caller.layer.give_up_after_cancel(branch_of(call), wire.caller.now)
        wire.run()
    assert len(wire.caller.layer) == len(wire.phone.layer) == 0
    assert wire.heard[method] <= 1, "the application sees a request once"
    assert set(wire.finals) <= {final}
    if final != 200 or method == "BYE":
        assert len(wire.finals) <= 1, "and its refusal once"
    assert len(wire.finals) + len(wire.caller.ended) >= 1, "and it always learns how it went"


def test_over_a_good_wire_nothing_is_said_twice() -> None:
    for method, final, said in (("INVITE", 200, 4), ("INVITE", 486, 4), ("BYE", 200, 2)):
        wire = Wire([1], final)
        wire.caller.ask(method)
        wire.post(0.0)
        wire.run()
        assert wire.count == said
        assert wire.caller.ended == wire.phone.ended == []


@given(data=st.binary(max_size=40), code=st.sampled_from(CODES))
@steady
def test_a_hostile_tag_or_branch_raises_nothing(data: bytes, code: int) -> None:
    """Whatever passes ``parse`` passes here."""
    clock = Clockwork()
    odd = "".join(chr(33 + octet % 94) for octet in data if chr(33 + octet % 94) not in ';,"<>()')
    for branch in (odd, "z9hG4bK" + odd):
        for method in ("INVITE", "ACK", "CANCEL"):
            try:
                message = parse(request_data(method, branch, to_tag="t"))
            except Malformed:
                continue
            assert isinstance(message, Request)
            heard = clock.hear(message)
            if heard is not None and heard.data == b"" and heard.state is not State.ACK:
                clock.layer.respond(heard, answer_data(message, code), code, clock.now)
            clock.layer.receive_response(an_answer(message, code), clock.now)
            clock.layer.find_invite(message)
