"""The torture messages of RFC 4475 and RFC 5118, octet by octet.

They lie beside the repository and not in it; without them there is nothing to test.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.sip.message import (
    Malformed,
    Request,
    Response,
    Stream,
    address,
    parse,
    response_to,
    text,
    uri,
)

TORTURE = Path(__file__).parents[2].parent / "shared" / "sip-torture"
INDEX = TORTURE / "torture.json"

if not INDEX.exists():
    pytest.skip("no ../shared/sip-torture beside the repository", allow_module_level=True)

CASES: dict[str, dict[str, Any]] = {
    case["name"]: case for case in json.loads(INDEX.read_text())["messages"]
}


def data_of(name: str) -> bytes:
    case: dict[str, str] = CASES[name]
    return (TORTURE / case.get("wire_file", case["file"])).read_bytes()


def request(name: str) -> Request:
    message = parse(data_of(name))
    assert isinstance(message, Request)
    return message


def named(verdict: str) -> list[str]:
    return [name for name, case in CASES.items() if case["parse"] == verdict]


@pytest.mark.parametrize("name", named("ok"))
def test_valid_ones_are_understood(name: str) -> None:
    message = parse(data_of(name))
    assert isinstance(message, Request if CASES[name]["kind"] == "request" else Response)
    if isinstance(message, Request):
        assert parse(response_to(message, 200, to_tag="ours")).call_id == message.call_id


@pytest.mark.parametrize("name", named("reject"))
def test_invalid_ones_are_refused_as_the_rfc_says(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(data_of(name))
    status = refused.value.status
    assert (str(status) if status else "drop") in CASES[name]["accept"]
    assert (refused.value.request is not None) == bool(status)


@pytest.mark.parametrize("name", named("either"))
def test_doubtful_ones_are_refused_or_understood(name: str) -> None:
    try:
        parse(data_of(name))
    except Malformed as refused:
        verdict = str(refused.status)
    else:
        verdict = "process"
    assert verdict in CASES[name]["accept"] or verdict == "process"


@pytest.mark.parametrize("name", list(CASES))
def test_a_stream_agrees_with_a_datagram(name: str) -> None:
    stream = Stream()
    items = stream.feed(data_of(name))
    try:
        datagram = parse(data_of(name))
    except Malformed as malformed:
        refused = malformed.reason
    else:
        refused = ""
    if refused in ("short-body", "no-end-of-head"):
        assert items == []
        assert stream.waiting, "for the rest, as long as the transport has patience"
    elif refused:
        assert isinstance(items[0], Malformed)
    elif "content-length" in datagram.fields:
        assert isinstance(items[0], Request | Response)
        assert (items[0].fields, items[0].body) == (datagram.fields, datagram.body)
    else:
        assert stream.broken == "no-content-length"


@pytest.mark.parametrize("path", sorted(TORTURE.rglob("*.dat")), ids=lambda p: p.name)
def test_every_address_in_them_is_read_or_refused(path: Path) -> None:
    with suppress(Malformed):
        message = parse(path.read_bytes())
        for name in ("from", "to", "contact", "route", "record-route", "reply-to", "refer-to"):
            for value in message.listed(name):
                with suppress(Malformed):
                    uri(address(value).uri)


# -- What the RFCs say about single ones -----------------------------------------------


def test_a_short_tortuous_invite() -> None:
    message = request("wsinv")
    assert message.via.host == "192.0.2.2"
    assert message.via.branch == "390skdjuw"
    assert len(message.listed("via")) == 3
    assert (message.from_tag, message.to_tag) == ("98asjd8", "1918181833n")
    assert (message.cseq, message.method) == (9, "INVITE")
    assert message.call_id == "wsinv.ndaksdj@192.0.2.1"
    assert text(address(message.first("from")).display) == 'J Rosenberg \\"'
    assert address(message.first("contact")).params["newparam"] == "newvalue"
    assert message.first("unknownheaderwithunusualvalue") == ";;,,;;,;"
    assert len(message.body) == 150


def test_escapes_are_undone_once() -> None:
    message = request("esc01")
    assert uri(message.uri).user == "sips:user@example.com"
    assert uri(message.uri).host == "example.net"
    assert uri(address(message.first("from")).uri).user == "I have spaces"
    params = uri(address(message.listed("contact")[0]).uri).params
    assert params["lr"] == ""
    assert params["name"] == "value%41"


def test_a_nul_does_not_end_a_name() -> None:
    message = request("escnull")
    assert uri(address(message.first("to")).uri).user == "null-\0-null"
    assert [uri(address(value).uri).user for value in message.listed("contact")] == ["\0", "\0\0"]


def test_a_semicolon_before_the_at_belongs_to_the_user() -> None:
    read = uri(request("semiuri").uri)
    assert (read.user, read.host, read.params) == ("user;par=u@example.net", "example.com", {})


def test_a_percent_sign_in_a_method_is_no_escape() -> None:
    assert request("esc02").method == "RE%47IST%45R"
    assert len(request("esc02").listed("contact")) == 2


def test_octets_behind_the_body_are_noise() -> None:
    assert request("dblreq").method == "REGISTER"
    assert request("dblreq").body == b""


def test_a_body_keeps_its_nuls() -> None:
    assert b"\0" in request("mpart01").body


def test_a_parameter_outside_the_brackets_is_not_the_uris() -> None:
    outside = address(request("cparam01").first("contact"))
    assert outside.params == {"unknownparam": ""}
    assert "unknownparam" not in outside.uri
    inside = address(request("cparam02").first("contact"))
    assert inside.params == {}
    assert uri(inside.uri).params == {"unknownparam": ""}


def test_a_question_mark_needs_its_brackets() -> None:
    with pytest.raises(Malformed):
        address(request("regbadct").first("contact"))
    assert uri(address(request("regescrt").first("contact")).uri).headers.startswith("Route=")


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("ipv6-good", "2001:db8::10", 0),
        ("port-ambiguous", "2001:db8::10:5070", 0),
        ("port-unambiguous", "2001:db8::10", 5070),
    ],
)
def test_ipv6_hosts(name: str, host: str, port: int) -> None:
    read = uri(request(name).uri)
    assert (read.host, read.port) == (host, port)


@pytest.mark.parametrize("name", ["via-received-param-with-delim", "via-received-param-no-delim"])
def test_ipv6_received(name: str) -> None:
    assert request(name).via.received == "2001:db8::9:255"
