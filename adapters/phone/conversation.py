"""The sound of one call: packets in, a packet out every 20 ms, and what is heard and said.

No socket and no clock: the voice (``voice.py``) says which frame it is, hands in what
arrived and sends what comes out to ``to``.  Whom to hear is decided by the same rules as in
the relay (``relay_session.Latch``): the host that the SDP names, or whoever speaks from
behind a NAT as long as that one is silent.
"""

from collections import Counter
from typing import NamedTuple, Protocol

from adapters.net.relay_session import Address, Latch
from adapters.phone import rtp
from adapters.phone.dtmf import OUR_PAYLOAD_TYPE, KeyListener, Keypad
from adapters.phone.g711 import FRAME_SAMPLES, LAWS, RATE_HZ, SILENCE, Law
from adapters.phone.jitter import JitterBuffer

FRAME_S = FRAME_SAMPLES / RATE_HZ
DIGITS_KEPT = 64  # That nobody has asked for.


class Source(Protocol):
    """Where sound comes from: a tone, a sound file, a microphone."""

    def frame(self, n: int) -> bytes:
        """20 ms of PCM: the frame ``n`` since it began."""
        ...


class Sink(Protocol):
    """Where sound goes: a recorder, a loudspeaker."""

    def write(self, pcm: bytes) -> None: ...


class Terms(NamedTuple):
    """What offer and answer settled (RFC 3264).

    ``host`` and ``port`` are the other side's; ``events`` is its payload type for RFC 4733,
    None where it wants none.  ``speaks`` and ``listens`` are about us: on hold one of them
    or both are off.
    """

    law: Law
    host: str
    port: int
    events: int | None = None
    speaks: bool = True
    listens: bool = True


class Identity(NamedTuple):
    """The numbers that must be random (RFC 3550 5.1), made by whoever has dice."""

    ssrc: int
    sequence: int
    timestamp: int


class Conversation:
    def __init__(self, identity: Identity, ip_version: int = 4) -> None:
        self.ip_version = ip_version
        self.terms: Terms | None = None
        self.source: Source | None = None  # What we say; silence where there is none.
        self.tone: Source | None = None  # Heard at this end only, instead of the other side.
        self.ear: Sink | None = None
        self.record: Sink | None = None
        self.digits = ""  # That the other side pressed; whoever reads them takes them away.
        self.dropped: Counter[str] = Counter()
        self.keypad = Keypad()
        self._identity = identity
        self._sequence = identity.sequence
        self._latch = Latch(self.dropped)
        self._heard_ssrc: int | None = None
        self._buffer = JitterBuffer()
        self._keys = KeyListener()
        self._frame = 0
        self._said_frames = self._toned_frames = 0
        self._spoke_last: int | None = None

    # -- What is agreed ------------------------------------------------------------------

    def agree(self, terms: Terms) -> None:
        """After every offer and answer, the first and any later one."""
        self.terms = terms
        self._latch.expect(terms.host, terms.port, self.ip_version)

    def say(self, source: Source | None) -> None:
        """From its beginning; None is silence."""
        self.source, self._said_frames = source, 0

    def hear_tone(self, tone: Source | None) -> None:
        self.tone, self._toned_frames = tone, 0

    def press(self, digits: str) -> str:
        """Why they cannot be sent, or "".  Raises ``DigitError`` where they are none."""
        if self.terms is None or self.terms.events is None:
            return "the other side takes no digits (no telephone-event in its SDP)"
        self.keypad.press(digits)
        return ""

    @property
    def counts(self) -> Counter[str]:
        """What the buffer could not play, and why packets were dropped."""
        return self._buffer.counts + self.dropped

    # -- In ------------------------------------------------------------------------------

    def packet_in(self, data: bytes, source: Address) -> None:
        """Never raises, whatever the bytes; ``dropped`` counts what was not for us."""
        before = self._latch.packets
        self._latch.hear(data, source, self._frame * FRAME_S)
        if self._latch.packets == before or self.terms is None:
            return
        try:
            packet = rtp.read(data)
        except rtp.NotRtp as error:
            self.dropped[error.reason] += 1
            return
        if packet.ssrc != self._heard_ssrc:
            self._heard_ssrc = packet.ssrc
            self._buffer.reset()
            self._keys = KeyListener()
        if packet.payload_type in (self.terms.events, OUR_PAYLOAD_TYPE):
            self._hear_key(packet)
        elif packet.payload_type in LAWS:
            if self.terms.listens:
                law = LAWS[packet.payload_type]
                self._buffer.put(packet.timestamp, law.decode(packet.payload))
        else:
            self.dropped["payload-type"] += 1

    def _hear_key(self, packet: rtp.Packet) -> None:
        key = self._keys.hear(packet.payload, packet.timestamp)
        self.digits = (self.digits + key)[-DIGITS_KEPT:]

    # -- Every 20 ms ---------------------------------------------------------------------

    @property
    def to(self) -> Address | None:
        """Where packets go; None where nothing may be sent."""
        return self._latch.to

    def frame_out(self, n: int) -> bytes:
        """The packet of frame ``n``; b"" where we do not speak.

        ``n`` counts since the call began, and frames that were never asked for leave a gap in
        the timestamps, as RFC 3550 5.1 has it.
        """
        self._frame = n
        terms = self.terms
        if terms is None or not terms.speaks or self.to is None:
            return b""
        timestamp = self._identity.timestamp + n * FRAME_SAMPLES
        said = self._say_next(terms)
        event = self.keypad.event(timestamp)
        if event is not None and terms.events is not None:
            kind, payload = terms.events, event.payload
            marker, timestamp = event.marker, event.timestamp
        else:
            kind, payload = terms.law.payload_type, terms.law.encode(said)
            marker = self._spoke_last != n - 1  # A talkspurt begins (RFC 3551 4.1).
            self._spoke_last = n
        packet = rtp.Packet(kind, self._sequence, timestamp, self._identity.ssrc, payload, marker)
        self._sequence += 1
        return rtp.spelled(packet)

    def _say_next(self, terms: Terms) -> bytes:
        """While the other side is held, what we say waits, and it hears silence."""
        if self.source is None or not terms.listens:
            return SILENCE
        n, self._said_frames = self._said_frames, self._said_frames + 1
        return self.source.frame(n)

    def frame_heard(self) -> bytes:
        """The next 20 ms for the ear and the record, which get it before it is returned."""
        heard = SILENCE
        if self.terms is not None:
            heard = self._buffer.take()
            if not self.terms.listens:
                heard = SILENCE
            if self.record is not None:
                self.record.write(heard)
        if self.tone is not None:
            n, self._toned_frames = self._toned_frames, self._toned_frames + 1
            heard = self.tone.frame(n)
        if self.ear is not None:
            self.ear.write(heard)
        return heard
