"""What the holders of ``join_key`` prove to each other, and what they need not send.

With ``hotspot.join = "key"`` every datagram of discovery is signed with HMAC-SHA-256
(RFC 2104) and bears the time, so that an old one cannot be played again.  Both ends derive
the SIP passwords from the key, and none of them crosses the wire.
"""

import hmac

AGE_MAX_MS = 30_000  # In both directions: a clock may be slow or fast.
PASSWORD_DIGITS = 32


def signature(key: bytes, packed: bytes) -> bytes:
    """32 octets over a datagram as it is packed without its ``sig``, keys sorted."""
    return hmac.digest(key, packed, "sha256")


def is_signed(key: bytes, packed: bytes, claimed: bytes) -> bool:
    return hmac.compare_digest(signature(key, packed), claimed)


def is_stale(sent_ms: int, now_ms: int) -> bool:
    return abs(now_ms - sent_ms) > AGE_MAX_MS


def derive_password(key: bytes, client: bytes, hotspot: bytes, epoch: int, number: int) -> str:
    """The SIP password of one client for one line, 32 hexadecimal digits.

    It dies with the activation, like the password that is sent where there is no key.  The
    text in front keeps it apart from every signature: no map begins with that octet.
    """
    what = b"\0".join((b"siphotspot password", client.hex().encode(), hotspot.hex().encode()))
    return hmac.new(key, what + f"\0{epoch}\0{number}".encode(), "sha256").hexdigest()[
        :PASSWORD_DIGITS
    ]
