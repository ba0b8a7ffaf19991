"""Requests that are too large for a datagram: over TCP, and by UDP where nobody listens there."""

import pytest

from adapters.sip.message import Flow, Request, parse
from adapters.sip.oversize import DATAGRAM_MOST, PEERS_MOST, SPARED_T1, Oversize, with_via
from adapters.sip.transaction import ClientTransaction
from tests.sip.clockwork import PATIENCE, T1, T2, UDP, Clockwork, request_data
from tests.sip.messages import OFFER
from tests.sip.stage import HERE, SERVER, Stage, answer, flow_of, methods, request
from tests.sip.test_calls import cancel

STREAM = Flow("tcp", "127.0.0.1:5070", UDP.host, UDP.port)
BRANCH = "z9hG4bK-ours"
LARGE_OFFER = OFFER + b"a=fmtp:8 " + b"x" * DATAGRAM_MOST + b"\r\n"
A = flow_of("a")
A_TCP = A._replace(transport="tcp")


def large(method: str = "INVITE", branch: str = BRANCH, octets: int = 2000) -> bytes:
    plain = request_data(method, branch, sent_by="127.0.0.1:5060", more=(("Subject", ""),))
    return plain.replace(b"Subject: ", b"Subject: " + b"x" * (octets - len(plain)))


@pytest.fixture
def clock() -> Clockwork:
    made = Clockwork()
    made.layer.oversize.way = lambda flow: (STREAM, "127.0.0.1:5070")
    return made


def ask(clock: Clockwork, method: str = "INVITE") -> ClientTransaction:
    return clock.ask(method, UDP, BRANCH, large(method))


def via(data: bytes) -> str:
    message = parse(data)
    assert isinstance(message, Request)
    return message.all("via")[0]


@pytest.mark.parametrize(("octets", "transport"), [(DATAGRAM_MOST, "udp"), (1301, "tcp")])
def test_what_is_too_large_for_a_datagram_leaves_over_tcp(
    clock: Clockwork, octets: int, transport: str
) -> None:
    data = large(octets=octets)
    assert len(data) == octets
    clock.ask("INVITE", UDP, BRANCH, data)
    clock.note()
    ((flow, sent),) = clock.datagrams
    assert flow == (UDP if transport == "udp" else STREAM)
    assert (sent == data) is (transport == "udp")
    port = 5060 if transport == "udp" else 5070
    assert via(sent) == f"SIP/2.0/{transport.upper()} 127.0.0.1:{port};branch={BRANCH}"


def test_without_a_tcp_socket_of_ours_it_stays_with_udp() -> None:
    clock = Clockwork()
    clock.ask("INVITE", UDP, BRANCH, large())
    clock.note()
    assert clock.datagrams == [(UDP, large())]


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_where_tcp_is_refused_it_leaves_by_udp_at_once(clock: Clockwork, method: str) -> None:
    asked = ask(clock, method)
    clock.note()
    clock.now = 0.1
    assert clock.layer.failed(STREAM, clock.now) == []
    clock.note()
    assert clock.datagrams[-1] == (UDP, large(method))
    assert len(clock.datagrams) == 2
    clock.wait(0.1 + T1)
    assert clock.datagrams[2:] == [(UDP, large(method))]
    assert clock.answer(asked, 200) is asked


@pytest.mark.parametrize(("method", "after_s"), [("INVITE", 2 * T1), ("MESSAGE", T2)])
def test_where_nobody_says_a_word_over_tcp_it_leaves_by_udp(
    clock: Clockwork, method: str, after_s: float
) -> None:
    ask(clock, method)
    clock.wait(after_s)
    assert clock.datagrams[1:] == [(UDP, large(method))]
    clock.wait(PATIENCE + 1)
    assert clock.bad_news() == [(PATIENCE, "timeout")]


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_what_was_heard_over_tcp_is_not_said_again(clock: Clockwork, method: str) -> None:
    asked = ask(clock, method)
    clock.answer(asked, 100)
    clock.wait(PATIENCE - 1)
    assert len(clock.datagrams) == 1
    armed = len(clock.layer.deadlines._heap)
    for _ in range(100):
        clock.answer(asked, 180)
    assert len(clock.layer.deadlines._heap) == armed, "a peer that talks much costs no memory"


