"""Who hears what in a call, frame by frame."""

from pathlib import Path

import pytest

from adapters.phone.call_sound import LAST_TONE_FRAMES, CallSound, Habits
from adapters.phone.conversation import Conversation, Identity, Terms
from adapters.phone.g711 import PCMA, SILENCE
from adapters.phone.phone_call import Direction, Ending, PhoneCall, State
from adapters.phone.tones import BUSY, CONGESTION, RING, RINGBACK, Tone
from adapters.phone.wav import Clip, load

TERMS = Terms(PCMA, "127.0.0.1", 4000)
IN = PhoneCall("1", "in", "5", state=State.RINGING)
OUT = PhoneCall("1", "out", "5")


class Ear:
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def write(self, pcm: bytes) -> None:
        self.heard.append(pcm)


def sound(habits: Habits | None = None, ear: Ear | None = None) -> CallSound:
    return CallSound(Conversation(Identity(1, 2, 3)), habits or Habits(), ear)


def hears(made: CallSound, ear: Ear, tone: Tone | None) -> bool:
    ear.heard.clear()
    for n in range(2):
        made.tick(n)
    return ear.heard == ([tone.frame(0), tone.frame(1)] if tone else [SILENCE] * 2)


def test_ring_tone_until_it_is_answered() -> None:
    ear = Ear()
    made = sound(ear=ear)
    made.changed(IN)
    assert hears(made, ear, RING)
    made.changed(IN._replace(state=State.TALKING))
    assert hears(made, ear, None)


def test_ringback_until_the_other_side_is_heard() -> None:
    ear = Ear()
    made = sound(ear=ear)
    made.changed(OUT)
    assert hears(made, ear, None)
    made.changed(OUT._replace(state=State.RINGING))
    assert hears(made, ear, RINGBACK)
    made.agreed(TERMS)
    assert hears(made, ear, None)


def test_a_tone_goes_on_where_nothing_changed_for_it() -> None:
    ear = Ear()
    made = sound(ear=ear)
    made.changed(IN)
    made.tick(0)
    made.changed(IN._replace(is_held_by_peer=True))
    made.tick(1)
    assert ear.heard == [RING.frame(0), RING.frame(1)]


@pytest.mark.parametrize(
    ("ending", "tone"),
    [(Ending.BUSY, BUSY), (Ending.NO_SUCH_NUMBER, CONGESTION), (Ending.FAILED, CONGESTION)],
)
def test_how_it_ended_is_heard_for_four_seconds(ending: Ending, tone: Tone) -> None:
    ear = Ear()
    made = sound(ear=ear)
    made.changed(OUT)
    made.changed(OUT._replace(state=State.ENDED, ending=ending))
    assert hears(made, ear, tone)
    made.tick(LAST_TONE_FRAMES - 1)
    assert not made.is_over
    made.tick(LAST_TONE_FRAMES)
    assert made.is_over


@pytest.mark.parametrize(
    ("direction", "ending"), [("out", Ending.CANCELLED), ("in", Ending.MISSED)]
)
def test_other_ends_are_silent(direction: Direction, ending: Ending) -> None:
    made = sound(ear=Ear())
    call = PhoneCall("1", direction, "5", state=State.RINGING)
    made.changed(call)
    made.changed(call._replace(state=State.ENDED, ending=ending))
    assert made.is_over


def test_without_an_ear_nobody_waits_for_a_tone() -> None:
    made = sound()
    made.changed(OUT)
    made.changed(OUT._replace(state=State.ENDED, ending=Ending.BUSY))
    assert made.is_over


def test_after_a_talk_there_is_no_tone() -> None:
    made = sound(ear=Ear())
    made.changed(OUT._replace(state=State.TALKING))
    made.changed(OUT._replace(state=State.ENDED, ending=Ending.PEER_HUNG_UP))
    assert made.is_over


def test_a_call_on_hold_leaves_the_ear_to_another() -> None:
    ear = Ear()
    made = sound(ear=ear)
    made.changed(IN._replace(state=State.HELD))
    made.tick(0)
    assert not ear.heard
    made.changed(IN._replace(state=State.TALKING))
    made.tick(1)
    assert len(ear.heard) == 1


def test_it_says_its_sound_file_and_records_from_the_answer_on(tmp_path: Path) -> None:
    path = tmp_path / "calls.wav"
    loud = PCMA.decode(b"\x2a" * 160)
    made = sound(Habits(play=Clip(loud), record=path))
    made.changed(OUT)
    made.agreed(TERMS)
    assert made.tick(0)[12:] == PCMA.silence
    made.changed(OUT._replace(state=State.TALKING))
    assert [made.tick(n)[12:] for n in (1, 2)] == [b"\x2a" * 160, PCMA.silence]
    made.changed(OUT._replace(state=State.HELD))
    made.changed(OUT._replace(state=State.TALKING))
    assert made.tick(3)[12:] == PCMA.silence  # Said once, not anew after each hold.
    made.changed(OUT._replace(state=State.ENDED, ending=Ending.HUNG_UP))
    assert load(path).frames == 3


def test_each_call_has_a_record_of_its_own() -> None:
    habits = Habits(record=Path("calls.wav"))
    assert [str(habits.of(call).record) for call in ("1", "2")] == ["calls.wav", "calls-2.wav"]
    assert Habits().of("2") == Habits()


def test_a_record_that_cannot_be_written_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    made = sound(Habits(record=tmp_path / "none" / "calls.wav"))
    made.changed(OUT._replace(state=State.TALKING))
    assert "name a file in a folder" in made.problem
    assert made.recorder is None
    made.changed(OUT._replace(state=State.ENDED))
    assert made.is_over


def test_it_answers_by_itself_after_its_time_and_once() -> None:
    made = sound(Habits(answer_after_s=0.1))
    made.changed(IN)
    due = []
    for n in range(8):
        made.tick(n)
        due.append(made.is_due())
    assert due == [False] * 5 + [True, False, False]


def test_it_does_not_answer_what_rings_no_more() -> None:
    made = sound(Habits(answer_after_s=0.0))
    made.changed(IN)
    made.changed(IN._replace(state=State.TALKING))
    made.tick(1)
    assert not made.is_due()
    calling = sound(Habits(answer_after_s=0.0))
    calling.changed(OUT._replace(state=State.RINGING))
    calling.tick(1)
    assert not calling.is_due()


def test_it_can_be_stopped(tmp_path: Path) -> None:
    made = sound(Habits(record=tmp_path / "a.wav"), Ear())
    made.changed(IN._replace(state=State.TALKING))
    made.stop()
    assert made.is_over
    assert load(tmp_path / "a.wav").frames == 0


def test_a_phone_that_rings_for_nobody_needs_no_sound_until_it_is_answered() -> None:
    made = sound()
    made.changed(IN)
    assert not made.is_needed()
    made.agreed(TERMS)
    assert made.is_needed()
    for other in (sound(ear=Ear()), sound(Habits(answer_after_s=1.0))):
        other.changed(IN)
        assert other.is_needed()
