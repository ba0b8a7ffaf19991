"""``siphotspot phone``: drive the phone of this device, by a command or on a whole screen.

Every command is one question to the running service, over its control socket.  What is
played and recorded is read and written by the service, so its paths leave here absolute.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from replay.text import printable
from service.commands import AsJson, StateDir, asked
from service.paths import default_state_dir
from service.phone_screen_words import account_of, alias, call_in_words, missed_in_words

NO_TEXTUAL = (
    "siphotspot: the full-screen phone needs textual: pip install 'siphotspot[tui]'; without it "
    "there are siphotspot phone status, call, answer, hangup and more (siphotspot phone --help)"
)
NO_TERMINAL = (
    "siphotspot: the full-screen phone needs a terminal; for a program there is "
    "siphotspot phone status --json, and a command for every key"
)

phone_app = typer.Typer(
    name="phone",
    help="The phone of this device: a command drives it; without one, a full-screen phone.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Call = Annotated[
    str | None,
    typer.Argument(metavar="CALL", help="Its name, where more than one fits.", show_default=False),
]
WhichCall = Annotated[
    str | None, typer.Option("--call", metavar="CALL", help="Its name, where more than one fits.")
]
Play = Annotated[
    Path | None, typer.Option("--play", metavar="FILE", help="Speaks instead of a microphone: WAV.")
]
Record = Annotated[
    Path | None, typer.Option("--record", metavar="FILE", help="What the other side says: WAV.")
]


@phone_app.callback()
def phone(context: typer.Context, state_dir: StateDir = None) -> None:
    if context.invoked_subcommand is None:
        on_a_screen(state_dir or default_state_dir())
    elif state_dir is not None:
        wrong("--state-dir stands after the command: siphotspot phone answer --state-dir DIR")


def on_a_screen(folder: Path) -> None:
    if find_spec("textual") is None:
        typer.echo(NO_TEXTUAL, err=True)
        raise typer.Exit(1)
    if not is_on_a_terminal():
        typer.echo(NO_TERMINAL, err=True)
        raise typer.Exit(1)
    from service.phone_screen import PhoneScreen  # Takes long to import, and may not be there.

    PhoneScreen(folder).run(mouse=False)


def is_on_a_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def wrong(what: str) -> NoReturn:
    typer.echo(what, err=True)
    raise typer.Exit(2)


def ordered(state_dir: Path | None, do: str, **words: object) -> None:
    """What is ``None`` was not said.  Prints the call it is about, where the service names one."""
    said = {key: word for key, word in words.items() if word is not None}
    answer = asked(state_dir, {"command": "phone", "do": do, **said})
    if "call" in answer:
        typer.echo(f"call {answer['call']}")


def played(file: Path | None) -> str | None:
    if file is None:
        return None
    if not file.is_file():
        wrong(f"--play {file}: there is no such file")
    return str(file.absolute())


def recorded(file: Path | None) -> str | None:
    if file is None:
        return None
    if not file.absolute().parent.is_dir():
        wrong(f"--record {file}: there is no folder {file.absolute().parent}; make it first")
    return str(file.absolute())


# -- The commands ------------------------------------------------------------------------


@phone_app.command("call")
def call(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="An alias, or any number.")],
    line: Annotated[
        int | None,
        typer.Option("--line", metavar="N", min=1, max=6, help="The line it leaves by."),
    ] = None,
    play: Play = None,
    record: Record = None,
    state_dir: StateDir = None,
) -> None:
    """Call a number; prints the name of the call."""
    by = None if line is None else str(line)
    ordered(
        state_dir, "call", number=number, line=by, play=played(play), record=recorded(record)
    )  # fmt: skip


@phone_app.command("answer")
def answer(
    call: Call = None, play: Play = None, record: Record = None, state_dir: StateDir = None
) -> None:
    """Answer the call that rings."""
    ordered(state_dir, "answer", call=call, play=played(play), record=recorded(record))


@phone_app.command("decline")
def decline(call: Call = None, state_dir: StateDir = None) -> None:
    """Let the call that rings go; the other phones ring on."""
    ordered(state_dir, "decline", call=call)


@phone_app.command("hangup")
def hangup(call: Call = None, state_dir: StateDir = None) -> None:
    """End a call, or give it up while it is not answered."""
    ordered(state_dir, "hangup", call=call)


@phone_app.command("hold")
def hold(call: Call = None, state_dir: StateDir = None) -> None:
    """Put a call on hold."""
    ordered(state_dir, "hold", call=call)


@phone_app.command("resume")
def resume(call: Call = None, state_dir: StateDir = None) -> None:
    """Take up a call that is on hold."""
    ordered(state_dir, "resume", call=call)


@phone_app.command("digits")
def digits(
    digits: Annotated[str, typer.Argument(metavar="DIGITS", help="Of 0 to 9, * and #.")],
    call: WhichCall = None,
    state_dir: StateDir = None,
) -> None:
    """Press keys in a call, as in 12#."""
    ordered(state_dir, "digits", digits=digits, call=call)


