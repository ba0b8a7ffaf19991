"""One of our own processes, and what its owner asks of it."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapters.store.reading import reader
from replay.replayer import verification
from service.control import ControlError, ask
from service.paths import STORE_NAME
from tests.interop.programs import Program, until

SIPHOTSPOT = Path(sys.executable).with_name("siphotspot")
COMPLAINTS = ("Traceback", "fault:")
SECRETS = ("secret4212", "secret7000")

Start = Callable[..., Program]


class Device:
    """``name`` is that of its configuration and of its state folder.

    ``start`` is told a name and a command, and ends the process with the test.
    """

    def __init__(self, name: str, folder: Path, start: Start) -> None:
        self.name = name
        self.config = folder / f"{name}.toml"
        self.state = folder / name
        self.start = start
        self.program: Program

    def run(self) -> None:
        command = (SIPHOTSPOT, "run", "--config", self.config, "--state-dir", self.state)
        self.program = self.start("siphotspot", *command)
        self.program.sees("listening on")
        until(lambda: self.status()["hotspot"], f"{self.name} answers its owner")

    def kill(self) -> None:
        self.program.stop(signal.SIGKILL)

    def check(self) -> None:
        """It ends cleanly, and complained about nothing; and what it has written is right."""
        self.program.stop()
        self.program.succeeds()
        self.check_log()
        for complaint in COMPLAINTS:
            assert self.program.saw(complaint) is None, "\n".join(self.program.lines)

    def check_log(self) -> None:
        """Today's machines decide the same again, and no password is in anything we wrote."""
        with reader(self.state / STORE_NAME) as log:
            assert verification(log.read()).fault is None
        written = [path.read_bytes() for path in self.state.iterdir() if path.is_file()]
        for secret in SECRETS:
            assert not any(secret.encode() in content for content in written)
            assert self.program.saw(secret) is None

    # -- Its owner -------------------------------------------------------------------------------

    def asked(self, **command: object) -> dict[str, Any]:
        """Without another process; empty while nobody answers."""
        try:
            return ask(self.state, command)
        except ControlError:
            return {}

    def status(self) -> dict[str, Any]:
        """As ``siphotspot status --json``."""
        empty: dict[str, Any] = {"hotspot": {}, "lines": [{}], "clients": [], "calls": []}
        report: dict[str, Any] = self.asked(command="status").get("status", empty)
        return report

    def line(self) -> dict[str, Any]:
        """The first; empty where there is none."""
        found: dict[str, Any] = next(iter(self.status()["lines"]), {})
        return found

    def change(self, setting: str) -> None:
        self.told("set", setting)

    def told(self, *words: str) -> None:
        """By a command, as in ``siphotspot disconnect``."""
        command = (SIPHOTSPOT, *words, "--state-dir", self.state)
        self.start(f"siphotspot {words[0]}", *command).succeeds()

    # -- Its phone -------------------------------------------------------------------------------

    def phone(self, *words: str) -> None:
        """As in ``siphotspot phone answer --play FILE``."""
        self.told("phone", *words)

    def phone_status(self) -> dict[str, Any]:
        """By the command itself, as a program of the owner would ask."""
        command = (SIPHOTSPOT, "phone", "status", "--json", "--state-dir", self.state)
        asking = self.start("siphotspot phone status", *command)
        asking.succeeds()
        report: dict[str, Any] = json.loads(asking.lines[-1])["phone"]
        return report

    def phone_call(self) -> dict[str, Any]:
        """The latest call of its phone; empty where it had none."""
        report = self.asked(command="phone", do="status")
        calls: list[dict[str, Any]] = report.get("phone", {}).get("calls", [])
        return calls[-1] if calls else {}

    def phone_has_rung(self) -> None:
        until(lambda: self.phone_call().get("direction") == "in", f"{self.name}'s phone rings")

    def phone_is(self, state: str, why: str = "") -> None:
        """Waits for it."""

        def there() -> bool:
            call = self.phone_call()
            return bool(call) and (call["state"], call["why"]) == (state, why)

        try:
            until(there, f"{self.name}'s phone is {state} {why}".rstrip())
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.phone_call()}") from None
