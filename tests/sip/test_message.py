"""The splitter: what it understands, what it refuses, and by which name."""

from contextlib import suppress

import pytest
import sipmessage
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.sip.message import (
    Flow,
    Malformed,
    Request,
    Response,
    Via,
    parse,
    reply_flow,
    response_to,
    stamp,
    text,
)
from tests.sip.messages import INVITE, INVITE_LINES, OFFER, RINGING, added, as_bytes, changed

steady = settings(deadline=None, max_examples=100, derandomize=True)


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def refused(data: bytes) -> Malformed:
    with pytest.raises(Malformed) as raised:
        parse(data)
    return raised.value


# -- What is understood --------------------------------------------------------------


def test_an_invite() -> None:
    invite = request(INVITE)
    assert (invite.method, invite.uri) == ("INVITE", "sip:4212@192.0.2.1:5060")
    assert invite.call_id == "83h2f8h2938fh2938hf@192.0.2.7"
    assert invite.cseq == 7
    assert (invite.from_tag, invite.to_tag) == ("0a1b2c3d", "")
    branch = "z9hG4bK-524287-1---8d5f2a1b"
    assert invite.via == Via("UDP", "192.0.2.7", 5062, branch, "", 0)
    assert invite.first("user-agent") == "a phone"
    assert invite.first("subject") == ""
    assert invite.all("record-route")[0] == "<sip:192.0.2.9;lr>"
    assert invite.all("route") == []
    assert invite.listed("record-route") == [
        "<sip:192.0.2.9;lr>",
        "<sip:192.0.2.8;lr>",
        "<sip:192.0.2.6;lr>",
    ]
    assert invite.listed("supported") == ["replaces", "100rel", "timer"]
    assert invite.listed("require") == []
    assert invite.body == OFFER


def test_a_response() -> None:
    ringing = parse(RINGING)
    assert isinstance(ringing, Response)
    assert (ringing.code, ringing.reason) == (180, "Ringing")
    assert (ringing.method, ringing.cseq_method, ringing.cseq) == ("INVITE", "INVITE", 7)
    assert (ringing.from_tag, ringing.to_tag) == ("0a1b2c3d", "99aabb")
    assert (ringing.via.branch, ringing.via.rport) == ("z9hG4bKb1", 5060)


def test_its_repr_names_the_call_and_nothing_secret() -> None:
    assert repr(request(INVITE)) == "<Request INVITE 83h2f8h2938fh2938hf@192.0.2.7>"
    assert repr(parse(RINGING)) == "<Response 180 INVITE 83h2f8h2938fh2938hf@192.0.2.7>"


@pytest.mark.parametrize(
    "data",
    [
        as_bytes(*INVITE_LINES, body=OFFER, end="\n"),
        b"\r\n\r\n" + INVITE,
        changed("Call-ID", "i: 83h2f8h2938fh2938hf@192.0.2.7"),
        changed("Call-ID", "CALL-id \t:   83h2f8h2938fh2938hf@192.0.2.7 "),
        changed("Call-ID", "Call-ID:", "\t83h2f8h2938fh2938hf@192.0.2.7"),
        changed("CSeq", "CSeq: 007\t INVITE"),
        changed("CSeq", "CSeq: 7", " INVITE"),
        changed("INVITE", "INVITE sip:4212@192.0.2.1:5060 sip/2.0"),
        added("Call-ID: 83h2f8h2938fh2938hf@192.0.2.7"),
        INVITE + b"noise after the body",
        changed("User-Agent", "User-Agent: a", "   phone"),
    ],
    ids=[
        "LF alone",
        "empty lines first",
        "compact name",
        "blanks before the colon",
        "folded",
        "zeros before CSeq",
        "CSeq folded",
        "version in lower case",
        "the same Call-ID twice",
        "octets after the body",
        "a value folded",
    ],
)
def test_odd_spelling_changes_nothing(data: bytes) -> None:
    odd, plain = request(data), request(INVITE)
    assert odd.fields | {"content-length": []} == plain.fields | {
        "content-length": [],
        "cseq": odd.fields["cseq"],
    }
    assert (odd.method, odd.uri, odd.cseq) == (plain.method, plain.uri, plain.cseq)
    assert (odd.call_id, odd.via, odd.body) == (plain.call_id, plain.via, plain.body)


def test_without_content_length_a_datagram_is_all_body() -> None:
    """RFC 3261 18.3."""
    data = INVITE.replace(f"Content-Length: {len(OFFER)}\r\n".encode(), b"")
    assert request(data).body == OFFER


