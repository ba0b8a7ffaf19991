"""Addresses and URIs: what a decision may rely on."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sip.address import Address, Uri, address, escaped_user, sip_uri, tag_of, uri, user_of
from adapters.sip.grammar import Malformed

steady = settings(deadline=None, max_examples=80, derandomize=True)


@pytest.mark.parametrize(
    ("value", "display", "inner", "params"),
    [
        ("<sip:a@b>", "", "sip:a@b", {}),
        ("<sip:a@b>;tag=1;x", "", "sip:a@b", {"tag": "1", "x": ""}),
        ("sip:a@b;tag=1", "", "sip:a@b", {"tag": "1"}),
        ("A. Bell <sip:a@b;user=phone>", "A. Bell", "sip:a@b;user=phone", {}),
        ('"Bell, A \\"x\\" <y>"<sip:a@b> ; tag=1', 'Bell, A "x" <y>', "sip:a@b", {"tag": "1"}),
        ("caller<sip:a@b>", "caller", "sip:a@b", {}),
        ("B\xc3\xbcro <sip:a@b>", "B\xc3\xbcro", "sip:a@b", {}),
        ("< sip:a@b >", "", "sip:a@b", {}),
        ("<sip:a@b?Route=x>", "", "sip:a@b?Route=x", {}),
        (
            '<sip:a@b>;+sip.instance="<urn:uuid:1;2>"',
            "",
            "sip:a@b",
            {"+sip.instance": "<urn:uuid:1;2>"},
        ),
        ("<nobodyKnowsThisScheme:opaque;x=1>", "", "nobodyKnowsThisScheme:opaque;x=1", {}),
        ("*", "", "*", {}),
    ],
)
def test_addresses(value: str, display: str, inner: str, params: dict[str, str]) -> None:
    assert address(value) == Address(display, inner, params)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "<>",
        "<sip:a@b",
        "sip:a@b>",
        '"a <sip:a@b>',
        '"a" x <sip:a@b>',
        '"a"',
        "Bell, A <sip:a@b>",
        "<sip:a b@c>",
        "<sip:a@b> x",
        "<sip:a@b>;tag=1;tag=2",
        "<sip:a@b>;;",
        "sip:a@b?x=y",
        "sip:a@b,sip:c@d",
        "<sip:a@b>, <sip:c@d>",
        '<sip:a"b@c>',
        "<<sip:a@b>>",
        "sip:a@b ;tag=1;",
        "<sip:a@b\x7f>",
    ],
)
def test_doubtful_addresses_are_refused(value: str) -> None:
    with pytest.raises(Malformed, match="bad-address"):
        address(value)


CHARACTERS = st.sampled_from('<sip:a@b>;tag=1" \\,\t\xe9?*')
HALVES = st.sampled_from(
    ["<sip:a@b>", ";tag=1", '"Al"', "Al ", "sip:a@b", " ", ";x=y", "<", '"', ">"]
)


@given(st.lists(HALVES | CHARACTERS, max_size=8).map("".join))
@steady
def test_a_tag_at_sight_is_the_tag_in_full(value: str) -> None:
    """The short cut refuses and reads exactly what the full reading does."""
    try:
        full: str | None = address(value).params.get("tag", "")
    except Malformed:
        full = None
    try:
        short: str | None = tag_of(value)
    except Malformed:
        short = None
    if short is None and full is not None:
        assert not full.isalnum(), "an empty tag and one that is no token are refused besides"
    else:
        assert short == full


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("sip:a@b", Uri("sip", "a", "b", 0, {}, "")),
        ("SIPS:a:secret@B.test:5061", Uri("sips", "a", "b.test", 5061, {}, "")),
        ("sip:b", Uri("sip", "", "b", 0, {}, "")),
        (
            "sip:[::1]:5070;transport=TCP;lr",
            Uri("sip", "", "::1", 5070, {"transport": "TCP", "lr": ""}, ""),
        ),
        ("sip:%41%40;x@b?a=b", Uri("sip", "A@;x", "b", 0, {}, "a=b")),
        ("sip:a@b;n%61me=v%61lue", Uri("sip", "a", "b", 0, {"name": "value"}, "")),
        ("tel:+1;phone-context=x", Uri("tel", "+1", "", 0, {"phone-context": "x"}, "")),
        ("soap.beep://192.0.2.103:3002", Uri("soap.beep", "//192.0.2.103:3002", "", 0, {}, "")),
    ],
)
def test_uris(value: str, read: Uri) -> None:
    assert uri(value) == read


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sip",
        "sip:",
        ":a",
        "1sip:a",
        "sip:@b",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@b:x",
        "sip:a@b;x;x",
        "sip:a@b;",
        "sip:a b@c",
        "sip:a@b>",
        "sip:a@b%",
        "sip:a%4@b",
        "sip:2001:db8::10",
        "sip:a@b\n",
        "sip::p@b",
    ],
)
def test_doubtful_uris_are_refused(value: str) -> None:
    with pytest.raises(Malformed):
        uri(value)


@given(st.binary(min_size=1, max_size=12).map(lambda data: data.decode("latin-1")))
@steady
def test_a_user_cannot_break_out_of_its_uri(user: str) -> None:
    spelled = sip_uri(user, "b.test", 5070)
    assert uri(spelled) == Uri("sip", user, "b.test", 5070, {}, "")
    assert address(f"<{spelled}>;tag=1").uri == spelled


def test_sip_uri() -> None:
    assert sip_uri("", "::1") == "sip:[::1]"
    assert sip_uri("4212", "192.0.2.1") == "sip:4212@192.0.2.1"
    assert escaped_user("a b%@:") == "a%20b%25%40%3A"


@pytest.mark.parametrize(
    "value", ['<sip:a"b@c>;tag=1', "<sip:a<b@c>;tag=1", "Bell, A <sip:a@b>;tag=1"]
)
def test_a_tag_at_sight_does_not_overlook_a_fault(value: str) -> None:
    for _ in range(2):  # What is refused is refused each time: no fault is ever remembered.
        with pytest.raises(Malformed, match="bad-address"):
            tag_of(value)


def test_user_of() -> None:
    assert user_of('"x" <sip:4%3212@b>;tag=1') == user_of("sip:4212@b;x") == "4212"
    assert user_of("sip:b") == user_of("nonsense") == ""


@given(st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
@steady
def test_any_octets(value: str) -> None:
    for read in (address, uri, tag_of):
        with suppress(Malformed):
            read(value)
