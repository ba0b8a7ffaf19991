"""The owner's commands, over a socket in the state folder.

One JSON object a line each way: ``{"command": "status"}``, ``{"command": "set", "settings":
["hotspot.enabled=false"], "reset": []}``, ``{"command": "phone", "do": "call", "number": "2"}``.
The answer holds ``ok``, and ``error`` or what was asked for.  ``{"command": "watch"}`` is
answered by a line at once and one at every change, until the asker has gone.  The socket is the
owner's alone (mode 0600).
"""

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from service import membership, state, status
from service.config import SettingError, parse_setting, settable_key

if TYPE_CHECKING:
    from service.phone_desk import PhoneDesk
    from service.runtime import Service

LONGEST_PATH = 100  # A Unix socket's name has room for 107 octets.
LONGEST_LINE = 65_536
ANSWER_S = 10.0
WATCH_S = 0.1  # Who watches is told no oftener than this.
NEVER_STORED = ("status", "quiet", "automatic")  # What the phone does for itself.
NO_PHONE = "this service runs without a phone of its own: there is nothing to drive"


class ControlError(Exception):
    """The running service cannot be asked; names the thing and the fix."""


class NotStoredError(Exception):
    """What was asked for is not on record: why, and whether it counts all the same."""


class Changes:
    """Counts whatever may have changed what is shown, and wakes who waits for it."""

    def __init__(self) -> None:
        self.count = 0
        self.waiting = trio.lowlevel.ParkingLot()

    def notify(self) -> None:
        self.count += 1
        if self.waiting:
            self.waiting.unpark_all()

    async def after(self, count: int) -> None:
        """Returns when there are more than ``count``: none that came meanwhile is missed."""
        while self.count <= count:
            await self.waiting.park()


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
        if path.parent != folder:
            with suppress(OSError):
                path.parent.rmdir()


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


async def attend_one(stream: trio.abc.Stream, service: "Service") -> None:
    with service.engine.outlived("the control socket"):
        try:
            line = await read_line(stream)
            if is_watching(line):
                await watch(stream, service)
            elif line:
                await stream.send_all(line_of(await answer_to(line, service)))
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass


def line_of(answer: dict[str, Any]) -> bytes:
    """A lone surrogate, which only nonsense has in it, is spelled as JSON's own escape."""
    text = json.dumps(answer, ensure_ascii=False)
    return text.encode(errors="backslashreplace") + b"\n"


async def read_line(stream: trio.abc.Stream) -> bytes:
    held = b""
    while b"\n" not in held and len(held) < LONGEST_LINE:
        piece = await stream.receive_some(LONGEST_LINE)
        if not piece:
            break
        held += piece
    return held.partition(b"\n")[0]


def is_watching(line: bytes) -> bool:
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(asked, dict) and asked.get("command") == "watch"


async def watch(stream: trio.abc.Stream, service: "Service") -> None:
    with counted(service.desk):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(show_changes, stream, service)
            while await stream.receive_some(LONGEST_LINE):
                pass  # Whatever else it says: it watches until it goes.
            nursery.cancel_scope.cancel()


@contextmanager
def counted(desk: "PhoneDesk | None") -> Iterator[None]:
    """The phone knows how many look at it: then somebody may answer."""
    if desk is None:
        yield
        return
    desk.watchers += 1
    try:
        yield
    finally:
        desk.watchers -= 1


async def show_changes(stream: trio.abc.Stream, service: "Service") -> None:
    shown = b""
    while True:
        count = service.changes.count
        now = line_of(watched(service))
        if now != shown:
            await stream.send_all(now)
            shown = now
        await trio.sleep(WATCH_S)
        await service.changes.after(count)


def watched(service: "Service") -> dict[str, Any]:
    return {
        "ok": True,
        "status": status.report(service.engine, service.clock.at()),
        "phone": service.desk.report() if service.desk else None,
    }


