"""What a person can do with the phone, and what its one way may bring."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.phone.agent import ENDED_KEPT, OPEN_MOST
from adapters.phone.phone_call import Ending, PhoneError, State
from tests.phone.exchange import OFFER, Peer, Phone


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def peer(phone: Phone) -> Peer:
    return Peer(phone)


def put_on_hold(phone: Phone, peer: Peer, call: str) -> None:
    phone.agent.hold(call)
    peer.respond(peer.take_invite(), 200, OFFER)
    assert peer.said() == ["ACK"]


def test_do_not_disturb(phone: Phone, peer: Peer) -> None:
    phone.agent.do_not_disturb = True
    peer.call()
    assert peer.said() == ["486 INVITE"]
    assert phone.call().ending is Ending.DO_NOT_DISTURB


def test_a_second_call_is_refused_while_one_rings_or_talks(phone: Phone, peer: Peer) -> None:
    peer.call()
    other = Peer(phone)
    peer.listen()
    other.call(call_id="other")
    assert other.said() == ["486 INVITE"]
    assert phone.call("2").ending is Ending.BUSY_HERE
    phone.agent.answer("1")
    peer.listen()
    other.call(call_id="another")
    assert other.said() == ["486 INVITE"]


def test_a_second_call_rings_while_the_first_is_on_hold(phone: Phone, peer: Peer) -> None:
    peer.connect()
    put_on_hold(phone, peer, "1")
    other = Peer(phone)
    other.call(call_id="other")
    assert other.said() == ["180 INVITE"]
    phone.agent.answer("2")
    assert other.said() == ["200 INVITE"]
    assert phone.call("1").state is State.HELD


def test_a_call_out_puts_the_first_on_hold(phone: Phone, peer: Peer) -> None:
    peer.connect()
    assert phone.agent.call("7") == "2"
    hold, invite = peer.listen()
    assert (hold.to_tag, b"a=sendonly" in hold.body) == ("peer", True)
    assert (invite.to_tag, b"a=sendrecv" in invite.body) == ("", True)


def test_to_resume_one_is_to_hold_the_other(phone: Phone, peer: Peer) -> None:
    peer.connect()
    put_on_hold(phone, peer, "1")
    other = Peer(phone)
    other.be_called()
    phone.agent.resume("1")
    hold, resume = other.listen()
    assert (hold.call_id, b"a=sendonly" in hold.body) == (other.call_id, True)
    assert (resume.call_id, b"a=sendrecv" in resume.body) == (peer.call_id, True)


def test_no_second_call_out_while_one_is_being_made(phone: Phone) -> None:
    phone.agent.call("7")
    with pytest.raises(PhoneError, match="call 1 is calling; end it first"):
        phone.agent.call("8")
    assert [*phone.agent.calls] == ["1"]


def test_calls_on_hold_are_bounded(phone: Phone, peer: Peer) -> None:
    for n in range(OPEN_MOST):
        peer.call(call_id=f"call-{n}")
        call = str(n + 1)
        phone.agent.answer(call)
        peer.listen()
        peer.ack()
        put_on_hold(phone, peer, call)
    peer.call(call_id="one-more")
    assert peer.said() == ["486 INVITE"]
    with pytest.raises(PhoneError, match=f"{OPEN_MOST} calls are on hold"):
        phone.agent.call("7")


def test_ended_calls_are_remembered_and_not_for_ever(phone: Phone, peer: Peer) -> None:
    for n in range(ENDED_KEPT + 5):
        peer.call(call_id=f"call-{n}")
        phone.agent.decline(str(n + 1))
    assert len(phone.agent.calls) == ENDED_KEPT + 1
    assert "1" not in phone.agent.calls
    assert {call.ending for call in phone.agent.calls.values()} == {Ending.DECLINED_HERE}


def test_what_cannot_be_done_says_why(phone: Phone, peer: Peer) -> None:
    agent = phone.agent
    with pytest.raises(PhoneError, match="there is no call 1; open calls: none"):
        agent.answer("1")
    peer.call()
    with pytest.raises(PhoneError, match="there is no call 9; open calls: 1"):
        agent.hang_up("9")
    with pytest.raises(PhoneError, match="call 1 is ringing; wait until it is answered"):
        agent.hold("1")
    agent.answer("1")
    with pytest.raises(PhoneError, match="call 1 is talking; only one that rings is answered"):
        agent.answer("1")
    with pytest.raises(PhoneError, match="call 1 is talking; only one that rings is declined"):
        agent.decline("1")
    with pytest.raises(PhoneError, match="'X' is no key"):
        agent.dial_digits("1", "1x")
    with pytest.raises(PhoneError, match="cannot be joined to itself"):
        agent.transfer_to("1", "1")
    agent.transfer("1", "7")
    with pytest.raises(PhoneError, match="is being transferred"):
        agent.transfer("1", "8")
    agent.hang_up("1")
    with pytest.raises(PhoneError, match="there is no call 1"):
        agent.hang_up("1")


@pytest.mark.parametrize(
    ("number", "uri"),
    [
        ("112", "sip:112@127.0.0.1"),
        (" 7 ", "sip:7@127.0.0.1"),
        ("a@b\r\nX: y", "sip:a%40b%0D%0AX%3A%20y@127.0.0.1"),
        ("sip:a@b.example", "sip:a@b.example"),
        ("äöü", "sip:%C3%A4%C3%B6%C3%BC@127.0.0.1"),
        ("sip:ä@b.example", "sip:\xc3\xa4@b.example"),
    ],
)
def test_what_is_dialled_becomes_a_uri(phone: Phone, number: str, uri: str) -> None:
    assert phone.agent.uri_of(number) == uri


@pytest.mark.parametrize(("number", "why"), [("", "no number"), ("sip:@", "is no SIP URI")])
def test_what_cannot_be_dialled_says_so(phone: Phone, number: str, why: str) -> None:
    with pytest.raises(PhoneError, match=why):
        phone.agent.call(number)
    assert not phone.agent.calls
    assert phone.agent.take_out() == []


def test_where_there_is_nowhere_to_hear_nothing_is_sent(phone: Phone, peer: Peer) -> None:
    peer.connect()

    def no_port(call: str, remote_host: str | None) -> tuple[str, int]:
        raise PhoneError("no port is left")

    phone.agent.media_for = no_port
    with pytest.raises(PhoneError, match="no port is left"):
        phone.agent.call("7")
    assert peer.said() == []
    assert [*phone.agent.calls] == ["1"]


def test_a_call_may_name_its_line(phone: Phone, peer: Peer) -> None:
    phone.agent.call("7", line=2)
    assert peer.take_invite().uri == "sip:7@127.0.0.1;line=2"
    assert phone.call().number == "7"


def test_a_call_may_replace_another(phone: Phone, peer: Peer) -> None:
    phone.agent.call("7", replaces="a@b;to-tag=1;from-tag=2")
    assert peer.take_invite().first("replaces") == "a@b;to-tag=1;from-tag=2"


def test_requests_outside_of_calls(phone: Phone, peer: Peer) -> None:
    peer.local, peer.remote, peer.call_id = "<sip:a@b>;tag=1", "<sip:0@b>", "none"
    for method in ("OPTIONS", "INFO", "BYE", "MESSAGE", "SUBSCRIBE", "CANCEL", "ACK"):
        peer.request(method)
    assert peer.said() == [
        "200 OPTIONS", "481 INFO", "481 BYE", "405 MESSAGE", "405 SUBSCRIBE", "481 CANCEL",
    ]  # fmt: skip
    peer.remote = "<sip:0@b>;tag=stale"
    for method in ("BYE", "ACK", "INVITE"):
        peer.request(method)
    assert peer.said() == ["481 BYE", "481 INVITE"]


def test_responses_to_nothing_are_counted(phone: Phone, peer: Peer) -> None:
    phone.agent.call("7")
    invite = peer.take_invite()
    answer = b"SIP/2.0 200 OK\r\n" + b"".join(
        f"{name}: {value}\r\n".encode()
        for name, value in [
            ("Via", invite.first("via")),
            ("From", "<sip:a@b>;tag=other"),
            ("To", "<sip:a@b>;tag=1"),
            ("Call-ID", invite.call_id),
            ("CSeq", "1 INVITE"),
        ]
    )
    phone.agent.receive(answer + b"\r\n")
    assert phone.agent.drops == {"stray-response": 1}
    assert phone.call().state is State.CALLING


def test_what_is_malformed_is_answered_where_it_can_be(phone: Phone, peer: Peer) -> None:
    phone.agent.receive(b"nonsense")
    phone.agent.receive(b"INVITE sip:0@b SIP/2.0\r\nVia: SIP/2.0/LOCAL a;branch=z9hG4bK1\r\n\r\n")
    assert [data[:11] for data in phone.agent.take_out()] == [b"SIP/2.0 400"]
    assert phone.agent.drops["no-from"] == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 12), st.binary(max_size=3))))
def test_no_bytes_break_it(cuts: list[tuple[int, int, bytes]]) -> None:
    """A message that is cut and patched anywhere is answered, dropped, or still understood."""
    phone = Phone()
    caller = Phone("5")
    caller.agent.call("0")
    data = caller.agent.take_out()[0]
    for at, octets, patch in cuts:
        data = data[:at] + patch + data[at + octets :]
    phone.agent.receive(data)
    peer = Peer(phone)
    peer.call()
    assert phone.agent.take_out()


WORDS = st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "INFO", "NOTIFY", "FOO"])
DEEDS = st.sampled_from(["call", "answer", "decline", "hang_up", "hold", "resume", "transfer"])
CODES = st.sampled_from([100, 180, 183, 200, 302, 481, 486, 487, 491, 500])
STEPS = st.one_of(
    st.tuples(WORDS, st.sampled_from([b"", OFFER, b"\xff\0="]), st.booleans()), DEEDS, CODES
)


@settings(max_examples=50, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_whatever_is_said_and_done_the_phone_stays_in_order(steps: list[object]) -> None:
    """Nothing raises but ``PhoneError``; an ended call stays so; who talks has a dialog."""
    phone = Phone()
    peer = Peer(phone)
    peer.call()
    ended: set[str] = set()
    for step in steps:
        play(phone, peer, step)
        peer.listen()
        calls = phone.agent.calls
        assert all(not calls[call].is_open for call in ended & calls.keys())
        ended |= {call for call, seen in calls.items() if not seen.is_open}
        for leg in phone.agent.legs.values():
            assert leg.is_confirmed or not leg.call.is_established


def play(phone: Phone, peer: Peer, step: object) -> None:
    if isinstance(step, tuple):
        method, body, is_in_dialog = step
        if not is_in_dialog:
            peer.remote = peer.remote.partition(";tag=")[0]
            peer.call_id = f"call-{peer.cseq}"
        elif answers := [one for one in peer.heard if one.to_tag and one.method == "INVITE"]:
            peer.remote, peer.call_id = answers[-1].first("to"), answers[-1].call_id
        peer.request(method, body)
    elif isinstance(step, int):
        invites = [one for one in peer.heard if one.method == "INVITE" and hasattr(one, "uri")]
        if invites:
            peer.respond(invites[-1], step, OFFER)  # type: ignore[arg-type]
    else:
        deed = getattr(phone.agent, str(step))
        arguments = {"call": ("7",), "transfer": ("1", "7")}.get(str(step), ("1",))
        try:
            deed(*arguments)
        except PhoneError:
            return
