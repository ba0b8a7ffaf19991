"""What the requests of a dialog are made of (RFC 3261 12.2.1.1)."""

import pytest

from adapters.sip.address import address, sip_uri, uri
from adapters.sip.dialog import Dialog, is_loose, place_of
from adapters.sip.grammar import host_and_port
from adapters.sip.identifiers import DialogNames
from adapters.sip.message import Flow
from core.events.facts import Peer
from tests.sip.stage import request

UDP = Flow("udp", "127.0.0.1:5060", "127.0.0.2", 5060)


def a_dialog(flow: Flow = UDP) -> Dialog:
    dialog = Dialog(DialogNames("call", "tag", "z9hG4bKb"), flow, "127.0.0.1:5060")
    dialog.local = "<sip:1@127.0.0.1>;tag=tag"
    dialog.addressee = dialog.remote = "<sip:b@127.0.0.2>"
    dialog.invite_uri = dialog.target = "sip:b@127.0.0.2"
    dialog.contact = "<sip:127.0.0.1:5060>"
    return dialog


def test_an_answer_settles_tag_target_and_routes() -> None:
    dialog = a_dialog()
    routes = ("<sip:127.0.0.8;lr>", "<sip:127.0.0.9:5070;lr>")
    dialog.follow(Peer(tag="theirs", contact="sip:b@127.0.0.3", routes=routes))
    dialog.aim()
    bye = request(dialog.request("BYE", dialog.next_cseq()))
    assert bye.uri == "sip:b@127.0.0.3"
    assert bye.to_tag == "theirs"
    assert bye.all("route") == ["<sip:127.0.0.9:5070;lr>", "<sip:127.0.0.8;lr>"]
    assert (dialog.flow.host, dialog.flow.port) == ("127.0.0.9", 5070)


def test_a_strict_router_gets_the_target_as_its_last_route() -> None:
    dialog = a_dialog()
    dialog.follow(Peer(tag="t", contact="sip:b@127.0.0.3", routes=("<sip:127.0.0.8>",)))
    bye = request(dialog.request("BYE", 1))
    assert bye.uri == "sip:127.0.0.8"
    assert bye.all("route") == ["<sip:b@127.0.0.3>"]


def test_cancel_is_about_the_invite_as_it_was_sent() -> None:
    dialog = a_dialog()
    dialog.invite_cseq = dialog.next_cseq()
    invite = request(dialog.request("INVITE", 1))
    dialog.follow(Peer(tag="t", contact="sip:elsewhere@127.0.0.3"))
    cancel = request(dialog.cancel([("Reason", "SIP;cause=200")]))
    assert (cancel.uri, cancel.via, cancel.cseq) == (invite.uri, invite.via, invite.cseq)
    assert cancel.first("to") == invite.first("to")
    assert cancel.first("reason") == "SIP;cause=200"


def test_an_ack_is_a_transaction_of_its_own() -> None:
    dialog = a_dialog()
    assert dialog.branch_of(1, "ACK") != dialog.branch_of(1, "INVITE") == dialog.branch_of(1)
    assert request(dialog.request("INVITE", 1)).first("contact")
    assert not request(dialog.request("BYE", 2)).first("contact")


@pytest.mark.parametrize(
    ("transport", "target", "host"),
    [
        ("udp", "sip:b@127.0.0.3:5070", "127.0.0.3"),
        ("udp", "sip:b@phone.example", "127.0.0.2"),
        ("udp", "sip:b@127.0.0.3;transport=tcp", "127.0.0.2"),
        ("udp", "no uri", "127.0.0.2"),
        ("tcp", "sip:b@127.0.0.2:40000;transport=tcp", "127.0.0.2"),
        ("tcp", "sip:b@127.0.0.3;transport=tcp", "127.0.0.3"),
        ("udp", "sip:b@[::1]:5070", "::1"),
    ],
)
def test_where_the_next_request_goes(transport: str, target: str, host: str) -> None:
    dialog = a_dialog(UDP._replace(transport=transport))
    dialog.target = target
    dialog.aim()
    assert dialog.flow.host == host
    if host == "127.0.0.2":
        assert dialog.flow.port == 5060


def test_a_route_that_is_none_is_left_as_it_is() -> None:
    assert is_loose("<sip:x;lr>")
    assert not is_loose("<sip:x>")
    assert is_loose("<<<")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("here", ["127.0.0.1:5060", "192.0.2.1:5080", "[2001:db8::1]:5060"])
@pytest.mark.parametrize("user", ["", "4212", "b c", "1\r\nX: 1"])
def test_our_contact_is_where_the_peer_sees_us(user: str, here: str, transport: str) -> None:
    dialog = Dialog(DialogNames("call", "tag", "b"), UDP._replace(transport=transport), here)
    read = uri(address(dialog.contact_of(user)).uri)
    assert sip_uri(read.user, read.host, read.port) == sip_uri(user, *host_and_port(here))
    assert read.params == ({} if transport == "udp" else {"transport": "tcp"})


@pytest.mark.parametrize("transport", ["", ";transport=", ";transport=TCP", ";transport=udp"])
@pytest.mark.parametrize("port", ["", ":5070"])
def test_a_place_is_read_the_same_each_time(transport: str, port: str) -> None:
    """One that names no transport in a parameter that is there names another one than ours."""
    value = f"sip:b@127.0.0.3{port}{transport}"
    named, host, number = place_of(value)
    read = uri(value)
    assert (named or "", host, number) == (transport[11:].lower(), read.host, read.port or 5060)
    assert (named is None) is ("transport" not in read.params)
    assert place_of(value) is place_of(value)


def test_no_value_of_a_dialog_breaks_out_of_its_line() -> None:
    for field in ("local", "remote", "target", "call_id", "here", "branch", "contact"):
        for broken in ("a\r\nX: 1", "a\n", "a\r", "a\0"):
            dialog = a_dialog()
            setattr(dialog, field, broken)
            with pytest.raises(ValueError, match="line end"):
                dialog.request("INVITE", 1)
    dialog = a_dialog()
    with pytest.raises(ValueError, match="line end"):
        dialog.cancel([("Reason", "a\r\nX: 1")])
    with pytest.raises(ValueError, match="line end"):
        dialog.request("INFO", 1, (), b"x", "text/plain\r\nX: 1")
