"""Which message belongs to which transaction (RFC 3261 9.2, 17.1.1.3, 17.2.3)."""

import pytest

from adapters.sip.matching import is_unique, refusal_ack
from adapters.sip.message import Request, parse
from adapters.sip.transaction import State
from tests.sip.clockwork import UDP, Clockwork, a_request, an_answer, request_data


@pytest.fixture
def clock() -> Clockwork:
    return Clockwork()


@pytest.mark.parametrize(
    ("branch", "unique"),
    [("z9hG4bKa", True), ("z9hG4bK", False), ("", False), ("a", False), ("a.z9hG4bK", False)],
)
def test_a_bare_cookie_is_no_branch(branch: str, unique: bool) -> None:
    """RFC 4475 3.2.1 has one."""
    assert is_unique(branch) is unique


@pytest.mark.parametrize(
    "other",
    [
        a_request("INVITE", "z9hG4bK-two"),
        a_request("INVITE", sent_by="127.0.0.2:5062"),
        a_request("INVITE", sent_by="127.0.0.3:5060"),
        a_request("INVITE", sent_by="127.0.0.2"),
        a_request("OPTIONS"),
        a_request("CANCEL"),
    ],
    ids=["branch", "port", "host", "no-port", "method", "cancel"],
)
def test_another_branch_sender_or_method_is_another_transaction(
    clock: Clockwork, other: Request
) -> None:
    """[PR_TR_SE_V_007 to 011]: so two clients may choose the same branch."""
    first = clock.heard(a_request("INVITE"))
    assert clock.heard(other) is not first
    assert len(clock.layer) == 2


def test_the_host_of_sent_by_has_no_case(clock: Clockwork) -> None:
    clock.heard(a_request("INVITE", sent_by="Phone.Example:5060"))
    assert clock.hear(a_request("INVITE", sent_by="phone.eXAMPLE:5060")) is None


def test_everything_but_branch_sender_and_method_may_differ(clock: Clockwork) -> None:
    """With a cookie in the branch nothing else is looked at (17.2.3)."""
    clock.heard(a_request("INVITE"))
    assert clock.hear(a_request("INVITE", to_tag="other", number=7)) is None


def test_a_retransmission_from_behind_rport_finds_its_transaction(clock: Clockwork) -> None:
    """What we wrote into the first one's Via (RFC 3581) takes no part in matching."""
    flow = UDP._replace(host="127.0.0.7", port=4444)
    for branch in ("z9hG4bK-one", "old"):
        invite = clock.heard(a_request("INVITE", branch + ";rport"), flow)
        assert invite.flow == flow
        assert "received=127.0.0.7" in invite.request.first("via")
        assert "rport=4444" in invite.request.first("via")
        assert clock.hear(a_request("INVITE", branch + ";rport"), flow) is None


def test_without_rport_the_answer_goes_to_the_port_of_via(clock: Clockwork) -> None:
    invite = clock.heard(a_request("INVITE"), UDP._replace(port=4444))
    clock.respond(invite, 486)
    assert clock.layer.take_out()[0][0] == UDP


# -- CANCEL ------------------------------------------------------------------------


@pytest.mark.parametrize("branch", ["z9hG4bK-one", "old", ""])
def test_cancel_finds_its_invite(clock: Clockwork, branch: str) -> None:
    """[PR_TR_SE_V_018 to 023]"""
    cancel = a_request("CANCEL", branch)
    assert clock.layer.find_invite(cancel) is None
    invite = clock.heard(a_request("INVITE", branch))
    clock.heard(a_request("OPTIONS", branch))
    assert clock.layer.find_invite(cancel) is invite
    assert clock.layer.find_invite(a_request("CANCEL", "z9hG4bK-other")) is None
    clock.heard(cancel)
    assert clock.hear(a_request("CANCEL", branch)) is None
    clock.respond(invite, 487)
    clock.wait()
    assert clock.layer.find_invite(cancel) is None


def test_cancel_after_the_2xx_still_finds_it(clock: Clockwork) -> None:
    """RFC 5407 3.1.2: so it gets its 200 and the call stays."""
    invite = clock.heard(a_request("INVITE"))
    clock.respond(invite, 200)
    found = clock.layer.find_invite(a_request("CANCEL"))
    assert found is invite
    assert found.state is State.ACCEPTED


# -- ACK ---------------------------------------------------------------------------


