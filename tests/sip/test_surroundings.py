"""What every part of the SIP layer works with."""

from adapters.sip.own_phone import LOCAL
from adapters.sip.surroundings import SECOND_NS
from tests.sip.stage import HERE, SERVER, FakeRelay, Stage, codes, flow_of, request


def test_a_server_without_an_address_has_no_way(stage: Stage) -> None:
    around = stage.engine.around
    assert around.way("127.0.0.2", "udp") == SERVER
    assert around.way("elsewhere.example", "udp") is None
    around.ways["tcp.example"] = (("127.0.0.7", 5070), ("127.0.0.8", 5060))
    way = around.way("tcp.example", "tcp")
    assert way == ("tcp", HERE, "127.0.0.7", 5070)


def test_a_way_begins_at_one_of_our_sockets(stage: Stage) -> None:
    around = stage.engine.around
    around.local = lambda transport, host: HERE if transport == "udp" and ":" not in host else ""
    around.ways["both.example"] = (("2001:db8::1", 5060), ("127.0.0.7", 5070))
    assert around.way("both.example", "udp") == ("udp", HERE, "127.0.0.7", 5070)
    assert around.way("both.example", "tcp") is None


def test_transactions_count_in_the_same_nanoseconds(stage: Stage) -> None:
    around = stage.engine.around
    around.at += 1
    asked = request(stage.request("OPTIONS"))
    around.transactions.receive_request(asked, flow_of("a"), around.at)
    waiting = [*around.transactions.deadlines._lingering]
    over = around.at + 32 * SECOND_NS
    assert [at for at in waiting if over <= at < over + SECOND_NS] == [waiting[-1]]
    assert all(isinstance(at, int) for at in waiting)


def test_an_answer_that_opens_no_dialog_has_the_same_tag_each_time(stage: Stage) -> None:
    around = stage.engine.around
    asked = request(stage.request("OPTIONS"))
    assert around.stateless_tag(asked) == around.stateless_tag(asked)
    other = request(stage.request("OPTIONS", call_id="two"))
    assert around.stateless_tag(asked) != around.stateless_tag(other)


def test_only_the_first_final_answer_leaves(stage: Stage) -> None:
    around = stage.engine.around
    asked = request(stage.request("OPTIONS"))
    transaction = around.transactions.receive_request(asked, flow_of("a"), around.at)
    assert transaction is not None
    around.respond(transaction, 200)
    around.respond(transaction, 500)
    assert codes(data for _, data in around.transactions.take_out()) == [200]


def test_our_own_phone_finds_the_relay_where_it_is_bound() -> None:
    """And not where that phone finds the exchange: the relay may listen on one address only."""
    stage = Stage(has_phone=True)
    assert stage.engine.around.relay_toward(LOCAL, "127.0.0.1:5060") == "127.0.0.1"
    stage.give_relay(FakeRelay())
    around = stage.engine.around
    assert around.relay_toward(LOCAL, "127.0.0.1:5060") == "127.0.0.9"
    assert around.relay_toward(SERVER, "[2001:db8::1]:5060") == "2001:db8::1"
    stage.close()