@phone_app.command("transfer")
def transfer(
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="Who gets it.", show_default=False)
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="CALL", help="Another call of ours gets it.")
    ] = None,
    call: WhichCall = None,
    state_dir: StateDir = None,
) -> None:
    """Hand a call over to a number, or to another call."""
    if (number is None) == (to is None):
        wrong("transfer to whom: either a NUMBER, or --to CALL")
    ordered(state_dir, "transfer", number=number, to=to, call=call)


@phone_app.command("quiet")
def quiet(
    word: Annotated[str, typer.Argument(metavar="on|off")], state_dir: StateDir = None
) -> None:
    """Do not disturb: this phone rings for nobody, the others do.

    Calls from inside the house hear busy as well. A [[phone]] that is quiet, by
    phone.USER.quiet=true, still rings for those.
    """
    if word not in ("on", "off"):
        wrong(f"quiet {word}: must be on or off")
    ordered(state_dir, "quiet", on=word == "on")


@phone_app.command("automatic")
def automatic(
    answer_after: Annotated[
        float | None,
        typer.Option(
            "--answer-after", metavar="S", min=0, max=600, help="Seconds of ringing.  Default: 0."
        ),
    ] = None,
    play: Play = None,
    record: Record = None,
    off: Annotated[bool, typer.Option("--off", help="Calls ring until somebody answers.")] = False,
    state_dir: StateDir = None,
) -> None:
    """From now on answer every call by itself."""
    if off and (answer_after, play, record) != (None, None, None):
        wrong("--off stands alone")
    after = None if off else answer_after or 0
    words = {"answer_after": after, "play": played(play), "record": recorded(record)}
    asked(state_dir, {"command": "phone", "do": "automatic", **words})


@phone_app.command("status")
def status(state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Its hotspot, its lines, its calls and those that were missed."""
    report = asked(state_dir, {"command": "phone", "do": "status"})
    report.pop("ok")
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        typer.echo("\n".join(map(printable, in_words(report))))


def in_words(report: dict[str, Any]) -> list[str]:
    phone = report["phone"]
    words = [f"phone    {phone['name']}, {alias(phone)}: {phone['mode']}, {phone['hotspot']}"]
    for line in phone["lines"]:
        words.append(f"line {line['number']}   {account_of(line)}: {line['state']}")
    if phone["quiet"]:
        words.append("quiet    on: it does not ring")
    if phone["answer_after"] is not None:
        words.append(f"answers  by itself after {phone['answer_after']:g} s")
    words += [f"call {each['call']}   {call_in_words(each)}" for each in phone["calls"]]
    words += [f"missed   {missed_in_words(each)}" for each in phone["missed"]]
    for row in report.get("house", []):
        legs = " ".join(f"{leg}={phase}" for leg, phase in row["legs"].items())
        words.append(f"house    {row['from']} -> {row['to']}: {row['state']} {legs}".rstrip())
    return words
