"""Identifiers that go on the wire, derived from the record and a secret of the store.

Nobody can guess them (RFC 3261 19.3), yet the restarted service derives the same ones from
the same log: a peer that hears us again sees a retransmission, not a second call.
"""

from hashlib import blake2b

from msgspec import Struct


class DialogNames(Struct, frozen=True):
    """What one dialog of ours is called."""

    call_id: str
    tag: str
    branch: str  # Without its number; it is never used as it stands.


class Identifiers:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret[:64]
        self._keyed: dict[int, blake2b] = {}  # By how many octets: the key is taken in already.

    def derived(self, *what: str, octets: int = 36) -> str:
        """In hexadecimal, two digits an octet."""
        keyed = self._keyed.get(octets)
        if keyed is None:
            keyed = self._keyed[octets] = blake2b(key=self._secret, digest_size=octets)
        derived = keyed.copy()
        derived.update("\0".join(what).encode("utf-8", "surrogateescape"))
        return derived.hexdigest()

    def dialog(self, stream: str, party: str) -> DialogNames:
        derived = self.derived(stream, party)
        return DialogNames(derived[:28], derived[28:44], f"z9hG4bK{derived[44:]}")

    def call(self, call_id: str, from_tag: str, cseq: int, at: int) -> str:
        """The stream of the call that this INVITE opens: one caller, one INVITE, one call."""
        return f"call:{self.derived(call_id, from_tag, str(cseq), str(at), octets=6)}"

    def number(self, *what: str) -> int:
        """A session number for the o= line of SDP (RFC 4566 5.2)."""
        return int(self.derived(*what, octets=5), 16)
