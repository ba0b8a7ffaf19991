"""A connection that the peer had opened is gone: where else its requests can go."""

from adapters.sip.dialog import Dialog
from adapters.sip.identifiers import DialogNames
from adapters.sip.message import Flow
from adapters.sip.transaction import Transactions

LOCAL = "127.0.0.1:5060"
LOST = Flow("tcp", LOCAL, "127.0.0.2", 40000)
LISTENS = Flow("tcp", LOCAL, "127.0.0.2", 5070)


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


def test_a_contact_that_names_the_lost_connection_leads_nowhere() -> None:
    assert dialog("sip:b@127.0.0.2:40000;transport=tcp").other_way(LOST) is None


def test_what_waits_for_an_answer_leaves_again_by_the_other_way() -> None:
    transactions = Transactions()
    transactions.send_request("z9hG4bKb.1", "BYE", b"bye", LOST, "owner", 0.0)
    transactions.take_out()
    assert transactions.failed(LOST, 1.0, lambda client: LISTENS) == []
    assert transactions.take_out() == [(LISTENS, b"bye")]


def test_where_there_is_none_it_has_timed_out() -> None:
    transactions = Transactions()
    transactions.send_request("z9hG4bKb.1", "BYE", b"bye", LOST, "owner", 0.0)
    assert len(transactions.failed(LOST, 1.0, lambda client: None)) == 1
