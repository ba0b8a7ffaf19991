"""The rules that all of SIP's text shares: quotes, separators, parameters, hosts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sip.grammar import (
    REMEMBERED_LENGTH,
    Malformed,
    bracketed,
    decimal,
    host_and_port,
    is_token,
    parameters,
    quoted,
    remembered,
    split_at,
    text,
    unescaped,
    unquoted,
    wire,
)

steady = settings(deadline=None, max_examples=100, derandomize=True)
octets = st.binary(max_size=40).map(lambda data: data.decode("latin-1"))


@given(st.binary(max_size=40).map(lambda data: data.decode("utf-8", "replace")))
@steady
def test_text_is_the_inverse_of_wire(person: str) -> None:
    assert text(wire(person)) == person
    wire(person).encode("latin-1")


@given(octets)
@steady
def test_text_never_fails(value: str) -> None:
    text(value).encode()


@given(octets)
@steady
def test_nothing_breaks_out_of_quotes(value: str) -> None:
    spelled = quoted(value)
    assert split_at(f"{spelled};next", ";") == [spelled, "next"]
    assert not set("\r\n\0") & set(spelled)
    assert unquoted(spelled) == value.translate({0: " ", 10: " ", 13: " "})


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a, b ,\tc", ["a", "b", "c"]),
        (",", ["", ""]),
        ('"a,b",c', ['"a,b"', "c"]),
        ('"a\\",b",c', ['"a\\",b"', "c"]),
        ("<sip:a,b>;x, c", ["<sip:a,b>;x", "c"]),
        ('"<" <sip:a>, b', ['"<" <sip:a>', "b"]),
        ('"never closed, b', ['"never closed, b']),
        ("<never closed, b", ["<never closed, b"]),
        ('a, "b\\', ["a", '"b\\']),
    ],
)
def test_split_at(value: str, pieces: list[str]) -> None:
    assert split_at(value, ",") == pieces


@given(octets)
@steady
def test_splitting_loses_nothing_but_blanks(value: str) -> None:
    joined = ",".join(split_at(value, ","))
    assert joined.replace(" ", "").replace("\t", "") == value.replace(" ", "").replace("\t", "")


def test_parameters() -> None:
    read = parameters(['TAG = "a\\"b"', "lr", "x=y=z"], "bad")
    assert read == {"tag": 'a"b', "lr": "", "x": "y=z"}


@pytest.mark.parametrize("pieces", [["a=1", "A=2"], [""], ["=1"], ["a b=1"], ['a="b'], ['a=b"c"']])
def test_doubtful_parameters_are_refused(pieces: list[str]) -> None:
    with pytest.raises(Malformed, match="bad"):
        parameters(pieces, "bad")


def test_percent_escapes() -> None:
    assert unescaped("a%41%2541%00%C3%A9", "bad") == "aA%41\0\xc3\xa9"
    for broken in ("%", "%4", "%zz", "a%4"):
        with pytest.raises(Malformed, match="bad"):
            unescaped(broken, "bad")


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("Example.COM", "example.com", 0),
        ("192.0.2.1:5060", "192.0.2.1", 5060),
        ("192.0.2.1 : 5060", "192.0.2.1", 5060),
        ("[2001:DB8::1]", "2001:db8::1", 0),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ("[2001:db8:::192.0.2.1]", "2001:db8:::192.0.2.1", 0),
        ("my_phone", "my_phone", 0),
    ],
)
def test_hosts(value: str, host: str, port: int) -> None:
    assert host_and_port(value) == (host, port)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":5060",
        "a:",
        "a:0",
        "a:65536",
        "a:x",
        "a:-1",
        "a b",
        "a@b",
        "[::1",
        "[::1]x",
        "[a]",
        "[]",
        "2001:db8::1",
        "a:\xb2",
        "[::1]:",
        "ö.test",
        "a:" + "1" * 100,
    ],
)
def test_hosts_that_are_none(value: str) -> None:
    with pytest.raises(Malformed, match=r"bad-(host|port)"):
        host_and_port(value)


def test_small_ones() -> None:
    assert [unquoted(value) for value in ("plain", '"', '"a', '""')] == ["plain", '"', '"a', ""]
    assert is_token("RE%47IST-er.!*_+`'~")
    assert not any(map(is_token, ("", "a b", "a;b", "é", "\xb2")))
    assert (decimal("0068", 99), decimal("100", 99), decimal("\xb2", 99)) == (68, -1, -1)
    assert bracketed("::1") + bracketed("a.test") == "[::1]a.test"


def test_what_is_short_is_read_once_and_what_is_long_is_not_kept() -> None:
    asked: list[str] = []

    @remembered
    def read(value: str) -> str:
        asked.append(value)
        return value.upper()

    long = "a" * REMEMBERED_LENGTH
    assert [read("b"), read("b"), read(long), read(long)] == ["B", "B", long.upper(), long.upper()]
    assert asked == ["b", long, long]


def test_what_is_refused_is_refused_each_time() -> None:
    @remembered
    def read(value: str) -> str:
        raise Malformed("never")

    for _ in range(2):
        with pytest.raises(Malformed):
            read("x")
