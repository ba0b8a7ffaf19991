"""Whom the relay hears, where it sends, what it counts: without a socket.

192.0.2.x are the addresses that SDP names, 198.51.100.x what a NAT makes of them,
203.0.113.x somebody who wants the stream for himself.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.net.relay_ports import RelayError
from adapters.net.relay_session import Address, Counts, Latch, Session, Side, as_seen

CALLER = ("192.0.2.1", 4000)
LEG = ("192.0.2.2", 5000)
NAT = ("198.51.100.9", 61000)
THIEF = ("203.0.113.66", 6666)

RTP = b"\x80\x08" + bytes(10) + b"voice"


def talking(streams: int = 1) -> Session:
    """Both sides known at 0.0, nothing heard yet."""
    session = Session(streams)
    session.expect("caller", 0, *CALLER, 4001, 0.0)
    session.expect("leg", 0, *LEG, 5001, 0.0)
    return session


def rtp(session: Session, side: Side) -> Latch:
    return session.latches[side][0][0]


def heard(session: Session, side: Side, source: Address, now: float = 0.0) -> Address | None:
    return rtp(session, side).hear(RTP, source, now)


# -- Where packets go ----------------------------------------------------------------


def test_each_side_is_sent_to_where_its_sdp_says() -> None:
    session = talking()
    assert heard(session, "caller", CALLER) == LEG
    assert heard(session, "leg", LEG) == CALLER


def test_rtcp_goes_to_its_own_port() -> None:
    session = talking()
    (_, rtcp) = session.latches["caller"][0]
    assert rtcp.hear(RTP, ("192.0.2.1", 4001), 0.0) == ("192.0.2.2", 5001)


def test_streams_do_not_mix() -> None:
    session = talking(streams=2)
    session.expect("caller", 1, "192.0.2.1", 4002, 4003, 0.0)
    session.expect("leg", 1, "192.0.2.2", 5002, 5003, 0.0)
    video = session.latches["leg"][1][0]
    assert video.hear(RTP, ("192.0.2.2", 5002), 0.0) == ("192.0.2.1", 4002)
    assert heard(session, "leg", LEG) == CALLER


def test_an_answer_goes_to_where_packets_come_from() -> None:
    session = talking()
    heard(session, "caller", ("192.0.2.1", 4444))
    assert heard(session, "leg", LEG) == ("192.0.2.1", 4444)


def test_before_the_other_side_is_known_packets_are_counted_and_dropped() -> None:
    session = Session(1)
    session.expect("caller", 0, *CALLER, 4001, 0.0)
    assert heard(session, "caller", CALLER) is None
    assert session.counts().from_caller == 1
    assert session.counts().dropped == {"nowhere": 1}


def test_before_its_own_sdp_a_side_is_not_heard() -> None:
    session = Session(1)
    session.expect("caller", 0, *CALLER, 4001, 0.0)
    assert heard(session, "leg", LEG) is None
    assert session.counts() == Counts(dropped={"unexpected": 1})


# -- Whom we believe -----------------------------------------------------------------


def test_the_named_host_wins_whatever_its_port() -> None:
    session = talking()
    assert heard(session, "caller", ("192.0.2.1", 4444)) == LEG
    assert heard(session, "caller", CALLER, 1.0) is None  # Not twice, though.


def test_behind_a_nat_the_first_source_is_believed() -> None:
    session = talking()
    assert heard(session, "caller", NAT) == LEG
    assert heard(session, "leg", LEG) == NAT


def test_a_thief_cannot_take_a_stream_that_flows() -> None:
    session = talking()
    for n in range(50):
        assert heard(session, "caller", CALLER, n * 0.02) == LEG
        assert heard(session, "caller", THIEF, n * 0.02 + 0.01) is None
    assert heard(session, "leg", LEG) == CALLER
    assert session.counts().from_caller == 50
    assert session.counts().dropped == {"stranger": 50}


def test_a_thief_cannot_take_one_that_pauses_either() -> None:
    session = talking()
    heard(session, "caller", CALLER, 0.0)
    assert heard(session, "caller", THIEF, 60.0) is None
    assert heard(session, "leg", LEG) == CALLER


def test_a_thief_who_came_first_loses_it_to_the_named_host() -> None:
    session = talking()
    assert heard(session, "caller", THIEF, 0.0) == LEG
    assert heard(session, "caller", CALLER, 0.01) == LEG
    assert heard(session, "caller", THIEF, 0.02) is None
    assert heard(session, "leg", LEG) == CALLER


def test_a_thief_cannot_take_a_stream_from_behind_a_nat() -> None:
    session = talking()
    heard(session, "caller", NAT, 0.0)
    assert heard(session, "caller", THIEF, 1.99) is None
    assert heard(session, "leg", LEG) == NAT


@pytest.mark.parametrize(
    ("old", "new"), [(CALLER, ("192.0.2.1", 4444)), (NAT, ("198.51.100.9", 61001))]
)
def test_a_source_may_move_after_two_seconds_of_silence(old: Address, new: Address) -> None:
    session = talking()
    heard(session, "caller", old, 0.0)
    assert heard(session, "caller", new, 1.99) is None
    assert heard(session, "caller", new, 2.0) == LEG
    assert heard(session, "caller", old, 2.01) is None
    assert heard(session, "leg", LEG) == new


def test_a_new_sdp_moves_it_at_once() -> None:
    session = talking()
    heard(session, "caller", CALLER, 0.0)
    session.expect("caller", 0, "192.0.2.7", 4700, 4701, 0.1)
    assert heard(session, "leg", LEG) == ("192.0.2.7", 4700)
    assert heard(session, "caller", ("192.0.2.7", 4700), 0.2) == LEG
    assert heard(session, "caller", CALLER, 0.3) is None


def test_a_new_sdp_may_be_from_behind_a_nat() -> None:
    session = talking()
    heard(session, "caller", CALLER, 0.0)
    session.expect("caller", 0, "10.0.0.7", 4700, 4701, 0.1)
    assert heard(session, "caller", NAT, 0.2) == LEG
    assert heard(session, "leg", LEG) == NAT


def test_a_refused_stream_has_no_rtcp_either() -> None:
    session = talking()
    session.expect("caller", 0, "192.0.2.1", 0, 4001, 0.1)
    (_, rtcp) = session.latches["leg"][0]
    assert rtcp.hear(RTP, ("192.0.2.2", 5001), 0.2) is None


def test_the_same_sdp_again_moves_nothing() -> None:
    session = talking()
    heard(session, "caller", NAT, 0.0)
    session.expect("caller", 0, *CALLER, 4001, 0.1)
    assert heard(session, "leg", LEG) == NAT
    assert heard(session, "caller", THIEF, 0.2) is None


@pytest.mark.parametrize(("host", "port"), [("0.0.0.0", 4000), ("192.0.2.1", 0), ("::", 4000)])
def test_who_wants_nothing_is_sent_nothing_and_still_heard(host: str, port: int) -> None:
    session = talking()
    heard(session, "caller", NAT, 0.0)
    session.expect("caller", 0, host, port, port + 1, 0.1)
    assert heard(session, "leg", LEG) is None
    assert heard(session, "caller", NAT, 0.2) == LEG
    session.expect("caller", 0, *CALLER, 4001, 0.3)
    assert heard(session, "leg", LEG) == NAT


def test_who_wants_nothing_is_sent_nothing_though_it_moves() -> None:
    session = talking()
    session.expect("caller", 0, "0.0.0.0", 4000, 4001, 0.1)
    assert heard(session, "caller", NAT, 0.2) == LEG
    assert heard(session, "leg", LEG) is None


@pytest.mark.parametrize("host", ["phone.example", "2001:db8::1", "", "\0", "ä", "127.1"])
def test_a_host_that_is_no_address_is_found_by_its_packets(host: str) -> None:
    session = talking()
    session.expect("caller", 0, host, 4000, 4001, 0.0)
    assert heard(session, "leg", LEG) is None
    assert heard(session, "caller", NAT) == LEG
    assert heard(session, "leg", LEG) == NAT


@pytest.mark.parametrize("port", [-1, 65536, 10**20])
def test_a_port_that_is_none_is_sent_nothing(port: int) -> None:
    session = talking()
    session.expect("caller", 0, "192.0.2.1", port, port, 0.0)
    assert heard(session, "leg", LEG) is None


@pytest.mark.parametrize(
    ("host", "ip_version", "seen"),
    [
        ("192.0.2.1", 4, "192.0.2.1"),
        ("192.0.2.1", 6, "::ffff:192.0.2.1"),
        ("::ffff:192.0.2.1", 4, "192.0.2.1"),
        ("2001:DB8:0::1", 6, "2001:db8::1"),
        ("fe80::1%eth0", 6, "fe80::1"),
        ("2001:db8::1", 4, None),
    ],
)
def test_hosts_are_spelled_as_sockets_spell_them(
    host: str, ip_version: int, seen: str | None
) -> None:
    assert as_seen(host, ip_version) == seen


@pytest.mark.parametrize(("side", "n"), [("caller", 1), ("leg", -1), ("nobody", 0)])
def test_a_stream_that_is_not_there_is_our_mistake(side: Side, n: int) -> None:
    with pytest.raises(RelayError, match="no stream"):
        talking().expect(side, n, *CALLER, 4001, 0.0)


# -- What is no media ----------------------------------------------------------------


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x80" * 7, b"\x80" * 2049, b"\x00" * 20, b"\x40" * 20, b"\xc0" * 20, b"\r\n\r\n"],
)
def test_what_is_not_rtp_is_dropped_and_teaches_nothing(packet: bytes) -> None:
    session = talking()
    assert rtp(session, "caller").hear(packet, NAT, 0.0) is None
    assert session.counts() == Counts(dropped={"malformed": 1})
    assert heard(session, "leg", LEG) == CALLER


@pytest.mark.parametrize("size", [8, 2048])
def test_the_limits_of_size_are_within(size: int) -> None:
    assert rtp(talking(), "caller").hear(b"\x80" * size, CALLER, 0.0) == LEG


SOURCES = st.sampled_from([CALLER, ("192.0.2.1", 4444), NAT, THIEF])
ARRIVALS = st.lists(st.tuples(SOURCES, st.sampled_from([0.02, 0.5, 1.9, 2.5])), max_size=30)


@given(ARRIVALS)
def test_nobody_takes_a_stream_from_the_named_host(arrivals: list[tuple[Address, float]]) -> None:
    """Whatever arrives when: once the named host was heard, only that host is sent to."""
    session, now, named_was_heard = talking(), 0.0, False
    for source, pause in arrivals:
        now += pause
        heard(session, "caller", source, now)
        named_was_heard |= source[0] == CALLER[0]
        to = rtp(session, "caller").to
        assert to is not None
        assert to[0] == CALLER[0] or not named_was_heard


@given(st.lists(st.tuples(st.binary(max_size=40), SOURCES), max_size=10))
def test_every_packet_is_counted_once(packets: list[tuple[bytes, Address]]) -> None:
    session = talking()
    for packet, source in packets:
        rtp(session, "caller").hear(packet, source, 0.0)
    counts = session.counts()
    assert counts.from_caller + sum(counts.dropped.values()) == len(packets)


# -- Counts and silence --------------------------------------------------------------


def test_counts_by_side() -> None:
    session = talking()
    heard(session, "caller", CALLER, 1.0)
    heard(session, "caller", CALLER, 2.0)
    session.latches["leg"][0][1].hear(RTP, ("192.0.2.2", 5001), 3.0)
    size = len(RTP)
    assert session.counts() == Counts(2, 1, 2 * size, size, 2.0, 3.0)


def test_silence_is_told_once_and_again_after_the_side_has_spoken() -> None:
    session = talking()
    heard(session, "caller", CALLER, 1.0)
    heard(session, "leg", LEG, 10.0)
    assert session.silent(15.9, 15.0) == []
    assert session.silent(16.0, 15.0) == ["caller"]
    assert session.silent(17.0, 15.0) == []
    heard(session, "leg", LEG, 18.0)
    heard(session, "caller", CALLER, 18.0)
    assert session.silent(32.9, 15.0) == []
    assert session.silent(33.0, 15.0) == ["caller", "leg"]


def test_a_side_that_never_spoke_is_silent_too() -> None:
    assert talking().silent(15.0, 15.0) == ["caller", "leg"]


def test_while_it_rings_nobody_is_silent() -> None:
    session = Session(1)
    session.expect("caller", 0, *CALLER, 4001, 0.0)
    assert session.silent(60.0, 15.0) == []
    session.expect("leg", 0, *LEG, 5001, 60.0)
    assert session.silent(74.9, 15.0) == []
    assert session.silent(75.0, 15.0) == ["caller", "leg"]


def test_on_hold_nobody_is_silent_and_afterwards_it_counts_anew() -> None:
    session = talking()
    session.hold(True, 1.0)
    assert session.silent(100.0, 15.0) == []
    session.hold(False, 100.0)
    assert session.silent(114.9, 15.0) == []
    assert session.silent(115.0, 15.0) == ["caller", "leg"]
    session.hold(False, 116.0)  # It was not on hold: nothing begins anew.
    assert session.silent(140.0, 15.0) == []


def test_a_new_address_gives_its_side_new_time() -> None:
    session = talking()
    session.expect("caller", 0, "192.0.2.7", 4700, 4701, 10.0)
    session.expect("leg", 0, *LEG, 5001, 10.0)  # Nothing new.
    assert session.silent(15.0, 15.0) == ["leg"]
    assert session.silent(25.0, 15.0) == ["caller"]


def test_a_stranger_does_not_break_the_silence() -> None:
    session = talking()
    heard(session, "caller", CALLER, 0.0)
    heard(session, "leg", LEG, 10.0)
    heard(session, "caller", THIEF, 14.0)
    assert session.silent(15.0, 15.0) == ["caller"]
