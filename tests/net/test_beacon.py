"""The codec of discovery: what it says, what it refuses, and that nothing breaks it."""

import hmac
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from adapters.net.beacon import (
    OCTETS_MAX,
    Beacon,
    Datagram,
    Deny,
    Dropped,
    Goodbye,
    Grant,
    Join,
    Label,
    Leave,
    Sip,
    Solicit,
    Welcome,
    decode,
    encode,
)
from adapters.net.signature import AGE_MAX_MS

KEY = b"a key of the house"
AT = 1_800_000_000_123_456_789
CLIENT, HOTSPOT = bytes(range(16)), bytes(range(16, 32))
SIP = Sip("udp", "192.0.2.7", 5060)
BEACON = Beacon(HOTSPOT, "Our house", 3, 7, SIP, (Label(1, "Home", ""), Label(2, "家", "9*")), 15)
JOIN = Join(CLIENT, HOTSPOT, b"\2\0\0\0\0\1", "Bedroom", "siphotspot 0.2", SIP, 4)
WELCOME = Welcome(
    CLIENT, HOTSPOT, 3, 4, "Our house 4", (Grant(1, "00ff.1", "secret", "192.0.2.1"),), 30
)
EVERY_KIND: list[Datagram] = [
    Solicit(CLIENT),
    BEACON,
    JOIN,
    replace(JOIN, alias=None),
    WELCOME,
    Deny(CLIENT, HOTSPOT, "full"),
    Leave(CLIENT, HOTSPOT),
    Goodbye(HOTSPOT, 3, "disabled"),
]
each_kind = pytest.mark.parametrize("datagram", EVERY_KIND, ids=lambda each: type(each).__name__)


def spelled(datagram: Datagram = BEACON, **other: Any) -> bytes:
    """A datagram with other keys, or without those that are ``...``."""
    fields = msgpack.unpackb(encode(datagram, None, AT)) | other
    return bytes(msgpack.packb({key: fields[key] for key in fields if fields[key] is not ...}))


def reason(data: bytes, key: bytes | None = None, at: int = AT) -> str:
    with pytest.raises(Dropped) as raised:
        decode(data, key, at)
    return raised.value.reason


@each_kind
def test_what_is_said_is_heard(datagram: Datagram) -> None:
    assert decode(encode(datagram, None, AT), None, AT) == datagram


@each_kind
def test_a_key_proves_what_is_said(datagram: Datagram) -> None:
    heard = decode(encode(datagram, KEY, AT), KEY, AT)
    if isinstance(datagram, Welcome):
        datagram = replace(datagram, lines=(Grant(1, "00ff.1", "", "192.0.2.1"),))
    assert heard == datagram


def test_the_spelling_is_the_contract() -> None:
    assert msgpack.unpackb(encode(BEACON, None, AT)) == {
        "v": 1,
        "t": "beacon",
        "hotspot": HOTSPOT,
        "name": "Our house",
        "epoch": 3,
        "seq": 7,
        "sip": ["udp", "192.0.2.7", 5060],
        "lines": [[1, "Home", ""], [2, "家", "9*"]],
        "ttl": 15,
    }


def test_the_signature_is_the_contract() -> None:
    """Whoever writes the other side in another language can work from these octets."""
    fields = {"client": CLIENT, "t": "solicit", "ts": 1_800_000_000_123, "v": 1}
    sig = hmac.digest(KEY, msgpack.packb(fields), "sha256")
    assert msgpack.unpackb(encode(Solicit(CLIENT), KEY, AT)) == fields | {"sig": sig}


def test_what_nobody_knows_is_passed_over() -> None:
    assert decode(spelled(colour="red", v=1), None, AT) == BEACON
    assert decode(spelled(sip=["udp", "192.0.2.7", 5060, "more"]), None, AT) == BEACON


def test_a_signature_is_nothing_to_somebody_without_a_key() -> None:
    assert decode(encode(BEACON, KEY, AT), None, AT) == BEACON


# -- Bounds --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [{"v": ...}, {"v": 0}, {"v": True}, {"v": "1"}, {"t": ...}, {"t": 1}, {"hotspot": HOTSPOT[1:]},
     {"hotspot": "0123456789abcdef"}, {"name": "a" * 65}, {"name": "a\nb"}, {"name": b"a"},
     {"name": "‮a"}, {"epoch": -1}, {"epoch": 1 << 63}, {"epoch": 1.5}, {"seq": "1"},
     {"sip": ["udp", "192.0.2.7"]}, {"sip": ["icmp", "192.0.2.7", 1]}, {"sip": "192.0.2.7"},
     {"sip": ["udp", "example.org", 1]}, {"sip": ["udp", "0.0.0.0", 1]},
     {"sip": ["udp", "224.0.2.0", 1]}, {"sip": ["udp", "fe80::1%eth0", 1]},
     {"sip": ["udp", "192.0.2.7", 0]}, {"sip": ["udp", "192.0.2.7", 65536]},
     {"sip": ["udp\n", "192.0.2.7", 1]}, {"ttl": 14}, {"ttl": 3601}, {"lines": None},
     {"lines": [[0, "", ""]]}, {"lines": [[7, "", ""]]}, {"lines": [[1, "", ""]] * 2},
     {"lines": [[1, "a" * 33, ""]]}, {"lines": [[1, "", "1\n"]]}, {"lines": [[1, "", "1" * 17]]}],
    ids=str,
)  # fmt: skip
def test_holds_a_beacon_to_its_bounds(other: dict[str, Any]) -> None:
    assert reason(spelled(**other)) == "malformed"


