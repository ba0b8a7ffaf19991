"""Digest authentication, asked for and given (RFC 3261 22, RFC 7616, RFC 8760).

Users and passwords are a person's strings and are hashed as UTF-8; everything that was
on the wire (realm, nonce, uri) stays the octets that it was.  A password passes through
as an argument and is kept nowhere.

Offered and understood: SHA-256 and MD5 with qop="auth", and for servers of RFC 2069's
age no qop at all.  A server that wants something else is one we cannot answer, and
``read_challenge`` says so with None.
"""

import hashlib
import hmac
from collections.abc import Sequence

from msgspec import Struct

from adapters.sip.grammar import BLANK, Malformed, parameters, quoted, split_at, wire
from core.events.facts import Challenge

PREFERENCE = ("SHA-256", "MD5")  # RFC 8760 2.4: the strongest that is understood.
HEX = frozenset("0123456789abcdefABCDEF")


class Credentials(Struct, frozen=True):
    """What a peer offers as proof.  ``nc`` is 0 where it sent none (RFC 2069)."""

    user: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    cnonce: str = ""
    nc: int = 0
    qop: str = ""
    opaque: str = ""

    def __repr__(self) -> str:
        """Without the response: guessing a password from it needs no further question."""
        return f"Credentials(user={self.user!r}, realm={self.realm!r}, uri={self.uri!r})"


# -- We are asked ------------------------------------------------------------------


def read_challenge(values: Sequence[str]) -> Challenge | None:
    """The best of the WWW-Authenticate or Proxy-Authenticate lines of one response.

    Each line holds one challenge (RFC 3261 20.27).  None where there is none that we can
    answer.
    """
    understood = [challenge for value in values if (challenge := _challenge(value))]
    return min(understood, key=lambda one: PREFERENCE.index(one.algorithm), default=None)


def _challenge(value: str) -> Challenge | None:
    try:
        named = _digest_parameters(value)
    except Malformed:
        return None
    algorithm = named.get("algorithm", "MD5").upper()
    qop = ""
    if "qop" in named:
        offered = [option.strip(BLANK).lower() for option in named["qop"].split(",")]
        if "auth" not in offered:
            return None
        qop = "auth"
    if algorithm not in PREFERENCE or "realm" not in named or not named.get("nonce"):
        return None
    return Challenge(
        realm=named["realm"],
        nonce=named["nonce"],
        opaque=named.get("opaque", ""),
        algorithm=algorithm,
        qop=qop,
        stale=named.get("stale", "").lower() == "true",
    )


def authorization(
    challenge: Challenge, method: str, uri: str, user: str, password: str, nc: int, cnonce: str
) -> str:
    """The value of Authorization or Proxy-Authorization that answers a challenge.

    ``nc`` counts the requests that use this nonce, from 1 (RFC 7616 3.4).
    """
    named = wire(user)
    answer = Credentials(
        user=named,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm,
        cnonce=cnonce,
        nc=nc,
        qop=challenge.qop,
        opaque=challenge.opaque,
    )
    parts = [
        f"username={quoted(named)}",
        f"realm={quoted(challenge.realm)}",
        f"nonce={quoted(challenge.nonce)}",
        f"uri={quoted(uri)}",
        f'response="{_response(answer, method, password)}"',
        f"algorithm={challenge.algorithm}",
    ]
    if challenge.opaque:
        parts.append(f"opaque={quoted(challenge.opaque)}")
    if challenge.qop:
        parts += [f"qop={challenge.qop}", f"nc={nc:08x}", f"cnonce={quoted(cnonce)}"]
    return "Digest " + ", ".join(parts)


# -- We ask ------------------------------------------------------------------------


def challenge_values(realm: str, nonce: str, stale: bool = False) -> list[str]:
    """Two header values, MD5 first.

    RFC 8760 2.3 wants the stronger first; but a client that knows only MD5, as SIPp and many
    phones, reads the first and gives up, while one that knows SHA-256 reads them all.
    """
    again = ", stale=true" if stale else ""
    asked = f"Digest realm={quoted(wire(realm))}, nonce={quoted(nonce)}"
    return [
        f'{asked}, algorithm={algorithm}, qop="auth"{again}' for algorithm in reversed(PREFERENCE)
    ]