def test_octets_survive_and_become_text_on_demand() -> None:
    name = "Zoë".encode().decode("latin-1")
    invite = request(
        changed("User-Agent", f"User-Agent: {name}", "Subject: à".encode().decode("latin-1"))
    )
    assert invite.first("user-agent").encode("latin-1") == "Zoë".encode()
    assert text(invite.first("user-agent")) == "Zoë"
    assert text(invite.first("subject")) == "à", "its last octet is a blank in latin-1"


def test_a_nul_passes_only_escaped_within_quotes() -> None:
    """RFC 4475 3.1.1.2."""
    request(changed("From", 'From: "a\\\0b" <sip:4213@provider.test>;tag=0a1b2c3d'))
    assert refused(changed("User-Agent", "User-Agent: a\0b")).reason == "nul"
    assert refused(changed("User-Agent", "User-Agent: a\\\0b")).reason == "nul"
    assert refused(changed("User-Agent", 'User-Agent: "a\0b"')).reason == "nul"


# -- What is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("no-via", changed("Via")),
        ("no-from", changed("From")),
        ("no-to", changed("To")),
        ("no-call-id", changed("Call-ID")),
        ("no-cseq", changed("CSeq")),
        ("bad-call-id", changed("Call-ID", "Call-ID: two words")),
        ("bad-call-id", changed("Call-ID", "Call-ID:")),
        ("bad-cseq", changed("CSeq", "CSeq: 2147483648 INVITE")),
        ("bad-cseq", changed("CSeq", "CSeq: -1 INVITE")),
        ("bad-cseq", changed("CSeq", "CSeq: \xb2 INVITE")),
        ("bad-cseq", changed("CSeq", "CSeq: 7")),
        ("bad-cseq", changed("CSeq", "CSeq: " + "9" * 5000 + " INVITE")),
        ("cseq-method", changed("CSeq", "CSeq: 7 OPTIONS")),
        ("cseq-method", changed("CSeq", "CSeq: 7 invite")),
        ("bad-via", changed("Via", "Via: SIP/2.0/UDP")),
        ("bad-via", changed("Via", "Via: nonsense")),
        ("bad-host", changed("Via", "Via: SIP/2.0/UDP a b;branch=z9hG4bKx")),
        ("bad-via", changed("Via", "Via: SIP/2.0/UDP a;branch=z9hG4bK1;branch=z9hG4bK2")),
        ("bad-address", changed("From", "From: Bell, A <sip:a@example.com>;tag=1")),
        ("bad-address", changed("From", 'From: "A <sip:a@example.com>;tag=1')),
        ("bad-address", changed("To", "To: <sip:a@example.com>;tag=1;tag=2")),
        ("bad-address", changed("To", "To: <sip:a@example.com>, <sip:b@example.com>")),
        ("bad-address", changed("To", "To: ")),
        ("two-call-id", added("Call-ID: another")),
        ("two-call-id", added("i : another")),
        ("two-cseq", added("CSeq: 8 INVITE")),
        ("two-from", added("f: <sip:eve@example.com>;tag=1")),
        ("two-to", added("To: <sip:eve@example.com>")),
        ("two-max-forwards", added("Max-Forwards: 71")),
        ("two-content-length", added("Content-Length: 5", "l: 6")),
        ("bad-content-length", added("Content-Length: -1")),
        ("bad-content-length", added("Content-Length: 5x")),
        ("bad-content-length", added("Content-Length:")),
        ("short-body", added("Content-Length: 9999")),
        ("bad-header-line", added("no colon at all")),
        ("bad-header-line", added("Subject")),
        ("bad-header-line", added(": no name")),
        ("bad-header-line", added("Two words: 1")),
        ("mixed-line-ends", INVITE.replace(b"\r\n\r\n", b"\n\nX: 1\r\n\r\n", 1)),
        ("mixed-line-ends", INVITE.replace(b"\r\n\r\n", b"\r\n\nX: 1\r\n\r\n", 1)),
        ("mixed-line-ends", INVITE.replace(b"\r\n\r\n", b"\r\n\n\r\n", 1)),
        ("mixed-line-ends", INVITE.replace(b"\r\n\r\n", b"\n\r\n", 1)),
        ("mixed-line-ends", changed("User-Agent", "Subject: a\nX: b")),
        ("bad-address", changed("To", "To: <sip:a@b>;tag")),
        ("bad-address", changed("To", "To: <sip:a@b>;tag=")),
        ("bare-cr", added("Subject: a\rVia: SIP/2.0/UDP 10.0.0.1")),
        ("bad-start-line", changed("INVITE", "INVITE  sip:a@b SIP/2.0")),
        ("bad-start-line", changed("INVITE", "INVITE sip:a@b SIP/2.0 ")),
        ("bad-start-line", changed("INVITE", "INVITE sip:a@b; lr SIP/2.0")),
        ("bad-start-line", changed("INVITE", "INVITE sip:a@b HTTP/1.1")),
        ("bad-start-line", changed("INVITE", "IN(VITE sip:a@b SIP/2.0")),
        ("bad-request-uri", changed("INVITE", "INVITE <sip:a@b> SIP/2.0")),
        ("bad-request-uri", changed("INVITE", "INVITE sip:2001:db8::10 SIP/2.0")),
        ("bad-request-uri", changed("INVITE", "INVITE nothing SIP/2.0")),
        ("no-end-of-head", INVITE.partition(b"\r\n\r\n")[0]),
    ],
)
def test_a_request_is_refused_by_name(reason: str, data: bytes) -> None:
    malformed = refused(data)
    assert (malformed.reason, str(malformed)) == (reason, reason)
    assert malformed.status == (0 if reason == "no-via" else 400)
    if malformed.request:
        answer = response_to(malformed.request, 400, to_tag="ours")
        assert answer.startswith(b"SIP/2.0 400 Bad Request\r\nVia: ")


