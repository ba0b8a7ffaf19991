"""What the phone offers and answers (RFC 3264)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.phone.session import NothingInCommon, Session, can_answer, wanted

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n"


def sdp(*lines: str) -> bytes:
    return (HEAD + "".join(f"{line}\r\n" for line in lines)).encode()


def session() -> Session:
    return Session("127.0.0.1", 4000, 77)


def media(body: bytes) -> list[str]:
    return [line for line in body.decode().splitlines() if line.startswith("m=")]


def test_the_offer() -> None:
    assert session().offer().decode().splitlines() == [
        "v=0",
        "o=- 77 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 8 0 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ]
    assert b"IN IP6 ::1" in Session("::1", 4000, 1).offer()


def test_the_version_grows_where_something_changed_and_only_there() -> None:
    ours = session()
    ours.offer()
    assert b" 77 1 " in ours.offer()
    ours.on_hold = True
    assert b" 77 2 " in ours.offer()


@pytest.mark.parametrize(
    ("formats", "law"), [("18 0 8", "PCMU"), ("8", "PCMA"), ("97 8 0", "PCMA"), ("0", "PCMU")]
)
def test_the_first_of_theirs_that_we_know_is_taken(formats: str, law: str) -> None:
    ours = session()
    answer = ours.answer(sdp(f"m=audio 9000 RTP/AVP {formats}"))
    assert ours.terms is not None
    number = ours.terms.law.payload_type
    assert (ours.terms.law.name, ours.terms.events) == (law, None)
    assert media(answer) == [f"m=audio 4000 RTP/AVP {number}"]


def test_digits_have_the_number_of_the_offer() -> None:
    ours = session()
    events = "a=rtpmap:96 telephone-event/8000"
    answer = ours.answer(sdp("m=audio 9000 RTP/AVP 8 96", events))
    assert ours.terms is not None
    assert ours.terms.events == 96
    assert b"a=rtpmap:96 telephone-event/8000" in answer
    assert media(ours.offer()) == ["m=audio 4000 RTP/AVP 8 0 96"]


@pytest.mark.parametrize(
    "line",
    [
        "a=rtpmap:101 telephone-event/16000",
        "a=rtpmap:99 telephone-event/8000",  # Not among its formats.
        "a=rtpmap:x telephone-event/8000",
        "a=rtpmap:8 telephone-event/8000",
    ],
)
def test_other_events_are_none(line: str) -> None:
    assert wanted(sdp("m=audio 9000 RTP/AVP 8 101 x", line))[0].events is None


@pytest.mark.parametrize(
    ("theirs", "on_hold", "direction", "speaks", "listens"),
    [
        ("sendrecv", False, "sendrecv", True, True),
        ("sendonly", False, "recvonly", False, True),
        ("recvonly", False, "sendonly", True, False),
        ("inactive", False, "inactive", False, False),
        ("sendrecv", True, "sendonly", True, False),
        ("sendonly", True, "inactive", False, False),
        ("recvonly", True, "sendonly", True, False),
    ],
)
def test_directions_of_an_answer(
    theirs: str, on_hold: bool, direction: str, speaks: bool, listens: bool
) -> None:
    ours = session()
    ours.on_hold = on_hold
    answer = ours.answer(sdp("m=audio 9000 RTP/AVP 8", f"a={theirs}"))
    assert answer.endswith(f"a={direction}\r\n".encode())
    assert ours.terms is not None
    assert (ours.terms.speaks, ours.terms.listens) == (speaks, listens)
    assert ours.held_by_peer == (theirs in ("sendonly", "inactive"))


@pytest.mark.parametrize(
    ("on_hold", "theirs", "speaks", "listens"),
    [
        (False, "sendrecv", True, True),
        (False, "sendonly", False, True),
        (False, "recvonly", True, False),
        (False, "inactive", False, False),
        (True, "recvonly", True, False),
        (True, "sendrecv", True, False),  # They should not, but some say so.
        (True, "inactive", False, False),
    ],
)
def test_directions_of_an_offer(on_hold: bool, theirs: str, speaks: bool, listens: bool) -> None:
    ours = session()
    ours.on_hold = on_hold
    ours.offer()
    ours.take_answer(sdp("m=audio 9000 RTP/AVP 8", f"a={theirs}"))
    assert ours.terms is not None
    assert (ours.terms.speaks, ours.terms.listens) == (speaks, listens)


def test_a_null_address_is_hold_the_old_way() -> None:
    ours = session()
    ours.answer(sdp("c=IN IP4 0.0.0.0", "m=audio 9000 RTP/AVP 8"))
    assert ours.held_by_peer


def test_whatever_is_not_ours_is_refused_in_its_place() -> None:
    ours = session()
    offer = sdp(
        "m=video 9 RTP/AVP 96",
        "m=audio 9002 RTP/SAVP 8",
        "m=audio 9004 RTP/AVP 8",
        "m=application 9006 UDP/TLS x",
    )
    refused = ["m=video 0 RTP/AVP 96", "m=audio 0 RTP/SAVP 8"]
    assert media(ours.answer(offer)) == [
        *refused, "m=audio 4000 RTP/AVP 8", "m=application 0 UDP/TLS x",
    ]  # fmt: skip
    again = media(ours.offer())
    assert [*again[:2], again[3]] == [*refused, "m=application 0 UDP/TLS x"]
    ours.take_answer(sdp(*refused, "m=audio 9010 RTP/AVP 0", "m=application 0 UDP/TLS x"))
    assert ours.terms is not None
    assert ours.terms.port == 9010


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0",
        sdp("m=audio 0 RTP/AVP 8"),
        sdp("m=audio 9000 RTP/AVP 18"),
        sdp("m=audio 9000 RTP/SAVP 8"),
        sdp("m=video 9000 RTP/AVP 8"),
        sdp("m="),
        b"\xff\xfe",
    ],
)
def test_where_nothing_is_in_common_nothing_changes(body: bytes) -> None:
    ours = session()
    before = ours.offer()
    assert not can_answer(body)
    with pytest.raises(NothingInCommon):
        ours.answer(body)
    with pytest.raises(NothingInCommon):
        ours.take_answer(body)
    assert ours.terms is None
    assert ours.offer() == before


LINES = st.lists(
    st.sampled_from(
        ["m=audio 9 RTP/AVP 8", "m=audio 0 RTP/AVP 0", "m=", "m=a", "a=rtpmap:", "c=", "a=sendonly"]
    )
    | st.text(max_size=20)
)


@settings(max_examples=50, deadline=None)
@given(LINES, LINES)
def test_nothing_raises_anything_else(offer: list[str], answer: list[str]) -> None:
    ours = session()
    try:
        ours.answer("\n".join(offer).encode("utf-8", "replace"))
        ours.offer()
        ours.take_answer("\n".join(answer).encode("utf-8", "replace"))
    except NothingInCommon:
        return
    assert ours.terms is not None
