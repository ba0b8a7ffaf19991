"""The sound of one call: what leaves in a frame, and what of a packet is heard."""

from array import array
from collections.abc import Iterator

import pytest

from adapters.phone import rtp
from adapters.phone.conversation import Conversation, Identity, Terms
from adapters.phone.dtmf import DigitError
from adapters.phone.g711 import FRAME_SAMPLES, PCMA, PCMU, SILENCE, Law
from adapters.phone.jitter import DELAY_FRAMES
from adapters.phone.tones import BUSY
from adapters.phone.wav import Clip

PEER = ("127.0.0.1", 4000)
IDENTITY = Identity(ssrc=0xABCDEF01, sequence=65_535, timestamp=2**32 - 160)
TERMS = Terms(PCMA, *PEER, events=101)
LOUD = PCMA.decode(PCMA.encode(array("h", [8000] * FRAME_SAMPLES).tobytes()))


class Ear:
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def write(self, pcm: bytes) -> None:
        self.heard.append(pcm)


def talking(terms: Terms = TERMS) -> Conversation:
    conversation = Conversation(IDENTITY)
    conversation.agree(terms)
    return conversation


def said(conversation: Conversation, frames: Iterator[int] | range) -> list[rtp.Packet]:
    packets = [conversation.frame_out(n) for n in frames]
    return [rtp.read(packet) for packet in packets if packet]


def speech(n: int, law: Law = PCMA, ssrc: int = 7) -> bytes:
    return rtp.spelled(rtp.Packet(law.payload_type, n, n * 160, ssrc, law.encode(LOUD)))


def hear(conversation: Conversation, count: int) -> list[bytes]:
    return [conversation.frame_heard() for _ in range(count)]


def test_before_anything_is_agreed_there_is_nothing() -> None:
    conversation = Conversation(IDENTITY)
    assert conversation.frame_out(0) == b""
    conversation.packet_in(speech(0), PEER)
    assert hear(conversation, 5) == [SILENCE] * 5
    assert conversation.press("1").startswith("the other side takes no digits")
    assert conversation.counts["unexpected"] == 1


def test_a_frame_is_a_packet_and_all_numbers_go_on() -> None:
    packets = said(talking(), range(3))
    assert [packet.sequence for packet in packets] == [65_535, 0, 1]
    assert [packet.timestamp for packet in packets] == [2**32 - 160, 0, 160]
    assert [packet.marker for packet in packets] == [True, False, False]
    assert {(p.payload_type, p.ssrc, p.payload) for p in packets} == {(8, 0xABCDEF01, PCMA.silence)}


def test_frames_that_were_missed_leave_a_gap_in_time_and_none_in_sequence() -> None:
    packets = said(talking(), iter((0, 5, 6)))
    assert [packet.timestamp for packet in packets] == [2**32 - 160, 640, 800]
    assert [packet.sequence for packet in packets] == [65_535, 0, 1]
    assert [packet.marker for packet in packets] == [True, True, False]


@pytest.mark.parametrize("law", [PCMA, PCMU])
def test_what_is_said_arrives(law: Law) -> None:
    here, there = talking(TERMS._replace(law=law)), talking()
    ear, record = Ear(), Ear()
    there.ear, there.record = ear, record
    here.say(Clip(LOUD * 3))
    for n in range(3):
        there.packet_in(here.frame_out(n), PEER)
    expected = [SILENCE] * DELAY_FRAMES + [law.decode(law.encode(LOUD))] * 3
    assert hear(there, 6) == expected
    assert ear.heard == record.heard == expected


def test_a_tone_is_for_this_ear_only() -> None:
    conversation = talking()
    conversation.ear, conversation.record = Ear(), Ear()
    conversation.hear_tone(BUSY)
    assert hear(conversation, 2) == [BUSY.frame(0), BUSY.frame(1)]
    assert conversation.record.heard == [SILENCE, SILENCE]
    assert said(conversation, range(1))[0].payload == PCMA.silence
    conversation.hear_tone(None)
    assert hear(conversation, 1) == [SILENCE]


def test_while_we_hold_what_we_say_waits_and_nothing_is_heard() -> None:
    conversation = talking()
    conversation.say(Clip(LOUD * 2))
    conversation.agree(TERMS._replace(listens=False))
    conversation.packet_in(speech(0), PEER)
    assert said(conversation, range(1))[0].payload == PCMA.silence
    assert hear(conversation, 5) == [SILENCE] * 5
    conversation.agree(TERMS)
    assert [p.payload for p in said(conversation, range(1, 3))] == [PCMA.encode(LOUD)] * 2


def test_on_hold_nothing_is_sent_and_music_is_heard() -> None:
    conversation = talking(TERMS._replace(speaks=False))
    assert conversation.frame_out(0) == b""
    conversation.packet_in(speech(0), PEER)
    assert hear(conversation, 4)[-1] == LOUD


def test_the_old_way_to_hold_sends_nothing_either() -> None:
    conversation = talking(TERMS._replace(host="0.0.0.0"))
    assert conversation.to is None
    assert conversation.frame_out(0) == b""


def test_digits_go_out_and_arrive() -> None:
    here, there = talking(), talking()
    assert here.press("12#") == ""
    with pytest.raises(DigitError):
        here.press("?")
    for n in range(40):
        there.packet_in(here.frame_out(n), PEER)
    assert there.digits == "12#"


def test_digits_under_a_number_of_their_choice() -> None:
    here, there = talking(TERMS._replace(events=96)), talking()
    here.press("5")
    kinds = {packet.payload_type for packet in said(here, range(7))}
    assert kinds == {96}
    event = rtp.Packet(101, 0, 0, 7, bytes((5, 10, 0, 160)))
    there.agree(TERMS._replace(events=96))
    there.packet_in(rtp.spelled(event), PEER)
    assert there.digits == "5"


def test_unread_digits_are_bounded() -> None:
    conversation = talking()
    for n in range(100):
        event = rtp.Packet(101, n, n * 1000, 7, bytes((n % 10, 10, 0, 160)))
        conversation.packet_in(rtp.spelled(event), PEER)
    assert len(conversation.digits) == 64
    assert conversation.digits.endswith("789")


def test_strangers_and_nonsense_are_counted_and_not_heard() -> None:
    conversation = talking()
    conversation.packet_in(speech(0), PEER)
    conversation.packet_in(speech(1), ("127.9.9.9", 4000))
    conversation.packet_in(b"hello", PEER)
    conversation.packet_in(bytes((0x81,)) + bytes(11), PEER)
    conversation.packet_in(rtp.spelled(rtp.Packet(18, 1, 160, 7, b"G.729")), PEER)
    assert conversation.dropped == {"stranger": 1, "malformed": 1, "short": 1, "payload-type": 1}


def test_another_sender_at_the_same_place_is_heard_anew() -> None:
    conversation = talking()
    conversation.packet_in(speech(0), PEER)
    hear(conversation, 1)
    conversation.packet_in(speech(90_000, ssrc=8), PEER)
    assert hear(conversation, 4) == [SILENCE] * DELAY_FRAMES + [LOUD]


def test_sound_goes_to_where_the_other_side_really_is() -> None:
    """Symmetric RTP (RFC 4961 4), by the rules of the relay."""
    conversation = talking()
    assert conversation.to == PEER
    conversation.packet_in(speech(0), ("127.0.0.1", 5555))
    assert conversation.to == ("127.0.0.1", 5555)