@pytest.mark.parametrize(
    ("datagram", "other"),
    [(JOIN, {"mac": b"12345"}), (JOIN, {"model": "a" * 65}), (JOIN, {"alias": 0}),
     (JOIN, {"alias": 10_000}), (JOIN, {"name": ...}), (JOIN, {"sip": ["udp", "::", 1]}),
     (WELCOME, {"alias": None}), (WELCOME, {"display": "a" * 33}), (WELCOME, {"display": "\t"}),
     (WELCOME, {"lines": [[1, "a b", "", "h"]]}), (WELCOME, {"lines": [[1, "a" * 41, "", "h"]]}),
     (WELCOME, {"lines": [[1, "a", "b c", "h"]]}), (WELCOME, {"lines": [[1, "a", "", "h;x"]]}),
     (WELCOME, {"lines": [[1, "a", "", "h"]] * 2}), (WELCOME, {"lines": [[1, "a", ""]]}),
     (EVERY_KIND[5], {"reason": "no"}), (EVERY_KIND[7], {"reason": "a b"})],
    ids=str,
)  # fmt: skip
def test_holds_the_others_to_theirs(datagram: Datagram, other: dict[str, Any]) -> None:
    assert decode(spelled(datagram), None, AT) == datagram
    assert reason(spelled(datagram, **other)) == "malformed"


@pytest.mark.parametrize(
    ("data", "dropped"),
    [(b"", "malformed"), (b"\xc1", "malformed"), (b"\x80", "malformed"), (b"\x81", "malformed"),
     (b"\x93\1\2\3", "malformed"), (b"\x81\1\2", "malformed"), (b"\x81\xa1\xff\0", "malformed"),
     (b"\x91" * 1200, "malformed"), (b"\x81\x80\x80", "malformed"), (b"a" * 1201, "oversize"),
     (b"\x81\xa1v\xc7\x0c\xff" + b"\xff" * 12, "malformed"), (spelled(t="later"), "unknown-type"),
     (spelled(v=2), "version"), (spelled() + b"\0", "malformed")],
    ids=str,
)  # fmt: skip
def test_names_why_it_drops(data: bytes, dropped: str) -> None:
    assert reason(data) == dropped


def test_names_of_people_are_cut_to_fit() -> None:
    long = replace(BEACON, name="热点" * 40, lines=(Label(1, "a\n\ud800b" + "😀" * 40, ""),))
    heard = decode(encode(long, None, AT), None, AT)
    assert isinstance(heard, Beacon)
    assert heard.name == "热点" * 32
    assert heard.lines[0].label == "ab" + "😀" * 23
    join = decode(encode(replace(JOIN, name="a" * 65, model="b" * 65), None, AT), None, AT)
    assert isinstance(join, Join)
    assert (join.name, join.model) == ("a" * 64, "b" * 64)


def test_the_longest_of_everything_fits_into_a_datagram() -> None:
    everything: list[Datagram] = [
        replace(
            BEACON,
            name="热" * 99,
            lines=tuple(Label(number, "热" * 99, "*" * 16) for number in range(1, 7)),
            epoch=(1 << 63) - 1,
            seq=(1 << 63) - 1,
            sip=Sip("udp", "1111:2222:3333:4444:5555:6666:7777:8888", 65535),
        ),
        replace(
            WELCOME,
            display="热" * 99,
            lines=tuple(Grant(n, "a" * 40, "b" * 44, "c" * 64) for n in range(1, 7)),
        ),
    ]
    for datagram in everything:
        assert 1000 < len(encode(datagram, None, AT)) <= OCTETS_MAX
        assert len(encode(datagram, KEY, AT)) <= OCTETS_MAX


@pytest.mark.parametrize(
    ("datagram", "named"),
    [(replace(BEACON, ttl=5), "ttl"), (replace(BEACON, sip=Sip("udp", "0.0.0.0", 1)), "sip"),
     (replace(WELCOME, lines=(Grant(1, "a@b", "", "h"),)), "lines"), (Solicit(b"short"), "client")],
    ids=str,
)  # fmt: skip
def test_our_own_mistake_is_named(datagram: Datagram, named: str) -> None:
    with pytest.raises(ValueError, match=rf"{type(datagram).__name__} cannot be sent: .*{named}"):
        encode(datagram, None, AT)


