"""``siphotspot replay``: read the log of a service, while it runs or after it has ended.

Nothing here writes to a store.  Output is lines of text, or of JSON for a program, and
reads the same in a pipe.  Exit status: 1 where ``verify`` finds a difference, 2 where
there is nothing to be read.
"""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum, auto
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from eventsourcing.persistence import MapperDeserialisationError, PersistenceError

from adapters.store.reading import ReadOnlyLog, reader
from core.events.log import Recorded
from replay.calls import call_row, calls_table
from replay.entries import as_json, entries, export_jsonl
from replay.ladder import ladder
from replay.mermaid import sequence_diagram
from replay.reader import CALL, LAST, NAMED_MAX, NoSuchCall, find, is_stream
from replay.replayer import verification
from replay.text import printable
from replay.timeline import show
from service.paths import DEFAULT_STATE_DIR, STORE_NAME, default_state_dir

TURNS_A_STEP = 1_000
PROGRESS_FROM = 20_000  # Turns; fewer are verified before a bar could be read.

replay_app = typer.Typer(
    name="replay",
    help="Read the log: what happened, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Store = Annotated[
    str | None,
    typer.Option(
        metavar="PATH-or-URL",
        help=f"A file, or sqlite:FILE.  Default: {STORE_NAME} in the state folder.",
    ),
]
StateDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help=f"The state folder of the service.  {DEFAULT_STATE_DIR}"),
]
Call = Annotated[
    str,
    typer.Argument(metavar="CALL", help='Its name, the beginning of its name, or "last".'),
]
Json = Annotated[bool, typer.Option("--json", help="One object a line.")]


class Drawing(StrEnum):
    TEXT = auto()
    MERMAID = auto()


class Export(StrEnum):
    JSONL = auto()


def built(kind: type[StrEnum], *later: str) -> Callable[[str], StrEnum]:
    """Reads what stands after ``--format``; what comes in a later version is no mistake."""
    there = " and ".join(kind)

    def read(word: str) -> StrEnum:
        if word in later:
            stop(f"--format {word} is not built yet: there is {there}")
        if word not in kind.__members__.values():
            raise typer.BadParameter(f'there is no "{printable(word)}": there is {there}')
        return kind(word)

    return read


def format_of(kind: type[StrEnum], *later: str) -> Any:
    return typer.Option(
        "--format", metavar="|".join(kind), parser=built(kind, *later), help="How it is written."
    )


# -- The commands ------------------------------------------------------------------------


@replay_app.command("calls")
def calls(
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the last N calls.")
    ] = None,
    json: Json = False,
    store: Store = None,
    state_dir: StateDir = None,
) -> None:
    """One line a call: when, from, to, who rang, who answered, how it ended."""
    with opened(store, state_dir) as log:
        rows = (call_row(log.read(stream=name)) for name in log.streams(CALL, last))
        say(row.as_json() for row in rows) if json else say(calls_table([*rows]))


@replay_app.command("show")
def show_call(
    call: Call, json: Json = False, store: Store = None, state_dir: StateDir = None
) -> None:
    """Every turn: what was seen, the state before and after, what was decided and ordered."""
    with opened(store, state_dir) as log:
        story = story_of(log, call)
        say(map(as_json, entries(story)) if json else show(story))


@replay_app.command("ladder")
def draw_ladder(
    call: Call,
    form: Annotated[Drawing, format_of(Drawing, "html", "svg")] = Drawing.TEXT,
    store: Store = None,
    state_dir: StateDir = None,
) -> None:
    """The messages of a call as arrows, the decisions between them."""
    with opened(store, state_dir) as log:
        story = story_of(log, call)
        if not story[0].turn.originator_id.startswith(CALL):
            stop(f"{call} is not a call: only a call has a ladder")
        say(sequence_diagram(story) if form is Drawing.MERMAID else ladder(story))


@replay_app.command("verify")
def verify(
    call: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CALL ...]", help="Only these calls.", show_default=False),
    ] = None,
    store: Store = None,
    state_dir: StateDir = None,
) -> None:
    """Have today's machines decide again; exit 1 and the first difference where they differ."""
    with opened(store, state_dir) as log, progress(log) as told:
        if call:
            # By stream, so positions grow only within each: one verification a call.
            results = [verification(log.read(stream=meant(log, each))) for each in call]
        else:
            results = [verification(log.read(), told)]
    for result in results:
        say([str(result), *([str(result.fault)] if result.fault else [])])
    if any(result.fault for result in results):
        raise typer.Exit(1)


@replay_app.command("export")
def export(
    call: Call,
    form: Annotated[Export, format_of(Export, "pcapng")] = Export.JSONL,
    store: Store = None,
    state_dir: StateDir = None,
) -> None:
    """All that was recorded of a call, for a bug report."""
    with opened(store, state_dir) as log:
        say(export_jsonl(story_of(log, call)))


# -- The store ---------------------------------------------------------------------------


@contextmanager
def opened(store: str | None, state_dir: Path | None) -> Iterator[ReadOnlyLog]:
    """The log, or a message and the end: what is wrong with a store is no traceback."""
    try:
        with closing(reader(store_path(store, state_dir))) as log:
            yield log
    except MapperDeserialisationError as error:
        stop(f"the log cannot be read: {error}")
    except PersistenceError as error:
        stop(str(error))
    except NoSuchCall as error:
        stop(str(error))


def store_path(store: str | None, state_dir: Path | None) -> Path:
    """As the configuration says it: ``sqlite:`` and a file; one that is relative lies in the
    state folder where that is named, else it is where the user stands."""
    if store is None:
        return (state_dir or default_state_dir()) / STORE_NAME
    scheme, colon, rest = store.partition(":")
    if colon and scheme == "sqlite":
        path = Path("/" + rest.lstrip("/")) if rest.startswith("//") else Path(rest)
        return (state_dir / path) if state_dir else path
    if store.startswith(("postgresql:", "postgres:")):
        stop("a store in PostgreSQL cannot be read yet: name a file")
    return Path(store)


def meant(log: ReadOnlyLog, call: str) -> str:
    """The stream of this call, without reading the names of all there are."""
    if call != LAST and (found := log.streams(call if is_stream(call) else f"{CALL}{call}")):
        return find(call, found)
    return find(call, log.streams(CALL, last=NAMED_MAX))


def story_of(log: ReadOnlyLog, call: str) -> list[Recorded]:
    return [*log.read(stream=meant(log, call))]


# -- The terminal ------------------------------------------------------------------------


def say(lines: Iterable[str]) -> None:
    """Line by line, so that a reader that has enough (``head``) stops us early."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # Whatever the terminal can show.
    for line in lines:
        typer.echo(line)


def stop(why: str) -> NoReturn:
    typer.echo(f"siphotspot: {printable(why)}", err=True)
    raise typer.Exit(2)


@contextmanager
def progress(log: ReadOnlyLog) -> Iterator[Callable[[int], None]]:
    """A bar where somebody watches and it takes a while; it is gone when the work is done."""
    from rich.console import Console  # Takes long to import, and few commands take long.
    from rich.progress import Progress

    console = Console(stderr=True)
    last = log.last_position()
    if not console.is_terminal or last < PROGRESS_FROM:
        yield lambda position: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("verifying", total=last)

        def told(position: int) -> None:
            if position % TURNS_A_STEP == 0:
                bar.update(task, completed=position)

        yield told
