"""The phone of this device, on an engine: what its owner asks of it and sees."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from adapters.net.relay_ports import Ports
from adapters.phone.phone_call import Ending, PhoneCall, State
from adapters.phone.wav import Clip
from adapters.sip.own_phone import LOCAL
from adapters.sip.surroundings import SECOND_NS
from service import phone_desk
from service.config import Listen, Sip
from service.phone_desk import ATTENDED_NS, LOOPBACK, MISSED_KEPT, PhoneDesk, path_in
from tests.net.neighbourhood import free_port
from tests.phone.sounds import pcm, wav
from tests.service.pair import pair_of
from tests.sip.messages import OFFER
from tests.sip.stage import CONFIG, SERVER, Stage, flow_of, request

LOCAL_OFFER = OFFER.replace(b"192.0.2.7", b"127.0.0.7")  # There its sound goes.


class Home:
    """A stage with a desk; words go to and fro until neither has any."""

    def __init__(self) -> None:
        self.stage = Stage(has_phone=True)
        self.seen = 0
        self.said: list[str] = []
        first = free_port() & ~1
        ports = Ports(first, first + 40 if first < 65_000 else 65_535)
        self.desk = PhoneDesk(
            self.stage.engine, lambda: self.stage.at, self.step, self.said.append, ports
        )

    def step(self) -> None:
        stage = self.stage
        stage.flush()
        while True:
            new = stage.left[self.seen :]
            self.seen = len(stage.left)
            for flow, data in new:
                if flow == LOCAL:
                    self.desk.receive(data)
            out = self.desk.take_out()
            for data in out:
                stage.feed(data, LOCAL)
            if not out and self.seen == len(stage.left):
                return

    def do(self, what: str, **words: Any) -> dict[str, Any]:
        return self.desk.do({"do": what, **words})

    def ring(self, number: str = "7000") -> None:
        invite = self.stage.request(
            "INVITE", "sip:4212@127.0.0.1", user=number, call_id=number, body=LOCAL_OFFER
        )
        self.stage.feed(invite, SERVER)
        self.step()

    def rows(self) -> list[tuple[str, str, str]]:
        calls = self.desk.report()["calls"]
        return [(row["call"], row["number"], row["state"]) for row in calls]

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Home"]:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.desk.phone.run)
            self.stage.register_line()
            self.stage.register("a")
            self.step()
            yield self
            nursery.cancel_scope.cancel()
        self.stage.close()


@pytest.fixture
async def home(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    monkeypatch.setattr(phone_desk, "sound_card", lambda _say: None)
    async with Home().open() as home:
        yield home


async def test_it_calls_is_answered_and_hangs_up(home: Home) -> None:
    answer = home.do("call", number="1")
    assert answer == {"ok": True, "call": "1"}
    (invite,) = (data for flow, data in home.stage.left if data[:6] == b"INVITE" and flow != LOCAL)
    assert home.stage.left[-1][0] in (flow_of("a"), LOCAL)
    assert request(invite).uri.startswith("sip:a@")
    assert home.rows() == [("1", "1", "calling")]
    assert home.do("hangup") == {"ok": True}
    assert home.rows() == [("1", "1", "ended")]


async def test_it_rings_and_each_command_does_its_own(home: Home) -> None:
    home.ring()
    assert home.rows() == [("1", "7000", "ringing")]
    assert home.do("answer") == {"ok": True}
    assert home.rows() == [("1", "7000", "talking")]
    assert home.do("digits", digits="12#") == {"ok": True}
    assert home.do("hold")["ok"]
    assert home.do("hangup", call="1")["ok"]
    home.ring("7001")
    assert home.do("decline") == {"ok": True}
    assert [row["why"] for row in home.desk.report()["calls"]][-1] == "declined here"
    assert home.do("quiet", on=True) == {"ok": True}
    assert home.desk.report()["quiet"] is True
    assert home.do("automatic", answer_after=3) == {"ok": True}
    assert home.desk.report()["answer_after"] == 3


async def test_a_call_that_was_missed_is_listed_with_its_time(home: Home) -> None:
    home.do("quiet", on=True)
    home.ring()
    (missed,) = home.desk.report()["missed"]
    assert missed == {"number": "7000", "name": "", "at": home.stage.at // SECOND_NS}
    for n in range(2 * MISSED_KEPT):
        call = PhoneCall(f"x{n}", "in", str(n), state=State.ENDED, ending=Ending.MISSED)
        home.desk.remember(call)
    numbers = [row["number"] for row in home.desk.report()["missed"]]
    assert numbers == [str(n) for n in range(MISSED_KEPT, 2 * MISSED_KEPT)]
    assert len(home.desk.states) == len(home.desk.since) <= 2


async def test_the_same_state_again_is_no_news(home: Home) -> None:
    home.ring()
    before = dict(home.desk.since)
    home.stage.at += 60 * SECOND_NS
    home.desk.remember(home.desk.phone.calls[0])
    assert home.desk.since == before


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"do": "answer"}, "no call rings"),
        ({"do": "hangup", "call": "7"}, "7"),
        ({"do": "fly"}, "a phone cannot fly"),
        ({"do": "call", "number": "1", "play": "/nowhere.wav"}, "/nowhere.wav"),
        ({"do": "automatic", "answer_after": "5"}, "answer_after '5': must be 0 to 600 seconds"),
        ({"do": "automatic", "answer_after": float("inf")}, "must be 0 to 600"),
        ({"do": "automatic", "answer_after": float("nan")}, "must be 0 to 600"),
        ({"do": "automatic", "answer_after": True}, "must be 0 to 600"),
        ({"do": "automatic", "record": "/"}, "record /: must name a file"),
        ({"do": "transfer", "number": "2"}, "call"),
        ({"do": "transfer", "to": "9"}, "call"),
    ],
)
async def test_what_cannot_be_done(home: Home, words: dict[str, Any], error: str) -> None:
    answer = await home.desk.ask(words)
    assert answer["ok"] is False
    assert error in answer["error"]


async def test_a_sound_file_is_read_before_anything_is_done(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "play.wav"
    path.write_bytes(wav(pcm(*range(200))))
    words = {"do": "call", "number": "1", "play": str(path)}
    assert await home.desk.ask(words) == {"ok": True, "call": "1"}
    clip = home.desk.phone.voice.sounds["1"].habits.play
    assert isinstance(clip, Clip)
    assert clip.frames == 2
    assert (await home.desk.ask({"do": "hangup"}))["ok"]


async def test_a_bug_of_the_phone_ends_nothing_else(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(data: bytes) -> None:
        raise ZeroDivisionError

    engine = home.stage.engine
    with monkeypatch.context() as patched:
        patched.setattr(home.desk.phone.agent, "receive", broken)
        patched.setattr(engine, "loud", False)
        home.ring()
    assert engine.house.faults == ["the phone: ZeroDivisionError()"]
    engine.house.faults.clear()
    home.ring("7001")
    assert home.rows() == [("1", "7001", "ringing")]


async def test_a_phone_that_fails_is_taken_up_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    failing = [ZeroDivisionError(), ZeroDivisionError()]

    def retry() -> None:
        if failing:
            raise failing.pop()

    monkeypatch.setattr(home.stage.engine, "loud", False)
    desk = PhoneDesk(
        home.stage.engine, lambda: home.stage.at, home.step, home.said.append, Ports(40_000, 40_010)
    )
    monkeypatch.setattr(desk.phone.agent, "retry", retry)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.run)
        await trio.sleep(10)
        assert not failing
        assert len(home.stage.engine.house.faults) == 2
        assert desk.phone.voice.media_for("1", None)[0] == LOOPBACK  # It has a voice again.
        nursery.cancel_scope.cancel()


async def test_it_is_attended_while_somebody_looks_or_has_just_done_something(home: Home) -> None:
    desk = home.desk
    assert not desk.is_attended()
    home.do("status")
    assert not desk.is_attended()
    desk.watchers = 1
    assert desk.is_attended()
    desk.watchers = 0
    home.do("quiet", on=False)
    assert desk.is_attended()
    home.stage.at += ATTENDED_NS
    assert not desk.is_attended()
    desk.phone.automatic(0)
    assert desk.is_attended()


async def test_its_owner_sees_the_house_and_its_calls(home: Home) -> None:
    home.ring()
    answer = home.do("status")
    phone = answer["phone"]
    assert (phone["mode"], phone["alias"], phone["name"], phone["hotspot"]) == (
        "hotspot", 0, "SIP Hotspot", "open",
    )  # fmt: skip
    assert [(line["user"], line["state"]) for line in phone["lines"]] == [("4212", "registered")]
    assert [row["state"] for row in answer["house"]] == ["ringing"]


async def test_its_voice_is_where_the_other_side_finds_it(home: Home) -> None:
    assert CONFIG.media.mode == "direct"
    assert home.desk.phone.voice.host == "0.0.0.0"
    assert home.desk.host_toward("127.0.0.9") == LOOPBACK
    config = home.stage.engine.config
    both = Sip(listen=(Listen("udp", "127.0.0.1", 5060), Listen("udp", "::1", 5060)))
    home.stage.engine.config = replace(config, sip=both)
    assert home.desk.voice_host() == "::"
    home.stage.engine.config = config
    assert home.desk.host_toward(None) == LOOPBACK
    for name in ("localhost", "\0", "a..b", "\xe9..b"):  # Of an SDP; nobody is asked about it.
        assert home.desk.host_toward(name) == LOOPBACK
    home.stage.engine.change("media.mode", "relay", home.stage.at)
    home.desk.settings_changed()
    assert home.desk.phone.voice.host == home.stage.engine.around.relay_inside


async def test_it_calls_under_the_name_that_it_has_now(home: Home) -> None:
    home.stage.engine.change("hotspot.name", "Attic", home.stage.at)
    home.desk.settings_changed()
    home.do("call", number="1")
    assert b'\r\nFrom: "Attic" <sip:0@' in home.desk.phone.agent.legs["1"].sent


async def test_what_it_has_to_say_wakes_the_service(home: Home) -> None:
    async with trio.open_nursery() as nursery:
        home.desk.woken = trio.Event()
        woken = home.desk.woken
        home.desk.wake()
        with trio.fail_after(5):
            await woken.wait()
        nursery.cancel_scope.cancel()


def test_as_a_client_it_shows_the_hotspot_and_the_alias_it_has_there() -> None:
    with pair_of() as pair:
        pair.wait(3)
        ports = Ports(40_000, 40_010)
        desk = PhoneDesk(pair.client.engine, lambda: pair.at, pair.settle, lambda _: None, ports)
        shown = desk.report()
        assert (shown["mode"], shown["alias"]) == ("client", 4)
        assert shown["hotspot"] == "SIP Hotspot is connected"
        pair.set(pair.hotspot, "hotspot.enabled", False)
        pair.wait(1)
        shown = desk.report()
        assert (shown["alias"], shown["hotspot"]) == (None, "no hotspot is connected")
        assert [line["state"] for line in shown["lines"]] == ["unconfigured"]


def test_a_path_is_one_or_none() -> None:
    assert path_in({"play": "/a.wav"}, "play") == Path("/a.wav")
    assert path_in({"play": ""}, "play") is None
    assert path_in({}, "play") is None
