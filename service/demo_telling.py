"""What the demo says while it goes on: a line, or a JSON object, for each thing that happens."""

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO


class Missing(Exception):
    """What should have been seen on the wire, and was not."""


class Teller:
    """Tells at once, with the seconds since the beginning.  No colour, nothing overwritten."""

    def __init__(self, as_json: bool = False, out: TextIO | None = None) -> None:
        self.as_json = as_json
        self.out = out or sys.stdout
        self.began = time.monotonic()
        self.facts = 0
        self.last = "nothing yet"  # What an end before its time is told with.

    def act(self, title: str) -> None:
        self.last = title
        self.say("act", f"\n== {title}", {"title": title})

    def message(self, who: str, way: str, line: str) -> None:
        """``way`` is "->" for what this party sends and "<-" for what it gets."""
        told = {"who": who, "way": "sent" if way == "->" else "received", "message": line}
        self.say("message", f"{self.clock()}  {who:14} {way} {line}", told)

    def happened(self, who: str, what: str) -> None:
        self.say("happened", f"{self.clock()}  {who:14}    {what}", {"who": who, "what": what})

    def seen(self, fact: str) -> None:
        self.last = fact
        self.facts += 1
        self.say("seen", f"{self.clock()}  ok: {fact}", {"fact": fact})

    def check(self, is_so: bool, fact: str) -> None:
        """Raises ``Missing`` where it is not so."""
        if not is_so:
            raise Missing(f"not so: {fact}")
        self.seen(fact)

    def picture(self, call: str, lines: list[str]) -> None:
        self.say("ladder", "\n" + "\n".join(lines), {"call": call, "lines": lines})

    def verified(self, result: str, is_right: bool) -> None:
        self.say("verify", f"\nreplay verify: {result}", {"result": result, "right": is_right})

    def ended(self, result: str, is_right: bool) -> None:
        self.say("end", f"\n{result}", {"result": result, "right": is_right})

    def clock(self) -> str:
        return f"{time.monotonic() - self.began:7.3f}"

    def say(self, step: str, words: str, told: Mapping[str, object]) -> None:
        if self.as_json:
            words = json.dumps({"step": step, "at": float(self.clock()), **told})
        try:
            print(words, file=self.out, flush=True)
        except BrokenPipeError:  # ``head`` has enough: go on, and let the exit status tell.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.out.fileno())
            os.close(nowhere)
