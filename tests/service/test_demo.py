"""The demo as its user starts it, and the parties it consists of."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from adapters.sip.message import Request, parse, request_bytes
from service import demo, demo_hotspot
from service.demo import played, told
from service.demo_acts import ACCOUNT, CALLS, DOMAIN, OUTSIDE, sdp
from service.demo_hotspot import SERVICE, free_port
from service.demo_parties import Agent, Phone, Place, summary
from service.demo_server import AccountServer
from service.demo_telling import Missing, Teller


@pytest.fixture
def tell() -> Teller:
    return Teller(out=io.StringIO())


def words_of(tell: Teller) -> str:
    assert isinstance(tell.out, io.StringIO)
    return tell.out.getvalue()


def place(agent: Agent) -> Place:
    host, _, port = agent.here.rpartition(":")
    return host, int(port)


# -- The whole ---------------------------------------------------------------------------


@pytest.mark.slow
def test_everything_is_seen_on_the_wire(tmp_path: Path) -> None:
    """Processes, sockets and a SIGKILL: seconds, and the only test here that takes them."""
    command = [sys.executable, "-c", SERVICE, "demo", "--json", "--keep", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr
    steps = [json.loads(line) for line in ran.stdout.splitlines()]
    assert steps[-1]["step"] == "end"
    assert steps[-1]["right"]
    assert [step["right"] for step in steps if step["step"] == "verify"] == [True]
    assert len([step for step in steps if step["step"] == "ladder"]) == CALLS
    assert any("SIGKILL" in step.get("fact", "") for step in steps)
    assert (tmp_path / "state" / "siphotspot.db").exists()
    again = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert again.returncode == 2
    assert "earlier demo" in again.stderr


async def test_a_hotspot_that_does_not_start_is_what_is_missing(
    tell: Teller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_hotspot, "SERVICE", "print('no disk')")
    missing = await played(tmp_path, tell)
    assert missing == "the hotspot does not start: no disk"


async def test_it_never_hangs(
    tell: Teller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "WHOLE_S", 0.02)
    monkeypatch.setattr(demo_hotspot, "SERVICE", "import time; time.sleep(60)")
    missing = await played(tmp_path, tell)
    assert "have passed; the last that was seen: 1: the line and three phones" in missing


def test_several_that_are_missing_are_all_named() -> None:
    inner = ExceptionGroup("", [Missing("a BYE"), Missing("an ACK")])
    several: list[Exception] = [inner, Missing("a 486")]
    group = ExceptionGroup("", several).subgroup(Missing)
    assert group is not None
    assert told(group) == ["a BYE", "an ACK", "a 486"]


# -- Telling -----------------------------------------------------------------------------


def test_a_line_says_who_sent_what(tell: Teller) -> None:
    tell.message("phone a", "->", "180 Ringing (1 INVITE)")
    tell.message("caller", "<-", "180 Ringing (2 INVITE)")
    first, second = words_of(tell).splitlines()
    assert first.endswith("phone a        -> 180 Ringing (1 INVITE)")
    assert second.endswith("caller         <- 180 Ringing (2 INVITE)")


def test_in_json_each_step_is_an_object() -> None:
    tell = Teller(as_json=True, out=io.StringIO())
    tell.act("1: they register")
    tell.message("phone a", "->", "REGISTER")
    tell.picture("ab12", ["one", "two"])
    act, message, ladder = map(json.loads, words_of(tell).splitlines())
    assert (act["step"], act["title"]) == ("act", "1: they register")
    assert (message["who"], message["way"]) == ("phone a", "sent")
    assert ladder["lines"] == ["one", "two"]


def test_what_is_not_so_ends_the_demo(tell: Teller) -> None:
    with pytest.raises(Missing, match="not so: it rings"):
        tell.check(False, "it rings")
    tell.check(True, "it rings")
    assert tell.last == "it rings"


def test_nobody_needs_to_listen_to_the_end() -> None:
    readable, writable = os.pipe()
    os.close(readable)
    with os.fdopen(writable, "w") as out:
        tell = Teller(out=out)
        tell.seen("one")
        tell.seen("two")
    assert tell.last == "two"


# -- The parties -------------------------------------------------------------------------


async def test_who_waits_in_vain_says_for_what(tell: Teller, autojump_clock: MockClock) -> None:
    agent = Agent("phone a", tell)
    with pytest.raises(Missing, match="phone a got no BYE"):
        await agent.request("BYE")


def test_a_free_port_is_none_that_is_given_out_by_chance() -> None:
    assert free_port() in demo_hotspot.BELOW_EPHEMERAL


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
    talk = await caller.call(f"sip:{ACCOUNT}@{DOMAIN}", DOMAIN, place(server), sdp(40_000))
    assert f"INVITE {OUTSIDE}" in server.challenged
    invite = await called.request("INVITE")
    assert "proxy-authorization" not in invite.fields
    await called.answer_with(invite, 200, sdp(40_001))
    answer = await caller.hears(talk, 200)
    await caller.acknowledge(talk, answer)
    assert answer.body == sdp(40_001)
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
