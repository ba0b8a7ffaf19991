"""The phone on a whole terminal: a thin shell around ``Panel``, in a process of its own.

It shows what the service shows and sends what the keys mean; that it ends, or is killed,
ends no call.  Text and frames only: it reads the same without colour, over SSH and at 80
columns by 24 rows.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.css.query import NoMatches
from textual.widgets import Static

from service import phone_screen_link as link
from service import phone_screen_words as words
from service.control import ControlError
from service.phone_screen_panel import Command, Panel

AGAIN_S = 1.0  # A service that is not there is asked for once in this time.


class Pane(Static):
    """Names come from strangers, so nothing in them is markup."""

    def __init__(self, text: str = "", *, id: str) -> None:
        super().__init__(text, id=id, markup=False)

    def say(self, text: str) -> None:
        """Only what changes is drawn anew: the line to the terminal may be a thin one."""
        if text != self.content:
            self.update(text)


class PhoneScreen(App[None]):
    TITLE = "siphotspot phone"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #middle { height: 1fr; }
    #keypad, #calls { text-wrap: nowrap; text-overflow: ellipsis; }
    #keypad { width: 26; height: 100%; border: solid; padding: 0 1; }
    #scroll { width: 1fr; border: solid; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+c", "quit", "Quit")]

    def __init__(
        self, folder: Path, again_s: float = AGAIN_S, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(ansi_color=True)  # The terminal's own colours, or none.
        self.folder = folder
        self.again_s = again_s
        self.now = now
        self.panel = Panel()
        self.lost = "asking for the service"
        self.commands: asyncio.Queue[Command] = asyncio.Queue()

    def compose(self) -> ComposeResult:
        yield Pane(id="header")
        with Horizontal(id="middle"):
            yield Pane(id="keypad")
            with VerticalScroll(id="scroll", can_focus=False):
                yield Pane(id="calls")
        yield Pane(id="note")
        yield Pane(f"{words.KEYS}\n{words.MORE_KEYS}", id="keys")

    def on_mount(self) -> None:
        self.show()
        self.set_interval(1, self.show)  # How long a call lasts.
        self.run_worker(self.keep_watching())
        self.run_worker(self.keep_sending())

    def show(self) -> None:
        panel = self.panel
        with suppress(NoMatches):  # Its user has quit, and the panes are being taken down.
            self.pane("header").say(words.header(panel.phone, self.lost))
            self.pane("keypad").say(words.keypad(panel.title(), panel.typed, panel.enter_does()))
            self.pane("calls").say(words.calls(panel.report, panel.chosen, self.now()))
            self.pane("note").say(words.shown([panel.note]))

    def pane(self, name: str) -> Pane:
        return self.query_one(f"#{name}", Pane)

    # -- The service ---------------------------------------------------------------------------

    async def keep_watching(self) -> None:
        while True:
            try:
                async for report in link.watch(self.folder):
                    self.lost = ""
                    self.panel.show(report)
                    self.show()
            except ControlError as error:
                self.lost = str(error)
            self.show()
            await asyncio.sleep(self.again_s)

    async def keep_sending(self) -> None:
        """One after the other, as the keys were pressed; a slow service delays no key."""
        while True:
            command = await self.commands.get()
            try:
                self.panel.done(command, await link.ask(self.folder, command))
            except ControlError as error:
                self.panel.refused(command, str(error))
            self.show()

    # -- The keys ------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        printed = event.character if event.is_printable else None
        key = (printed or event.key).lower()
        if key == "q":
            self.exit()
        elif key in ("pageup", "pagedown"):
            scroll = self.query_one("#scroll", VerticalScroll)
            scroll.scroll_page_up() if key == "pageup" else scroll.scroll_page_down()
        else:
            command = self.panel.press(key)
            if command is not None:
                self.commands.put_nowait(command)
            self.show()
