"""Both laws against the formulas of the ITU's software tool library (G.191), on every value."""

from array import array

import pytest

from adapters.phone.g711 import FRAME_BYTES, LAWS, PCMA, PCMU, SILENCE, Law

EVERY_SAMPLE = array("h", range(-32_768, 32_768))
EVERY_CODE = bytes(range(256))


def a_law_compressed(sample: int) -> int:
    value = (~sample if sample < 0 else sample) >> 4
    if value > 15:
        exponent = 1
        while value > 31:
            value >>= 1
            exponent += 1
        value = value - 16 + (exponent << 4)
    return (value | (0x80 if sample >= 0 else 0)) ^ 0x55


def a_law_expanded(code: int) -> int:
    value = (code ^ 0x55) & 0x7F
    exponent, mantissa = value >> 4, value & 0x0F
    if exponent > 0:
        mantissa += 16
    mantissa = (mantissa << 4) + 8
    if exponent > 1:
        mantissa <<= exponent - 1
    return mantissa if code > 127 else -mantissa


def mu_law_compressed(sample: int) -> int:
    value = min(((~sample if sample < 0 else sample) >> 2) + 33, 0x1FFF)
    segment = (value >> 6).bit_length() + 1
    code = ((8 - segment) << 4) | (0x0F - ((value >> segment) & 0x0F))
    return code | 0x80 if sample >= 0 else code


def mu_law_expanded(code: int) -> int:
    value = ~code
    exponent, mantissa = (value >> 4) & 7, value & 0x0F
    step = 4 << (exponent + 1)
    magnitude = (0x80 << exponent) + step * mantissa + step // 2 - 4 * 33
    return -magnitude if code < 0x80 else magnitude


def test_a_law_is_the_reference() -> None:
    assert PCMA.encode(EVERY_SAMPLE.tobytes()) == bytes(map(a_law_compressed, EVERY_SAMPLE))
    assert array("h", PCMA.decode(EVERY_CODE)) == array("h", map(a_law_expanded, EVERY_CODE))


def test_mu_law_is_the_reference() -> None:
    assert PCMU.encode(EVERY_SAMPLE.tobytes()) == bytes(map(mu_law_compressed, EVERY_SAMPLE))
    assert array("h", PCMU.decode(EVERY_CODE)) == array("h", map(mu_law_expanded, EVERY_CODE))


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.name)
def test_what_was_decoded_comes_back_as_it_was(law: Law) -> None:
    again = law.encode(law.decode(EVERY_CODE))
    zeros = {0x7F: 0xFF} if law is PCMU else {}  # µ-law has a zero of either sign.
    assert again == bytes(zeros.get(code, code) for code in EVERY_CODE)


def test_silence_is_what_other_phones_send() -> None:
    assert PCMA.silence == b"\xd5" * 160
    assert PCMU.silence == b"\xff" * 160
    assert len(SILENCE) == FRAME_BYTES == len(PCMA.decode(PCMA.silence))


def test_they_go_by_their_payload_type() -> None:
    assert LAWS[0] is PCMU
    assert LAWS[8] is PCMA
    assert repr(PCMU) == "<Law PCMU>"
