"""What leaves by an interface says where that is."""

import pytest

from adapters.net.beacon import Beacon, Datagram, Goodbye, Join, Sip, decode
from adapters.net.leaving import OUTBOX_MAX, Leaving, Outbox, place, spelled

MAC = b"\1\2\3\4\5\6"


def leaves(datagram: Datagram) -> Datagram:
    return decode(Leaving(datagram).spelled(None, "192.0.2.9", MAC, 0), None, 0)


@pytest.mark.parametrize(
    ("host", "said"), [("0.0.0.0", "192.0.2.9"), ("::", "192.0.2.9"), ("192.0.2.1", "192.0.2.1")]
)
def test_a_wildcard_is_the_address_of_the_interface(host: str, said: str) -> None:
    sip = Sip("udp", host, 5060)
    beacon = leaves(Beacon(b"h" * 16, "Den", 1, 1, sip, (), 60))
    join = leaves(Join(b"c" * 16, b"h" * 16, bytes(6), "", "", sip))
    assert isinstance(beacon, Beacon)
    assert isinstance(join, Join)
    assert (beacon.sip.host, join.sip.host, join.mac) == (said, said, MAC)


def test_a_mac_that_is_known_is_kept_and_the_rest_is_as_it_is() -> None:
    join = Join(b"c" * 16, b"h" * 16, b"abcdef", "", "", Sip("udp", "192.0.2.1", 5060))
    assert leaves(join) == join
    assert leaves(Goodbye(b"h" * 16, 1, "")) == Goodbye(b"h" * 16, 1, "")


@pytest.mark.parametrize(
    ("text", "where"), [("192.0.2.1:5060", ("192.0.2.1", 5060)), ("[::1]:7", ("::1", 7))]
)
def test_a_place_is_read_as_it_is_spelled(text: str, where: tuple[str, int]) -> None:
    assert place(text) == where
    assert spelled(Sip("udp", *where)) == f"udp:{text}"


def test_what_nobody_fetches_does_not_pile_up() -> None:
    outbox = Outbox()
    for epoch in range(OUTBOX_MAX + 2):
        outbox.append(Leaving(Goodbye(b"h" * 16, epoch, "")))
    out = outbox.take_out()
    assert len(out) == OUTBOX_MAX
    assert out[-1].datagram == Goodbye(b"h" * 16, OUTBOX_MAX + 1, "")
    assert outbox.take_out() == []
