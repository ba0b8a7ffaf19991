"""Framing over a connection: the same messages, however the bytes are cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sip.message import Malformed, Ping, Request, Stream, parse
from tests.sip.messages import INVITE, OFFER, RINGING, added, changed

BAD_BUT_FRAMED = changed("CSeq", "CSeq: 7 BYE")


def told(items: list[object]) -> list[str]:
    """A short name for each thing that came out."""
    return [
        item.reason
        if isinstance(item, Malformed)
        else "ping"
        if isinstance(item, Ping)
        else type(item).__name__
        for item in items
    ]


def fed(data: bytes, sizes: list[int]) -> tuple[list[str], str]:
    stream = Stream()
    items: list[object] = []
    for size in sizes:
        items += stream.feed(data[:size])
        data = data[size:]
    items += stream.feed(data)
    return told(items), stream.broken


def test_messages_one_behind_the_other() -> None:
    stream = Stream()
    invite, ringing, ping = stream.feed(INVITE + RINGING + b"\r\n\r\n")
    assert isinstance(invite, Request)
    assert invite.body == OFFER
    assert told([ringing, ping]) == ["Response", "ping"]
    assert not stream.waiting


def test_a_malformed_message_does_not_end_the_stream_where_its_end_is_known() -> None:
    stream = Stream()
    malformed, ringing = stream.feed(BAD_BUT_FRAMED + RINGING)
    assert isinstance(malformed, Malformed)
    assert (malformed.reason, malformed.status) == ("cseq-method", 400)
    assert malformed.request
    assert told([ringing]) == ["Response"]


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("no-content-length", INVITE.replace(b"Content-Length", b"Other-Length")),
        ("bad-content-length", added("Content-Length: -999")),
        ("two-content-length", added("Content-Length: 5", "Content-Length: 6")),
        ("bad-header-line", added("no colon")),
        ("body-too-large", added("Content-Length: 65537")),
        ("head-too-large", b"INVITE " + b"x" * 70_000),
        ("head-too-large", added("X: " + "x" * 70_000)),
        ("too-many-headers", added(*["X: 1"] * 200)),
        ("bad-start-line", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
    ],
)
def test_lost_framing_breaks_the_stream(reason: str, data: bytes) -> None:
    stream = Stream()
    items = stream.feed(data + RINGING)
    assert told(list(items)) == [reason]
    assert stream.broken == reason
    assert stream.feed(RINGING) == []


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"\r\n\r\n", ["ping"]),
        (b"\r\n", []),
        (b"\r\n" + INVITE, ["Request"]),
        (b"\r\n\r\n\r\n" + INVITE, ["ping", "Request"]),
        (b"\r\n\r\n\r\n\r\n" + INVITE + b"\r\n\r\n", ["ping", "ping", "Request", "ping"]),
        (b"\n\r" + RINGING, ["Response"]),
    ],
)
def test_line_ends_between_messages(data: bytes, names: list[str]) -> None:
    assert fed(data, []) == (names, "")
    assert fed(data, [1] * len(data)) == (names, "")


def test_it_says_whether_a_message_has_begun() -> None:
    """What a transport closes a slow connection by; a keepalive is no such beginning."""
    stream = Stream()
    assert not stream.waiting
    stream.feed(b"\r\n")
    assert not stream.waiting
    stream.feed(INVITE[:10])
    assert stream.waiting
    stream.feed(INVITE[10:-1])
    assert stream.waiting
    stream.feed(INVITE[-1:])
    assert not stream.waiting


def test_one_octet_at_a_time_is_linear() -> None:
    """Counted and not timed: each octet is searched for the end of the head about once."""
    searched = 0

    class Counting(bytearray):
        def find(self, *given: object) -> int:
            nonlocal searched
            searched += len(self) - int(str(given[1]))
            return bytearray.find(self, *given)  # type: ignore[arg-type]

    stream = Stream()
    stream._buffer = Counting()
    data = b"X" * 5_000
    for at in range(len(data)):
        stream.feed(data[at : at + 1])
    assert searched < 10 * len(data)


PIECES = [INVITE, RINGING, BAD_BUT_FRAMED, b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"junk", b"\r\n\r"]
PIECES += [INVITE.replace(b"\r\n", b"\n"), added("Content-Length: x")]
traffic = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)


@given(traffic, st.lists(st.integers(0, 700), max_size=12))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_any_cut_gives_the_same(data: bytes, sizes: list[int]) -> None:
    assert fed(data, sizes) == fed(data, [])
    assert fed(data, [1] * len(data)) == fed(data, [])


def test_it_reads_what_a_datagram_reads() -> None:
    (ours,) = Stream().feed(INVITE)
    datagram = parse(INVITE)
    assert isinstance(ours, Request)
    assert (ours.fields, ours.body) == (datagram.fields, datagram.body)
