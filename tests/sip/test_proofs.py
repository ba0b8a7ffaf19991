"""Who asks us for a password, and what each of them is given."""

import pytest

from adapters.sip.digest import is_right, read_credentials
from adapters.sip.directory import LineEntry
from adapters.sip.proofs import ASKERS_MOST, Proof, Proofs, headers, login
from core.events.facts import Account, Challenge

ACCOUNT = Account(user="4212", auth_user="auth4212", domain="provider.test")
PLAIN = LineEntry("1", ACCOUNT, lambda: "account's")
PROXIED = LineEntry(
    "1", ACCOUNT, lambda: "account's", proxy_user="us", proxy_password=lambda: "proxy's"
)
SERVER = Challenge(realm="provider.test", nonce="s1", qop="auth")
PROXY = Challenge(realm="proxy.test", nonce="p1", qop="auth", proxy=True)


def test_all_who_asked_are_answered_in_one_request() -> None:
    proofs = Proofs()
    proofs.asked(PROXY)
    assert proofs.spend() == (Proof(PROXY, 1),)
    proofs.asked(SERVER)
    spent = proofs.spend()
    assert spent == (Proof(PROXY, 2), Proof(SERVER, 1))
    said = headers(spent, PROXIED, ACCOUNT, "REGISTER", "sip:provider.test", lambda _: "c")
    assert [name for name, _ in said] == ["Proxy-Authorization", "Authorization"]
    proxy, server = (read_credentials(value) for _, value in said)
    assert (proxy.user, proxy.nc, server.user, server.nc) == ("us", 2, "auth4212", 1)
    assert is_right(proxy, "REGISTER", "proxy's")
    assert is_right(server, "REGISTER", "account's")


def test_who_asks_again_has_a_new_nonce() -> None:
    proofs = Proofs()
    proofs.asked(SERVER)
    proofs.spend()
    again = Challenge(realm="provider.test", nonce="s2", qop="auth")
    proofs.asked(again)
    assert proofs.spend() == (Proof(again, 1),)


def test_a_server_with_ever_new_realms_does_not_fill_the_request() -> None:
    proofs = Proofs()
    for number in range(ASKERS_MOST + 3):
        proofs.asked(Challenge(realm=f"r{number}", nonce="n"))
    realms = [proof.challenge.realm for proof in proofs.spend()]
    assert realms == ["r3", "r4", "r5", "r6"]


@pytest.mark.parametrize(
    ("entry", "realm", "is_proxy", "expected"),
    [
        (PLAIN, "provider.test", False, ("auth4212", "account's")),
        (PLAIN, "proxy.test", True, ("auth4212", "account's")),
        (PROXIED, "proxy.test", True, ("us", "proxy's")),
        (PROXIED, "proxy.test", False, ("auth4212", "account's")),
        (PROXIED, "provider.test", True, ("auth4212", "account's")),
    ],
)
def test_each_is_given_what_is_its_own(
    entry: LineEntry, realm: str, is_proxy: bool, expected: tuple[str, str]
) -> None:
    challenge = Challenge(realm=realm, nonce="n", proxy=is_proxy)
    assert login(entry, ACCOUNT, challenge) == expected


def test_no_password_is_shown() -> None:
    assert "proxy's" not in repr(PROXIED)