def test_another_version_is_refused_as_such() -> None:
    malformed = refused(changed("INVITE", "INVITE sip:a@b SIP/3.0"))
    assert (malformed.reason, malformed.status) == ("version", 505)


def test_an_ack_and_a_response_are_never_answered() -> None:
    ack = INVITE.replace(b"INVITE sip", b"ACK sip").replace(b"7 INVITE", b"8 OPTIONS")
    assert (refused(ack).reason, refused(ack).status) == ("cseq-method", 0)
    for line in (
        "SIP/2.0 099 x",
        "SIP/2.0 700 x",
        "SIP/2.0 4294967301 x",
        "SIP/2.0",
        "SIP/3.0 200 x",
    ):
        data = RINGING.replace(b"SIP/2.0 180 Ringing", line.encode(), 1)
        assert refused(data).status == 0
        assert refused(data).request is None


def test_keepalives_and_noise_are_dropped() -> None:
    for data in (b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"hello"):
        assert refused(data).status == 0


def test_heads_are_bounded() -> None:
    assert refused(added(*["X: 1"] * 200)).reason == "too-many-headers"
    large = added("X: " + "x" * 70_000)
    assert refused(large).reason == "head-too-large"
    assert refused(large.replace(b"\r\n", b"\n")).reason == "head-too-large"


def test_a_via_that_says_nothing_is_answered_where_it_came_from() -> None:
    malformed = refused(changed("Via", "Via: ;;,"))
    assert malformed.request
    flow = Flow("udp", "127.0.0.1:5060", "192.0.2.7", 40_000)
    assert reply_flow(malformed.request, flow) == flow


# -- The way back -------------------------------------------------------------------

HERE = Flow("udp", "127.0.0.1:5060", "192.0.2.7", 5062)
NAT = Flow("udp", "127.0.0.1:5060", "203.0.113.5", 40_000)


@pytest.mark.parametrize(
    ("via", "flow", "stamped", "reply_port"),
    [
        ("192.0.2.7:5062;branch=z9hG4bK1", HERE, "192.0.2.7:5062;branch=z9hG4bK1", 5062),
        ("192.0.2.7;branch=z9hG4bK1", HERE, "192.0.2.7;branch=z9hG4bK1", 5060),
        (
            "192.0.2.7:5062;rport;branch=z9hG4bK1",
            HERE,
            "192.0.2.7:5062;received=192.0.2.7;rport=5062;branch=z9hG4bK1",
            5062,
        ),
        (
            "192.0.2.7:5062;branch=z9hG4bK1;rport",
            NAT,
            "192.0.2.7:5062;branch=z9hG4bK1;received=203.0.113.5;rport=40000",
            40_000,
        ),
        (
            "phone.test:5070;branch=z9hG4bK1",
            NAT,
            "phone.test:5070;branch=z9hG4bK1;received=203.0.113.5",
            5070,
        ),
        (
            "192.0.2.7:5062;received=198.51.100.1;branch=z9hG4bK1",
            HERE,
            "192.0.2.7:5062;branch=z9hG4bK1;received=192.0.2.7",
            5062,
        ),
    ],
    ids=["as it says", "no port", "rport", "rport and NAT", "NAT alone", "a forged received"],
)
def test_stamp_and_reply(via: str, flow: Flow, stamped: str, reply_port: int) -> None:
    invite = request(changed("Via", f"Via: SIP/2.0/UDP {via}", "Via: SIP/2.0/UDP far.test"))
    stamp(invite, flow)
    assert invite.all("via") == [f"SIP/2.0/UDP {stamped}", "SIP/2.0/UDP far.test"]
    assert reply_flow(invite, flow) == flow._replace(port=reply_port)
    once = list(invite.all("via"))
    stamp(invite, flow)
    assert invite.all("via") == once, "a second stamp changes nothing"


