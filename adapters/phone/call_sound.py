"""The sound of one call from its first ring to its last tone: who hears what, and when.

It counts its own frames, so there is no clock: ``tick`` is the passing of 20 ms.
"""

from pathlib import Path
from typing import NamedTuple

from adapters.phone.conversation import FRAME_S, Conversation, Sink, Source, Terms
from adapters.phone.phone_call import Ending, PhoneCall, State
from adapters.phone.tones import BUSY, CONGESTION, RING, RINGBACK, Tone
from adapters.phone.wav import Recorder, SoundFileError

LAST_TONE_FRAMES = 200  # Four seconds.
UNTONED = (Ending.HUNG_UP, Ending.CANCELLED)  # By our own hand.


class Habits(NamedTuple):
    """What the phone does by itself, as answering machines and tests want it.

    ``answer_after_s`` is None where a person answers.  ``play`` is said in place of the
    microphone.  ``record`` is where what is heard goes.
    """

    answer_after_s: float | None = None
    play: Source | None = None
    record: Path | None = None

    def of(self, call: str) -> "Habits":
        """For one of many calls: each but the first adds its number to the record's name."""
        if self.record is None or call == "1":
            return self
        return self._replace(record=self.record.with_stem(f"{self.record.stem}-{call}"))


class CallSound:
    """``ear`` and ``microphone`` are None where the phone has none.

    ``is_over`` once there is nothing more to send or to hear; ``is_due`` once, when the
    habits want the call answered; ``problem`` says why there is no record.
    """

    def __init__(
        self,
        conversation: Conversation,
        habits: Habits,
        ear: Sink | None = None,
        microphone: Source | None = None,
    ) -> None:
        self.conversation = conversation
        self.habits = habits
        self.ear = ear
        self.microphone = microphone
        self.is_over = False
        self.problem = ""
        self.call: PhoneCall | None = None
        self.recorder: Recorder | None = None
        self._has_talked = False
        self._tone: Tone | None = None
        self._frames = 0
        self._answers_at: int | None = None
        self._ends_at: int | None = None

    def is_needed(self) -> bool:
        """Whether somebody would hear it, or something is to be done in time."""
        return bool(self.ear or self.conversation.terms) or self._answers_at is not None

    # -- What happens to the call --------------------------------------------------------

    def changed(self, call: PhoneCall) -> None:
        is_first, self.call = self.call is None, call
        wait_s = self.habits.answer_after_s
        if is_first and call.direction == "in" and wait_s is not None:
            self._answers_at = self._frames + round(wait_s / FRAME_S)
        if call.is_established and not self._has_talked:
            self._has_talked = True
            self.begin_to_talk()
        self.conversation.ear = None if call.state is State.HELD else self.ear
        self.choose_tone(call)
        if not call.is_open:
            self.end()

    def agreed(self, terms: Terms) -> None:
        self.conversation.agree(terms)
        if self.call is not None:
            self.choose_tone(self.call)

    def begin_to_talk(self) -> None:
        """A record that cannot be written is no reason not to talk."""
        self.conversation.say(self.habits.play or self.microphone)
        path = self.habits.record
        if path is not None:
            try:
                self.recorder = self.conversation.record = Recorder(path)
            except SoundFileError as error:
                self.problem = str(error)

    def choose_tone(self, call: PhoneCall) -> None:
        """Each begins with its cadence, and only where it was not heard before."""
        tone = tone_of(call, is_heard=self.conversation.terms is not None)
        if self._has_talked and not call.is_open:
            tone = None
        if tone is not self._tone:
            self._tone = tone
            self.conversation.hear_tone(tone)

    def end(self) -> None:
        if self.recorder is not None:
            self.problem = self.problem or self.recorder.failure
            self.recorder.close()
            self.conversation.record = None
        if self._tone is None or self.ear is None:
            self.is_over = True
        else:
            self._ends_at = self._frames + LAST_TONE_FRAMES

    def stop(self) -> None:
        """At once, whatever the call may do."""
        if self.recorder is not None:
            self.recorder.close()
        self.conversation.record = self.conversation.ear = None
        self.is_over = True

    # -- Every 20 ms ---------------------------------------------------------------------

    def tick(self, n: int) -> bytes:
        """What is to be sent as frame ``n``; what arrived was handed to the conversation."""
        self._frames = n
        self.conversation.frame_heard()
        if self._ends_at is not None:
            self.is_over = self.is_over or n >= self._ends_at
            return b""
        return self.conversation.frame_out(n)

    def is_due(self) -> bool:
        if self._answers_at is None or self._frames < self._answers_at:
            return False
        self._answers_at = None
        return self.call is not None and self.call.state is State.RINGING


def tone_of(call: PhoneCall, is_heard: bool) -> Tone | None:
    """``is_heard``: the other side's own sound comes already (early media)."""
    match call.state, call.direction:
        case State.RINGING, "in":
            return RING
        case State.RINGING, "out":
            return None if is_heard else RINGBACK
        case State.ENDED, "out":
            if call.ending in UNTONED:
                return None
            return BUSY if call.ending is Ending.BUSY else CONGESTION
    return None