def test_a_peer_that_refused_is_spared_it_for_a_while(clock: Clockwork) -> None:
    ask(clock)
    clock.note()
    clock.layer.failed(STREAM, clock.now)
    for at, flow in ((SPARED_T1 * T1 - 1, UDP), (SPARED_T1 * T1 + 1, STREAM)):
        clock.now = at
        clock.ask("INVITE", UDP, f"z9hG4bK-{at}", large(branch=f"z9hG4bK-{at}"))
        clock.note()
        assert clock.datagrams[-1][0] == flow


def test_a_connection_that_ends_while_it_rings_is_no_refusal(clock: Clockwork) -> None:
    asked = ask(clock)
    clock.answer(asked, 180)
    clock.note()
    assert clock.layer.failed(STREAM, clock.now) == []
    clock.wait(3600)
    assert len(clock.datagrams) == 1
    assert (asked.flow, clock.layer.oversize.spared) == (UDP, {})
    assert clock.answer(asked, 200) is asked


def test_a_cancel_goes_the_way_of_its_invite(clock: Clockwork) -> None:
    asked = ask(clock)
    clock.answer(asked, 180)
    clock.ask("CANCEL", UDP, BRANCH)
    clock.note()
    invite, cancelled = clock.datagrams
    assert cancelled[0] == STREAM
    assert via(cancelled[1]) == via(invite[1])


def test_a_cancel_of_a_small_invite_stays_with_udp(clock: Clockwork) -> None:
    clock.answer(clock.ask("INVITE", UDP, BRANCH), 180)
    clock.ask("CANCEL", UDP, BRANCH)
    clock.note()
    assert [flow for flow, _ in clock.datagrams] == [UDP, UDP]


def test_the_ack_of_a_refusal_goes_the_way_of_its_invite(clock: Clockwork) -> None:
    clock.answer(ask(clock), 486)
    clock.note()
    invite, ack = clock.datagrams
    assert ack[0] == STREAM
    assert via(ack[1]) == via(invite[1])


def test_the_memory_of_refusals_is_bounded() -> None:
    oversize = Oversize(T1, T2)
    oversize.way = lambda flow: (flow._replace(transport="tcp"), HERE)
    for port in range(PEERS_MOST + 1):
        client = ClientTransaction((), UDP._replace(port=port), large(), "INVITE", None)
        oversize.widen(client, None, 0.0)
        assert oversize.narrow(client, 0.0)
    assert len(oversize.spared) == 1


def test_only_the_top_via_is_another() -> None:
    data = large()
    there = with_via(data, "[::1]:5070")
    assert via(there) == f"SIP/2.0/TCP [::1]:5070;branch={BRANCH}"
    assert there.replace(b"TCP [::1]:5070", b"UDP 127.0.0.1:5060") == data


# -- The whole service -------------------------------------------------------------------


def ring(stage: Stage) -> list[tuple[Flow, bytes]]:
    """A call with a large offer: the INVITEs that leave."""
    stage.register_line()
    stage.register("a")
    stage.invite = stage.request(
        "INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", body=LARGE_OFFER
    )
    stage.feed(stage.invite, SERVER)
    return [(flow, data) for flow, data in stage.fresh if data.startswith(b"INVITE")]


def test_a_phone_that_listens_is_rung_over_tcp_and_cancelled_there(stage: Stage) -> None:
    ((flow, invite),) = ring(stage)
    assert flow == A_TCP
    stage.feed(answer(invite, 180), A_TCP)
    stage.feed(cancel(stage), SERVER)
    assert methods(stage.to(A_TCP)) == ["CANCEL"]


def test_a_phone_that_does_not_is_rung_by_udp_also_after_a_restart(stage: Stage) -> None:
    ((_, over_tcp),) = ring(stage)
    spoken = []
    for _ in range(2):
        stage.fresh = []
        stage.engine.failed(A_TCP, stage.at)
        stage.flush()
        spoken += stage.to(A)
        stage.restart()
        assert stage.to(A_TCP) == [over_tcp]
    first, second = spoken
    assert first == second
    assert request(first).via.branch == request(over_tcp).via.branch
