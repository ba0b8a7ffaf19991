"""``siphotspot demo``: a whole house on loopback, and every claim seen on the wire.

An account server, a hotspot as a process of its own, three phones and a caller.  Nothing is
simulated: the messages go through sockets, and the hotspot is killed as a crash would.
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
from service.demo_acts import CALLS, Stage
from service.demo_hotspot import Hotspot
from service.demo_telling import Missing, Teller
from service.paths import STORE_NAME

WHOLE_S = 60.0


def demo(
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Leave configuration and log in this folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a step.")] = False,
) -> None:
    """Calls on loopback: one account rings three phones, and a call outlives kill -9."""
    tell = Teller(as_json)
    with ExitStack() as opened:
        if keep is None:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="siphotspot-")))
        else:
            folder = keep
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "state").exists():
                typer.echo(f"siphotspot: {folder} holds an earlier demo; name another", err=True)
                raise typer.Exit(2)
        missing = trio.run(played, folder, tell)
    if missing:
        tell.ended(f"MISSING: {missing}", False)
        raise typer.Exit(1)
    where = "" if keep is None else f"; its log: siphotspot replay calls --state-dir {keep}/state"
    tell.ended(f"All of it was seen, {tell.facts} facts{where}", True)


async def played(folder: Path, tell: Teller) -> str:
    """What was missing, "" where nothing was."""
    hotspot: Hotspot | None = None
    missing: list[str] = []
    try:
        with trio.fail_after(WHOLE_S):
            hotspot = Hotspot(folder, tell)
            await play(hotspot, tell)
        looked_back(folder / "state", tell)
    except* Missing as group:
        missing += told(group)
    except* trio.TooSlowError:
        missing.append(f"{WHOLE_S:.0f} s have passed; the last that was seen: {tell.last}")
    except* KeyboardInterrupt:
        missing.append(f"interrupted; the last that was seen: {tell.last}")
    finally:
        if hotspot is not None:
            await hotspot.shut()
    return "; ".join(missing)


async def play(hotspot: Hotspot, tell: Teller) -> None:
    stage = Stage(hotspot, tell)
    async with trio.open_nursery() as nursery:
        await nursery.start(end_when_told)
        await stage.open(nursery)
        await stage.play(nursery)
        tell.check(await hotspot.stop() == 0, "the hotspot ends when it is told to")
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


def looked_back(state: Path, tell: Teller) -> None:
    """The same calls from the log alone: as ladders, and decided again."""
    tell.act("The calls as the log has them")
    with closing(reader(state / STORE_NAME)) as log:
        calls = log.streams(CALL)
        for stream in calls:
            tell.picture(stream.removeprefix(CALL), ladder([*log.read(stream=stream)]))
        result = verification(log.read())
    tell.verified(str(result), not result.fault)
    if result.fault:
        raise Missing(f"the replay decides otherwise: {result.fault}")
    tell.check(len(calls) == CALLS, f"the log holds {CALLS} calls")
