"""What messages tell."""

from adapters.sip.facts import challenge_in, hops_of, peer_of
from core.events.facts import Peer
from tests.sip.stage import request, response


def asked(*more: str) -> bytes:
    lines = ["OPTIONS sip:x SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK1"]
    lines += ["From: <sip:a@x>;tag=1", "To: <sip:x>", "Call-ID: 1", "CSeq: 1 OPTIONS"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def answered(code: int, *more: str) -> bytes:
    data = asked(*more).replace(b"OPTIONS sip:x SIP/2.0", f"SIP/2.0 {code} said".encode())
    return data.replace(b"To: <sip:x>", b"To: <sip:x>;tag=2")


def test_hops() -> None:
    assert hops_of(request(asked("Max-Forwards: 70"))) == 70
    assert hops_of(request(asked("Max-Forwards: 999"))) == 255
    assert hops_of(request(asked("Max-Forwards: many"))) == 70


def test_the_peer_of_a_dialog() -> None:
    told = response(
        answered(200, "Contact: <sip:b@y:5070>", "Record-Route: <sip:p;lr>, <sip:q;lr>")
    )
    assert peer_of(told) == Peer(
        tag="2", contact="sip:b@y:5070", routes=("<sip:p;lr>", "<sip:q;lr>")
    )
    for contact in ("*", '"open <sip:b@y>', "<s!p:b@y>"):
        assert peer_of(response(answered(200, f"Contact: {contact}"))).contact == ""


def test_the_first_contact_counts_in_whichever_line_it_stands() -> None:
    for lines, contact in (
        (["Contact: ", "Contact: , ,", 'Contact: "a,b" <sip:b@y>, <sip:c@y>'], "sip:b@y"),
        (["Contact: *, <sip:b@y>", "Contact: <sip:c@y>"], ""),
        ([], ""),
    ):
        assert peer_of(response(answered(200, *lines))).contact == contact


def test_a_challenge_of_a_proxy_and_none() -> None:
    said = 'Digest realm="r", nonce="n", qop="auth"'
    found = challenge_in(response(answered(407, f"Proxy-Authenticate: {said}")))
    assert found is not None
    assert (found.proxy, found.nonce) == (True, "n")
    assert challenge_in(response(answered(401, f"Proxy-Authenticate: {said}"))) is None
