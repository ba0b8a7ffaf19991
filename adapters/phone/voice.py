"""The sockets and the pace of all calls of one phone; nothing is decided here.

One UDP socket and one task a call.  The task wakes every 20 ms, at times reckoned from its
beginning so that nothing drifts, reads what has arrived, and sends one packet.
"""

import errno
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import trio

from adapters.net.relay_ports import NoPortLeft, Ports
from adapters.phone.call_sound import CallSound, Habits
from adapters.phone.conversation import FRAME_S, Conversation, Identity, Sink, Source
from adapters.phone.phone_call import (
    CallChanged,
    DigitHeard,
    DigitsDialled,
    Happening,
    PhoneError,
    TermsAgreed,
)
from adapters.phone.sound_card import NoSoundCard
from adapters.sip.sockets import family_of

PACKETS_A_FRAME = 64
LONGEST_PACKET = 2048
LATE_FRAMES = 10  # A task that comes later than this, after a sleep of the machine, skips them.


def nothing(_call: str, _said: str) -> None:
    return None


class Voice:
    """``hear`` is the listener of an ``Agent``, and ``media_for`` what it asks for a port.

    ``host`` is where sockets listen, and ``host_toward`` says under which address another host
    reaches it (None: not known yet which).  Without ``ports`` the system chooses them.
    ``rouse`` is called, beside the loop, with whether ``ear`` and ``microphone`` are needed: a
    microphone listens during calls only.  Of each call ``answer`` hears that the habits want
    it answered, ``digits`` what the other side has pressed, and ``problem`` what went wrong
    with its sound.
    """

    def __init__(
        self,
        new_identity: Callable[[], Identity],
        *,
        host: str = "127.0.0.1",
        host_toward: Callable[[str | None], str] | None = None,
        ports: Ports | None = None,
        habits: Habits | None = None,
        ear: Sink | None = None,
        microphone: Source | None = None,
        rouse: Callable[[bool], None] | None = None,
        answer: Callable[[str], None] | None = None,
        digits: Callable[[str, str], None] = nothing,
        problem: Callable[[str, str], None] = nothing,
    ) -> None:
        self.host = host
        self.host_toward = host_toward or (lambda _remote: host)
        self.ports = ports
        self.habits = habits or Habits()
        self.ear = ear
        self.microphone = microphone
        self.rouse = rouse
        self.answer = answer
        self.digits = digits
        self.problem = problem
        self.sounds: dict[str, CallSound] = {}
        self.counts: Counter[str] = Counter()  # What was dropped or filled in, of all calls.
        self._sockets: dict[str, socket.socket] = {}
        self._paced: set[str] = set()
        self._new_identity = new_identity
        self._nursery: trio.Nursery | None = None
        self._come_or_gone = trio.Event()  # A sound.

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until it is cancelled; then every socket and every file is closed."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for call, sound in [*self.sounds.items()]:
                    self.begin(call, sound)
                if self.rouse is not None:
                    nursery.start_soon(self.keep_roused, self.rouse)
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None
            for call in [*self.sounds]:
                self.close(call)

    # -- What the agent asks and tells ---------------------------------------------------

    def media_for(self, call: str, remote_host: str | None) -> tuple[str, int]:
        """Raises ``PhoneError`` where no port is to be had."""
        if self._nursery is None:
            raise PhoneError("the phone has no voice yet; start the service first")
        if call not in self._sockets:
            self._sockets[call] = self.bound()
        port: int = self._sockets[call].getsockname()[1]
        return self.host_toward(remote_host), port

    def hear(self, happening: Happening) -> None:
        match happening:
            case CallChanged(call=call):
                sound = self.sound_of(call.id) if call.is_open else self.sounds.get(call.id)
                if sound is not None:
                    sound.changed(call)
                    self.tell_problem(call.id, sound)
                    self.begin(call.id, sound)
                if not call.is_open:
                    self.give_back(call.id)
            case TermsAgreed(call=call_id, terms=terms):
                sound = self.sound_of(call_id)
                sound.agreed(terms)
                self.begin(call_id, sound)
            case DigitsDialled(call=call_id, digits=digits):
                refusal = self.sound_of(call_id).conversation.press(digits)
                if refusal:
                    self.problem(call_id, refusal)
            case DigitHeard(call=call_id, digit=digit):
                self.digits(call_id, digit)

    def sound_of(self, call: str) -> CallSound:
        """A new one silences the last tone of those before it."""
        if call not in self.sounds:
            for other in self.sounds.values():
                if other.call is not None and not other.call.is_open:
                    other.stop()
            ip_version = 6 if ":" in self.host else 4
            conversation = Conversation(self._new_identity(), ip_version)
            sound = CallSound(conversation, self.habits.of(call), self.ear, self.microphone)
            self.sounds[call] = sound
            self._come_or_gone.set()
        return self.sounds[call]

    def begin(self, call: str, sound: CallSound) -> None:
        """Its pace, once there is something to hear or to send: a phone may ring for nobody."""
        if self._nursery is None or call in self._paced:
            return
        if sound.is_needed():
            self._paced.add(call)
            self._nursery.start_soon(self.pace, call, sound)
        elif sound.is_over:
            self.close(call)

    async def keep_roused(self, rouse: Callable[[bool], None]) -> None:
        """In a thread: a sound system may take its time."""
        is_on = False
        try:
            while True:
                while is_on is not bool(self.sounds):
                    is_on = not is_on
                    try:
                        await trio.to_thread.run_sync(rouse, is_on)
                    except NoSoundCard as error:
                        self.problem(next(iter(self.sounds), ""), str(error))
                await self._come_or_gone.wait()
                self._come_or_gone = trio.Event()
        finally:
            if is_on:
                with suppress(NoSoundCard):
                    rouse(False)

    # -- Pace ----------------------------------------------------------------------------

    async def pace(self, call: str, sound: CallSound) -> None:
        began, n = trio.current_time(), 0
        while not sound.is_over:
            await trio.sleep_until(began + n * FRAME_S)
            late = int((trio.current_time() - began) / FRAME_S) - n
            if late > LATE_FRAMES:
                n += late
            try:
                self.tick(call, sound, n)
            except Exception as error:  # A bug of ours costs this call its sound.
                self.problem(call, f"there is no sound any more: {error!r}")
                break
            n += 1
        self.close(call)

    def tick(self, call: str, sound: CallSound, n: int) -> None:
        """Hear, then speak.  An operating error costs its packet, and is counted."""
        sock, conversation = self._sockets.get(call), sound.conversation
        if sock is not None:
            self.drain(sock, conversation)
        packet = sound.tick(n)
        if packet and sock is not None and conversation.to is not None:
            try:
                sock.sendto(packet, conversation.to)
            except OSError as error:
                self.count(error)
        if conversation.digits:
            digits, conversation.digits = conversation.digits, ""
            self.digits(call, digits)
        if self.answer is not None and sound.is_due():
            try:
                self.answer(call)
            except PhoneError as error:
                self.problem(call, str(error))

    def drain(self, sock: socket.socket, conversation: Conversation) -> None:
        for _ in range(PACKETS_A_FRAME):
            try:
                data, source = sock.recvfrom(LONGEST_PACKET + 1)  # One more: it was longer.
            except BlockingIOError:
                return
            except OSError as error:  # Such as ICMP about what was sent before.
                self.count(error)
                continue
            conversation.packet_in(data, source)

    def count(self, error: OSError) -> None:
        self.counts[errno.errorcode.get(error.errno or 0, type(error).__name__)] += 1

    # -- Sockets -------------------------------------------------------------------------

    def bound(self) -> socket.socket:
        """On a free port; one that another program holds is passed over."""
        if self.ports is None:
            return self.bound_to(0)
        unused: list[int] = []
        try:
            while True:
                (port,) = self.ports.take(1)
                try:
                    return self.bound_to(port)
                except PhoneError:
                    unused.append(port)
        except NoPortLeft as error:
            raise PhoneError(str(error)) from None
        finally:
            self.ports.give_back(unused)

    def bound_to(self, port: int) -> socket.socket:
        sock = socket.socket(family_of(self.host), socket.SOCK_DGRAM)
        sock.setblocking(False)
        try:
            if sock.family == socket.AF_INET6:  # "::" serves IPv4 as well.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((self.host, port))
        except OSError as error:
            sock.close()
            why = error.strerror or error
            raise PhoneError(f"media port {port} on {self.host}: {why}; see media.ports") from error
        return sock

    def give_back(self, call: str) -> None:
        sock = self._sockets.pop(call, None)
        if sock is None:
            return
        port = sock.getsockname()[1]
        sock.close()
        if self.ports is not None:
            self.ports.give_back([port])

    def tell_problem(self, call: str, sound: CallSound) -> None:
        if sound.problem:
            self.problem(call, sound.problem)
            sound.problem = ""

    def close(self, call: str) -> None:
        self.give_back(call)
        self._paced.discard(call)
        sound = self.sounds.pop(call, None)
        self._come_or_gone.set()
        if sound is not None:
            sound.stop()
            self.counts += sound.conversation.counts
