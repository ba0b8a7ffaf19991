"""The command line.

A command that is short stands here.  Each group of commands has a module and a typer
application of its own, and one ``add_typer`` line below.  Output is plain text: it reads
the same on a terminal, without colour and in a pipe.
"""

import sys
from importlib.metadata import version
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from service import commands, looking, membership_cli
from service.config import ConfigError, load
from service.output import pipe_without_reader, send_nowhere
from service.phone_cli import phone_app
from service.replay_cli import replay_app

app = typer.Typer(
    name="siphotspot",
    help="A SIP hotspot: one account rings every phone of the house.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # Its tracebacks show local variables.
    rich_markup_mode=None,
)


def tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"siphotspot {version('siphotspot')}")
        raise typer.Exit


@app.callback()
def siphotspot(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=tell_version, is_eager=True, help="Its version, and nothing else."
        ),
    ] = False,
) -> None:
    pass


@app.command("check-config")
def check_config(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration, in TOML.")],
) -> None:
    """Name every wrong key or value with its line and what is allowed."""
    try:
        config = load(file)
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(problem.at(file))
        raise typer.Exit(1) from None
    for warning in config.passed_over:
        typer.echo(f"{warning.at(file)} (warning)")
    typer.echo(f"{file}: OK, {many(config.lines, 'line')}, {many(config.phones, 'phone')}")


commands.add_to(app)
looking.add_to(app)
membership_cli.add_to(app)
app.add_typer(phone_app, name="phone")
app.add_typer(replay_app, name="replay")


def many(things: tuple[object, ...], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def main() -> None:
    """What a command did not foresee, as a full disk under its output, is one line as well.

    Where nobody reads the output, none is: the exit status tells.
    """
    out = sys.stdout = sys.stdout or pipe_without_reader()
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # Whatever the terminal can show.
    try:
        try:
            app(prog_name="siphotspot")
        finally:
            out.flush()
    except BrokenPipeError:
        send_nowhere(out)
        sys.exit(1)
    except OSError as error:
        sys.stdout = StringIO()  # What it still holds cannot be written either.
        sys.exit(f"siphotspot: {error.strerror or error}")
