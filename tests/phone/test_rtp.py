"""RTP packets: what is read, what is refused, and what is written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.phone.rtp import NotRtp, Packet, read, spelled

SPEECH = Packet(8, 7, 1600, 0xCAFE, b"speech", marker=True)


def test_there_and_back() -> None:
    assert spelled(SPEECH) == bytes.fromhex("8088 0007 00000640 0000cafe") + b"speech"
    assert read(spelled(SPEECH)) == SPEECH
    assert read(spelled(SPEECH._replace(marker=False, payload=b""))).payload == b""


def test_numbers_begin_again_past_their_bits() -> None:
    packet = read(spelled(SPEECH._replace(sequence=65_536 + 3, timestamp=2**32 + 5)))
    assert (packet.sequence, packet.timestamp) == (3, 5)


def test_sources_extension_and_padding_are_passed_over() -> None:
    fixed = bytes.fromhex("0008 0001 00000002 00000003")[1:]
    sources = bytes(8)
    extension = bytes.fromhex("bede0001 aabbccdd")
    data = bytes((0x80 | 0x20 | 0x10 | 2,)) + fixed + sources + extension + b"speech" + b"\0\0\3"
    assert read(data).payload == b"speech"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "short"),
        (bytes(11), "short"),
        (bytes(12), "version"),
        (b"\x81" + bytes(11), "short"),  # One contributing source that is not there.
        (b"\x90" + bytes(13), "short-extension"),
        (b"\x90" + bytes(13) + b"\0\2" + bytes(4), "short"),
        (b"\xa0" + bytes(12), "padding"),
        (b"\xa0" + bytes(12) + b"\x09", "padding"),
    ],
)
def test_what_is_no_rtp_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(NotRtp) as refused:
        read(data)
    assert refused.value.reason == reason


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64).map(lambda tail: b"\x80" + tail) | st.binary(max_size=64))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        packet = read(data)
    except NotRtp:
        return
    assert len(packet.payload) <= len(data) - 12
