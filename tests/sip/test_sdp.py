"""SDP: where media flows, that the relay hides it, and that keys stay out of the log."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sip.sdp import Stream, origin_of, redacted, streams, with_origin, with_relay

steady = settings(deadline=None, max_examples=80, derandomize=True)


def sdp(*lines: str, end: str = "\r\n") -> bytes:
    return "".join(line + end for line in lines).encode("latin-1")


SIMPLE = sdp(
    "v=0",
    "o=alice 2890844526 2890844526 IN IP4 192.0.2.7",
    "s=-",
    "c=IN IP4 192.0.2.7",
    "t=0 0",
    "m=audio 49170 RTP/AVP 8 0 101",
    "a=rtpmap:101 telephone-event/8000",
    "a=sendrecv",
)


def test_a_simple_offer() -> None:
    assert streams(SIMPLE) == (
        Stream("audio", "192.0.2.7", 49170, 49171, "192.0.2.7", "sendrecv", mux=False),
    )


def test_what_a_stream_says_goes_before_what_the_session_says() -> None:
    offer = sdp(
        "v=0",
        "c=IN IP4 192.0.2.7",
        "a=sendonly",
        "m=audio 4000/2 RTP/AVP 0",
        "a=rtcp:53020 IN IP6 2001:db8::9",
        "m=video 4002 RTP/AVP 31",
        "c=IN IP6 2001:db8::7",
        "a=inactive",
        "a=rtcp-mux",
        "a=rtcp:4002",
        "m=image 0 udptl t38",
        "m=text 65535 RTP/AVP 98",
        "c=IN IP4 224.2.1.1/127/3",
        "a=recvonly",
    )
    audio, video, image, text = streams(offer)
    assert audio == Stream("audio", "192.0.2.7", 4000, 53020, "2001:db8::9", "sendonly", mux=False)
    assert video == Stream("video", "2001:db8::7", 4002, 4002, "2001:db8::7", "inactive", mux=True)
    assert image == Stream("image", "192.0.2.7", 0, 0, "192.0.2.7", "sendonly", mux=False)
    assert (text.host, text.port, text.rtcp_port, text.direction) == (
        "224.2.1.1",
        65535,
        0,
        "recvonly",
    )


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("a=sendrecv", False),
        ("a=recvonly", False),
        ("a=sendonly", True),
        ("a=inactive", True),
        ("c=IN IP4 0.0.0.0", True),
        ("c=IN IP6 ::", True),
    ],
)
def test_hold(line: str, held: bool) -> None:
    (stream,) = streams(SIMPLE.replace(b"a=sendrecv", line.encode()))
    assert stream.held is held


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"m=",
        b"m=audio",
        b"m=audio x RTP/AVP 0",
        b"m=audio 70000 RTP/AVP 0",
        b"c=",
        b"c=IN IP4",
        b"a=rtcp:x",
        b"m=audio -1 RTP/AVP 0",
        b"m=audio 4000 RTP/AVP 0\r\na=rtcp:",
        b"\0\xff",
        b"no sdp at all",
    ],
)
def test_reading_is_tolerant(broken: bytes) -> None:
    assert all(stream.port in (0, 4000) for stream in streams(broken))
    with_relay(broken, "127.0.0.9", [20_000], 1, 1)


# -- The relay --------------------------------------------------------------------------


def test_through_the_relay() -> None:
    assert with_relay(SIMPLE, "127.0.0.9", [20_000], session=77, version=3) == sdp(
        "v=0",
        "o=- 77 3 IN IP4 127.0.0.9",
        "s=-",
        "c=IN IP4 127.0.0.9",
        "t=0 0",
        "m=audio 20000 RTP/AVP 8 0 101",
        "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
    )


TALKATIVE = sdp(
    "v=0",
    "o=alice 1 1 IN IP4 10.1.2.3",
    "s=call of 10.1.2.3.",
    "i=at 10.1.2.30",
    "e=alice@10.1.2.3",
    "c=IN IP4 10.1.2.3",
    "b=AS:64",
    "t=0 0",
    "a=group:BUNDLE 0 1",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:secretsecretsecretsecret",
    "m=audio 4000 RTP/SAVP 0 101",
    "c=IN IP6 fd00::7",
    "a=candidate:1 1 UDP 2130706431 172.16.5.5 4000 typ host",
    "a=candidate:2 1 UDP 1694498815 198.51.100.4 4000 typ srflx raddr 172.16.5.5 rport 4000",
    "a=remote-candidates:1 172.16.5.5 4000",
    "a=end-of-candidates",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32",
    "a=rtcp:4001 IN IP4 172.16.5.5",
    "a=rtcp-mux",
    "a=ssrc:1 cname:alice@FD00::7",
    "a=source-filter: incl IN IP4 * 10.9.9.9",
    "a=x-private:10.1.2.3:4000",
    "a=x-place:fd00::7:4000",
    "a=ptime:20",
    "m=video 0 RTP/AVP 31",
    "a=rtcp:0",
    "m=image 4006 udptl t38",
    "c=IN IP4 alice-phone.local",
    "a=T38FaxVersion:0",
)


def test_no_address_of_the_phone_is_left() -> None:
    relayed = with_relay(TALKATIVE, "127.0.0.9", [20_000, 20_002, 20_004], 1, 2)
    lowered = relayed.lower()
    for own in (
        b"10.1.2.3",
        b"fd00::7",
        b"172.16.5.5",
        b"198.51.100.4",
        b"10.9.9.9",
        b"alice-phone",
    ):
        assert own not in lowered.replace(b"10.1.2.30", b""), own
    for gone in (b"candidate", b"a=ice", b"rtcp-mux", b"BUNDLE", b"o=alice"):
        assert gone not in relayed, gone
    assert b"i=at 10.1.2.30\r\n" in relayed, "another address is not half replaced"
    lines = relayed.decode().split("\r\n")
    assert [line for line in lines if line[:2] == "m="] == [
        "m=audio 20000 RTP/SAVP 0 101",
        "m=video 0 RTP/AVP 31",
        "m=image 20004 udptl t38",
    ]
    assert "a=rtcp:20001 IN IP4 127.0.0.9" in lines
    assert not [line for line in lines if line.startswith("a=rtcp:0")]
    for kept in ("b=AS:64", "a=ptime:20", "a=T38FaxVersion:0", "t=0 0"):
        assert kept in lines
    assert b"inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32\r\n" in relayed


def test_it_is_where_it_says() -> None:
    relayed = with_relay(TALKATIVE, "2001:db8::1", [20_000, 20_002, 20_004], 1, 2)
    assert b"o=- 1 2 IN IP6 2001:db8::1\r\n" in relayed
    read = streams(relayed)
    assert [stream.port for stream in read] == [20_000, 0, 20_004]
    assert {stream.host for stream in read} == {"2001:db8::1"}
    assert [stream.rtcp_port for stream in read] == [20_001, 0, 20_005]
    assert not any(stream.mux for stream in read)


def test_a_stream_without_a_port_of_ours_is_refused() -> None:
    assert b"m=audio 0 RTP/AVP" in with_relay(SIMPLE, "127.0.0.9", [], 1, 1)


def test_a_line_cannot_hide_behind_a_lone_cr() -> None:
    hiding = SIMPLE.replace(b"s=-\r\n", b"s=-\rc=IN IP4 10.6.6.6\n")
    relayed = with_relay(hiding, "127.0.0.9", [20_000], 1, 1)
    assert b"10.6.6.6" not in relayed
    assert relayed.count(b"\r") == relayed.count(b"\r\n") == relayed.count(b"\n")


def test_relayed_again_nothing_changes() -> None:
    once = with_relay(TALKATIVE, "127.0.0.9", [20_000, 20_002, 20_004], 1, 2)
    assert with_relay(once, "127.0.0.9", [20_000, 20_002, 20_004], 1, 2) == once


ANY_LINES = st.lists(
    st.sampled_from(TALKATIVE.split(b"\r\n")) | st.binary(max_size=20), max_size=20
).map(b"\r\n".join)


@given(ANY_LINES)
@steady
def test_any_lines(offer: bytes) -> None:
    relayed = with_relay(offer, "127.0.0.9", [20_000] * 20, 1, 1)
    assert len(streams(relayed)) == len(streams(offer))
    assert all(stream.port in (0, 20_000) for stream in streams(relayed))
    assert {stream.host for stream in streams(relayed)} <= {"127.0.0.9", ""}
    redacted(offer)


# -- The log ----------------------------------------------------------------------------


def test_what_holds_no_secret_is_the_same_object() -> None:
    assert redacted(SIMPLE) is SIMPLE
    harmless = sdp("v=0", "a=fmtp:97 mark=1;k=2")
    assert redacted(harmless) is harmless


@pytest.mark.parametrize(
    ("line", "blotted"),
    [
        (
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET|2^20",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***",
        ),
        ("a=crypto:2 X inline:SECRET;inline:SECRET FEC_KEY=SECRET", "a=crypto:2 X inline:***"),
        ("a=Crypto:2 X INLINE:SECRET", "a=Crypto:2 X inline:***"),
        (" a=crypto:3 X other:SECRET", "a=crypto:3 X inline:***"),
        ("a=crypto:inline:SECRET", "a=crypto: inline:***"),
        ("k=base64:SECRET", "k=***"),
        ("a=key-mgmt:mikey SECRET", "a=key-mgmt:***"),
        ("a=ice-pwd:SECRET", "a=ice-pwd:***"),
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_keys_are_blotted_out(line: str, blotted: str, end: str) -> None:
    told = redacted(sdp("v=0", line, "a=ptime:20", end=end))
    assert told == sdp("v=0", blotted, "a=ptime:20", end=end)
    assert redacted(told) == told


SECOND = b"v=0\r\no=- 7 1 IN IP4 192.0.2.9\r\ns=-\r\nm=audio 9 RTP/AVP 0\r\n"


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        ("bob 5 41 IN IP4 192.0.2.1", b"o=bob 5 42 IN IP4 192.0.2.1"),
        ("bob 5 x IN IP4 192.0.2.1", b"o=- 7 1 IN IP4 192.0.2.9"),
        ("bob 5", b"o=- 7 1 IN IP4 192.0.2.9"),
        ("", b"o=- 7 1 IN IP4 192.0.2.9"),
        ("- 5 99999999999999999999999 IN IP4 h", b"o=- 7 1 IN IP4 192.0.2.9"),
    ],
)
def test_a_session_that_another_one_goes_on_with(origin: str, line: bytes) -> None:
    """RFC 3264 8: nothing but the version changes."""
    assert with_origin(SECOND, origin) == SECOND.replace(b"o=- 7 1 IN IP4 192.0.2.9", line)
    assert origin_of(with_origin(SECOND, origin)) == line[2:].decode()


def test_no_origin_no_change() -> None:
    assert with_origin(b"s=-\r\n", "bob 5 41 IN IP4 192.0.2.1") == b"s=-\r\n"
    assert origin_of(b"s=-\r\n") == ""
