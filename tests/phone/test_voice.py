"""Two phones that talk over real sockets on loopback, in time that the test makes pass."""

import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from adapters.net.relay_ports import Ports
from adapters.phone.agent import Agent
from adapters.phone.call_sound import CallSound, Habits
from adapters.phone.conversation import Identity, Terms
from adapters.phone.g711 import FRAME_SAMPLES, PCMA
from adapters.phone.phone_call import (
    CallChanged,
    DigitHeard,
    Ending,
    PhoneCall,
    PhoneError,
    State,
    TermsAgreed,
)
from adapters.phone.sound_card import NoSoundCard
from adapters.phone.tones import RING
from adapters.phone.voice import Voice
from adapters.phone.wav import Clip, load
from adapters.sip.sockets import family_of
from tests.phone.exchange import OFFER, names_from

Clock = trio.testing.MockClock  # Named by each test, or its time would be real.

HOST = "127.0.77.1"  # Where nobody else listens.
LOUD = PCMA.decode(PCMA.encode(b"\x10\x20" * FRAME_SAMPLES))


class Ear:
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def write(self, pcm: bytes) -> None:
        self.heard.append(pcm)


class Handset:
    """An agent with its voice."""

    def __init__(self, user: str, **settings: object) -> None:
        self.digits: list[str] = []
        self.problems: list[str] = []
        self.voice = Voice(
            lambda: Identity(1000 + int(user), 1, 2),
            answer=lambda call: self.agent.answer(call),
            digits=lambda _call, digits: self.digits.append(digits),
            problem=lambda _call, text: self.problems.append(text),
            **settings,  # type: ignore[arg-type]
        )
        self.agent = Agent(
            names_from(f"phone{user}"), self.voice.media_for, self.voice.hear, user=user
        )


