"""The whole phone: the agent, its voice, and what a person may say to it in short.

It belongs to one exchange of the same process.  ``receive`` takes what the exchange sends;
``wake`` is called whenever there is something in ``take_out`` for it.  A call need not be
named where only one can be meant.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from adapters.phone.agent import Agent
from adapters.phone.call_sound import Habits
from adapters.phone.phone_call import CallChanged, Happening, PhoneCall, PhoneError, State
from adapters.phone.voice import Voice
from adapters.phone.wav import Clip
from adapters.sip.identifiers import DialogNames

RETRY_EVERY_S = 1.0


class Handset:
    """``voice`` is joined to an agent made here, which is ``name`` to whom it calls.

    ``listener`` hears of every change, after the voice did.
    """

    def __init__(
        self,
        new_names: Callable[[], DialogNames],
        voice: Voice,
        wake: Callable[[], None],
        *,
        name: str = "",
        listener: Callable[[PhoneCall], None] | None = None,
    ) -> None:
        self.voice = voice
        self.wake = wake
        self.listener = listener
        self.agent = Agent(new_names, voice.media_for, self.hear, name=name)
        voice.answer = self.answer

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.voice.run)
            task_status.started()
            while True:
                await trio.sleep(RETRY_EVERY_S)
                with self.spoken():
                    self.agent.retry()

    def hear(self, happening: Happening) -> None:
        self.voice.hear(happening)
        if isinstance(happening, CallChanged) and self.listener is not None:
            self.listener(happening.call)

    # -- The one way ---------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        with self.spoken():
            self.agent.receive(data)

    def take_out(self) -> list[bytes]:
        return self.agent.take_out()

    @contextmanager
    def spoken(self) -> Iterator[None]:
        """Whatever is done within may have something to say, even where it fails."""
        try:
            yield
        finally:
            if self.agent.has_out:
                self.wake()

    # -- A person; each raises ``PhoneError`` --------------------------------------------

    @property
    def calls(self) -> list[PhoneCall]:
        """Oldest first, the last that ended among them."""
        return [*self.agent.calls.values()]

    @property
    def do_not_disturb(self) -> bool:
        return self.agent.do_not_disturb

    @do_not_disturb.setter
    def do_not_disturb(self, on: bool) -> None:
        self.agent.do_not_disturb = on

    def call(
        self, number: str, line: int = 0, play: Clip | None = None, record: Path | None = None
    ) -> str:
        """The call's id.  ``record`` is a WAV file to be written; both are for this call."""
        habits = habits_with(play, record)
        with self.spoken():
            call = self.agent.call(number, line=line)
            if habits is not None:
                self.voice.sound_of(call).habits = habits
            return call

    def answer(self, call: str = "", play: Clip | None = None, record: Path | None = None) -> None:
        call = call or self.meant("rings", self.rings)
        habits = habits_with(play, record)
        if habits is not None and any(one.id == call and self.rings(one) for one in self.calls):
            self.voice.sound_of(call).habits = habits
        with self.spoken():
            self.agent.answer(call)

    def automatic(
        self, answer_after_s: float | None, play: Clip | None = None, record: Path | None = None
    ) -> None:
        """For all calls that begin from now on; None leaves answering to a person."""
        self.voice.habits = Habits(answer_after_s, play, record)

    def decline(self, call: str = "") -> None:
        with self.spoken():
            self.agent.decline(call or self.meant("rings", self.rings))

    def hang_up(self, call: str = "") -> None:
        """The one that is not on hold, where none is named."""
        with self.spoken():
            self.agent.hang_up(call or self.meant("is there to be ended", self.is_active))

    def hold(self, call: str = "") -> None:
        with self.spoken():
            self.agent.hold(call or self.meant("is talked to", self.talks))

    def resume(self, call: str = "") -> None:
        with self.spoken():
            self.agent.resume(call or self.meant("is on hold", self.is_held))

    def dial_digits(self, digits: str, call: str = "") -> None:
        with self.spoken():
            self.agent.dial_digits(call or self.meant("is talked to", self.talks), digits)

    def transfer(self, number: str, call: str = "") -> None:
        """Blind, to a number."""
        with self.spoken():
            self.agent.transfer(call or self.meant("is talked to", self.talks), number)

    def join(self, call: str = "", other: str = "") -> None:
        """Attended: the one on hold and the one that is talked to talk to each other."""
        with self.spoken():
            call = call or self.meant("is on hold", self.is_held)
            self.agent.transfer_to(call, other or self.meant("is talked to", self.talks))

    # -- Which call ----------------------------------------------------------------------

    def meant(self, what: str, fits: Callable[[PhoneCall], bool]) -> str:
        found = [call.id for call in self.calls if call.is_open and fits(call)]
        if not found:
            raise PhoneError(f"no call {what}")
        if len(found) > 1:
            raise PhoneError(f"more than one call {what}; name one of {', '.join(found)}")
        return found[0]

    def rings(self, call: PhoneCall) -> bool:
        return call.direction == "in" and call.state is State.RINGING

    def talks(self, call: PhoneCall) -> bool:
        return call.state is State.TALKING

    def is_held(self, call: PhoneCall) -> bool:
        return call.state is State.HELD

    def is_active(self, call: PhoneCall) -> bool:
        """On hold only where there is no other."""
        others = [one for one in self.calls if one.is_open and one.state is not State.HELD]
        return call.state is not State.HELD or not others


def habits_with(play: Clip | None, record: Path | None) -> Habits | None:
    return None if play is None and record is None else Habits(play=play, record=record)
