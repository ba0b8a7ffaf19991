"""What holders of a key can prove, and what they derive alike."""

import hmac

import pytest

from adapters.net.signature import derive_password, is_signed, is_stale, signature

KEY, CLIENT, HOTSPOT = b"a key of the house", b"c" * 16, b"h" * 16


def test_is_hmac_sha_256() -> None:
    """RFC 4231 test case 2."""
    assert signature(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_only_the_same_key_and_the_same_octets_prove_anything() -> None:
    claimed = signature(KEY, b"a datagram")
    assert is_signed(KEY, b"a datagram", claimed)
    assert not is_signed(b"another key", b"a datagram", claimed)
    assert not is_signed(KEY, b"another datagram", claimed)
    assert not is_signed(KEY, b"a datagram", claimed[:-1])
    assert not is_signed(KEY, b"a datagram", b"")


@pytest.mark.parametrize(
    ("sent_ms", "stale"),
    [(100_000, False), (70_000, False), (69_999, True), (130_000, False), (130_001, True)],
)
def test_a_clock_may_be_half_a_minute_wrong_either_way(sent_ms: int, stale: bool) -> None:
    assert is_stale(sent_ms, 100_000) is stale


def test_both_sides_derive_one_password() -> None:
    """These octets are a contract: the other side may be another version of this program."""
    what = f"siphotspot password\0{'63' * 16}\0{'68' * 16}\0003\0001".encode()
    password = hmac.digest(KEY, what, "sha256").hex()[:32]
    assert derive_password(KEY, CLIENT, HOTSPOT, 3, 1) == password
    assert password == "e73aeafc5b07dbf645296f66c91d40a6"


def test_whatever_differs_makes_another_password() -> None:
    passwords = {
        derive_password(KEY, CLIENT, HOTSPOT, 3, 1),
        derive_password(b"another key", CLIENT, HOTSPOT, 3, 1),
        derive_password(KEY, HOTSPOT, CLIENT, 3, 1),
        derive_password(KEY, CLIENT, CLIENT, 3, 1),
        derive_password(KEY, CLIENT, HOTSPOT, 31, 1),
        derive_password(KEY, CLIENT, HOTSPOT, 3, 11),
        derive_password(KEY, CLIENT, HOTSPOT, 3, 2),
    }
    assert len(passwords) == 7
    assert {len(password) for password in passwords} == {32}
