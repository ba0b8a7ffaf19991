"""Whether a phone is who it says it is (RFC 3261 22, RFC 7616).

A phone proves itself with the password of its entry in the directory.  What it is told
does not depend on whether such a phone exists, so guessing names teaches nothing.
"""

from enum import StrEnum, auto

from adapters.sip.address import user_of
from adapters.sip.build import Headers
from adapters.sip.digest import Nonces, challenge_values, is_right, read_credentials
from adapters.sip.grammar import Malformed, text
from adapters.sip.message import Flow, Request
from adapters.sip.surroundings import SECOND_NS, Surroundings
from adapters.sip.transaction import ServerTransaction

NOBODY = "\0"  # The password that is compared where there is no such phone.


class Verdict(StrEnum):
    PROVEN = auto()
    UNPROVEN = auto()  # No credentials, or none that are for us: challenge.
    STALE = auto()
    WRONG = "wrong-password"
    UNKNOWN = "unknown-user"


REFUSED = (Verdict.WRONG, Verdict.UNKNOWN)


class Authentication:
    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.nonces = Nonces(around.identifiers.derived("nonces").encode())

    def judge(self, request: Request, user: str) -> Verdict:
        """Whether this request proves that it comes from the phone of this name."""
        realm = self.around.directory.realm
        at_s = self.around.at // SECOND_NS
        for value in [*request.all("authorization"), *request.all("proxy-authorization")]:
            try:
                said = read_credentials(value)
            except Malformed:
                continue
            if text(said.realm) != realm:
                continue
            age = self.nonces.judge(said.nonce, at_s)
            if age == "forged":
                return Verdict.UNPROVEN
            phone = self.around.directory.phone(user)
            right = is_right(said, request.method, phone.password() if phone else NOBODY)
            if phone is None:
                return Verdict.UNKNOWN
            if not right or text(said.user) != user or is_other(request, said.uri):
                return Verdict.WRONG
            return Verdict.PROVEN if age == "fresh" else Verdict.STALE
        return Verdict.UNPROVEN

    def refuse(
        self, transaction: ServerTransaction, verdict: Verdict, user: str, flow: Flow
    ) -> None:
        """On the wire one answer for both; which of them it was is for the owner alone."""
        self.around.drops[verdict.value] += 1
        self.around.tell_refused(verdict.value, user, flow.host)
        self.around.respond(transaction, 403)

    def challenge(self, name: str, *, stale: bool = False) -> Headers:
        """``name`` is WWW-Authenticate (401) or Proxy-Authenticate (407)."""
        nonce = self.nonces.make(self.around.at // SECOND_NS)
        values = challenge_values(self.around.directory.realm, nonce, stale)
        return [(name, value) for value in values]


def is_other(request: Request, proven: str) -> bool:
    """The digest of a call to one number must not open a call to another (RFC 7616 3.4.6)."""
    return request.method == "INVITE" and user_of(proven) != user_of(request.uri)
