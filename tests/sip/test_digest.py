"""Digest: the RFCs' own examples, and what must not be believed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.sip.digest import (
    Credentials,
    Nonces,
    authorization,
    challenge_values,
    is_right,
    read_challenge,
    read_credentials,
)
from adapters.sip.grammar import Malformed
from core.events.facts import Challenge

steady = settings(deadline=None, max_examples=60, derandomize=True)

octets = st.binary(max_size=60).map(lambda data: data.decode("latin-1"))
persons = st.binary(max_size=20).map(lambda data: data.decode("utf-8", "replace"))
printable = st.lists(st.integers(32, 126), max_size=12).map(lambda codes: bytes(codes).decode())

RFC_2617 = Challenge(
    realm="testrealm@host.com",
    nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
    opaque="5ccc069c403ebaf9f0171e9517f40e41",
    qop="auth",
)
RFC_7616 = Challenge(
    realm="http-auth@example.org",
    nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    qop="auth",
    algorithm="SHA-256",
)
CNONCE_7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def test_the_example_of_rfc_2617() -> None:
    value = authorization(
        RFC_2617, "GET", "/dir/index.html", "Mufasa", "Circle Of Life", 1, "0a4f113b"
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    assert "qop=auth, nc=00000001" in value
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in value


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    challenge = replace(RFC_7616, algorithm=algorithm)
    value = authorization(
        challenge, "GET", "/dir/index.html", "Mufasa", "Circle of Life", 1, CNONCE_7616
    )
    read = read_credentials(value)
    assert read.response == response
    assert (read.user, read.realm, read.uri) == ("Mufasa", RFC_7616.realm, "/dir/index.html")
    assert (read.nc, read.cnonce, read.qop) == (1, CNONCE_7616, "auth")
    assert (read.algorithm, read.opaque) == (algorithm, RFC_7616.opaque)
    assert is_right(read, "GET", "Circle of Life")
    assert not is_right(read, "GET", "Circle Of Life")
    assert not is_right(read, "POST", "Circle of Life")


def test_without_qop_it_is_the_older_form() -> None:
    """RFC 2617 3.2.2.1: H(H(A1):nonce:H(A2)), without a count."""
    value = authorization(
        Challenge(realm="a", nonce="n"), "REGISTER", "sip:a", "u", "p", 1, "unused"
    )
    assert "qop" not in value
    assert "nc=" not in value
    assert "unused" not in value
    assert is_right(read_credentials(value), "REGISTER", "p")


@given(
    user=persons,
    password=persons,
    realm=printable,
    nonce=printable.filter(bool),
    algorithm=st.sampled_from(["MD5", "SHA-256"]),
)
@steady
def test_what_we_answer_we_accept(
    user: str, password: str, realm: str, nonce: str, algorithm: str
) -> None:
    """And a name with quotes or backslashes stays a name."""
    user = user.translate({0: "", 10: "", 13: ""})
    challenge = Challenge(realm=realm, nonce=nonce, algorithm=algorithm, qop="auth")
    value = authorization(challenge, "INVITE", "sip:a@b", user, password, 1, "c")
    read = read_credentials(value)
    assert read.user.encode("latin-1").decode() == user
    assert (read.realm, read.nonce, read.uri) == (realm, nonce, "sip:a@b")
    assert is_right(read, "INVITE", password)
    assert not is_right(read, "INVITE", password + "x")


def test_a_name_does_not_become_a_parameter() -> None:
    value = authorization(RFC_2617, "GET", "/", 'a", realm="evil', "p", 1, "c")
    assert read_credentials(value).user == 'a", realm="evil'
    assert read_credentials(value).realm == RFC_2617.realm


# -- Challenges -----------------------------------------------------------------------


def test_the_stronger_challenge_is_taken() -> None:
    values = challenge_values('my "realm"', "n", stale=True)
    assert [value.partition("algorithm=")[2] for value in values] == [
        'MD5, qop="auth", stale=true',
        'SHA-256, qop="auth", stale=true',
    ]
    expected = Challenge(realm='my "realm"', nonce="n", algorithm="SHA-256", qop="auth", stale=True)
    assert read_challenge(values) == expected
    assert read_challenge(values[::-1]) == expected
    fresh = read_challenge(challenge_values("r", "n"))
    assert fresh
    assert not fresh.stale


@pytest.mark.parametrize(
    ("value", "challenge"),
    [
        ('Digest realm="r",nonce="n"', Challenge(realm="r", nonce="n")),
        (
            'digest  realm="r", nonce="n", algorithm=md5, qop="auth-int, auth"',
            Challenge(realm="r", nonce="n", qop="auth"),
        ),
        (
            'Digest realm="r", nonce="n", opaque="", stale="TRUE", domain="<a>",',
            Challenge(realm="r", nonce="n", stale=True),
        ),
        ('Digest realm="r", nonce="n", qop=auth', Challenge(realm="r", nonce="n", qop="auth")),
        ('Digest realm="r", nonce="n", qop="auth-int"', None),
        ('Digest realm="r", nonce="n", algorithm=MD5-sess', None),
        ('Digest realm="r", nonce="n", algorithm="AKAv1-MD5"', None),
        ('Digest realm="r"', None),
        ('Digest nonce="n"', None),
        ('Digest realm="r", nonce="n", nonce="m"', None),
        ('Basic realm="r"', None),
        ('Digest realm="r, nonce="n"', None),
        ("", None),
    ],
)
def test_challenges(value: str, challenge: Challenge | None) -> None:
    assert read_challenge([value]) == challenge


def test_one_that_is_understood_among_others() -> None:
    values = ['Basic realm="r"', 'Digest realm="r", nonce="n"', 'Digest realm="r", nonce="m"']
    assert read_challenge(values) == Challenge(realm="r", nonce="n")
    assert read_challenge([]) is None


# -- Credentials ----------------------------------------------------------------------

GOOD = 'Digest username="u", realm="r", nonce="n", uri="sip:a", response="00"'


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("NoOneKnowsThisScheme opaque-data=here", 401),
        ("", 401),
        ("Digest", 400),
        (GOOD.replace('username="u", ', ""), 400),
        (GOOD + ', username="v"', 400),
        (GOOD + ", nc=1", 400),
        (GOOD + ", nc=0000000g", 400),
        (GOOD + ", qop=auth", 400),
        (GOOD + ", qop=auth, nc=00000001", 400),
        (GOOD + ', x="', 400),
    ],
)
def test_doubtful_credentials_are_refused(value: str, status: int) -> None:
    with pytest.raises(Malformed) as refused:
        read_credentials(value)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        GOOD.replace("00", "ÿ"),
        GOOD + ", algorithm=SHA-512",
        GOOD + ', qop=auth-int, nc=00000001, cnonce="c"',
    ],
)
def test_wrong_credentials_are_merely_wrong(value: str) -> None:
    assert not is_right(read_credentials(value), "REGISTER", "p")


def test_nothing_to_guess_from_in_a_repr() -> None:
    credentials = Credentials("u", "r", "n", "sip:a", "0123456789abcdef")
    assert "0123456789abcdef" not in repr(credentials)
    assert "hush" not in repr(Nonces(b"hush"))


@given(octets)
@steady
def test_any_octets(value: str) -> None:
    read_challenge([value, f"Digest {value}"])
    for line in (value, f"Digest {value}", f"{GOOD}, {value}"):
        try:
            credentials = read_credentials(line)
        except Malformed:
            continue
        is_right(credentials, "REGISTER", "p")


# -- Nonces ---------------------------------------------------------------------------

AT = 1_700_000_000


def test_a_nonce_is_fresh_for_its_life() -> None:
    nonces = Nonces(b"secret", life_s=300)
    nonce = nonces.make(AT)
    assert len(nonce) == 42
    assert nonces.judge(nonce, AT) == "fresh"
    assert nonces.judge(nonce, AT + 300) == "fresh"
    assert nonces.judge(nonce, AT + 301) == "stale"
    assert nonces.judge(nonce, AT - 1) == "stale"


def test_a_nonce_outlives_a_restart_but_not_another_secret() -> None:
    nonce = Nonces(b"secret").make(AT)
    assert Nonces(b"secret").judge(nonce, AT) == "fresh"
    assert Nonces(b"other").judge(nonce, AT) == "forged"


@given(octets | persons)
@steady
def test_anything_else_is_forged(nonce: str) -> None:
    assert Nonces(b"secret").judge(nonce, AT) == "forged"


def test_no_octet_of_a_nonce_can_be_changed() -> None:
    nonces = Nonces(b"secret")
    nonce = nonces.make(AT)
    for at, octet in enumerate(nonce):
        other = nonce[:at] + ("1" if octet != "1" else "2") + nonce[at + 1 :]
        assert nonces.judge(other, AT) == "forged"
    assert nonces.judge(nonce + "0", AT) == "forged"
