"""The whole phone, and what a person may say to it in short."""

from pathlib import Path

import pytest
import trio

from adapters.phone.call_sound import Habits
from adapters.phone.conversation import Identity
from adapters.phone.handset import Handset
from adapters.phone.phone_call import Ending, PhoneCall, PhoneError, State
from adapters.phone.voice import Voice
from adapters.phone.wav import Clip
from tests.phone.exchange import OFFER, Peer, Phone, names_from
from tests.phone.sounds import pcm

Clock = trio.testing.MockClock


class Stage(Phone):
    """A handset in place of the bare agent."""

    def __init__(self) -> None:
        super().__init__()
        self.woken = 0
        self.seen: list[PhoneCall] = []
        self.voice = Voice(lambda: Identity(1, 2, 3))
        self.handset = Handset(
            names_from("phone0"), self.voice, self.wake, name="Hall", listener=self.seen.append
        )
        self.voice.media_for = self.media_for  # type: ignore[method-assign]
        self.agent = self.handset.agent
        self.agent.media_for = self.media_for

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def peer(stage: Stage) -> Peer:
    return Peer(stage)


def talk(stage: Stage, peer: Peer, call_id: str) -> None:
    peer.call(call_id=call_id)
    stage.handset.answer()
    peer.listen()
    peer.ack()


def hold(stage: Stage, peer: Peer) -> None:
    stage.handset.hold()
    peer.respond(peer.take_invite(), 200, OFFER)
    peer.listen()


def test_it_wakes_the_exchange_whenever_it_has_something_to_say(stage: Stage) -> None:
    handset = stage.handset
    assert handset.call("7") == "1"
    assert stage.woken == 1
    assert len(handset.take_out()) == 1
    handset.receive(b"nonsense")
    assert stage.woken == 1
    handset.hang_up()
    assert stage.woken == 1  # Nothing is cancelled before a provisional.
    assert [call.ending for call in stage.seen] == [Ending.OPEN, Ending.CANCELLED]
    assert handset.calls == [stage.seen[-1]]


def test_where_it_fails_nothing_is_said(stage: Stage, peer: Peer) -> None:
    talk(stage, peer, "a")
    stage.woken = 0
    with pytest.raises(PhoneError, match="no call rings"):
        stage.handset.answer()
    assert stage.woken == 0


def test_one_call_needs_no_name(stage: Stage, peer: Peer) -> None:
    handset = stage.handset
    peer.call()
    handset.decline()
    talk(stage, peer, "b")
    handset.dial_digits("1")
    hold(stage, peer)
    handset.resume()
    peer.respond(peer.take_invite(), 200, OFFER)
    assert handset.calls[-1].state is State.TALKING
    handset.transfer("7")
    assert handset.calls[-1].is_transferring
    handset.hang_up()
    assert [call.ending for call in handset.calls] == [Ending.DECLINED_HERE, Ending.HUNG_UP]


def test_the_held_and_the_talking_are_joined(stage: Stage, peer: Peer) -> None:
    talk(stage, peer, "a")
    hold(stage, peer)
    other = Peer(stage)
    talk(stage, other, "b")
    stage.handset.join()
    assert peer.said() == ["REFER"]


def test_the_one_that_is_not_on_hold_is_hung_up_first(stage: Stage, peer: Peer) -> None:
    talk(stage, peer, "a")
    hold(stage, peer)
    other = Peer(stage)
    talk(stage, other, "b")
    stage.handset.hang_up()
    stage.handset.hang_up()
    assert [call.ending for call in stage.handset.calls] == [Ending.HUNG_UP] * 2
    with pytest.raises(PhoneError, match="no call is there to be ended"):
        stage.handset.hang_up()


def test_where_more_than_one_may_be_meant_it_asks(stage: Stage, peer: Peer) -> None:
    talk(stage, peer, "a")
    hold(stage, peer)
    talk(stage, peer, "b")
    hold(stage, peer)
    with pytest.raises(PhoneError, match="more than one call is on hold; name one of 1, 2"):
        stage.handset.resume()
    stage.handset.resume("1")
    assert peer.said() == ["INVITE"]


def test_do_not_disturb(stage: Stage, peer: Peer) -> None:
    stage.handset.do_not_disturb = True
    assert stage.handset.do_not_disturb
    peer.call()
    assert peer.said() == ["486 INVITE"]


def test_a_call_may_play_and_record_files_of_its_own(
    stage: Stage, peer: Peer, tmp_path: Path
) -> None:
    play, record = Clip(pcm(*range(200))), tmp_path / "record.wav"
    handset, voice = stage.handset, stage.voice
    handset.call("7", play=play, record=record)
    assert voice.sounds["1"].habits == Habits(play=play, record=record)
    handset.hang_up()
    peer.listen()
    peer.call()
    handset.answer(record=record)
    peer.listen()
    assert voice.sounds["2"].recorder is not None
    assert voice.sounds["2"].recorder.path == record
    voice.close("2")


def test_the_owner_may_leave_it_to_itself(stage: Stage, peer: Peer, tmp_path: Path) -> None:
    stage.handset.automatic(1.0, record=tmp_path / "a.wav")
    peer.call()
    assert stage.voice.sounds["1"].habits == Habits(1.0, None, tmp_path / "a.wav")
    stage.handset.automatic(None)
    assert stage.voice.habits == Habits()


async def test_what_crossed_is_asked_again_in_a_while(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    stage = Stage()
    peer = Peer(stage)
    await nursery.start(stage.handset.run)
    talk(stage, peer, "a")
    stage.handset.hold()
    peer.respond(peer.take_invite(), 491)
    assert peer.said() == ["ACK"]
    await trio.sleep(1.5)
    assert peer.said() == ["INVITE"]
    assert stage.woken
