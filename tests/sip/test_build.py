"""Messages of our own."""

import pytest

from adapters.sip.build import request_bytes, response_to
from adapters.sip.message import Request, parse
from tests.sip.messages import INVITE, OFFER, changed


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_an_answer_repeats_the_requests_own_lines() -> None:
    answer = response_to(request(INVITE), 180, to_tag="ours", headers=[("Contact", "<sip:h@a>")])
    assert answer.decode().split("\r\n") == [
        "SIP/2.0 180 Ringing",
        "Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK-524287-1---8d5f2a1b;rport",
        "Record-Route: <sip:192.0.2.9;lr>",
        "Record-Route: <sip:192.0.2.8;lr>, <sip:192.0.2.6;lr>",
        'From: "Alice" <sip:4213@provider.test>;tag=0a1b2c3d',
        "To: <sip:4212@provider.test>;tag=ours",
        "Call-ID: 83h2f8h2938fh2938hf@192.0.2.7",
        "CSeq: 7 INVITE",
        "Contact: <sip:h@a>",
        "Content-Length: 0",
        "",
        "",
    ]


@pytest.mark.parametrize(("code", "there"), [(100, 0), (180, 2), (200, 2), (299, 2), (486, 0)])
def test_record_route_goes_back_where_a_dialog_may_be_made(code: int, there: int) -> None:
    assert response_to(request(INVITE), code).count(b"Record-Route") == there
    options = INVITE.replace(b"INVITE sip", b"OPTIONS sip").replace(b"7 INVITE", b"7 OPTIONS")
    assert b"Record-Route" not in response_to(request(options), code)


def test_a_tag_that_is_there_stays() -> None:
    within = request(changed("To", "To: <sip:4212@provider.test>;tag=theirs"))
    assert b";tag=theirs\r\n" in response_to(within, 200, to_tag="ours")


def test_a_100_returns_the_timestamp() -> None:
    """RFC 3261 8.2.6.1."""
    timed = request(changed("User-Agent", "Timestamp: 54.2"))
    assert b"Timestamp: 54.2\r\n" in response_to(timed, 100)
    assert b"Timestamp" not in response_to(timed, 200)


def test_reasons_and_bodies() -> None:
    invite = request(INVITE)
    assert response_to(invite, 299).startswith(b"SIP/2.0 299 Unknown\r\n")
    assert response_to(invite, 403, "Go Away").startswith(b"SIP/2.0 403 Go Away\r\n")
    answer = response_to(invite, 200, body=OFFER)
    assert answer.endswith(
        f"Content-Type: application/sdp\r\nContent-Length: {len(OFFER)}\r\n\r\n".encode() + OFFER
    )
    other = response_to(invite, 200, body=b"x", content_type="text/plain")
    assert b"Content-Type: text/plain\r\n" in other


def test_a_request_reads_as_it_was_built() -> None:
    built = request_bytes(
        "OPTIONS",
        "sip:a@b",
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"),
            ("From", "<sip:h@a>;tag=1"),
            ("To", "<sip:a@b>"),
            ("Call-ID", "1"),
            ("CSeq", "1 OPTIONS"),
        ],
        b"x\0y",
        "text/plain",
    )
    read = request(built)
    assert (read.method, read.uri, read.body) == ("OPTIONS", "sip:a@b", b"x\0y")
    assert read.first("content-type") == "text/plain"
    assert read.first("content-length") == "3"


@pytest.mark.parametrize("broken", ["a\r\nX: 1", "a\nX: 1", "a\rX: 1", "a\0"])
def test_no_value_breaks_out_of_its_line(broken: str) -> None:
    invite = request(INVITE)
    with pytest.raises(ValueError, match="line end"):
        request_bytes("OPTIONS", broken, [])
    with pytest.raises(ValueError, match="line end"):
        request_bytes("OPTIONS", "sip:a@b", [("Subject", broken)])
    with pytest.raises(ValueError, match="line end"):
        request_bytes("OPTIONS", "sip:a@b", [], b"x", broken)
    with pytest.raises(ValueError, match="line end"):
        response_to(invite, 400, broken)
    with pytest.raises(ValueError, match="line end"):
        response_to(invite, 400, headers=[("Contact", broken)])
