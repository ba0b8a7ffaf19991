"""Via and flows."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.sip.grammar import Malformed
from adapters.sip.via import Flow, Via, read_via, via_in_full

steady = settings(deadline=None, max_examples=300, derandomize=True)


@pytest.mark.parametrize(
    "flow",
    [
        Flow("udp", "127.0.0.1:5060", "10.0.0.5", 5062),
        Flow("tcp", "[::1]:5060", "2001:db8::5", 40_000),
    ],
)
def test_a_flow_is_read_as_it_is_written(flow: Flow) -> None:
    assert Flow.read(str(flow)) == flow


def test_how_a_flow_is_written() -> None:
    assert (
        str(Flow("udp", "127.0.0.1:5060", "10.0.0.5", 5062)) == "udp/127.0.0.1:5060/10.0.0.5:5062"
    )
    assert str(Flow("tcp", "[::1]:5060", "::2", 1)) == "tcp/[::1]:5060/[::2]:1"
    for broken in ("", "udp/a", "udp/a/b", "udp/a/b:x"):
        with pytest.raises(ValueError, match=r".+"):
            Flow.read(broken)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("SIP/2.0/UDP a.test;branch=x", Via("UDP", "a.test", 0, "x", "", None)),
        ("SIP/2.0/udp A.test:5070;rport;branch=x", Via("UDP", "a.test", 5070, "x", "", 0)),
        ("SIP/2.0/TCP [::1]:5070;rport=5;received=[::2]", Via("TCP", "::1", 5070, "", "::2", 5)),
        ("SIP/2.0/UDP a;ttl=1;maddr=b; Branch = x ;RPORT", Via("UDP", "a", 0, "x", "", 0)),
        ("SIP / 2.0 /\tUDP\t a ; branch=x", Via("UDP", "a", 0, "x", "", None)),
        ("SIP/2.0/UDP a;branch=x, SIP/2.0/TCP b;branch=y", Via("UDP", "a", 0, "x", "", None)),
        ('SIP/2.0/UDP a;x="1,;branch=2";branch=x', Via("UDP", "a", 0, "x", "", None)),
        ("SIP/7.0/UDP a;branch=x", Via("UDP", "a", 0, "x", "", None)),
        ("SIP/2.0/SCTP a", Via("SCTP", "a", 0, "", "", None)),
        ("SIP/2.0/UDP a;RPORTX;RPORT", Via("UDP", "a", 0, "", "", 0)),
    ],
)
def test_vias(value: str, read: Via) -> None:
    assert read_via(value) == read


@pytest.mark.parametrize(
    "value",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "HTTP/1.1/TCP a",
        "SIP/2.0 a",
        "SIP/2.0/UDP a:x",
        "SIP/2.0/U(P a",
        "SIP/2.0/UDP a;;branch=x",
        "SIP/2.0/UDP a;branch=x,,",
        "SIP/2.0/UDP a;rport=x",
        "SIP/2.0/UDP a;rport;rport=1",
        "SIP/2.0/UDP a;rport=99999",
        "SIP/2.0/UDP a;branch=1;BRANCH=2",
        "SIP/()/UDP a",
        "SIP/2.0/UDP a;(=1",
        "SIP/2.0/UDP a;branch=x<;rport>",
        "SIP/2.0/UDP a;branch=x y",
        'SIP/2.0/UDP a;x=1";branch="x',
        'SIP/2.0/UDP a;branch="x"',
        'SIP/2.0/UDP a";Branch=x',
    ],
)
def test_doubtful_vias_are_refused(value: str) -> None:
    with pytest.raises(Malformed):
        read_via(value)


SENT_BY = st.sampled_from(["SIP/2.0/UDP a", "SIP/2.0/TCP [::1]:5070", "SIP / 2.0 / UDP b", "x"])
BRANCHES = st.sampled_from([";branch=y", "; branch=x", ";Branch=z", ";branch", ";branch="])
OTHERS = st.sampled_from([";rport", ";rport=1", ";received=c", ";x=1", ';x="', '"', "<", ">", " "])
NEXT = st.just(", SIP/2.0/UDP c")


@given(SENT_BY, st.lists(BRANCHES | OTHERS | NEXT, max_size=6).map("".join))
@example("SIP/2.0/UDP a;y, SIP/2.0/UDP b", ";branch=x")
@example("SIP/2.0/UDP a", ';x="1;branch=2;3"')
@example("SIP/2.0/UDP a", ";branch=1;BRANCH=2")
@example("SIP/2.0/UDP a", ";branch=x;rport;rport")
@steady
def test_a_via_without_its_branch_says_what_the_whole_one_says(sent_by: str, said: str) -> None:
    """The short cut refuses and reads exactly what the full reading does."""
    found = []
    for reader in (read_via, via_in_full):
        try:
            found.append(str(reader(sent_by + said)))
        except Malformed as malformed:
            found.append(malformed.reason)
    assert found[0] == found[1]
