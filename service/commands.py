"""``run``, ``status`` and ``set``: the service, and two commands that speak with it."""

import json
from pathlib import Path
from typing import Annotated, Any

import trio
import typer

from adapters.net.relay import RelayError
from adapters.sip.sockets import BindError
from adapters.store.errors import StoreError
from service.config import Config, ConfigError, load
from service.control import ControlError, ask
from service.demo import demo
from service.paths import default_state_dir
from service.runtime import serve
from service.state import StateError

GUEST_ID = 32  # Hexadecimal digits.

StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", metavar="DIR", help="Where the log and the control socket are."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def run(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The configuration, in TOML.")
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """The service.  Without a configuration a hotspot with no account: internal calls only."""
    folder = state_dir or default_state_dir()
    try:
        trio.run(serve, configured(config), folder)
    except* (StateError, StoreError, BindError, RelayError) as group:
        for error in leaves(group):
            typer.echo(f"siphotspot: {error}", err=True)
        raise typer.Exit(1) from None


def configured(path: Path | None) -> Config:
    if path is None:
        return Config.default()
    try:
        config = load(path)
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(problem.at(path), err=True)
        raise typer.Exit(1) from None
    for warning in config.passed_over:
        typer.echo(f"{warning.at(path)} (warning)", err=True)
    return config


def leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def status(state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Hotspot, lines, clients and calls."""
    report = asked(state_dir, {"command": "status"})["status"]
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        typer.echo("\n".join(in_words(report)))


def set_(
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE ...", show_default=False)
    ] = None,
    reset: Annotated[
        list[str] | None,
        typer.Option("--reset", metavar="KEY", help="Back to what the file says."),
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Change the running service, e.g. hotspot.enabled=false."""
    if not settings and not reset:
        typer.echo("nothing to set; as hotspot.enabled=false, or --reset hotspot.enabled", err=True)
        raise typer.Exit(2)
    command = {"command": "set", "settings": settings or [], "reset": reset or []}
    answer = asked(state_dir, command)
    for key, value in answer["settings"].items():
        typer.echo(f"{key} = {json.dumps(value)} (differs from the file)")
    for key, value in answer["waiting"].items():
        typer.echo(waits(key, value))


def waits(key: str, value: object) -> str:
    return f"{key} = {json.dumps(value)} from the next start on (hotspot.apply)"


def asked(state_dir: Path | None, command: dict[str, Any]) -> dict[str, Any]:
    try:
        return ask(state_dir or default_state_dir(), command)
    except ControlError as error:
        typer.echo(f"siphotspot: {error}", err=True)
        raise typer.Exit(1) from None


def in_words(report: dict[str, Any]) -> list[str]:
    hotspot = report["hotspot"]
    words = [f"hotspot  {hotspot['name']}: {hotspot['state']}, activation {hotspot['epoch']}"]
    if hotspot["mode"] == "client":
        words = [f"client   {hotspot['name']}"]
    for line in report["lines"]:
        why = f" ({line['reason']})" if line["reason"] else ""
        words.append(
            f"line {line['number']}   {line['user']}@{line['server']}: {line['state']}{why}"
        )
    for client in report["clients"]:
        where = f" at {client['ip']}" if client["ip"] else ""
        alias = "-" if client["alias"] is None else client["alias"]
        since = f" since {client['since']}" if client["since"] else ""
        words.append(f"phone {alias:<3} {named(client)}: {client['state']}{where}{since}")
    for heard in report["hotspots"]:
        words.append(f"hears    {heard['name']} at {heard['ip']}, alias 0: {heard['state']}")
    if report["notice"]:
        words.append(f"note     {report['notice']}")
    for call in report["calls"]:
        legs = " ".join(f"{leg}={phase}" for leg, phase in call["legs"].items())
        words.append(
            f"call     {call['call']} {call['from']} -> {call['to']}: {call['state']} {legs}"
        )
    words += [f"set      {key} = {json.dumps(value)}" for key, value in report["settings"].items()]
    words += [f"waits    {waits(key, value)}" for key, value in report["waiting"].items()]
    if report["store"]:
        words.append(f"store    no new calls: {report['store']}")
    return words


def named(client: dict[str, Any]) -> str:
    """A client that joined has an id for its user, and says a name."""
    is_guest = len(client["user"]) == GUEST_ID and client["name"]
    return f"{client['name']} ({client['user'][:8]})" if is_guest else str(client["user"])


def add_to(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("status")(status)
    app.command("set")(set_)
    app.command("demo")(demo)