# -- With a key ----------------------------------------------------------------------------


def test_without_a_signature_or_with_a_wrong_one_nothing_is_taken() -> None:
    signed = msgpack.unpackb(encode(BEACON, KEY, AT))
    assert reason(encode(BEACON, None, AT), KEY) == "unsigned"
    assert reason(msgpack.packb(signed | {"sig": "text"}), KEY) == "unsigned"
    assert reason(msgpack.packb(signed | {"ts": None}), KEY) == "unsigned"
    assert reason(encode(BEACON, b"another key", AT), KEY) == "signature"
    assert reason(msgpack.packb(signed | {"name": "Their house"}), KEY) == "signature"
    assert reason(msgpack.packb(signed | {"ts": signed["ts"] + 1}), KEY) == "signature"
    assert reason(msgpack.packb(signed | {"more": "of it"}), KEY) == "signature"


def test_what_cannot_be_packed_again_cannot_be_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packing is less patient with what is nested than unpacking, in some versions."""
    data = encode(BEACON, KEY, AT)

    def refuse(_: object) -> bytes:
        raise ValueError("recursion limit exceeded")

    monkeypatch.setattr(msgpack, "packb", refuse)
    assert reason(data, KEY) == "malformed"


def test_the_order_of_keys_does_not_matter() -> None:
    signed = msgpack.unpackb(encode(BEACON, KEY, AT))
    turned = msgpack.packb({key: signed[key] for key in reversed(signed)})
    assert turned != encode(BEACON, KEY, AT)
    assert decode(turned, KEY, AT) == BEACON


def test_what_was_heard_before_cannot_be_played_again() -> None:
    data, half_a_minute = encode(BEACON, KEY, AT), AGE_MAX_MS * 1_000_000
    assert decode(data, KEY, AT + half_a_minute) == BEACON
    assert reason(data, KEY, AT + half_a_minute + 1_000_000) == "stale"
    assert reason(data, KEY, AT - half_a_minute - 1_000_000) == "stale"


def test_a_join_that_is_not_taken_can_still_be_denied() -> None:
    def from_whom(data: bytes, key: bytes | None) -> tuple[str, bytes | None, bytes | None]:
        with pytest.raises(Dropped) as raised:
            decode(data, key, AT)
        return raised.value.reason, raised.value.client, raised.value.hotspot

    later = msgpack.packb(
        {"v": 2, "t": "join", "client": CLIENT, "hotspot": HOTSPOT, "shape": "new"}
    )
    assert from_whom(later, None) == ("version", CLIENT, HOTSPOT)
    assert from_whom(encode(JOIN, None, AT), KEY) == ("unsigned", CLIENT, HOTSPOT)
    assert from_whom(encode(JOIN, b"wrong", AT), KEY) == ("signature", CLIENT, HOTSPOT)
    assert from_whom(encode(JOIN, KEY, 0), KEY) == ("stale", CLIENT, HOTSPOT)
    assert from_whom(spelled(JOIN, client=b"short"), None) == ("malformed", None, None)
    assert from_whom(spelled(JOIN, v=2, client=b"short"), None) == ("version", None, None)
    assert from_whom(spelled(BEACON, v=2), None) == ("version", None, None)


def test_a_password_is_in_no_repr() -> None:
    grant = Grant(1, "bedroom.1", "secret", "192.0.2.1")
    for shown in (repr(grant), repr(WELCOME), str(list(grant.__rich_repr__()))):
        assert "bedroom.1" in shown or "00ff.1" in shown
        assert "secret" not in shown
    with pytest.raises(ValueError, match="cannot be sent") as raised:
        encode(replace(WELCOME, lines=(Grant(1, "a", "sec ret", "h"),)), None, AT)
    assert "sec ret" not in str(raised.value)


# -- Whatever the octets -------------------------------------------------------------------

leaves: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from([CLIENT, HOTSPOT]),
    st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=9)),
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | leaves, inner)
    ),
    max_leaves=12,
)
NAMES = "v t hotspot name epoch seq sip lines ttl client mac model alias display reason ts sig"


def never_breaks(data: bytes) -> None:
    for key in (None, KEY):
        try:
            heard: Struct = decode(data, key, AT)
        except Dropped:
            continue
        assert isinstance(heard, Datagram)
        assert decode(encode(heard, None, AT), None, AT) == heard


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_octets_never_break_it(data: bytes) -> None:
    never_breaks(data)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(EVERY_KIND),
    st.dictionaries(st.sampled_from(NAMES.split()), values, max_size=3),
)
def test_values_never_break_it(datagram: Datagram, other: dict[str, Any]) -> None:
    never_breaks(spelled(datagram, **other))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(EVERY_KIND), st.data())
def test_damage_never_breaks_it(datagram: Datagram, data: st.DataObject) -> None:
    damaged = bytearray(encode(datagram, KEY, AT))
    for _ in range(2):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    never_breaks(bytes(damaged))
