"""What the phone offers and answers: G.711 and telephone events (RFC 3264, RFC 4566).

One audio stream; whatever else the other side would like is refused with port 0.
"""

from typing import NamedTuple

from adapters.phone.conversation import Terms
from adapters.phone.dtmf import OUR_PAYLOAD_TYPE
from adapters.phone.g711 import LAWS, PCMA, PCMU, Law
from adapters.sip.sdp import Stream, streams

EVENT_RATE = "telephone-event/8000"
DYNAMIC = frozenset(str(number) for number in range(96, 128))  # RFC 3551 6.
PLAIN_RTP = ("RTP/AVP", "RTP/AVPF")


class NothingInCommon(Exception):
    """The other side's SDP has no stream that we could take part in (488)."""


class Wanted(NamedTuple):
    """What an m= line of theirs offers that we can do; ``law`` is None where it is nothing."""

    kind: str
    protocol: str
    formats: str
    law: Law | None
    events: int | None


class Session:
    """Our side of one call's offers and answers.

    ``host`` and ``port`` are where we hear; ``number`` tells our sessions apart (o= line).
    ``on_hold`` is our wish; it counts from the next offer or answer on.
    """

    def __init__(self, host: str, port: int, number: int) -> None:
        self.host = host
        self.port = port
        self.number = number
        self.on_hold = False
        self.held_by_peer = False
        self.terms: Terms | None = None
        self._version = 0
        self._said: tuple[str, ...] = ()
        self._direction = "sendrecv"  # Of our last offer.
        self._refused: list[Wanted] = []  # Streams of theirs, in their order, that are not ours.
        self._place = 0  # Of ours among them.

    # -- What we say ---------------------------------------------------------------------

    def offer(self) -> bytes:
        """The m= lines that were there before stay where they are (RFC 3264 8)."""
        if self.on_hold:
            self._direction = "inactive" if self.held_by_peer else "sendonly"
        else:
            self._direction = "sendrecv"
        events = self.terms.events if self.terms else OUR_PAYLOAD_TYPE
        laws = (PCMA, PCMU)
        return self._spelled(self._stream("RTP/AVP", laws, events, self._direction))

    def answer(self, offer: bytes) -> bytes:
        """Raises ``NothingInCommon``; then nothing has changed."""
        theirs = streams(offer)
        wishes = wanted(offer)
        place = place_of(offer)
        if place < 0:
            raise NothingInCommon
        wish, stream = wishes[place], theirs[place]
        assert wish.law is not None
        speaks = stream.direction in ("sendrecv", "recvonly")
        listens = stream.direction in ("sendrecv", "sendonly") and not self.on_hold
        self._place = place
        self._refused = [*wishes[:place], *wishes[place + 1 :]]
        self._agree(wish, stream, speaks=speaks, listens=listens)
        direction = direction_of(speaks, listens)
        return self._spelled(self._stream(wish.protocol, (wish.law,), wish.events, direction))

    def take_answer(self, answer: bytes) -> None:
        """Their answer to our last offer.  Raises ``NothingInCommon``."""
        theirs = streams(answer)
        wishes = wanted(answer)
        if self._place >= len(wishes) or not theirs[self._place].port:
            raise NothingInCommon
        wish, stream = wishes[self._place], theirs[self._place]
        if wish.law is None:
            raise NothingInCommon
        speaks = self._direction in ("sendrecv", "sendonly")
        listens = self._direction in ("sendrecv", "recvonly")
        self._agree(
            wish,
            stream,
            speaks=speaks and stream.direction in ("sendrecv", "recvonly"),
            listens=listens and stream.direction in ("sendrecv", "sendonly"),
        )

    def _agree(self, wish: Wanted, stream: Stream, *, speaks: bool, listens: bool) -> None:
        assert wish.law is not None
        self.held_by_peer = stream.held
        self.terms = Terms(wish.law, stream.host, stream.port, wish.events, speaks, listens)

    # -- Spelling ------------------------------------------------------------------------

    def _stream(
        self, protocol: str, laws: tuple[Law, ...], events: int | None, direction: str
    ) -> list[str]:
        formats = [law.payload_type for law in laws]
        numbers = [*formats, events] if events is not None else formats
        lines = [f"m=audio {self.port} {protocol} {' '.join(map(str, numbers))}"]
        lines += [f"a=rtpmap:{law.payload_type} {law.name}/8000" for law in laws]
        if events is not None:
            lines += [f"a=rtpmap:{events} {EVENT_RATE}", f"a=fmtp:{events} 0-15"]
        return [*lines, "a=ptime:20", f"a={direction}"]

    def _spelled(self, ours: list[str]) -> bytes:
        """The version grows where anything has changed (RFC 3264 8)."""
        lines: list[str] = []
        for n in range(len(self._refused) + 1):
            if n == self._place:
                lines += ours
            else:
                other = self._refused[n if n < self._place else n - 1]
                lines.append(f"m={other.kind} 0 {other.protocol} {other.formats}")
        if tuple(lines) != self._said:
            self._said = tuple(lines)
            self._version += 1
        place = f"IN IP{6 if ':' in self.host else 4} {self.host}"
        head = ["v=0", f"o=- {self.number} {self._version} {place}", "s=-", f"c={place}", "t=0 0"]
        return "\r\n".join([*head, *lines, ""]).encode("latin-1")


def direction_of(speaks: bool, listens: bool) -> str:
    if speaks:
        return "sendrecv" if listens else "sendonly"
    return "recvonly" if listens else "inactive"


def wanted(sdp: bytes) -> list[Wanted]:
    """What each m= line has for us, whatever else it may say."""
    found: list[Wanted] = []
    for raw in sdp.splitlines():
        line = raw.decode("latin-1")
        if line.startswith("m="):
            found.append(_media(line[2:]))
        elif found and line.startswith("a=rtpmap:"):
            number, _, encoding = line[9:].partition(" ")
            is_dynamic = number in DYNAMIC and number in found[-1].formats.split()
            if is_dynamic and encoding.strip().lower() == EVENT_RATE:
                found[-1] = found[-1]._replace(events=int(number))
    return found


def can_answer(offer: bytes) -> bool:
    return place_of(offer) >= 0


def place_of(offer: bytes) -> int:
    """The first m= line that we can take part in, -1 where there is none."""
    pairs = zip(wanted(offer), streams(offer), strict=True)
    return next((n for n, (wish, stream) in enumerate(pairs) if wish.law and stream.port), -1)


def _media(line: str) -> Wanted:
    """Those numbers are static (RFC 3551 6); the first of theirs that we know is taken."""
    words = line.split()
    kind, _port, protocol = (*words[:3], "", "", "")[:3]
    formats = words[3:]
    law = None
    if kind == "audio" and protocol in PLAIN_RTP:
        known = [LAWS[int(one)] for one in formats if one in ("0", "8")]
        law = known[0] if known else None
    return Wanted(kind, protocol, " ".join(formats), law, None)
