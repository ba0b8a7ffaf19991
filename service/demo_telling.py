"""What the demo says while it goes on: a line, or a JSON object, for each thing that happens."""

import json
import sys
import time
from collections.abc import Mapping
from heapq import heappop, heappush
from math import inf
from typing import TextIO

import trio

from service.output import send_nowhere

PATIENCE_S = 6.0  # After so long, what should be seen is missing.
WAIT_S = 0.1
TIMED = ("message", "happened", "seen")


class Missing(Exception):
    """What should have been seen on the wire, and was not."""


class Teller:
    """Tells what happens, with the seconds since the beginning.  No colour, nothing overwritten.

    A log is read a moment after it was written.  So every line waits for that moment, and
    all are told in the order in which things happened.
    """

    def __init__(self, as_json: bool = False, out: TextIO | None = None) -> None:
        self.as_json = as_json
        self.out = out or sys.stdout
        self.began, self.began_at = time.monotonic(), time.time_ns()
        self.facts = 0
        self.last = "nothing yet"  # What an end before its time is told with.
        self.waiting: list[tuple[float, int, str]] = []  # A heap: when it was, and as how manieth.
        self.count = 0

    # -- What happens ----------------------------------------------------------------------------

    def act(self, title: str) -> None:
        self.last = title
        self.say("act", f"\n== {title}", {"title": title})

    def message(self, who: str, way: str, line: str, at: int | None = None) -> None:
        """``way`` is "->" for what this party sends and "<-" for what it gets.

        ``at`` is when that was, in Unix nanoseconds; now where it is not said.
        """
        since = None if at is None else (at - self.began_at) / 1e9
        told = {"who": who, "way": "sent" if way == "->" else "received", "message": line}
        self.say("message", f"{who:14} {way} {line}", told, since)

    def happened(self, who: str, what: str) -> None:
        self.say("happened", f"{who:14}    {what}", {"who": who, "what": what})

    def seen(self, fact: str) -> None:
        self.last = fact
        self.facts += 1
        self.say("seen", f"ok: {fact}", {"fact": fact})

    def check(self, is_so: bool, fact: str) -> None:
        """Raises ``Missing`` where it is not so."""
        if not is_so:
            raise Missing(f"not so: {fact}")
        self.seen(fact)

    def picture(self, call: str, lines: list[str]) -> None:
        self.say("ladder", "\n" + "\n".join(lines), {"call": call, "lines": lines})

    def verified(self, who: str, result: str, is_right: bool) -> None:
        told = {"who": who, "result": result, "right": is_right}
        self.say("verify", f"\nreplay verify, {who}: {result}", told)

    def ended(self, result: str, is_right: bool) -> None:
        self.say("end", f"\n{result}", {"result": result, "right": is_right})
        self.tell()

    # -- How it is told --------------------------------------------------------------------------

    def clock(self) -> float:
        """In seconds, of the beginning."""
        return time.monotonic() - self.began

    def say(
        self, step: str, words: str, told: Mapping[str, object], since: float | None = None
    ) -> None:
        since = self.clock() if since is None else since
        if self.as_json:
            words = json.dumps({"step": step, "at": round(since, 3), **told})
        elif step in TIMED:
            words = f"{since:7.3f}  {words}"
        self.count += 1
        heappush(self.waiting, (since, self.count, words))

    async def run(self) -> None:
        while True:
            await trio.sleep(WAIT_S / 4)
            self.tell(self.clock() - WAIT_S)

    def tell(self, until: float = inf) -> None:
        """Everything that was before that time."""
        while self.waiting and self.waiting[0][0] <= until:
            _, _, words = heappop(self.waiting)
            try:
                print(words, file=self.out, flush=True)
            except BrokenPipeError:  # ``head`` has enough: go on, and let the exit status tell.
                send_nowhere(self.out)
