"""WAV files for the tests, spelled out."""

import struct
from array import array


def wav(
    content: bytes,
    *,
    tag: int = 1,
    channels: int = 1,
    rate_hz: int = 8000,
    bits: int = 16,
    more: bytes = b"",
) -> bytes:
    """``more`` is whatever stands between the format and the sound."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + more
    chunks += b"data" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def pcm(*samples: int) -> bytes:
    return array("h", samples).tobytes()
