"""A line's server that challenges a request within a dialog, and others who would like to."""

import pytest

from adapters.sip import proving
from adapters.sip.call_dialogs import CallDialogs
from adapters.sip.digest import is_right, read_credentials
from adapters.sip.message import Flow, Request
from core.events.base import Observed, Order
from core.events.facts import Challenge
from core.events.observed import LegHungUp
from core.events.orders import AuthorizeRelease, ReleaseLeg
from core.events.released import ReleaseChallenged
from core.events.turn import Turn
from core.machines.call import Phase
from tests.sip.messages import OFFER
from tests.sip.stage import (
    HERE,
    SERVER,
    FakeRelay,
    Headers,
    Stage,
    answer,
    codes,
    flow_of,
    methods,
    request,
    responses,
)
from tests.sip.test_call_dialogs import Paper
from tests.sip.test_calls import bye, caller, phase

A, B = flow_of("a"), flow_of("b")
GATEWAY = Flow("udp", HERE, "127.0.0.77", 5060)
CONTACT = [("Contact", "<sip:gw@127.0.0.2>")]


def asks(nonce: str, code: int = 401, stale: bool = False) -> Headers:
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    again = ", stale=true" if stale else ""
    return [(name, f'Digest realm="provider.test", nonce="{nonce}", qop="auth"{again}')]


def proof_in(asked: Request) -> tuple[str, int]:
    """The nonce and how often it was used, of a proof that is right."""
    (value,) = asked.all("authorization") + asked.all("proxy-authorization")
    given = read_credentials(value)
    method = "INVITE" if asked.method == "ACK" else asked.method
    assert is_right(given, method, "secret4212")
    assert given.uri == asked.uri or asked.method == "ACK"
    return given.nonce, given.nc


class Outgoing:
    """Phone a talks with the world; the server has challenged the INVITE, or has not."""

    def __init__(self, stage: Stage, challenges: bool, contact: Headers = CONTACT) -> None:
        self.stage = stage
        stage.register_line()
        stage.register()
        stage.proven("INVITE", "sip:0301234@127.0.0.1", body=OFFER)
        (out,) = (request(data) for data in stage.to(SERVER))
        if challenges:
            out = request(stage.feed(answer(out, 401, asks("n1")), SERVER)[1])
        self.first = out
        stage.feed(answer(out, 200, contact, OFFER), SERVER)
        (self.ours,) = (r for r in responses(stage.to(A)) if r.code == 200)
        self.say("ACK", 2)

    def say(self, method: str, cseq: int, body: bytes = b"") -> list[Request]:
        """By phone a; the requests that left because of it."""
        to = self.ours.first("to")
        said = self.stage.request(method, "sip:4212@127.0.0.1", cseq=cseq, to=to, body=body)
        return [request(data) for data in self.stage.feed(said, A) if data[:7] != b"SIP/2.0"]


@pytest.fixture
def plain(stage: Stage) -> Outgoing:
    return Outgoing(stage, challenges=False)


@pytest.fixture
def proven(stage: Stage) -> Outgoing:
    return Outgoing(stage, challenges=True)


def test_a_bye_that_is_challenged_is_said_again(plain: Outgoing) -> None:
    (first,) = plain.say("BYE", 3)
    assert first.all("authorization") == []
    again = request(plain.stage.feed(answer(first, 401, asks("n1")), SERVER)[0])
    assert (again.method, again.cseq) == ("BYE", first.cseq + 1)
    assert (again.call_id, again.first("to")) == (first.call_id, first.first("to"))
    assert again.via.branch != first.via.branch
    assert proof_in(again) == ("n1", 1)
    assert plain.stage.feed(answer(again, 200), SERVER) == []
    assert phase(plain.stage) is Phase.ENDED


def test_what_is_known_of_the_invite_is_shown_at_once(proven: Outgoing) -> None:
    (info,) = proven.say("INFO", 3)
    assert proof_in(info) == ("n1", 2)
    proven.stage.feed(answer(info, 200), SERVER)
    (first,) = proven.say("BYE", 4)
    assert proof_in(first) == ("n1", 3)
    again = request(proven.stage.feed(answer(first, 401, asks("n2", stale=True)), SERVER)[0])
    assert proof_in(again) == ("n2", 1)


