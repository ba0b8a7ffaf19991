"""What the keys of the phone's screen mean: a key in, a command for the service out.

No terminal and no socket: it knows what is typed, which call is chosen and what the service
showed last.  With a call that talks the digits are sent to the other side as they are
pressed; otherwise they are collected for Enter.
"""

from typing import Any

Command = dict[str, Any]

DIGITS = "0123456789*#"
ESTABLISHED = ("talking", "held")


class Panel:
    def __init__(self) -> None:
        self.report: dict[str, Any] = {}
        self.typed = ""
        self.transferring = False
        self.line: str | None = None  # Whichever the service takes.
        self.chosen = ""
        self.sent = ""  # The digits that the other side of the call has got in a row.
        self.note = ""  # What came of the last key, where the report does not show it.

    # -- What the service shows ----------------------------------------------------------------

    @property
    def phone(self) -> dict[str, Any] | None:
        shown: dict[str, Any] | None = self.report.get("phone")
        return shown

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Those that are not over."""
        listed = self.phone["calls"] if self.phone else []
        return [call for call in listed if call["state"] != "ended"]

    def show(self, report: dict[str, Any]) -> None:
        self.report = report
        names = [str(call["call"]) for call in self.calls]
        if self.chosen not in names:
            self.chosen = names[0] if names else ""
        if self.transferring and not self.has(*ESTABLISHED):
            self.transferring = False

    def call(self) -> dict[str, Any] | None:
        return next((call for call in self.calls if str(call["call"]) == self.chosen), None)

    def has(self, *states: str) -> bool:
        call = self.call()
        return call is not None and call["state"] in states

    def ringing(self) -> dict[str, Any] | None:
        """The one that an answer is for: the chosen one, or else the first."""
        rings = [c for c in self.calls if c["direction"] == "in" and c["state"] == "ringing"]
        chosen = [call for call in rings if str(call["call"]) == self.chosen]
        return next(iter(chosen or rings), None)

    # -- What is shown about the keys ----------------------------------------------------------

    def title(self) -> str:
        if self.transferring:
            return f"Transfer {self.chosen} to"
        return "Number" if self.line is None else f"Number, line {self.line}"

    def enter_does(self) -> str:
        if self.transferring:
            return "Enter: transfer" if self.typed else "Enter: to other call"
        if self.typed:
            return "Enter: call"
        return "Enter: answer" if self.ringing() else ""

    # -- Keys ----------------------------------------------------------------------------------

    def press(self, key: str) -> Command | None:
        """``key`` is the character, or the name of a key that has none."""
        self.note = ""
        if key in DIGITS or key == "+":
            return self.digit(key)
        self.sent = ""
        match key:
            case "backspace":
                self.typed = self.typed[:-1]
            case "escape":
                self.typed, self.transferring = "", False
            case "up" | "down":
                self.choose(-1 if key == "up" else 1)
            case "l":
                self.next_line()
            case "t":
                self.begin_transfer()
            case "enter":
                return self.enter()
            case "h":
                return self.hold()
            case "d":
                return self.decline()
            case "x":
                return self.hang_up()
            case "n":
                return self.quiet()
        return None

    def about(self, do: str, **more: object) -> Command:
        return {"command": "phone", "do": do, **more}

    def digit(self, key: str) -> Command | None:
        if self.transferring or not self.has("talking"):
            self.typed += key
        elif key in DIGITS:
            return self.about("digits", digits=key, call=self.chosen)
        return None

    def enter(self) -> Command | None:
        if self.transferring:
            return self.transfer()
        if self.typed:
            number, self.typed = self.typed, ""
            by = {} if self.line is None else {"line": self.line}
            return self.about("call", number=number, **by)
        call = self.ringing()
        if call is None:
            self.note = "nothing rings; type a number to call"
            return None
        self.chosen = str(call["call"])
        return self.about("answer", call=self.chosen)

    def begin_transfer(self) -> None:
        self.transferring = self.has(*ESTABLISHED)
        if not self.transferring:
            self.note = "no call to transfer"

    def transfer(self) -> Command | None:
        others = [str(c["call"]) for c in self.calls if c["state"] in ESTABLISHED]
        others = [name for name in others if name != self.chosen]
        number, self.typed = self.typed, ""
        if not number and len(others) != 1:
            self.note = "type the number that gets the call, then Enter; Esc: do not transfer"
            return None
        self.transferring = False
        whom = {"number": number} if number else {"to": others[0]}
        return self.about("transfer", call=self.chosen, **whom)

    def hold(self) -> Command | None:
        if self.has(*ESTABLISHED):
            return self.about("resume" if self.has("held") else "hold", call=self.chosen)
        self.note = "no call to hold"
        return None

    def decline(self) -> Command | None:
        call = self.ringing()
        if call is None:
            self.note = "nothing rings"
            return None
        return self.about("decline", call=str(call["call"]))

    def hang_up(self) -> Command | None:
        if self.chosen:
            return self.about("hangup", call=self.chosen)
        self.note = "no call to hang up"
        return None

    def quiet(self) -> Command | None:
        return self.about("quiet", on=not self.phone["quiet"]) if self.phone else None

    def choose(self, step: int) -> None:
        names = [str(call["call"]) for call in self.calls]
        if names:
            self.chosen = names[(names.index(self.chosen) + step) % len(names)]

    def next_line(self) -> None:
        numbers = [str(line["number"]) for line in self.phone["lines"]] if self.phone else []
        choices = [None, *numbers]
        at = choices.index(self.line) if self.line in choices else 0
        self.line = choices[(at + 1) % len(choices)]

    # -- What came of it -----------------------------------------------------------------------

    def done(self, command: Command, answer: dict[str, Any]) -> None:
        if command["do"] == "call":
            self.chosen = str(answer.get("call", self.chosen))
        elif command["do"] == "digits":
            self.sent += str(command["digits"])
            self.note = f"sent {self.sent}"

    def refused(self, command: Command, why: str) -> None:
        """A number that could not be called is there again to be mended."""
        self.note = why
        if command["do"] == "call" and not self.typed:
            self.typed = str(command["number"])
