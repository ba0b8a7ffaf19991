"""Two offers that meet, and what each of them is an answer to."""

import pytest

from adapters.sip.pairing import answer_to
from adapters.sip.sdp import streams

ABOVE = "v=0\r\no=- 1 1 IN IP4 192.0.2.{host}\r\ns=-\r\nc=IN IP4 192.0.2.{host}\r\nt=0 0\r\n"


def sdp(*lines: str, host: int = 1) -> bytes:
    return (ABOVE.format(host=host) + "".join(f"{line}\r\n" for line in lines)).encode()


CALLER = sdp(
    "m=audio 4000 RTP/AVP 0 8 96 101",
    "a=rtpmap:96 opus/48000/2",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "a=sendrecv",
)
PHONE = sdp(
    "m=audio 5000 RTP/AVP 8 9 98 110",
    "a=rtpmap:8 PCMA/8000/1",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:98 telephone-event/8000",
    "a=rtpmap:110 speex/8000",
    "a=fmtp:98 0-15",
    "a=ptime:20",
    host=2,
)


def test_what_both_have_under_the_numbers_of_who_receives() -> None:
    assert answer_to(CALLER, PHONE) == sdp(
        "m=audio 5000 RTP/AVP 8 98",
        "a=rtpmap:8 PCMA/8000/1",
        "a=rtpmap:98 telephone-event/8000",
        "a=fmtp:98 0-15",
        "a=ptime:20",
        host=2,
    )
    assert answer_to(PHONE, CALLER) == sdp(
        "m=audio 4000 RTP/AVP 8 101",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=sendrecv",
    )


def test_a_stream_that_one_of_them_does_not_have_is_refused() -> None:
    both = CALLER + b"m=video 4002 RTP/AVP 34\r\n"
    answer = answer_to(both, PHONE)
    assert answer.endswith(b"m=video 0 RTP/AVP 34\r\n")
    assert [(each.kind, each.port) for each in streams(answer)] == [("audio", 5000), ("video", 0)]
    assert b"video" not in answer_to(PHONE, both)


@pytest.mark.parametrize(
    "theirs",
    [
        sdp("m=audio 5000 RTP/AVP 9"),
        sdp("m=audio 5000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"),
        sdp("m=audio 5000 RTP/SAVP 8"),
        sdp("m=audio 0 RTP/AVP 8"),
        sdp("m=video 5000 RTP/AVP 8"),
        sdp(),
        b"",
        b"m=",
        b"\xff\xfe nonsense",
    ],
    ids=repr,
)
def test_nothing_to_talk_in(theirs: bytes) -> None:
    assert answer_to(CALLER, theirs) == b""
    assert answer_to(theirs, CALLER) == b""


def test_beyond_rtp_a_format_stands_for_itself() -> None:
    fax = sdp("m=image 4000 udptl t38")
    assert answer_to(fax, sdp("m=image 5000 udptl t38", host=2)) == sdp(
        "m=image 5000 udptl t38", host=2
    )


def test_streams_are_not_bundled_in_the_answer() -> None:
    grouped = PHONE.replace(b"t=0 0\r\n", b"t=0 0\r\na=group:BUNDLE 0\r\n")
    assert b"BUNDLE" not in answer_to(CALLER, grouped)
