"""``siphotspot demo``: a whole house on loopback, and every claim seen on the wire.

An account server and a caller outside; inside a hotspot and two clients, each the real
service as a process of its own, and an ordinary phone.  Nothing is simulated: messages and
sound go through sockets, and the hotspot is killed as a crash would.
"""

import signal
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import trio
import typer

from adapters.store.reading import reader
from replay.ladder import ladder
from replay.reader import CALL
from replay.replayer import verification
from service.demo_acts import CALLS, Acts
from service.demo_device import Device
from service.demo_telling import Missing, Teller

WHOLE_S = 60.0


def demo(
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Leave configuration and log in this folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a step.")] = False,
) -> None:
    """A hotspot and its clients on loopback: calls of all kinds, kill -9, and the switch off."""
    tell = Teller(as_json)
    with ExitStack() as opened:
        if keep is None:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="siphotspot-")))
        else:
            folder = keep
            make(folder)
        missing = trio.run(played, folder, tell)
    if missing:
        tell.ended(f"MISSING: {missing}", False)
        raise typer.Exit(1)
    where = "" if keep is None else f"; its log: siphotspot replay calls --state-dir {keep}/hotspot"
    tell.ended(f"All of it was seen, {tell.facts} facts{where}", True)


def make(folder: Path) -> None:
    """With the folder of the hotspot in it, which tells whether anything can be written there."""
    hotspot = folder / "hotspot"
    try:
        why = "holds an earlier demo" if hotspot.exists() else ""
        folder.mkdir(parents=True, exist_ok=True)
        hotspot.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        why = f"cannot be written ({error.strerror})"
    if why:
        typer.echo(f"siphotspot: --keep {folder}: {why}; name another folder", err=True)
        raise typer.Exit(2)


async def played(folder: Path, tell: Teller) -> str:
    """What was missing, "" where nothing was."""
    acts: Acts | None = None
    missing: list[str] = []
    try:
        with trio.fail_after(WHOLE_S):
            acts = Acts(folder, tell)
            await play(acts)
        looked_back(acts, tell)
    except* Missing as group:
        missing += told(group)
    except* trio.TooSlowError:
        missing.append(f"{WHOLE_S:.0f} s have passed; the last that was seen: {tell.last}")
    except* KeyboardInterrupt:
        missing.append(f"interrupted; the last that was seen: {tell.last}")
    finally:
        if acts is not None:
            await acts.shut()
    return "; ".join(missing)


async def play(acts: Acts) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(acts.tell.run)
        await nursery.start(end_when_told)
        await acts.open(nursery)
        await acts.play(nursery)
        nursery.cancel_scope.cancel()


async def end_when_told(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """By SIGTERM, as from ``timeout``: the hotspot goes with us."""
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            raise Missing(f"the rest: the demo got {signal.Signals(number).name}")


def told(group: BaseExceptionGroup[Missing]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        found += told(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return found


def looked_back(acts: Acts, tell: Teller) -> None:
    """The same calls from the logs alone: as ladders, and decided again."""
    for device in acts.devices:
        is_hotspot = device is acts.hotspot
        tell.act(f"The calls of {device.name} as its log has them")
        look_back(device, tell, shown=None if is_hotspot else 1)
    passwords = [acts.passwords[user].encode() for user in acts.passwords]
    kept = [path.read_bytes() for device in acts.devices for path in device.folder.iterdir()]
    tell.check(
        not any(password in data for password in passwords for data in kept),
        "no password of an account or a phone stands in any log",
    )


def look_back(device: Device, tell: Teller, shown: int | None) -> None:
    """``shown`` is how many of its calls are drawn, None for all."""
    with closing(reader(device.store)) as log:
        calls = log.streams(CALL)
        for stream in calls[:shown]:
            tell.picture(stream.removeprefix(CALL), ladder([*log.read(stream=stream)]))
        result = verification(log.read())
    tell.verified(device.name, str(result), not result.fault)
    if result.fault:
        raise Missing(f"the replay of {device.name} decides otherwise: {result.fault}")
    expected = CALLS[device.name]
    tell.check(len(calls) == expected, f"{device.name} has {expected} calls in its log")
