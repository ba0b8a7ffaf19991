"""As much of SDP as the relay, holding and the log need (RFC 4566, RFC 3264).

Codecs are between the two phones: every line that says nothing about where media flows
passes as it stands, in its order.  Reading is tolerant, since a session that two phones
could have agreed upon must not fail because of us.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

DIRECTIONS = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))

# Each offers a way for media past the relay, or needs RTP and RTCP on one port.
BYPASSES = (
    "a=candidate:",
    "a=ice-",
    "a=remote-candidates:",
    "a=end-of-candidates",
    "a=rtcp-mux",
    "a=group:BUNDLE",
    "a=bundle-only",
)

ADDRESS = re.compile(r"\bIN IP[46] ([^\s/]+)")
NOWHERE = frozenset(("0.0.0.0", "::"))


class Stream(NamedTuple):
    """One m= line, and where its sender wants to receive.

    ``port`` 0 is a refused stream.  ``host`` is what the peer wrote: an address nearly
    always, a name where RFC 4566 5.7 allows one, "" where it wrote none.
    """

    kind: str
    host: str
    port: int
    rtcp_port: int
    rtcp_host: str
    direction: str
    mux: bool

    @property
    def held(self) -> bool:
        """The other side is not listened to (RFC 3264 8.4; a null address is the old way)."""
        return self.direction in ("sendonly", "inactive") or self.host in NOWHERE


def streams(sdp: bytes) -> tuple[Stream, ...]:
    """The streams in the order of their m= lines; what stands above them applies to all."""
    session_host = ""
    session_direction = "sendrecv"
    found: list[Stream] = []
    for line in _lines(sdp):
        kind = line[:2]
        if kind == "m=":
            media, port = _media(line)
            found.append(Stream(media, session_host, port, 0, "", session_direction, mux=False))
        elif kind == "c=":
            host = _host(line)
            if found:
                found[-1] = found[-1]._replace(host=host)
            else:
                session_host = host
        elif kind == "a=":
            if found:
                found[-1] = _with_attribute(found[-1], line[2:])
            elif line[2:] in DIRECTIONS:
                session_direction = line[2:]
    return tuple(_completed(stream) for stream in found)


def _with_attribute(stream: Stream, attribute: str) -> Stream:
    if attribute in DIRECTIONS:
        return stream._replace(direction=attribute)
    if attribute == "rtcp-mux":
        return stream._replace(mux=True)
    if attribute[:5] == "rtcp:":  # RFC 3605
        return stream._replace(rtcp_port=_port(attribute[5:]), rtcp_host=_host(attribute))
    return stream


def _completed(stream: Stream) -> Stream:
    """RTCP goes one port above RTP and to the same host unless a=rtcp says otherwise."""
    rtcp_port = stream.rtcp_port
    if not rtcp_port and 0 < stream.port < 65_535:
        rtcp_port = stream.port + 1
    return stream._replace(rtcp_port=rtcp_port, rtcp_host=stream.rtcp_host or stream.host)


def with_relay(sdp: bytes, host: str, ports: Sequence[int], session: int, version: int) -> bytes:
    """The same session, flowing through the relay at ``host``.

    ``ports`` has an RTP port for each m= line, refused ones included; RTCP is the port
    above.  A refused stream stays refused, and one without a port of ours becomes so.  Of
    the phone's own addresses nothing is left, wherever it may have written them.
    """
    place = f"IN IP{6 if ':' in host else 4} {host}"
    lines = _lines(sdp)
    hidden = _addresses(lines)
    kept: list[str] = []
    streams_so_far = 0
    port = 0
    for line in lines:
        kind = line[:2]
        if kind == "m=":
            given = ports[streams_so_far] if streams_so_far < len(ports) else 0
            streams_so_far += 1
            port = given if _media(line)[1] else 0
            kept.append(_media_line(line, port))
        elif kind == "c=":
            kept.append(f"c={place}")
        elif kind == "o=":
            kept.append(f"o=- {session} {version} {place}")
        elif line[:7] == "a=rtcp:":
            if port:
                kept.append(f"a=rtcp:{port + 1} {place}")
        elif not line.startswith(BYPASSES) and not (kind == "a=" and ADDRESS.search(line)):
            kept.append(hidden.sub(host, line) if hidden else line)
    kept.append("")
    return "\r\n".join(kept).encode("latin-1", "replace")


def origin_of(sdp: bytes) -> str:
    """The value of its o= line, "" where it has none."""
    for line in sdp.splitlines():
        if line[:2] == b"o=":
            return line[2:].decode("latin-1")
    return ""


def with_origin(sdp: bytes, origin: str) -> bytes:
    """The next description of the session that ``origin`` began, whoever goes on with it.

    Nothing but the version may change in that line, by one each time (RFC 3264 8).
    """
    words = origin.split()
    if len(words) < 3 or not words[2].isdecimal() or len(words[2]) > 20:
        return sdp
    next_one = " ".join([*words[:2], str(int(words[2]) + 1), *words[3:]])
    lines = [f"o={next_one}" if line[:2] == "o=" else line for line in _lines(sdp)]
    return "\r\n".join([*lines, ""]).encode("latin-1", "replace")


def _addresses(lines: list[str]) -> re.Pattern[str] | None:
    """Whatever the phone calls itself, to be found in comments, CNAMEs and private lines."""
    names = {name for line in lines for name in ADDRESS.findall(line)}
    names |= {
        words[4] for line in lines if line[:12] == "a=candidate:" and len(words := line.split()) > 4
    }
    names = {name for name in names if ("." in name or ":" in name) and name not in NOWHERE}
    if not names:
        return None
    spelled = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf"(?<![\w.])(?:{spelled})(?!\w|\.\w)", re.IGNORECASE)


def _media(line: str) -> tuple[str, int]:
    kind, _, rest = line[2:].partition(" ")
    return kind, _port(rest)


def _media_line(line: str, port: int) -> str:
    kind, _, rest = line.partition(" ")
    return f"{kind} {port} {rest.partition(' ')[2]}"


def _port(value: str) -> int:
    """The first word, as a port; a number of ports after a slash goes by unheeded."""
    number = value.partition(" ")[0].partition("/")[0]
    if not number.isdecimal() or len(number) > 5:
        return 0
    return int(number) if int(number) < 65_536 else 0


def _host(line: str) -> str:
    found = ADDRESS.search(line)
    return found[1] if found else ""


def _lines(sdp: bytes) -> list[str]:
    """A CR alone ends a line too, or a line could hide in another (RFC 4566 5)."""
    return [line.decode("latin-1") for line in sdp.splitlines() if line]


# -- For the log -------------------------------------------------------------------

SECRETS = (b"crypto", b"inline:", b"key-mgmt", b"ice-pwd", b"k=")


def redacted(sdp: bytes) -> bytes:
    """The same with every key and password blotted out (RFC 4568, RFC 4567, k=).

    The very same object where there is none, which is nearly always.
    """
    lowered = sdp.lower()
    if not any(map(lowered.__contains__, SECRETS)):
        return sdp
    lines = sdp.splitlines(keepends=True)
    blotted = [_blotted(line) for line in lines]
    return sdp if blotted == lines else b"".join(blotted)


def _blotted(line: bytes) -> bytes:
    content = line.rstrip(b"\r\n")
    end = line[len(content) :]
    lowered = content.lower().lstrip()
    if b"inline:" in lowered or b"crypto:" in lowered:
        named = content[: content.lower().find(b"inline:")] if b"inline:" in lowered else content
        return b" ".join(named.split()[:2]) + b" inline:***" + end
    if lowered.startswith(b"k="):
        return b"k=***" + end
    for name in (b"key-mgmt:", b"ice-pwd:"):
        if name in lowered:
            return content[: content.lower().find(name)] + name + b"***" + end
    return line
