"""The user agents of the demo, and its account server: they are right about what is wrong."""

import pytest
import trio
from trio.testing import MockClock

from adapters.sip.message import Request, parse, request_bytes
from service.demo_parties import Agent, Phone, Place, summary
from service.demo_server import AccountServer
from service.demo_stage import ACCOUNT, DOMAIN, OUTSIDE
from service.demo_telling import Missing, Teller
from tests.service.demo_tellers import new_teller

OFFER, ANSWER = b"an offer", b"an answer"


@pytest.fixture
def tell() -> Teller:
    return new_teller()


def place(agent: Agent) -> Place:
    host, _, port = agent.here.rpartition(":")
    return host, int(port)


async def test_who_waits_in_vain_says_for_what(tell: Teller, autojump_clock: MockClock) -> None:
    agent = Agent("phone a", tell)
    with pytest.raises(Missing, match="phone a got no BYE"):
        await agent.request("BYE")


def test_a_summary_says_why() -> None:
    headers = [
        ("Via", "SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKx"),
        ("From", "<sip:a@x>;tag=1"),
        ("To", "<sip:b@x>"),
        ("Call-ID", "1"),
        ("CSeq", "1 CANCEL"),
        ("Reason", "SIP;cause=200"),
    ]
    message = parse(request_bytes("CANCEL", "sip:b@x", headers))
    assert summary(message) == "CANCEL sip:b@x (CSeq 1)  Reason: SIP;cause=200"


async def opened(nursery: trio.Nursery, *parties: Agent) -> None:
    for party in parties:
        await party.open()
        nursery.start_soon(party.run)


async def test_the_account_server_wants_the_right_password(
    tell: Teller, nursery: trio.Nursery
) -> None:
    server = AccountServer(DOMAIN, {"a": "right"}, tell)
    right = Phone("phone a", "a", "right", tell)
    wrong = Phone("phone b", "a", "wrong", tell)
    await opened(nursery, server, right, wrong)
    assert await right.register(place(server)) == [401, 200]
    assert await wrong.register(place(server)) == [401, 401]
    assert server.locations == {"a": f"sip:a@{right.here}"}


async def test_a_call_through_the_account_server(tell: Teller, nursery: trio.Nursery) -> None:
    """Challenged, routed there and back, and hung up by who was called."""
    server = AccountServer(DOMAIN, {ACCOUNT: "x", OUTSIDE: "y"}, tell)
    caller = Phone("caller", OUTSIDE, "y", tell)
    called = Phone("called", ACCOUNT, "x", tell)
    await opened(nursery, server, caller, called)
    await called.register(place(server))
    talk = await caller.call(f"sip:{ACCOUNT}@{DOMAIN}", DOMAIN, place(server), OFFER)
    assert f"INVITE {OUTSIDE}" in server.challenged
    invite = await called.request("INVITE")
    assert "proxy-authorization" not in invite.fields
    await called.answer_with(invite, 200, ANSWER)
    answer = await caller.hears(talk, 200)
    await caller.acknowledge(talk, answer)
    assert answer.body == ANSWER
    await called.request("ACK")
    response = await called.ask(called.talk_of(invite), "BYE")
    bye = await caller.request("BYE")
    assert response.code == 200
    assert (bye.from_tag, bye.to_tag) == (answer.to_tag, answer.from_tag)


async def test_a_call_given_up_takes_the_way_of_its_invite(
    tell: Teller, nursery: trio.Nursery
) -> None:
    server = AccountServer(DOMAIN, {ACCOUNT: "x", OUTSIDE: "y"}, tell)
    caller = Phone("caller", OUTSIDE, "y", tell)
    called = Phone("called", ACCOUNT, "x", tell)
    await opened(nursery, server, caller, called)
    await called.register(place(server))
    talk = await caller.call(f"sip:{ACCOUNT}@{DOMAIN}", DOMAIN, place(server), b"")
    invite = await called.request("INVITE")
    await caller.cancel(talk)
    cancel = await called.request("CANCEL")
    assert cancel.via.branch == invite.via.branch
    await caller.hears(talk, 487)
    assert isinstance(await called.request("ACK"), Request)
