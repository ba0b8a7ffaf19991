"""Messages that the tests of the SIP layer begin with."""

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    b"m=audio 49170 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)


def as_bytes(*lines: str, body: bytes = b"", end: str = "\r\n") -> bytes:
    """Lines as they stand, a Content-Length unless one is there, and the body."""
    stated = any(line.lower().startswith(("content-length", "l:")) for line in lines)
    length = () if stated else (f"Content-Length: {len(body)}",)
    return "".join(line + end for line in (*lines, *length, "")).encode("latin-1") + body


INVITE_LINES = (
    "INVITE sip:4212@192.0.2.1:5060 SIP/2.0",
    "Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK-524287-1---8d5f2a1b;rport",
    "Max-Forwards: 70",
    "Record-Route: <sip:192.0.2.9;lr>",
    "Record-Route: <sip:192.0.2.8;lr>, <sip:192.0.2.6;lr>",
    "Contact: <sip:4213@192.0.2.7:5062>",
    'From: "Alice" <sip:4213@provider.test>;tag=0a1b2c3d',
    "To: <sip:4212@provider.test>",
    "Call-ID: 83h2f8h2938fh2938hf@192.0.2.7",
    "CSeq: 7 INVITE",
    "Supported: replaces, 100rel, timer",
    "User-Agent: a phone",
    "Content-Type: application/sdp",
)
INVITE = as_bytes(*INVITE_LINES, body=OFFER)

RINGING = as_bytes(
    "SIP/2.0 180 Ringing",
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb1;received=192.0.2.1;rport=5060",
    "From: <sip:4213@provider.test>;tag=0a1b2c3d",
    "To: <sip:4212@provider.test>;tag=99aabb",
    "Call-ID: 83h2f8h2938fh2938hf@192.0.2.7",
    "CSeq: 7 INVITE",
)


def changed(line: str, *to: str) -> bytes:
    """The INVITE with its line that begins so replaced; dropped where nothing is given."""
    lines: list[str] = []
    for old in INVITE_LINES:
        lines.extend(to if old.startswith(line) else (old,))
    return as_bytes(*lines, body=OFFER)


def added(*lines: str) -> bytes:
    return as_bytes(*INVITE_LINES, *lines, body=OFFER)
