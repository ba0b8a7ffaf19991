"""The phone on a whole terminal, played without one against a stand-in for the service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from service.phone_screen import PhoneScreen
from tests.service.phone_samples import NOW, StandIn, call, report

Story = Callable[["Stage"], Awaitable[None]]


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service = StandIn()
        self.app = PhoneScreen(folder, again_s=0.001, now=lambda: NOW)
        self.pilot: Pilot[None]

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        async with asyncio.timeout(20), self.app.run_test(size=(80, 24)) as self.pilot:
            yield

    def pane(self, name: str) -> str:
        return str(self.app.pane(name).content)

    async def until(self, pane: str, words: str) -> None:
        while words not in self.pane(pane):
            await self.settled()

    async def settled(self) -> None:
        """All that the screen was told is done."""
        await self.pilot.pause(0)

    async def press(self, *keys: str) -> None:
        """As the terminal's driver hands them on; the pilot's own way waits for an idle machine."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await self.settled()

    async def asked(self, *keys: str) -> dict[str, Any]:
        """What the service is asked because of these keys."""
        await self.press(*keys)
        asked = await self.service.asked.get()
        assert asked.pop("command") == "phone"
        return asked

    def lines(self) -> list[str]:
        """The screen as it stands on the terminal."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text for strip in strips]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """A story from the moment at which the screen shows the service."""

    async def played(story: Story) -> None:
        stage = Stage(tmp_path)
        async with stage.service.running(tmp_path), stage.playing():
            await stage.until("header", "Our house")
            await story(stage)

    return lambda story: asyncio.run(played(story))


Play = Callable[[Story], None]


def test_shows_its_hotspot_and_its_lines(play: Play) -> None:
    async def story(stage: Stage) -> None:
        assert stage.pane("header").splitlines() == [
            "Our house  alias 0  hotspot: announcing",
            "line 1  4212@sip.provider.example: registered",
        ]

    play(story)


def test_a_number_is_typed_mended_and_called(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("*", "1", "#", "9", "backspace", "+", "2")
        assert "> *1#+2_" in stage.pane("keypad")
        assert await stage.asked("enter") == {"do": "call", "number": "*1#+2"}
        assert "> _" in stage.pane("keypad")

    play(story)


def test_a_call_that_cannot_be_is_told_and_the_number_is_there_again(play: Play) -> None:
    async def story(stage: Stage) -> None:
        stage.service.answers = [{"ok": False, "error": "number: nobody has alias [b]7; dial 0"}]
        assert await stage.asked("7", "enter") == {"do": "call", "number": "7"}
        await stage.until("note", "nobody has alias [b]7; dial 0")
        assert "> 7_" in stage.pane("keypad")

    play(story)


def test_a_call_rings_is_answered_and_talks(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.service.show(report(call(state="ringing")))
        await stage.until("calls", "> 1 in  0123 Grandma: ringing 1:05")
        assert "    1 bedroom device 2: invited" in stage.pane("calls")
        assert "Enter: answer" in stage.pane("keypad")
        assert await stage.asked("enter") == {"do": "answer", "call": "1"}
        await stage.service.show(report(call()))
        await stage.until("calls", "talking")
        assert await stage.asked("5") == {"do": "digits", "digits": "5", "call": "1"}
        await stage.until("note", "sent 5")
        assert await stage.asked("h") == {"do": "hold", "call": "1"}
        assert await stage.asked("t", "2", "enter") == {
            "do": "transfer", "call": "1", "number": "2",
        }  # fmt: skip
        assert await stage.asked("x") == {"do": "hangup", "call": "1"}

    play(story)


def test_capitals_are_keys_too(play: Play) -> None:
    async def story(stage: Stage) -> None:
        assert await stage.asked("N") == {"do": "quiet", "on": True}

    play(story)


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
def test_ends_by_a_key(play: Play, key: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.press(key)
        while stage.app.is_running:
            await asyncio.sleep(0)
        assert stage.app.return_code == 0

    play(story)


def test_all_of_it_stands_on_80_by_24(play: Play) -> None:
    async def story(stage: Stage) -> None:
        stage.service.answers = [{"ok": False, "error": "what is wrong, and how it is mended"}]
        await stage.service.show(
            report(call("1", "held"), call("2", "ringing", by="漢" * 60), missed=[call(at=NOW)])
        )
        await stage.until("calls", "漢")
        await stage.asked("h")
        await stage.until("note", "mended")
        await stage.settled()
        lines = stage.lines()
        screen = "\n".join(lines)
        assert len(lines) == 24
        for words in ("Our house", "line 1", "*  0  #", "> 1 in", "  2 in", "Calls of the house",
                      "1 bedroom: proceeding", "Missed", "how it is mended",
                      "q quit", "PgUp/PgDn scroll"):  # fmt: skip
            assert words in screen

    play(story)


def test_what_does_not_fit_is_scrolled_to(play: Play) -> None:
    async def story(stage: Stage) -> None:
        missed = [call(number=f"9{number:03}", at=NOW) for number in range(40)]
        await stage.service.show(report(missed=missed))
        await stage.until("calls", "9000")
        await stage.settled()
        assert "9039" in "\n".join(stage.lines())
        assert "9000" not in "\n".join(stage.lines())
        while "9000" not in "\n".join(stage.lines()):
            await stage.press("pagedown")
        while "9039" not in "\n".join(stage.lines()):
            await stage.press("pageup")

    play(story)


def test_a_service_that_comes_goes_and_comes_again(tmp_path: Path) -> None:
    async def story() -> None:
        stage = Stage(tmp_path)
        async with stage.playing():
            await stage.until("header", "NO CONNECTION: no service answers at ")
            for _ in range(2):
                async with stage.service.running(tmp_path):
                    while not stage.pane("header").startswith("Our house  alias 0"):
                        await stage.settled()
                await stage.until("header", "NO CONNECTION")
            assert "Our house  alias 0" in stage.pane("header")
            await stage.press("n")
            await stage.until("note", "start it with siphotspot run")

    asyncio.run(story())


def test_names_steer_neither_the_terminal_nor_the_screen(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.service.show(report(call(by="[red]\x1b[2J[/x")))
        await stage.until("calls", "0123 [red]\\x1b[2J[/x: talking")
        await stage.settled()
        assert "[red]\\x1b[2J[/x" in "\n".join(stage.lines())

    play(story)


def test_what_it_is_told_while_it_is_taken_down_is_no_error(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.app.query("*").remove()
        stage.app.show()

    play(story)