def read_credentials(value: str) -> Credentials:
    """An Authorization or Proxy-Authorization line.

    Malformed, with 401 where the scheme is another one: that peer is simply not yet
    authenticated (RFC 4475 3.3.7).
    """
    named = _digest_parameters(value)
    for name in ("username", "realm", "nonce", "uri", "response"):
        if name not in named:
            raise Malformed("bad-credentials")
    qop = named.get("qop", "").lower()
    count = named.get("nc", "")
    if count and (len(count) != 8 or not HEX.issuperset(count)):
        raise Malformed("bad-credentials")
    if qop and not (count and named.get("cnonce")):
        raise Malformed("bad-credentials")
    return Credentials(
        user=named["username"],
        realm=named["realm"],
        nonce=named["nonce"],
        uri=named["uri"],
        response=named["response"],
        algorithm=named.get("algorithm", "MD5").upper(),
        cnonce=named.get("cnonce", ""),
        nc=int(count, 16) if count else 0,
        qop=qop,
        opaque=named.get("opaque", ""),
    )


def is_right(credentials: Credentials, method: str, password: str) -> bool:
    """Whether the response proves the password, compared in constant time.

    It proves it for the ``uri`` in the credentials only.  Whether that is the request's
    own, whether the realm is ours and whether the nonce is fresh is for the caller to say.
    """
    if credentials.algorithm not in PREFERENCE or credentials.qop not in ("", "auth"):
        return False
    expected = _response(credentials, method, password)
    return hmac.compare_digest(expected.encode(), _octets(credentials.response.lower()))


class Nonces:
    """Nonces that need no memory: the time they were made, and a keyed hash over it.

    So a nonce is known again after a restart, and with another secret it is merely forged
    and asked for anew.

    No memory also means that ``nc`` is not tracked: whoever copies an Authorization can
    repeat it as long as its nonce is fresh, for the same method and URI.  Within a house
    that buys an attacker a registration the phone made anyway; remembering every nonce
    would let anybody fill our memory.  ``life_s`` is the bound, so keep it short.
    """

    def __init__(self, secret: bytes, life_s: int = 300) -> None:
        self._secret = secret
        self._life_s = life_s

    def make(self, at_s: int) -> str:
        made = f"{at_s:010x}"
        return made + self._seal(made)

    def judge(self, nonce: str, at_s: int) -> str:
        """``fresh``, ``stale`` (once ours; ask again with stale=true) or ``forged``.

        One from the future was made before the clock was set back: stale.
        """
        made, seal = nonce[:10], nonce[10:]
        if not hmac.compare_digest(self._seal(made).encode(), _octets(seal)):
            return "forged"
        age_s = at_s - int(made, 16)
        return "fresh" if 0 <= age_s <= self._life_s else "stale"

    def _seal(self, made: str) -> str:
        return hmac.new(self._secret, _octets(made), hashlib.sha256).digest()[:16].hex()


# -- The arithmetic ----------------------------------------------------------------


def _response(said: Credentials, method: str, password: str) -> str:
    """RFC 7616 3.4.1 to 3.4.3; without qop, RFC 2617 3.2.2.1's older form."""
    secret = _hash(said.algorithm, f"{said.user}:{said.realm}:{wire(password)}")
    request = _hash(said.algorithm, f"{method}:{said.uri}")
    if not said.qop:
        return _hash(said.algorithm, f"{secret}:{said.nonce}:{request}")
    once = f"{said.nonce}:{said.nc:08x}:{said.cnonce}:{said.qop}"
    return _hash(said.algorithm, f"{secret}:{once}:{request}")


def _hash(algorithm: str, value: str) -> str:
    if algorithm == "SHA-256":
        return hashlib.sha256(_octets(value)).hexdigest()
    return hashlib.md5(_octets(value), usedforsecurity=False).hexdigest()


def _octets(value: str) -> bytes:
    return value.encode("latin-1", "replace")


def _digest_parameters(value: str) -> dict[str, str]:
    scheme, _, rest = value.strip(BLANK).partition(" ")
    if scheme.lower() != "digest":
        raise Malformed("other-scheme", 401)
    return parameters([piece for piece in split_at(rest, ",") if piece], "bad-credentials")
