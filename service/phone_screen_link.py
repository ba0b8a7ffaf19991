"""The control socket for a program of asyncio's: the screen waits for the service and for keys."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.control import ANSWER_S, ControlError, found, nobody_at, too_slow

LONGEST_REPORT = 2**24  # Octets; a house with a thousand open calls stays below.

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def asked(folder: Path, command: dict[str, Any]) -> AsyncIterator[asyncio.StreamReader]:
    """What the service says to it, line by line.  Raises ``ControlError`` where nobody answers."""
    path = folder
    try:
        path = found(folder)
        reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_REPORT)
    except OSError as error:
        raise ControlError(nobody_at(path, error)) from None
    try:
        writer.write(json.dumps(command).encode() + b"\n")
        await writer.drain()
        yield reader
    except OSError as error:
        raise ControlError(nobody_at(path, error)) from None
    finally:
        writer.close()


async def line_from(reader: asyncio.StreamReader) -> dict[str, Any]:
    try:
        line = await reader.readline()
        answer: dict[str, Any] = json.loads(line)
    except ValueError:
        raise ControlError("the service has gone; it is waited for") from None
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error", "the service said no")))
    return answer


async def ask(folder: Path, command: dict[str, Any]) -> dict[str, Any]:
    """Raises ``ControlError`` where no service answers, or where it says no."""
    try:
        async with asyncio.timeout(ANSWER_S), asked(folder, command) as reader:
            return await line_from(reader)
    except TimeoutError:
        raise ControlError(too_slow(ANSWER_S)) from None


async def watch(folder: Path) -> AsyncIterator[dict[str, Any]]:
    """All that the service shows, at once and at each change; ends with ``ControlError``."""
    async with asked(folder, {"command": "watch"}) as reader:
        while True:
            yield await line_from(reader)
