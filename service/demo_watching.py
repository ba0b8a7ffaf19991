"""What can be seen of a service from outside: its log, and what it shows to its owner.

Both are read while it runs, as ``siphotspot replay`` and ``siphotspot phone`` do, and both
are there again after it was killed and started anew.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import trio

from adapters.sip.own_phone import OWN
from adapters.store.reading import reader
from core.events.base import Event, Observed
from core.events.observed import InviteArrived
from core.events.turn import Turn
from replay.messages import CALLER, Messages
from service.control import found
from service.demo_telling import PATIENCE_S, Missing, Teller
from service.phone_screen_words import call_in_words

LOOK_EVERY_S = 0.02

E = TypeVar("E", bound=Event)
Report = dict[str, Any]


class Story:
    """The log of one service, entry by entry, and whoever waits for something of it.

    ``tells``: its messages are told, for nobody else on the wire would tell them.
    """

    def __init__(self, name: str, tell: Teller, tells: bool = True) -> None:
        self.name = name
        self.tell = tell
        self.tells = tells
        self.entries: list[tuple[str, Event]] = []  # What nobody has asked for yet, by stream.
        self.news = trio.Event()
        self.following, self.closed = trio.CancelScope(), trio.Event()
        self.spoken: dict[str, Messages] = defaultdict(Messages)
        self.dialled: set[str] = set()  # The calls that its own phone has made.

    async def follow(self, store: Path) -> None:
        """Until ``end``."""
        read = 0
        with self.following, closing(reader(store)) as log:
            while True:
                for recorded in log.read(after=read):
                    read = recorded.position
                    self.remember(recorded.turn)
                await trio.sleep(LOOK_EVERY_S)
        self.closed.set()

    async def end(self) -> None:
        """The service is to be the last that closes its store: so it leaves it in order."""
        self.following.cancel()
        await self.closed.wait()

    def remember(self, turn: Turn) -> None:
        stream = turn.originator_id
        for event in (turn.seen, *turn.did):
            self.entries.append((stream, event))
            if self.tells:
                self.tell_message(stream, event, turn.at)
        self.news.set()
        self.news = trio.Event()

    def tell_message(self, stream: str, event: Event, at: int) -> None:
        """What was on the wire, and not between the service and its own phone."""
        if isinstance(event, InviteArrived) and event.own:
            self.dialled.add(stream)
        arrow = self.spoken[stream].of(event)
        if arrow is None:
            return
        is_received = isinstance(event, Observed)
        other = arrow.source if is_received else arrow.to
        if other == (CALLER if stream in self.dialled else OWN):
            return
        reason = getattr(event, "reason", "")
        more = f"  Reason: {reason}" if reason else ""
        self.tell.message(self.name, "<-" if is_received else "->", arrow.message + more, at)

    async def has(
        self, kind: type[E], stream: str = "", fits: Callable[[E], bool] = lambda _: True
    ) -> tuple[str, E]:
        """The first entry of this kind that nobody has asked for yet, and its stream.

        ``Missing`` where it does not come.
        """
        with trio.move_on_after(PATIENCE_S):
            while True:
                for entry in self.entries:
                    where, event = entry
                    if isinstance(event, kind) and stream in ("", where) and fits(event):
                        self.entries.remove(entry)
                        return where, event
                await self.news.wait()
        raise Missing(f"{self.name} has no {kind.__name__} in its log")

    def holds(self, *kinds: type[Event]) -> bool:
        """Whether any of these is in it that nobody has asked for."""
        return any(isinstance(event, kinds) for _, event in self.entries)


class Shown:
    """What the owner of a service sees of it, told at every change."""

    def __init__(self, name: str, tell: Teller) -> None:
        self.name = name
        self.tell = tell
        self.status: Report = {}
        self.phone: Report = {}
        self.told: dict[str, str] = {}
        self.news = trio.Event()

    async def follow(self, folder: Path) -> None:
        """Until the service is gone; what it showed is then shown no more."""
        stream = await connected(folder)
        rest = b""
        try:
            async with stream:
                await stream.send_all(b'{"command": "watch"}\n')
                async for data in stream:
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        self.show(json.loads(line))
        except trio.BrokenResourceError:
            pass
        self.status, self.phone, self.told = {}, {}, {}

    def show(self, report: Report) -> None:
        self.status, self.phone = report["status"], report["phone"]
        for line in self.phone["lines"]:
            account = f"{line['user']}@{line['server']}" if line["user"] else "no account"
            self.tell_new(f"line {line['number']}", f"{account}: {line['state']}")
        for call in self.phone["calls"]:
            self.tell_new(f"call {call['call']}", call_in_words(call))
        self.news.set()
        self.news = trio.Event()

    def tell_new(self, what: str, words: str) -> None:
        if self.told.get(what) != words:
            self.told[what] = words
            self.tell.happened(self.name, f"{what}: {words}")

    async def until(self, what: str, fits: Callable[[], bool]) -> None:
        """``Missing`` where it never comes to be so."""
        with trio.move_on_after(PATIENCE_S):
            while not (self.status and fits()):
                await self.news.wait()
            return
        raise Missing(f"{self.name} does not show {what}")

    async def call(self, state: str, number: str = "", why: str = "") -> str:
        """The name of its last call, once that is so."""
        await self.until(
            f"a call that is {state}" + (f" with {number}" if number else "") + f" {why}".rstrip(),
            lambda: any(
                call["state"] == state and number in ("", call["number"]) and call["why"] == why
                for call in self.phone["calls"][-1:]
            ),
        )
        return str(self.phone["calls"][-1]["call"])

    @property
    def missed(self) -> list[str]:
        """The numbers of whom its owner should call back."""
        return [str(call["number"]) for call in self.phone["missed"]]


async def connected(folder: Path) -> trio.SocketStream:
    """To a service that may still be on its way up."""
    with trio.move_on_after(PATIENCE_S):
        while True:
            try:
                return await trio.open_unix_socket(found(folder))
            except OSError:
                await trio.sleep(LOOK_EVERY_S)
    raise Missing(f"no service answers its owner in {folder}")