def test_the_ack_of_a_reinvite_repeats_its_credentials(plain: Outgoing) -> None:
    """RFC 3261 13.2.2.4."""
    (hold,) = plain.say("INVITE", 3, OFFER)
    left = plain.stage.feed(answer(hold, 407, asks("n1", 407)), SERVER)
    assert methods(left) == ["ACK", "INVITE"]
    again = request(left[1])
    assert again.body == hold.body
    plain.stage.feed(answer(again, 200, CONTACT, OFFER), SERVER)
    assert codes(plain.stage.to(A)) == [200]
    (ack,) = plain.say("ACK", 3)
    assert ack.cseq == again.cseq
    assert ack.all("proxy-authorization") == again.all("proxy-authorization")
    assert proof_in(ack) == ("n1", 1)


def test_its_offer_is_the_same_through_a_relay(stage: Stage) -> None:
    """RFC 3264 8: the version in its o= line counts offers, not how often they are sent."""
    stage.give_relay(FakeRelay())
    plain = Outgoing(stage, challenges=False)
    (hold,) = plain.say("INVITE", 3, OFFER.replace(b"sendrecv", b"sendonly"))
    again = request(stage.feed(answer(hold, 407, asks("n1", 407)), SERVER)[1])
    assert b"o=" in hold.body
    assert again.body == hold.body


def test_a_stranger_is_given_no_proof(stage: Stage) -> None:
    """Whoever is called may ask for it, to try passwords on the answer."""
    out = Outgoing(stage, challenges=True, contact=[("Contact", "<sip:gw@127.0.0.77>")])
    (info,) = out.say("INFO", 3)
    assert stage.fresh[-1][0] == GATEWAY
    assert info.all("authorization") == [], "also where the server has had one"
    assert codes(stage.feed(answer(info, 401, asks("n9")), GATEWAY)) == [403]
    (first,) = out.say("BYE", 4)
    assert stage.feed(answer(first, 401, asks("n9")), GATEWAY) == []
    assert stage.engine.around.drops["challenged-by-a-stranger"] == 2


def test_a_phone_is_given_no_proof(stage: Stage) -> None:
    ours, _ = stage.answered()
    out = stage.feed(caller(stage, "INFO", cseq=2, to=ours.first("to")), SERVER)
    assert codes(stage.feed(answer(out[0], 401, asks("n1")), B)) == [403]
    out = stage.feed(caller(stage, "BYE", cseq=3, to=ours.first("to")), SERVER)
    left = [data for data in out if data.startswith(b"BYE")]
    assert stage.feed(answer(left[0], 401, asks("n1")), B) == []


def test_a_challenge_that_nobody_can_answer_is_a_refusal(plain: Outgoing) -> None:
    (info,) = plain.say("INFO", 3)
    odd = [("WWW-Authenticate", 'Basic realm="provider.test"')]
    assert codes(plain.stage.feed(answer(info, 401, odd), SERVER)) == [403]
    (first,) = plain.say("BYE", 4)
    assert plain.stage.feed(answer(first, 401, odd), SERVER) == []


def test_the_callers_side_of_an_incoming_call_is_the_server(stage: Stage) -> None:
    _, invites = stage.answered()
    stage.feed(bye(stage, invites[1]), B)
    (first,) = map(request, stage.to(SERVER))
    again = request(stage.feed(answer(first, 401, asks("n1")), SERVER)[0])
    assert (again.method, again.cseq, proof_in(again)) == ("BYE", first.cseq + 1, ("n1", 1))
    assert stage.feed(answer(again, 401, asks("n2")), SERVER) == []


