"""A phone joins the two calls it has: whose they must be, and what becomes of both dialogs."""

from collections.abc import Iterator

import pytest

from adapters.sip.message import Request
from tests.sip.messages import OFFER
from tests.sip.stage import SERVER, FakeRelay, Stage, answer, codes, flow_of, request, response
from tests.sip.test_transfer import LETTING, OF_B, refer


@pytest.fixture
def may() -> Iterator[Stage]:
    stage = Stage(LETTING)
    yield stage
    stage.close()


class Two:
    """Phone b talks to the caller and to phone c, whom it has called."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.invite = stage.answered()[1][1]
        said = {"user": "b", "call_id": "mine", "body": OFFER}
        stage.proven("INVITE", "sip:3@127.0.0.1", **said)
        [self.toward_c] = [request(data) for data in stage.to(flow_of("c"))]
        stage.feed(
            answer(self.toward_c, 200, [("Contact", "<sip:c@127.0.0.13>")], OFFER), flow_of("c")
        )
        [ours] = [one for one in map(response, stage.to(flow_of("b"))) if one.code == 200]
        self.tag = ours.to_tag
        self.stage.feed(self.mine("ACK", 2), flow_of("b"))

    def mine(self, method: str, cseq: int) -> bytes:
        to = f"<sip:3@127.0.0.1>;tag={self.tag}"
        return self.stage.request(
            method, "sip:3@127.0.0.1", user="b", call_id="mine", cseq=cseq, to=to
        )

    def refer(self, replaces: str, cseq: int = 5) -> list[bytes]:
        target = f"<sip:3@127.0.0.1?{replaces}>"
        return self.stage.feed(refer(self.stage, self.invite, target, cseq=cseq), flow_of("b"))

    def last(self, user: str) -> Request:
        return [request(d) for to, d in self.stage.left if to == flow_of(user) and d[:3] != b"SIP"][
            -1
        ]


@pytest.fixture
def two(may: Stage) -> Two:
    return Two(may)


def notified(out: list[bytes]) -> list[bytes]:
    return [request(data).body for data in out if data.startswith(b"NOTIFY")]


@pytest.mark.parametrize("ours", ["to-tag", "from-tag"])
def test_whose_tag_is_whose_phones_see_either_way(two: Two, ours: str) -> None:
    theirs = {"to-tag": "from-tag", "from-tag": "to-tag"}[ours]
    out = two.refer(f"Replaces=mine%3B{ours}%3D{two.tag}%3B{theirs}%3Dtb")
    assert notified(out) == [b"SIP/2.0 100 Trying\r\n"]
    assert two.last("c").to_tag == "tt"
    assert not two.last("c").body


@pytest.mark.parametrize(
    "replaces",
    [
        "mine%3Bto-tag%3Dnone%3Bfrom-tag%3Dtb",
        "mine%3Bto-tag%3D{tag}%3Bfrom-tag%3Dother",
        "mine",
        "other%3Bto-tag%3D{tag}%3Bfrom-tag%3Dtb",
    ],
)
def test_what_replaces_no_call_of_this_phone(two: Two, replaces: str) -> None:
    out = two.refer("Replaces=" + replaces.replace("{tag}", two.tag))
    assert codes(out) == [202]
    assert notified(out) == [b"SIP/2.0 481 Call/Transaction Does Not Exist\r\n"]


def test_a_call_is_not_joined_with_itself(two: Two) -> None:
    to, by = two.invite.from_tag, "tt"
    out = two.refer(f"Replaces={two.invite.call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{by}")
    assert notified(out) == [b"SIP/2.0 481 Call/Transaction Does Not Exist\r\n"]


def test_what_another_phone_has_is_not_ours_to_join(two: Two) -> None:
    """The dialog is there, but it is phone c's."""
    to, by = two.toward_c.from_tag, "tt"
    out = two.refer(f"Replaces={two.toward_c.call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{by}")
    assert notified(out) == [b"SIP/2.0 481 Call/Transaction Does Not Exist\r\n"]


def test_a_side_that_is_asked_something_waits(two: Two) -> None:
    held = two.stage.request(
        "INVITE", "sip:3@127.0.0.1", user="b", call_id="mine", cseq=4, body=OFFER,
        to=f"<sip:3@127.0.0.1>;tag={two.tag}",
    )  # fmt: skip
    two.stage.feed(held, flow_of("b"))
    out = two.refer(f"Replaces=mine%3Bto-tag%3D{two.tag}%3Bfrom-tag%3Dtb")
    assert notified(out) == [b"SIP/2.0 491 Request Pending\r\n"]


def test_a_replaces_that_cannot_be_read_is_no_transfer(two: Two) -> None:
    assert codes(two.refer("Replaces=%zz")) == [400]


def test_what_comes_back_is_spoken_with_by_higher_numbers(two: Two) -> None:
    """RFC 3261 12.2.1.1: the CSeq of a dialog only grows, whichever call speaks in it."""
    two.refer(f"Replaces=mine%3Bto-tag%3D{two.tag}%3Bfrom-tag%3Dtb")
    asked = two.last("c")
    two.stage.feed(answer(asked, 488), flow_of("c"))
    two.stage.restart()
    two.stage.feed(two.mine("BYE", 6), flow_of("b"))
    bye = two.last("c")
    assert bye.method == "BYE"
    assert bye.cseq > asked.cseq
    assert bye.via.branch != asked.via.branch


def test_through_the_relay_both_are_led_to_one_pair_of_ports(may: Stage) -> None:
    relay = FakeRelay()
    may.give_relay(relay)
    two = Two(may)
    before = two.toward_c.body
    two.refer(f"Replaces=mine%3Bto-tag%3D{two.tag}%3Bfrom-tag%3Dtb")
    may.feed(answer(two.last("c"), 200, [], OF_B), flow_of("c"))
    [asked] = [request(data) for data in may.to(SERVER)]
    assert b"m=audio 20000" in asked.body
    may.feed(answer(asked, 200, [], OFFER), SERVER)
    ack = [d for to, d in may.left if to == flow_of("c") and d.startswith(b"ACK")][-1]
    assert b"m=audio 30000" in ack
    session = before.split(b"o=- ")[1].split()
    assert request(ack).body.split(b"o=- ")[1].split()[0] == session[0], "RFC 3264 8"
    assert int(request(ack).body.split(b"o=- ")[1].split()[1]) > int(session[1])
    assert relay.expected[-2:] == [
        ("leg", 0, "192.0.2.22", 49170),
        ("caller", 0, "192.0.2.7", 49170),
    ]
    assert len(relay.closed) == 1