def test_stamp_touches_only_the_first_of_several_values() -> None:
    invite = request(changed("Via", "Via: SIP/2.0/UDP a.test;branch=z9hG4bK1, SIP/2.0/UDP b.test"))
    stamp(invite, NAT)
    assert invite.first("via") == (
        "SIP/2.0/UDP a.test;branch=z9hG4bK1;received=203.0.113.5, SIP/2.0/UDP b.test"
    )


def test_over_tcp_the_answer_takes_the_same_connection() -> None:
    flow = NAT._replace(transport="tcp")
    assert reply_flow(request(INVITE), flow) == flow


# -- Any bytes ----------------------------------------------------------------------


@given(st.binary(max_size=400))
@steady
def test_any_bytes(data: bytes) -> None:
    with suppress(Malformed):
        parse(data)


BREAKERS = [bytes([octet]) for octet in b'\0\t\n\r "%,:;<=>@[]\\\x85\xa0\xff']
BREAKERS += [b"", b"\r\n", b"9" * 30, b"SIP/2.0 "]

# The oracle undoes escapes that are none in a token, and stops reading at a blank.
PLAIN_BREAKERS = [new for new in BREAKERS if not set(new) & set(b"% \t")]


def edits(breakers: list[bytes]) -> st.SearchStrategy[list[tuple[float, int, bytes]]]:
    one = st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(breakers))
    return st.lists(one, min_size=1, max_size=4)


def edited(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, new in changes:
        at = int(where * len(data))
        data = data[:at] + new + data[at + length :]
    return data


@given(st.sampled_from([INVITE, RINGING]), edits(BREAKERS))
@steady
def test_damaged_messages(original: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    """Whatever comes out can be answered, and the answer is a message again."""
    flow = Flow("udp", "127.0.0.1:5060", "203.0.113.5", 40_000)
    try:
        message: Request | Response | None = parse(edited(original, changes))
    except Malformed as malformed:
        message = None
        refusable = malformed.request
    if message is None and refusable:
        stamp(refusable, flow)
        assert response_to(refusable, 400, to_tag="ours").count(b"\r\n\r\n") == 1
    if isinstance(message, Request):
        stamp(message, flow)
        answer = parse(response_to(message, 200, to_tag="ours"))
        assert isinstance(answer, Response)
        assert answer.call_id == message.call_id
        assert answer.via == message.via
        assert answer.to_tag == (message.to_tag or "ours")


@given(st.sampled_from([INVITE, RINGING]), edits(PLAIN_BREAKERS))
@steady
def test_what_the_oracle_accepts_reads_the_same(
    original: bytes, changes: list[tuple[float, int, bytes]]
) -> None:
    data = edited(original, changes)
    assume(b"\r\n " not in data)  # The oracle does not unfold.
    with suppress(Malformed, ValueError, KeyError, IndexError):
        agree(data)


@pytest.mark.parametrize("data", [INVITE, RINGING])
def test_the_oracle_accepts_the_originals(data: bytes) -> None:
    agree(data)


def agree(data: bytes) -> None:
    """Six headers, read by both."""
    ours, theirs = parse(data), sipmessage.Message.parse(data)
    via, sender, to, cseq = theirs.via[0], theirs.from_address, theirs.to_address, theirs.cseq
    assert ours.call_id == theirs.call_id
    assert (ours.cseq, ours.method) == (cseq.sequence, cseq.method)
    assert ours.from_tag == (sender.parameters.get("tag") or "")
    assert ours.to_tag == (to.parameters.get("tag") or "")
    assert ours.via.host == via.host.lower().strip("[]")
    assert ours.via.port == (via.port or 0)
    assert ours.via.branch == (via.parameters.get("branch") or "")