def test_another_branch_is_not_let_go_without_credentials_either(plain: Outgoing) -> None:
    left = plain.stage.feed(answer(plain.first, 200, CONTACT, OFFER, tag="other"), SERVER)
    first = request(left[1])
    assert first.method == "BYE"
    again = request(plain.stage.feed(answer(first, 401, asks("n1")), SERVER)[0])
    assert again.first("to").endswith(";tag=other")
    assert (again.cseq, proof_in(again)) == (first.cseq + 1, ("n1", 1))
    assert plain.stage.feed(answer(again, 401, asks("n2")), SERVER) == []


def test_after_a_restart_only_the_last_try_is_taken_up(plain: Outgoing) -> None:
    stage = plain.stage
    (hold,) = plain.say("INVITE", 3, OFFER)
    left = stage.feed(answer(hold, 401, asks("n1")), SERVER)
    stage.restart()
    assert [data for data in stage.to(SERVER) if data.startswith(b"INVITE")] == [left[1]]
    stage.feed(answer(left[1], 488), SERVER)
    assert codes(stage.to(A)) == [488]
    (first,) = plain.say("BYE", 4)
    left = stage.feed(answer(first, 401, asks("n2", stale=True)), SERVER)
    stage.restart()
    assert [data for data in stage.to(SERVER) if data.startswith(b"BYE")] == left


def test_no_password_is_recorded(proven: Outgoing) -> None:
    (first,) = proven.say("BYE", 3)
    proven.stage.feed(answer(first, 401, asks("n2", stale=True)), SERVER)
    told = repr([recorded.turn for recorded in proven.stage.log.read()])
    assert "ReleaseChallenged" in told
    assert "secret4212" not in told
    assert "response=" not in told


def test_a_call_that_is_forgotten_answers_nobody(plain: Outgoing) -> None:
    (first,) = plain.say("BYE", 3)
    dialogs = plain.stage.engine.exchange.calls.open
    dialogs.clear()
    assert plain.stage.feed(answer(first, 401, asks("n1")), SERVER) == []


def test_the_ack_of_an_answer_that_comes_too_late_repeats_them_too(plain: Outgoing) -> None:
    stage = plain.stage
    (hold,) = plain.say("INVITE", 3, OFFER)
    again = stage.feed(answer(hold, 407, asks("n1", 407)), SERVER)[1]
    plain.say("BYE", 4)
    ack = request(stage.feed(answer(again, 200, CONTACT, OFFER), SERVER)[0])
    assert (ack.method, ack.cseq) == ("ACK", request(again).cseq)
    assert proof_in(ack) == ("n1", 1)


def test_the_bye_says_the_same_again(plain: Outgoing) -> None:
    (stream,) = plain.stage.engine.exchange.calls.open
    paper = Paper()
    dialogs = CallDialogs(stream, plain.stage.engine.around, paper)
    for recorded in plain.stage.log.read(stream=stream):
        dialogs.carry_out(recorded.turn)
    challenge = Challenge(realm="provider.test", nonce="n1", qop="auth")
    turns: list[tuple[Observed, Order]] = [
        (LegHungUp(leg="?"), ReleaseLeg(leg="line", reason="SIP;cause=200")),
        (
            ReleaseChallenged(party="line", code=401, challenge=challenge),
            AuthorizeRelease(party="line"),
        ),
    ]
    for seen, order in turns:
        dialogs.carry_out(
            Turn(originator_id=stream, originator_version=99, at=1, seen=seen, did=(order,))
        )
    first, again = map(request, paper.said[-2:])
    assert again.all("reason") == first.all("reason") == ["SIP;cause=200"]
    assert (again.cseq, proof_in(again)) == (first.cseq + 1, ("n1", 1))


def test_which_side_is_the_server(stage: Stage) -> None:
    Outgoing(stage, challenges=False)
    (out,) = stage.engine.exchange.calls.open.values()
    assert proving.line_of(out, "caller") is None
    line = proving.line_of(out, "line")
    assert line is not None
    assert line.account.user == "4212"
    stage.feed(caller(stage, "INVITE", body=OFFER), SERVER)
    _, incoming = stage.engine.exchange.calls.open.values()
    assert proving.line_of(incoming, "caller") == line
    assert proving.line_of(incoming, "2") is None
