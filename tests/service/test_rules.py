"""Every kind of value: what it takes, and what it says to the rest."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import rules
from service.rules import HostPort, Listen, PortRange, Refused, Rule
from service.sections import TABLES

ALL = {f"{name}.{key}": rule for name in TABLES for key, rule in TABLES[name].rules.items()}
FLAVOUR = rules.one_of(Literal["sweet", "sour"])


@pytest.mark.parametrize(
    ("rule", "value", "right"),
    [
        (rules.boolean, True, True),
        (rules.whole(1, 6), 6, 6),
        (FLAVOUR, "sour", "sour"),
        (rules.text(), "Küche 1", "Küche 1"),
        (rules.user, "+49'30%20!", "+49'30%20!"),
        (rules.prefix, "*1#", "*1#"),
        (rules.host_port, "sip.example.net", HostPort("sip.example.net")),
        (rules.host_port, "sip_1.example.net.:5070", HostPort("sip_1.example.net.", 5070)),
        (rules.host_port, "192.0.2.1:5060", HostPort("192.0.2.1", 5060)),
        (rules.host_port, "[2001:DB8:0::1]", HostPort("2001:db8::1")),
        (rules.optional_host_port, "", None),
        (rules.domain, "example.net", "example.net"),
        (rules.domain, "[2001:db8::1]", "[2001:db8::1]"),
        (rules.domain, "", ""),
        (rules.sip_listen, "udp:0.0.0.0:5060", Listen("udp", "0.0.0.0", 5060)),
        (rules.sip_listen, "tcp:[::]:0", Listen("tcp", "::", 0)),
        (rules.web_listen, "127.0.0.1:8088", Listen("tcp", "127.0.0.1", 8088)),
        (rules.multicast_address, "239.255.255.255", "239.255.255.255"),
        (rules.port_range, "16384-16387", PortRange(16384, 16387)),
        (rules.list_of(rules.boolean), [], ()),
        (rules.store_url, "sqlite:my house.db", "sqlite:my house.db"),
    ],
)
def test_takes(rule: Rule, value: object, right: object) -> None:
    assert rule(value) == right


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        (rules.boolean, 1, "must be true or false, not 1"),
        (rules.boolean, "yes", 'must be true or false, not "yes"'),
        (rules.whole(1, 6), True, "must be a whole number from 1 to 6, not true"),
        (rules.whole(1, 6), 7, "must be a whole number from 1 to 6, not 7"),
        (rules.whole(1, 6), 1.0, "must be a whole number from 1 to 6, not 1.0"),
        (FLAVOUR, "salt", 'must be "sweet" or "sour", not "salt"'),
        (FLAVOUR, ["sweet"], 'must be "sweet" or "sour", not ["sweet"]'),
        (rules.text(), 3, "must be text in quotes, not 3"),
        (rules.text(), "a\nb", "must be one line of printable characters"),
        (rules.text(1, 3), "", "must have 1 to 3 characters, not 0"),
        (rules.user, "a@b", "must be the user part of a SIP address alone"),
        (rules.user, 4212, 'must be text in quotes, as "4212", not 4212'),
        (rules.prefix, "9a", 'must be at most 16 digits, * or #, not "9a"'),
        (rules.sip_listen, "0.0.0.0:5060", 'must be transport:address:port with transport "udp", '),
        (rules.sip_listen, "udp:localhost:5060", 'as "udp:0.0.0.0:5060"'),
        (rules.web_listen, "8088", 'must be an address and a port, as "127.0.0.1:8088"'),
        (rules.multicast_address, "10.0.0.1", "from 224.0.0.0 to 239.255.255.255"),
        (rules.multicast_address, "ff02::1", "from 224.0.0.0 to 239.255.255.255"),
        (rules.port_range, "16384", 'must be two ports, as "16384-16999"'),
        (rules.port_range, "16385-16999", "must begin with an even port"),
        (rules.port_range, "16384-16386", "must hold at least 4 ports"),
        (rules.port_range, "80-90", "must lie between 1024 and 65535"),
        (rules.list_of(rules.boolean), True, "must be a list in [ ]"),
        (rules.list_of(rules.boolean, 1), [], "must be a list in [ ], not an empty one"),
        (rules.list_of(rules.boolean), [True, True], "names the same thing twice"),
        (rules.list_of(rules.boolean), [True, 3], "must be true or false, not 3"),
        (rules.domain, "example.net:5060", "without a port"),
        (rules.password, "", "and not empty"),
        (rules.store_url, "mysql://x", 'must be "sqlite:" and a file, or "postgresql://"'),
    ],
)
def test_refuses_and_says_what_is_allowed(rule: Rule, value: object, message: str) -> None:
    with pytest.raises(Refused) as refused:
        rule(value)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        *("", "sip:x", "a@b", "1.2.3.256", "1.2.3", "2001:db8::1", "[1.2.3.4]", "[::1"),
        *("a:", "a:0", "a:65536", "a b", "-a", "a..b", "[::1]x", "²", 5060, None),
        *("a" * 64, "a." * 127 + "a"),
    ],
)
def test_refuses_a_host_that_is_none(value: object) -> None:
    with pytest.raises(Refused, match="must be a host or host:port"):
        rules.host_port(value)


@pytest.mark.parametrize("text", ["a.b", "a.b:1", "[::1]", "[::1]:5060", "192.0.2.1:5060"])
def test_a_host_is_written_as_it_was(text: str) -> None:
    assert str(rules.host_port(text)) == text


def test_what_is_shown_fits_on_a_line() -> None:
    assert rules.shown("a\u2028b") == '"a\\u2028b"'
    assert rules.shown("Küche") == '"Küche"'
    assert len(rules.shown("x" * 1000)) == rules.CHARACTERS_MAX + 1


def test_a_range_of_ports_knows_its_ports() -> None:
    ports = PortRange(16384, 16387)
    assert (len(ports), 16383 in ports, 16384 in ports, 16387 in ports) == (4, False, True, True)
    assert str(ports) == "16384-16387"
    assert str(Listen("udp", "::", 5060)) == "udp:[::]:5060"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(max_examples=50)
@given(VALUES | st.text("0123456789.:[]-abctpudsqlie/ ", max_size=30))
def test_no_rule_refuses_in_another_way(value: object) -> None:
    for key, rule in ALL.items():
        assert refusal(rule, value).isprintable(), key


def refusal(rule: Rule, value: object) -> str:
    try:
        rule(value)
    except Refused as refused:
        return str(refused)
    return ""
