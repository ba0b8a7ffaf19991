"""A connection that the peer had opened is gone: where else its requests can go."""

from adapters.sip.dialog import Dialog
from adapters.sip.identifiers import DialogNames
from adapters.sip.message import Flow, Request, parse
from adapters.sip.transaction import Transactions

LOCAL = "127.0.0.1:5060"
LOST = Flow("tcp", LOCAL, "127.0.0.2", 40000)
LISTENS = Flow("tcp", LOCAL, "127.0.0.2", 5070)
SINCE = Flow("tcp", LOCAL, "127.0.0.2", 40001)


def dialog(target: str) -> Dialog:
    made = Dialog(DialogNames(call_id="c", tag="t", branch="z9hG4bKb"), LOST, LOCAL)
    made.target = target
    made.aim()
    return made


def test_a_connection_of_the_same_host_is_used_while_it_is_there() -> None:
    assert dialog("sip:b@127.0.0.2:5070;transport=tcp").flow == LOST


def test_then_one_to_where_the_peer_listens() -> None:
    made = dialog("sip:b@127.0.0.2:5070;transport=tcp")
    assert made.other_way(LOST) == LISTENS
    assert made.flow == LISTENS


def test_and_no_third() -> None:
    made = dialog("sip:b@127.0.0.2:5070;transport=tcp")
    made.other_way(LOST)
    assert made.other_way(LISTENS) is None


def test_the_connection_it_has_registered_by_since_comes_first() -> None:
    made = dialog("sip:b@127.0.0.2:5070;transport=tcp")
    assert made.other_way(LOST, SINCE) == SINCE
    assert made.other_way(SINCE, SINCE) == LISTENS
    assert made.other_way(LISTENS, SINCE) is None


def test_each_way_is_tried_once() -> None:
    made = dialog("sip:b@127.0.0.2:40000;transport=tcp")
    assert made.other_way(LOST, SINCE) == SINCE
    assert made.other_way(LOST, SINCE) == SINCE  # Another request that was lost with it.
    assert made.other_way(SINCE, SINCE) is None


def test_a_contact_that_names_the_lost_connection_leads_nowhere() -> None:
    assert dialog("sip:b@127.0.0.2:40000;transport=tcp").other_way(LOST) is None


def test_what_waits_for_an_answer_leaves_again_by_the_other_way() -> None:
    transactions = Transactions()
    transactions.send_request("z9hG4bKb.1", "BYE", b"bye", LOST, "owner", 0.0)
    transactions.take_out()
    assert transactions.failed(LOST, 1.0, lambda client: LISTENS) == []
    assert transactions.take_out() == [(LISTENS, b"bye")]


def invite(sent_by: str, transport: str = "TCP") -> Request:
    lines = (
        "INVITE sip:4212@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/{transport} {sent_by};branch=z9hG4bKi",
        "From: <sip:a@127.0.0.2>;tag=f",
        "To: <sip:4212@127.0.0.1>",
        "Call-ID: c",
        "CSeq: 1 INVITE",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    request = parse("\r\n".join((*lines, "", "")).encode())
    assert isinstance(request, Request)
    return request


def test_a_response_goes_to_where_the_sender_listens_once_its_connection_is_gone() -> None:
    """Such as a 200 whose ACK was lost with it (RFC 3261 18.2.2); the host is not believed."""
    for sent_by, port in (("192.0.2.9:5070", 5070), ("127.0.0.2", 5060)):
        transactions = Transactions()
        heard = transactions.receive_request(invite(sent_by), LOST, 0.0)
        assert heard is not None
        transactions.respond(heard, b"200", 200, 0.0)
        assert transactions.take_out() == [(LOST, b"200")]
        transactions.failed(LOST, 0.1)
        transactions.handle_timers(1.0)
        assert transactions.take_out() == [(LOST._replace(port=port), b"200")]


def test_the_way_back_by_udp_is_lost_for_nobody() -> None:
    """An ICMP error tells of one datagram, and the next may arrive (RFC 3261 18.4)."""
    udp = LOST._replace(transport="udp")
    transactions = Transactions()
    heard = transactions.receive_request(invite("127.0.0.2:5070;rport", "UDP"), udp, 0.0)
    assert heard is not None
    transactions.respond(heard, b"200", 200, 0.0)
    transactions.failed(udp, 0.1)
    transactions.handle_timers(1.0)
    assert transactions.take_out() == [(udp, b"200")] * 2


def test_where_there_is_none_it_has_timed_out() -> None:
    transactions = Transactions()
    transactions.send_request("z9hG4bKb.1", "BYE", b"bye", LOST, "owner", 0.0)
    assert len(transactions.failed(LOST, 1.0, lambda client: None)) == 1
