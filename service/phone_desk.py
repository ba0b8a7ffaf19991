"""The phone of this device: the user agent, its voice, and its owner's commands.

What it says goes to the exchange by the way of ``own_phone``, and what the exchange has for
it comes back by that, after the commit like everything that leaves.
"""

import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import trio

from adapters.net.relay_ports import Ports
from adapters.phone.conversation import Identity
from adapters.phone.handset import Handset
from adapters.phone.phone_call import PhoneCall, PhoneError, State
from adapters.phone.sound_card import NoSoundCard, SoundCard
from adapters.phone.voice import Voice
from adapters.phone.wav import Clip, SoundFileError, load
from adapters.sip.identifiers import DialogNames
from adapters.sip.sockets import is_address, source_toward
from adapters.sip.surroundings import SECOND_NS
from core.machines.uplink import Phase as UplinkPhase
from service import status
from service.engine import Engine

LOOPBACK, ANY, ANY_OF_BOTH = "127.0.0.1", "0.0.0.0", "::"
MISSED_KEPT = 50
ATTENDED_NS = 600 * SECOND_NS  # So long after a command somebody is taken to be there.
LONGEST_WAIT_S = 600
AGAIN_S = 1.0  # After a bug of ours.

Answer = dict[str, Any]


class PhoneDesk:
    """``step`` carries to the exchange what the phone has to say; ``at`` is the time now."""

    def __init__(
        self,
        engine: Engine,
        at: Callable[[], int],
        step: Callable[[], None],
        say: Callable[[str], None],
        ports: Ports,
    ) -> None:
        self.engine = engine
        self.at = at
        self.step = step
        self.since: dict[str, int] = {}  # By call: when it came to be as it is, in Unix seconds.
        self.states: dict[str, State] = {}
        self.missed: list[Answer] = []
        self.watchers = 0
        self.commanded_at: int | None = None
        self.woken = trio.Event()
        card = sound_card(say)
        voice = Voice(
            new_identity,
            host=self.voice_host(),
            host_toward=self.host_toward,
            ports=ports,
            ear=card,
            microphone=card,
            rouse=card.rouse if card else None,
            problem=lambda call, problem: say(f"phone, call {call}: {problem}"),
        )
        name = engine.config.hotspot.name
        self.phone = Handset(new_names, voice, self.wake, name=name, listener=self.remember)

    async def run(self) -> None:
        while True:
            with self.engine.outlived("the phone"):
                await self.serve()
            await trio.sleep(AGAIN_S)

    async def serve(self) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.phone.run)
            while True:
                await self.woken.wait()
                self.woken = trio.Event()
                self.step()

    def wake(self) -> None:
        """Perhaps from within a step, so that what there is to say has to wait for the next."""
        self.woken.set()

    def receive(self, data: bytes) -> None:
        with self.engine.outlived("the phone"):
            self.phone.receive(data)

    def take_out(self) -> list[bytes]:
        return self.phone.take_out()

    def settings_changed(self) -> None:
        self.phone.voice.host = self.voice_host()
        self.phone.agent.name = self.engine.config.hotspot.name

    # -- Sound -----------------------------------------------------------------------------

    def is_relayed(self) -> bool:
        return self.engine.config.media.mode != "direct"

    def voice_host(self) -> str:
        """Beside the relay; else on every address, since calls come from anywhere."""
        if self.is_relayed():
            return self.engine.around.relay_inside
        has_ipv6 = any(":" in listen.host for listen in self.engine.config.sip.listen)
        return ANY_OF_BOTH if has_ipv6 else ANY

    def host_toward(self, remote: str | None) -> str:
        """Beside the relay; else the address that the other side reaches.

        A name, which an SDP may have, is not looked up: that would stop the whole service.
        """
        if self.is_relayed():
            return self.engine.around.relay_inside
        ways = (way for known in self.engine.around.ways.values() for way in known)
        hosts = (remote or "", next((host for host, _port in ways), ""))
        toward = next(filter(is_address, hosts), "")
        return source_toward(toward) or LOOPBACK

    # -- Its calls ---------------------------------------------------------------------------

    def remember(self, call: PhoneCall) -> None:
        if self.states.get(call.id) is call.state:
            return
        self.states[call.id] = call.state
        self.since[call.id] = self.at() // SECOND_NS
        if not call.is_open and call.is_missed:
            missed = {"number": call.number, "name": call.name, "at": self.since[call.id]}
            self.missed = [*self.missed, missed][-MISSED_KEPT:]
        kept = {each.id for each in self.phone.calls} | {call.id}
        for gone in self.states.keys() - kept:
            del self.states[gone], self.since[gone]

    def is_attended(self) -> bool:
        """Whether somebody, or something, would answer it."""
        if self.watchers or self.phone.voice.habits.answer_after_s is not None:
            return True
        return self.commanded_at is not None and self.at() - self.commanded_at < ATTENDED_NS

    # -- The owner's commands ----------------------------------------------------------------

    async def ask(self, asked: Answer) -> Answer:
        """As ``do``; what is to be played is read before, beside the loop: it may be long."""
        path = path_in(asked, "play")
        if path is None:
            return self.do(asked)
        try:
            clip = await trio.to_thread.run_sync(load, path, abandon_on_cancel=True)
        except SoundFileError as error:
            return {"ok": False, "error": str(error)}
        return self.do(asked, clip)

    def do(self, asked: Answer, play: Clip | None = None) -> Answer:
        """The answer; where it cannot be done, ``ok`` is false and ``error`` says why."""
        if asked["do"] == "status":
            return {"ok": True, "phone": self.report(), "house": status.calls(self.engine)}
        self.commanded_at = self.at()
        try:
            return {"ok": True, **self.obey(asked, play)}
        except PhoneError as error:
            return {"ok": False, "error": str(error)}
        finally:
            self.step()

    def obey(self, asked: Answer, play: Clip | None) -> Answer:
        phone, call = self.phone, str(asked.get("call") or "")
        record = path_in(asked, "record")
        if record is not None and not record.name:
            raise PhoneError(f"record {record}: must name a file, as /tmp/heard.wav")
        match asked["do"]:
            case "call":
                line = int(asked.get("line") or 0)
                return {"call": phone.call(str(asked["number"]), line, play, record)}
            case "answer":
                phone.answer(call, play, record)
            case "decline":
                phone.decline(call)
            case "hangup":
                phone.hang_up(call)
            case "hold":
                phone.hold(call)
            case "resume":
                phone.resume(call)
            case "digits":
                phone.dial_digits(str(asked["digits"]), call)
            case "transfer" if asked.get("to"):
                phone.join(call, str(asked["to"]))
            case "transfer":
                phone.transfer(str(asked["number"]), call)
            case "quiet":
                phone.do_not_disturb = bool(asked["on"])
            case "automatic":
                phone.automatic(seconds_in(asked, "answer_after"), play, record)
            case other:
                raise PhoneError(f"a phone cannot {other}")
        return {}

    # -- What its owner sees -----------------------------------------------------------------

    def report(self) -> Answer:
        engine, discovery = self.engine, self.engine.discovery
        hotspot = engine.config.hotspot
        shown = {
            "mode": hotspot.mode,
            "alias": 0,
            "name": hotspot.name,
            "hotspot": engine.house.board.hotspot.phase.value,
            "lines": [status.line(engine, number) for number in status.line_numbers(engine)],
            "quiet": self.phone.do_not_disturb,
            "answer_after": self.phone.voice.habits.answer_after_s,
            "calls": [self.row(call) for call in self.phone.calls],
            "missed": self.missed,
        }
        if hotspot.mode == "client" and discovery is not None:
            uplink = discovery.seeking.uplink(discovery.seeking.current)
            is_up = uplink.phase is UplinkPhase.CONNECTED
            name = uplink.beacon.name if uplink.beacon else ""
            shown["alias"] = uplink.alias if is_up else None
            shown["hotspot"] = f"{name} is connected" if is_up else "no hotspot is connected"
        return shown

    def row(self, call: PhoneCall) -> Answer:
        return {
            "call": call.id,
            "direction": call.direction,
            "number": call.number,
            "name": call.name,
            "state": call.state.value,
            "since": self.since.get(call.id, 0),
            "why": call.ending.value,
        }


def path_in(asked: Answer, key: str) -> Path | None:
    return Path(str(asked[key])) if asked.get(key) else None


def seconds_in(asked: Answer, key: str) -> float | None:
    """Raises ``PhoneError`` where it is said and is none."""
    seconds = asked.get(key)
    if seconds is None:
        return None
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST_WAIT_S:
        raise PhoneError(f"{key} {seconds!r}: must be 0 to {LONGEST_WAIT_S} seconds")
    return float(seconds)


def sound_card(say: Callable[[str], None]) -> SoundCard | None:
    """Said only to who has installed what it takes: there are still sound files."""
    try:
        return SoundCard()
    except NoSoundCard as error:
        if find_spec("sounddevice") is not None:
            say(f"phone: {error}")
        return None


def new_identity() -> Identity:
    return Identity(secrets.randbits(32), secrets.randbits(15), secrets.randbits(31))


def new_names() -> DialogNames:
    return DialogNames(
        secrets.token_hex(14), secrets.token_hex(8), f"z9hG4bK{secrets.token_hex(7)}"
    )