@pytest.mark.parametrize("branch", ["z9hG4bK-one", "z9hG4bK-ack", "old"])
def test_an_ack_without_a_refused_invite_goes_to_its_dialog(clock: Clockwork, branch: str) -> None:
    """[PR_TR_SE_V_027, 028]; also where a phone acknowledges a 2xx with the INVITE's branch."""
    ack = a_request("ACK", branch, to_tag="to")
    assert clock.heard(ack).state is State.ACK
    invite = clock.heard(a_request("INVITE", "old" if branch == "old" else "z9hG4bK-one"))
    assert clock.heard(ack).state is State.ACK
    clock.respond(invite, 180)
    assert clock.heard(ack).state is State.ACK
    clock.respond(invite, 200)
    assert clock.heard(ack).state is State.ACK
    assert clock.heard(ack).request is ack
    assert len(clock.layer) == 1, "nothing is kept of an ACK"


def test_the_ack_of_an_older_element_has_the_to_tag_of_our_response(clock: Clockwork) -> None:
    invite = clock.heard(a_request("INVITE", "old"))
    assert clock.hear(a_request("INVITE", "old")) is None
    clock.respond(invite, 486)
    assert clock.heard(a_request("ACK", "old", to_tag="other")).state is State.ACK
    assert clock.heard(a_request("ACK", "old", to_tag="to", number=2)).state is State.ACK
    assert clock.hear(a_request("ACK", "old", to_tag="to")) is None
    assert invite.state is State.CONFIRMED


def test_an_older_reinvite_and_its_ack(clock: Clockwork) -> None:
    invite = clock.heard(a_request("INVITE", "old", to_tag="to", number=2))
    clock.heard(a_request("INVITE", "old", to_tag="other", number=2))
    clock.respond(invite, 491)
    assert clock.hear(a_request("ACK", "old", to_tag="to", number=2)) is None
    assert invite.state is State.CONFIRMED


@pytest.mark.parametrize(
    "other",
    [
        a_request("INVITE", "old", number=2),
        a_request("INVITE", "older"),
        a_request("OPTIONS", "old"),
        a_request("INVITE", "old", sent_by="127.0.0.3"),
    ],
    ids=["cseq", "via", "method", "sender"],
)
def test_older_requests_differ_in_anything(clock: Clockwork, other: Request) -> None:
    clock.heard(a_request("INVITE", "old"))
    assert clock.hear(other) is not None


def test_the_ack_of_a_refusal_is_made_of_the_invite_and_the_response() -> None:
    """RFC 3261 17.1.1.3 [CC_OE_CE_V_020; PR_TR_CL_V_006 to 009]."""
    invite = request_data(
        "INVITE",
        more=(
            ("Route", "<sip:proxy.test;lr>"),
            ("Route", "<sip:second.test;lr>"),
            ("Contact", "<sip:4212@127.0.0.2>"),
            ("Proxy-Authorization", "Digest secret"),
        ),
        number=42,
    )
    response = an_answer(invite, 486, "theirs")
    ack = parse(refusal_ack(invite, response))
    sent = parse(invite)
    assert isinstance(ack, Request)
    assert isinstance(sent, Request)
    assert (ack.method, ack.uri, ack.cseq) == ("ACK", sent.uri, 42)
    assert ack.all("route") == ["<sip:proxy.test;lr>", "<sip:second.test;lr>"]
    assert ack.all("via") == [sent.first("via")]
    assert (ack.call_id, ack.first("from")) == (sent.call_id, sent.first("from"))
    assert ack.first("to") == response.first("to")
    assert ack.first("max-forwards") == "70"
    assert ack.body == b""
    assert set(ack.fields) == {
        "via", "route", "max-forwards", "from", "call-id", "cseq", "to", "content-length",
    }  # fmt: skip


def test_the_ack_has_one_via_and_the_octets_of_to() -> None:
    below = ("Via", "SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK-below")
    invite = request_data("INVITE").replace(b"Max-F", b"Via: " + below[1].encode() + b"\r\nMax-F")
    response = an_answer(invite, 486)
    response.fields["to"] = ['"Ren\xc3\xa9" <sip:4213@provider.test>;tag=to']
    ack = refusal_ack(invite, response)
    assert ack.count(b"Via:") == 1
    assert b'To: "Ren\xc3\xa9" <sip:' in ack
