"""What a service shows of its phone, and a stand-in for one that shows it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service import control

NOW = 1_800_000_000
LINE = {"number": "1", "state": "registered", "user": "4212", "server": "sip.provider.example"}
SECOND_LINE = {**LINE, "number": "2", "user": "4213", "state": "failed"}
PHONE: dict[str, Any] = {
    "mode": "hotspot", "alias": 0, "name": "Our house", "hotspot": "announcing", "lines": [LINE],
    "quiet": False, "answer_after": None, "calls": [], "missed": [],
}  # fmt: skip
CLIENT = {"alias": 1, "user": "bedroom"}
HOUSE_CALL = {
    "call": "ab", "line": "1", "from": "sip:0123@provider.test", "to": "4212", "state": "ringing",
    "legs": {"0": "proceeding", "1": "proceeding", "1.2": "invited"},
}  # fmt: skip


def call(
    name: str = "1", state: str = "talking", by: str = "Grandma", **other: Any
) -> dict[str, Any]:
    return {
        "call": name, "direction": "in", "number": "0123", "name": by, "state": state,
        "since": NOW - 65, "why": "", **other,
    }  # fmt: skip


def report(*calls: dict[str, Any], **phone: Any) -> dict[str, Any]:
    status = {"clients": [CLIENT], "calls": [HOUSE_CALL] if calls else []}
    return {"ok": True, "status": status, "phone": {**PHONE, "calls": [*calls], **phone}}


class StandIn:
    """Shows a report to all that watch, and answers as it was told to."""

    def __init__(self) -> None:
        self.report = report()
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: list[dict[str, Any]] = []
        self.watching: list[asyncio.StreamWriter] = []

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        if asked["command"] == "watch":
            self.watching.append(writer)
            await self.tell(writer, self.report)
        else:
            self.asked.put_nowait(asked)
            await self.tell(writer, self.answers.pop(0) if self.answers else {"ok": True})
            writer.close()

    async def tell(self, writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()

    async def show(self, shown: dict[str, Any]) -> None:
        self.report = shown
        for writer in self.watching:
            await self.tell(writer, shown)

    @asynccontextmanager
    async def running(self, folder: Path) -> AsyncIterator[None]:
        path = control.place(folder)
        server = await asyncio.start_unix_server(self.attend, path)
        try:
            yield
        finally:
            server.close()
            for writer in self.watching:
                writer.close()
            self.watching.clear()
            path.unlink(missing_ok=True)
