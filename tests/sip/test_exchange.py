"""What the exchange says to whoever it cannot serve, and that it survives whatever comes."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from adapters.sip.dialog import ALLOW
from tests.sip.messages import INVITE, OFFER
from tests.sip.stage import (
    SERVER,
    STRANGER,
    Stage,
    answer,
    codes,
    flow_of,
    methods,
    responses,
)

A = flow_of("a")


def said(stage: Stage, method: str, **more: Any) -> list[int]:
    return codes(stage.feed(stage.request(method, **more), A))


def test_options_are_answered_with_what_is_understood(stage: Stage) -> None:
    (told,) = responses(stage.feed(stage.request("OPTIONS"), STRANGER))
    assert told.code == 200
    assert "INVITE" in told.first("allow")
    assert told.first("accept") == "application/sdp"
    assert told.to_tag


@pytest.mark.parametrize(
    ("method", "code"),
    [("BREW", 501), ("SUBSCRIBE", 405), ("REFER", 405), ("PUBLISH", 405), ("INFO", 405),
     ("BYE", 481), ("CANCEL", 481)],
)  # fmt: skip
def test_what_it_does_not_do(stage: Stage, method: str, code: int) -> None:
    assert said(stage, method) == [code]


def test_a_method_that_is_refused_names_those_that_are_not(stage: Stage) -> None:
    for method in ("BREW", "NOTIFY"):
        (told,) = responses(stage.feed(stage.request(method), A))
        assert told.first("allow") == ALLOW


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "INVITE", "MESSAGE"])
def test_no_more_hops(stage: Stage, method: str) -> None:
    assert said(stage, method, more=[("Max-Forwards", "0")]) == [483]


def test_an_extension_that_is_required_is_named(stage: Stage) -> None:
    asked = stage.request("OPTIONS", more=[("Require", "100rel, nothing-such")])
    (told,) = responses(stage.feed(asked, A))
    assert (told.code, told.first("unsupported")) == (420, "100rel, nothing-such")


@pytest.mark.parametrize("method", ["BYE", "INFO", "INVITE", "UPDATE", "MESSAGE", "REFER"])
def test_a_dialog_that_is_not_ours(stage: Stage, method: str) -> None:
    assert said(stage, method, to="<sip:a@127.0.0.1>;tag=nobody") == [481]


def test_an_ack_that_belongs_to_nothing_is_no_ones(stage: Stage) -> None:
    assert said(stage, "ACK") == []
    assert said(stage, "ACK", to="<sip:a@127.0.0.1>;tag=nobody") == []
    assert stage.engine.around.drops["stray-ack"] == 2


def test_a_stranger_is_refused_and_counted(stage: Stage) -> None:
    stage.register_line()
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", body=OFFER)
    assert codes(stage.feed(invite, STRANGER)) == [403]
    assert stage.engine.around.drops["stranger"] == 1
    assert stage.engine.exchange.calls.open == {}


def test_merged_requests_make_one_call(stage: Stage) -> None:
    stage.ring()
    again = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", body=OFFER)
    assert codes(stage.feed(again, SERVER)) == [482]
    assert len(stage.engine.exchange.calls.open) == 1


def test_the_same_request_again_gets_the_same_answer(stage: Stage) -> None:
    stage.ring()
    (again,) = stage.feed(stage.invite, SERVER)
    assert codes([again]) == [100]


@pytest.mark.parametrize(
    ("more", "code"),
    [([("Content-Type", "text/plain")], 415), ([("Contact", "")], 400)],
)
def test_what_no_call_can_be_made_of(stage: Stage, more: list[tuple[str, str]], code: int) -> None:
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", more=more, body=OFFER)
    lines = [line for line in invite.split(b"\r\n") if line != b"Content-Type: application/sdp"]
    if code == 400:
        lines = [*invite.split(b"\r\n")]
    assert codes(stage.feed(b"\r\n".join(lines), SERVER)) == [code]


def test_a_message_that_cannot_be_understood_is_answered_where_it_can_be(stage: Stage) -> None:
    twice = INVITE.replace(b"Call-ID: ", b"Call-ID: another\r\nCall-ID: ")
    assert codes(stage.feed(twice, STRANGER)) == [400]
    assert stage.feed(twice.replace(b"INVITE", b"ACK"), STRANGER) == []
    assert stage.feed(b"SIP/2.0 200 OK\r\n\r\n", STRANGER) == []
    assert sum(stage.engine.around.drops.values()) == 3


def test_a_response_nobody_waits_for_is_no_ones(stage: Stage) -> None:
    assert stage.feed(answer(stage.request("INVITE"), 200), A) == []


def test_a_way_that_is_lost_loses_its_leg(stage: Stage) -> None:
    stage.ring()
    stage.engine.failed(flow_of("a"), stage.at)
    stage.engine.failed(flow_of("b"), stage.at)
    stage.engine.failed(flow_of("c"), stage.at)
    stage.fresh = []
    stage.flush()
    assert [code for code in codes(stage.to(SERVER)) if code >= 300] == [480]


# -- Hostile input -----------------------------------------------------------------------


def a_story(stage: Stage) -> list[bytes]:
    """Valid messages of every kind that a test can spoil."""
    ours, invites = stage.answered()
    tagged = ours.first("to")
    about = {"user": "7000", "call_id": "call", "to": tagged}
    uri = "sip:4212@127.0.0.1"
    return [
        stage.invite,
        stage.acked,
        stage.request("INVITE", uri, cseq=2, body=OFFER, **about),  # type: ignore[arg-type]
        stage.request("UPDATE", uri, cseq=3, body=OFFER, **about),  # type: ignore[arg-type]
        stage.request("INFO", uri, cseq=4, **about),  # type: ignore[arg-type]
        stage.request("CANCEL", uri, user="7000", call_id="call"),
        stage.request("REGISTER", more=[("Contact", "*"), ("Expires", "0")]),
        stage.request("INVITE", "sip:2@127.0.0.1", user="c", body=OFFER),
        answer(invites[0], 180, [("Contact", "<sip:a@127.0.0.11>")], OFFER),
        answer(invites[2], 200, [("Contact", "<sip:c@127.0.0.13>")], OFFER),
        answer(invites[1], 200, [("Record-Route", "<sip:127.0.0.9;lr>")], OFFER),
        answer(invites[2], 407, [("Proxy-Authenticate", 'Digest realm="x", nonce="y"')]),
        stage.request("BYE", uri, cseq=5, **about),  # type: ignore[arg-type]
    ]


PIECES = [
    piece.encode("latin-1")
    for piece in (
        "\r\n",
        "\0",
        '"',
        "<",
        ">",
        ";",
        ",",
        ":",
        "\xff",
        "%",
        "%zz",
        "*",
        "[",
        "=",
        " ",
    )
]
PIECES += [b"-1", b"99999999999999999999", b"\t", b"sip:", b"tel:1", b";lr", b";tag=", b"m=audio"]


def spoiled(data: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.randint(1, 4)):
        where, until = sorted(dice.randrange(len(data) + 1) for _ in range(2))
        lines = data.split(b"\r\n")
        match dice.randrange(6):
            case 0:
                data = data[:where] + dice.choice(PIECES) + data[where:]
            case 1:
                data = data[:where] + data[min(until, where + 12) :]
            case 2:
                data = data[:where]
            case 3:
                lines.insert(dice.randrange(len(lines)), dice.choice(lines))
                data = b"\r\n".join(lines)
            case 4:
                at = dice.randrange(len(lines))
                name, colon, _ = lines[at].partition(b":")
                lines[at] = name + colon + b" " + dice.choice(PIECES)
                data = b"\r\n".join(lines)
            case _:
                data = data[:where] + dice.randbytes(3) + data[where + 3 :]
        if not data:
            break
    return data


@pytest.mark.parametrize("contact", ["*", "<>", "<<sip:a>", '"', "<sip:a b@h>", "<s!p:a@h>"])
def test_who_leaves_no_way_to_reach_him_makes_no_call(stage: Stage, contact: str) -> None:
    stage.register_line()
    stage.register()
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", body=OFFER)
    at = invite.index(b"Contact: ")
    spoiled = invite[:at] + f"Contact: {contact}".encode() + invite[invite.index(b"\r\n", at) :]
    assert codes(stage.feed(spoiled, SERVER)) == [400]
    assert not stage.engine.exchange.calls.open


@pytest.mark.parametrize("seed", range(12))
def test_no_spoiled_message_raises(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    story = a_story(stage)
    for _ in range(40):
        data = spoiled(dice.choice(story), dice)
        stage.feed(data, dice.choice([SERVER, STRANGER, A, flow_of("b"), flow_of("c")]))
        assert stage.engine.house.faults == []
    stage.wait(100)


@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(some.lists(some.binary(max_size=200), max_size=5))
def test_no_noise_raises(pieces: list[bytes]) -> None:
    stage = NOISY
    for piece in pieces:
        for data in (piece, b"INVITE sip:x SIP/2.0\r\n" + piece, b"SIP/2.0 200 OK\r\n" + piece):
            assert methods(stage.feed(data, STRANGER)) == []


NOISY = Stage()
