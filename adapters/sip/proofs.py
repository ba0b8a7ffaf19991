"""What proves a request of ours to all who ask for it (RFC 3261 22.2, 22.3).

The server of a line asks with 401 or 407, a proxy on the way to it with 407, and a request
may need the answer to both: the answers accumulate, one header each.
"""

from collections.abc import Callable
from typing import NamedTuple

from adapters.sip.build import Headers
from adapters.sip.digest import authorization
from adapters.sip.directory import LineEntry
from core.events.facts import Account, Challenge

ASKERS_MOST = 4  # A server may name another realm each time.


class Proof(NamedTuple):
    challenge: Challenge
    uses: int  # Of its nonce, with this one.


class Proofs:
    """The last challenge of each who asked, and how often its nonce was used: a fold."""

    def __init__(self) -> None:
        self.known: dict[tuple[bool, str], Proof] = {}
        self.host = ""  # Where they asked last; within a call nobody elsewhere is given any of it.

    def asked(self, challenge: Challenge) -> None:
        known = self.known
        known.pop(challenge.asker(), None)
        known[challenge.asker()] = Proof(challenge, 0)
        if len(known) > ASKERS_MOST:
            del known[next(iter(known))]

    def spend(self) -> tuple[Proof, ...]:
        """For one more request; the one asked first stands first."""
        for asker, proof in self.known.items():
            self.known[asker] = proof._replace(uses=proof.uses + 1)
        return tuple(self.known.values())


def headers(
    proofs: tuple[Proof, ...],
    entry: LineEntry,
    account: Account,
    method: str,
    uri: str,
    cnonce: Callable[[Challenge], str],
) -> Headers:
    """One header for each proof.  ``account`` is that of ``entry`` when the request was made."""
    return [
        (
            "Proxy-Authorization" if challenge.proxy else "Authorization",
            authorization(
                challenge, method, uri, *login(entry, account, challenge), uses, cnonce(challenge)
            ),
        )
        for challenge, uses in proofs
    ]


def login(entry: LineEntry, account: Account, challenge: Challenge) -> tuple[str, str]:
    """The user and the password that a challenge is about.

    A proxy with credentials of its own gets them; the server of the account may say 407 as
    well, and is known by its realm.
    """
    if challenge.proxy and entry.proxy_user and challenge.realm != account.domain:
        return entry.proxy_user, entry.proxy_password()
    return account.auth_user, entry.password()
