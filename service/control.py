"""The owner's commands, over a socket in the state folder.

One JSON object a line each way: ``{"command": "status"}``, ``{"command": "set", "settings":
["hotspot.enabled=false"], "reset": []}``.  The answer holds ``ok``, and ``error`` or what was
asked for.  The socket is the owner's alone (mode 0600).
"""

import json
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from service import state, status
from service.config import SettingError, parse_setting, settable_key

if TYPE_CHECKING:
    from service.runtime import Service

LONGEST_PATH = 100  # A Unix socket's name has room for 107 octets.
LONGEST_LINE = 65_536


class ControlError(Exception):
    """The running service cannot be asked; names the thing and the fix."""


# -- The service's end ---------------------------------------------------------------------


async def serve(folder: Path, service: "Service", task_status: trio.TaskStatus[None]) -> None:
    path = place(folder)
    path.unlink(missing_ok=True)
    listening = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        await listening.bind(str(path))
    finally:
        os.umask(before)
    listening.listen(8)
    task_status.started()

    async def attend(stream: trio.SocketStream) -> None:
        await attend_one(stream, service)

    try:
        await trio.serve_listeners(attend, [trio.SocketListener(listening)])
    finally:
        path.unlink(missing_ok=True)


def place(folder: Path) -> Path:
    """Where the socket is.  A long path gets a short one, whose name stands beside."""
    path = folder / state.CONTROL
    named = folder / state.CONTROL_PATH
    if len(os.fsencode(path)) <= LONGEST_PATH:
        named.unlink(missing_ok=True)
        return path
    short = Path(tempfile.mkdtemp(prefix="siphotspot-")) / state.CONTROL
    named.write_text(str(short))
    return short


async def attend_one(stream: trio.SocketStream, service: "Service") -> None:
    try:
        line = await read_line(stream)
        if line:
            answer = json.dumps(answer_to(line, service), ensure_ascii=False)
            await stream.send_all(answer.encode() + b"\n")
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


async def read_line(stream: trio.SocketStream) -> bytes:
    held = b""
    while b"\n" not in held and len(held) < LONGEST_LINE:
        piece = await stream.receive_some(LONGEST_LINE)
        if not piece:
            break
        held += piece
    return held.partition(b"\n")[0]


def answer_to(line: bytes, service: "Service") -> dict[str, Any]:
    try:
        asked = json.loads(line)
        match asked["command"]:
            case "status":
                return {"ok": True, "status": status.report(service.engine, service.clock.at())}
            case "set":
                return change(service, [*asked.get("settings", [])], [*asked.get("reset", [])])
            case other:
                return {"ok": False, "error": f"there is no command {other!r}"}
    except SettingError as error:
        return {"ok": False, "error": str(error)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"ok": False, "error": "not a command"}


def change(service: "Service", settings: list[str], reset: list[str]) -> dict[str, Any]:
    """All of it or none of it: every word is understood before the first is acted on."""
    wanted = [parse_setting(text) for text in settings]
    back = [settable_key(key) for key in reset]
    at = service.clock.at()
    for key, value in wanted:
        service.engine.may_change(key)
        service.engine.change(key, value, at)
    for key in back:
        service.engine.may_change(key)
        service.engine.reset(key, at)
    service.step()
    return {"ok": True, "settings": service.engine.differing()}


# -- The command line's end ------------------------------------------------------------------


def ask(folder: Path, command: dict[str, Any]) -> dict[str, Any]:
    """Raises ``ControlError`` where no service answers, or where it says no."""
    named = folder / state.CONTROL_PATH
    path = Path(named.read_text().strip()) if named.exists() else folder / state.CONTROL
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(10)
        try:
            asking.connect(str(path))
            asking.sendall(json.dumps(command).encode() + b"\n")
            with asking.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise ControlError(
                f"no service answers at {path} ({error}); start it with siphotspot run, "
                "or name its state folder with --state-dir"
            ) from None
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error", "the service said no")))
    return answer