class Pair:
    """``here`` calls ``there``, which answers by itself; signalling goes straight across."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.handsets: list[Handset] = []

    async def handset(self, user: str, **settings: object) -> Handset:
        made = Handset(user, **settings)
        await self.nursery.start(made.voice.run)
        self.handsets.append(made)
        return made

    def deliver(self) -> None:
        here, there = self.handsets
        for sender, receiver in ((here, there), (there, here)) * 4:
            for data in sender.agent.take_out():
                receiver.agent.receive(data)

    async def pass_time(self, seconds: float) -> None:
        """In steps, since both phones also want their words carried."""
        for _ in range(round(seconds * 50)):
            await trio.sleep(0.02)
            self.deliver()

    async def talk(self) -> None:
        here, there = self.handsets
        here.agent.call("3")
        self.deliver()
        there.agent.answer("1")
        self.deliver()
        assert here.agent.calls["1"].state is State.TALKING


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with trio.open_nursery() as nursery:
        yield Pair(nursery)
        nursery.cancel_scope.cancel()


async def test_what_one_plays_the_other_records(
    autojump_clock: Clock, pair: Pair, tmp_path: Path
) -> None:
    clip = Clip(LOUD * 25)
    here = await pair.handset("0", habits=Habits(play=clip))
    await pair.handset("3", habits=Habits(record=tmp_path / "heard.wav", answer_after_s=0.5))
    here.agent.call("3")
    await pair.pass_time(0.4)
    assert here.agent.calls["1"].state is State.RINGING
    await pair.pass_time(1.5)
    here.agent.hang_up("1")
    await pair.pass_time(0.1)
    heard = load(tmp_path / "heard.wav").pcm
    assert heard.count(LOUD) == 25
    assert clip.pcm in heard
    assert not any(handset.voice.sounds for handset in pair.handsets)


async def test_digits_arrive(autojump_clock: Clock, pair: Pair) -> None:
    here, there = await pair.handset("0"), await pair.handset("3")
    await pair.talk()
    here.agent.dial_digits("1", "12#")
    await pair.pass_time(1.0)
    assert "".join(there.digits) == "12#"
    assert not here.problems


async def test_ports_come_back_when_the_call_ends(autojump_clock: Clock, pair: Pair) -> None:
    ports = Ports(21_000, 21_099)
    free = len(ports.free)
    here, there = await pair.handset("0", ports=ports), await pair.handset("3", ports=ports)
    await pair.talk()
    assert len(ports.free) == free - 2
    there.agent.hang_up("1")
    pair.deliver()
    assert len(ports.free) == free
    await pair.pass_time(0.1)
    assert not here.voice.sounds


async def test_a_port_that_another_holds_is_passed_over(autojump_clock: Clock, pair: Pair) -> None:
    ports = Ports(21_100, 21_103)
    here = await pair.handset("0", ports=ports, host=HOST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 21_100))
        assert here.voice.media_for("1", None) == (HOST, 21_102)
        with pytest.raises(PhoneError, match=r"21100-21103.*media\.ports"):
            here.voice.media_for("2", None)
    assert [*ports.free] == [21_100]


async def test_an_address_that_is_not_ours_says_so(autojump_clock: Clock, pair: Pair) -> None:
    here = await pair.handset("0", host="192.0.2.1")
    with pytest.raises(PhoneError, match=r"media port 0 on 192\.0\.2\.1: Cannot assign"):
        here.agent.call("3")
    assert here.agent.take_out() == []


async def test_it_says_under_which_address_others_reach_it(
    autojump_clock: Clock, pair: Pair
) -> None:
    asked: list[str | None] = []

    def host_toward(remote: str | None) -> str:
        asked.append(remote)
        return "192.0.2.7"

    here = await pair.handset("0", host_toward=host_toward)
    assert here.voice.media_for("1", "192.0.2.9")[0] == "192.0.2.7"
    assert asked == ["192.0.2.9"]


def test_without_its_task_there_is_no_voice() -> None:
    with pytest.raises(PhoneError, match="start the service first"):
        Handset("0").agent.call("3")


async def test_a_call_that_cannot_be_answered_by_itself_is_a_problem(
    autojump_clock: Clock, pair: Pair
) -> None:
    here = await pair.handset("0")
    there = await pair.handset("3", habits=Habits(answer_after_s=0), ports=Ports(65_535, 65_535))
    here.agent.call("3")
    await pair.pass_time(0.1)
    assert "media.ports" in there.problems[0]
    assert there.agent.calls["1"].state is State.RINGING


async def test_digits_that_the_other_side_does_not_take_are_a_problem(
    autojump_clock: Clock, pair: Pair
) -> None:
    here = await pair.handset("0")
    there = await pair.handset("3")
    receive = there.agent.receive

    def receive_without_events(data: bytes) -> None:
        receive(data.replace(b"telephone-event", b"telephone-other"))

    there.agent.receive = receive_without_events  # type: ignore[method-assign]
    await pair.talk()
    here.agent.dial_digits("1", "1")
    assert "takes no digits" in here.problems[0]


async def test_a_machine_that_slept_leaves_frames_out(autojump_clock: Clock, pair: Pair) -> None:
    here, _there = await pair.handset("0"), await pair.handset("3")
    await pair.talk()
    await pair.pass_time(0.1)
    sent: list[int] = []
    tick = here.voice.tick

    def note(call: str, sound: CallSound, n: int) -> None:
        sent.append(n)
        tick(call, sound, n)

    here.voice.tick = note  # type: ignore[method-assign]
    autojump_clock.jump(10.0)
    await pair.pass_time(0.1)
    assert len(sent) < 10
    assert sent[-1] > 500


async def test_icmp_and_nonsense_cost_packets_and_nothing_else(
    autojump_clock: Clock, pair: Pair
) -> None:
    here = await pair.handset("0")
    here.agent.receive(b"")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        port = peer.getsockname()[1]
        here.agent.call("3")
        invite = here.agent.take_out()[0]
        offer = OFFER.replace(b"127.0.0.9", b"127.0.0.1").replace(b"9000", str(port).encode())
        here.agent.receive(answer_to(invite, offer))
        ours = here.voice._sockets["1"].getsockname()
        for data in (b"", b"x" * 3000, b"\x80" + bytes(11)):
            peer.sendto(data, ours)
        await trio.sleep(0.1)
        sound = here.voice.sounds["1"]
        assert sound.conversation.dropped["malformed"] == 2
    here.agent.hang_up("1")
    await trio.sleep(0.1)
    assert here.voice.counts["malformed"] == 2


def answer_to(invite: bytes, body: bytes) -> bytes:
    lines = [
        line for line in invite.split(b"\r\n") if line[:4] in (b"Via:", b"From", b"Call", b"CSeq")
    ]
    head = [
        b"SIP/2.0 200 OK",
        *lines,
        b"To: <sip:3@127.0.0.1>;tag=x",
        b"Contact: <sip:x@127.0.0.1>",
    ]
    return b"\r\n".join([*head, b"", body])


async def test_digits_in_info_are_told_as_well(autojump_clock: Clock, pair: Pair) -> None:
    here = await pair.handset("0")
    here.voice.hear(DigitHeard("1", "5"))
    assert here.digits == ["5"]


async def test_a_port_that_is_closed_costs_packets(autojump_clock: Clock, pair: Pair) -> None:
    here = await pair.handset("0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind((HOST, 0))
        port = gone.getsockname()[1]
    here.voice.media_for("1", None)
    sock = here.voice._sockets["1"]
    sock.connect((HOST, port))  # So that the system tells of the ICMP.
    here.voice.hear(TermsAgreed("1", Terms(PCMA, HOST, port)))
    await trio.sleep(1.0)
    assert here.voice.counts["ECONNREFUSED"]
    assert here.voice.sounds


async def test_a_new_call_ends_the_last_tone_of_another(autojump_clock: Clock, pair: Pair) -> None:
    here = await pair.handset("0", ear=Ear())
    first = PhoneCall("1", "out", "5")
    here.voice.hear(CallChanged(first))
    here.voice.hear(CallChanged(first._replace(state=State.ENDED, ending=Ending.BUSY)))
    await trio.sleep(0.1)
    assert [*here.voice.sounds] == ["1"]
    here.voice.hear(CallChanged(first._replace(id="2")))
    await trio.sleep(0.1)
    assert [*here.voice.sounds] == ["2"]


async def test_a_call_that_was_there_before_its_task_has_its_pace(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ear = Ear()
    handset = Handset("0", ear=ear)
    handset.voice.hear(CallChanged(PhoneCall("1", "in", "5", state=State.RINGING)))
    await nursery.start(handset.voice.run)
    await trio.sleep(0.09)
    assert ear.heard == [RING.frame(n) for n in range(5)]


async def test_everything_is_closed_with_it(autojump_clock: Clock, tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        pair = Pair(nursery)
        here = await pair.handset("0", habits=Habits(record=tmp_path / "a.wav"))
        await pair.handset("3")
        await pair.talk()
        await pair.pass_time(0.2)
        sockets = [*here.voice._sockets.values()]
        nursery.cancel_scope.cancel()
    assert [one.fileno() for one in sockets] == [-1]
    assert load(tmp_path / "a.wav").frames >= 5


async def test_a_bug_costs_one_call_its_sound(autojump_clock: Clock, pair: Pair) -> None:
    class Broken(Ear):
        def write(self, pcm: bytes) -> None:
            raise ZeroDivisionError

    here, there = await pair.handset("0", ear=Broken()), await pair.handset("3", ear=Ear())
    call = PhoneCall("1", "in", "5", state=State.RINGING)
    for each in (here, there):
        each.voice.hear(CallChanged(call))
    await trio.sleep(0.1)
    assert here.problems == ["there is no sound any more: ZeroDivisionError()"]
    assert not here.voice.sounds
    assert there.voice.sounds


async def test_a_microphone_listens_during_calls_only(autojump_clock: Clock) -> None:
    roused: list[bool] = []
    call = PhoneCall("1", "in", "5", state=State.RINGING)
    async with trio.open_nursery() as nursery:
        handset = Handset("0", rouse=roused.append)
        await nursery.start(handset.voice.run)
        await trio.testing.wait_all_tasks_blocked()
        assert roused == []
        handset.voice.hear(CallChanged(call))
        handset.voice.hear(CallChanged(call._replace(id="2")))
        while not roused:
            await trio.sleep(0.02)
        handset.voice.close("1")
        await trio.sleep(0.1)
        assert roused == [True]
        handset.voice.close("2")
        while len(roused) < 2:
            await trio.sleep(0.02)
        handset.voice.hear(CallChanged(call._replace(id="3")))
        while len(roused) < 3:
            await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    assert roused == [True, False, True, False]


async def test_a_sound_card_that_is_gone_is_told(autojump_clock: Clock) -> None:
    def rouse(_on: bool) -> None:
        raise NoSoundCard("it is gone")

    async with trio.open_nursery() as nursery:
        handset = Handset("0", rouse=rouse)
        await nursery.start(handset.voice.run)
        handset.voice.hear(CallChanged(PhoneCall("1", "in", "5", state=State.RINGING)))
        while not handset.problems:
            await trio.sleep(0.02)
        assert handset.voice.sounds
        nursery.cancel_scope.cancel()
    assert handset.problems == ["it is gone"]


@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
async def test_on_every_address_it_talks_in_both_versions_of_ip(
    autojump_clock: Clock, pair: Pair, host: str
) -> None:
    here = await pair.handset("0", host="::", ear=Ear())
    _, port = here.voice.media_for("1", host)
    with socket.socket(family_of(host), socket.SOCK_DGRAM) as peer:
        peer.bind((host, 0))
        peer.setblocking(False)
        here.voice.hear(TermsAgreed("1", Terms(PCMA, host, peer.getsockname()[1])))
        await trio.sleep(0.05)
        packet = peer.recv(2048)
        peer.sendto(packet, (host, port))
        await trio.sleep(0.05)
    conversation = here.voice.sounds["1"].conversation
    assert conversation.dropped == Counter()
    assert conversation.to is not None
    assert len(conversation.to) == 4  # As the socket has spelled who was heard.