async def answer_to(line: bytes, service: "Service") -> dict[str, Any]:
    try:
        asked = json.loads(line)
        match asked["command"]:
            case "status":
                return {"ok": True, "status": status.report(service.engine, service.clock.at())}
            case "set":
                with stored(service):
                    return change(service, [*asked.get("settings", [])], [*asked.get("reset", [])])
            case "connect" | "disconnect" | "admit" | "remove":
                with stored(service):
                    said = membership.obey(service.engine, asked, service.clock.at())
                    return {"ok": True, "said": said}
            case "phone":
                return await drive(service, asked)
            case other:
                return {"ok": False, "error": f"there is no command {other!r}"}
    except (SettingError, membership.MembershipError, NotStoredError) as error:
        return {"ok": False, "error": str(error)}
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:  # What was asked makes no sense, or we do not: either way it is said what.
        return {"ok": False, "error": f"not a command: {error!r}"}


async def drive(service: "Service", asked: dict[str, Any]) -> dict[str, Any]:
    if service.desk is None:
        return {"ok": False, "error": NO_PHONE}
    do = asked.get("do")
    if do in NEVER_STORED:
        return await service.desk.ask(asked)
    if do == "call" and (failure := unstored(service)):
        raise NotStoredError(f"no new calls: {failure}")
    answer = await service.desk.ask(asked)
    if answer["ok"] and (failure := unstored(service)):
        raise NotStoredError(not_yet(failure))
    return answer


@contextmanager
def stored(service: "Service") -> Iterator[None]:
    """What is done within is on record before it is said to be done.

    While the store cannot be written nothing is done.  Where only this shows that it cannot,
    the turns are taken already, and wait as all others do.
    """
    if failure := unstored(service):
        raise NotStoredError(f"nothing is changed, for it could not be stored: {failure}")
    yield
    if failure := unstored(service):
        raise NotStoredError(not_yet(failure))


def unstored(service: "Service") -> str:
    """Why the store does not hold all that was heard up to now; empty where it does."""
    service.engine.hasten()
    service.step()
    return service.engine.store_failure if service.engine.store_failed_at is not None else ""


def not_yet(failure: str) -> str:
    return (
        f"in effect, but not stored yet: {failure}. The service tries again every second; until "
        "it succeeds nobody else is told of it, and if the service ends before, it is lost"
    )


def change(service: "Service", settings: list[str], reset: list[str]) -> dict[str, Any]:
    """All of it or none of it: every word is understood before the first is acted on."""
    wanted = [parse_setting(text) for text in settings]
    back = [settable_key(key) for key in reset]
    for key in (*dict(wanted), *back):
        service.engine.may_change(key)
    at = service.clock.at()
    for key, value in wanted:
        service.engine.change(key, value, at)
    for key in back:
        service.engine.reset(key, at)
    service.settings_changed()
    return {
        "ok": True,
        "settings": service.engine.differing(),
        "waiting": service.engine.waiting(),
    }


# -- The command line's end ------------------------------------------------------------------


def found(folder: Path) -> Path:
    """Where the service that was started last has put its socket."""
    named = folder / state.CONTROL_PATH
    return Path(named.read_text().strip()) if named.exists() else folder / state.CONTROL


def nobody_at(path: Path, error: Exception) -> str:
    return (
        f"no service answers at {path} ({error}); start it with siphotspot run, "
        "or name its state folder with --state-dir"
    )


def too_slow(seconds: float) -> str:
    return f"the service has not answered within {seconds:g} s"


def ask(folder: Path, command: dict[str, Any]) -> dict[str, Any]:
    """Raises ``ControlError`` where no service answers, or where it says no."""
    path = found(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(ANSWER_S)
        try:
            asking.connect(str(path))
            asking.sendall(json.dumps(command).encode() + b"\n")
            with asking.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
        except TimeoutError:
            raise ControlError(too_slow(ANSWER_S)) from None
        except (OSError, ValueError) as error:
            raise ControlError(nobody_at(path, error)) from None
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error", "the service said no")))
    return answer
