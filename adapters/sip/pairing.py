"""Two offers that meet: what each side said of itself is its answer to the other.

Where a phone picks a call up, the caller has made an offer and so has the phone, and
nobody has answered.  Of what one offers, whatever the other offers too is the answer to
it (RFC 3264 6): stream by stream, in the codecs that both have, each under the numbers of
the side that will receive them.
"""

from typing import NamedTuple

STATIC = {"0": "pcmu/8000", "3": "gsm/8000", "8": "pcma/8000", "9": "g722/8000", "18": "g729/8000"}
BESIDES = ("telephone-event/", "cn/", "red/")  # No codecs to talk in.
BY_FORMAT = ("a=rtpmap:", "a=fmtp:")


class Section(NamedTuple):
    """One m= line with what stands below it."""

    kind: str
    port: str
    protocol: str
    formats: tuple[str, ...]
    lines: tuple[str, ...]

    def codecs(self) -> dict[str, str]:
        """Each format by what it stands for; beyond RTP it stands for itself."""
        named = dict(STATIC)
        for line in self.lines:
            if line.startswith("a=rtpmap:"):
                number, _, codec = line[len("a=rtpmap:") :].partition(" ")
                named[number] = codec.strip().lower().removesuffix("/1")
        return {each: named.get(each, each) for each in self.formats}


def answer_to(offer: bytes, theirs: bytes) -> bytes:
    """The answer to ``offer`` in what the other side has offered itself.

    b"" where they have nothing to talk in, or one of the two is no SDP.
    """
    _, offered = read(offer)
    above, offering = read(theirs)
    kept: list[str] = [line for line in above if not line.startswith("a=group:")]
    is_of_use = False
    for n, stream in enumerate(offered):
        both = common(stream, offering[n]) if n < len(offering) else ()
        if both:
            is_of_use = True
            kept += spelled(offering[n], both)
        else:
            kept.append(f"m={stream.kind} 0 {stream.protocol} {' '.join(stream.formats[:1])}")
    return "\r\n".join([*kept, ""]).encode("latin-1") if is_of_use else b""


def common(stream: Section, theirs: Section) -> tuple[str, ...]:
    """The formats of ``theirs`` that the other side has too; none where it is no use."""
    if (stream.kind, stream.protocol) != (theirs.kind, theirs.protocol):
        return ()
    if "0" in (stream.port, theirs.port):
        return ()
    known = set(stream.codecs().values())
    codecs = {each: codec for each, codec in theirs.codecs().items() if codec in known}
    is_of_use = any(not codec.startswith(BESIDES) for codec in codecs.values())
    return tuple(codecs) if is_of_use else ()


def spelled(section: Section, formats: tuple[str, ...]) -> list[str]:
    """The same stream with these formats alone."""
    kept = [f"m={section.kind} {section.port} {section.protocol} {' '.join(formats)}"]
    for line in section.lines:
        about = line.partition(":")[2].partition(" ")[0]
        if not line.startswith(BY_FORMAT) or about in formats:
            kept.append(line)
    return kept


def read(sdp: bytes) -> tuple[list[str], list[Section]]:
    """What stands above the streams, and the streams."""
    above: list[str] = []
    sections: list[Section] = []
    for line in (each.decode("latin-1") for each in sdp.splitlines() if each):
        if line.startswith("m="):
            words = [*line[2:].split(), "", "", ""]
            formats = tuple(word for word in words[3:] if word)
            sections.append(Section(words[0], words[1], words[2], formats, ()))
        elif sections:
            sections[-1] = sections[-1]._replace(lines=(*sections[-1].lines, line))
        else:
            above.append(line)
    return above, sections
