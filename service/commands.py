"""``run``, ``status`` and ``set``: the service, and two commands that speak with it."""

import json
from pathlib import Path
from typing import Annotated, Any

import trio
import typer

from adapters.net.relay import RelayError
from adapters.sip.sockets import BindError
from adapters.store.errors import StoreError
from replay.text import printable
from service import dropped
from service.config import Config, ConfigError, load
from service.control import ControlError, ask
from service.demo import demo
from service.paths import DEFAULT_STATE_DIR, default_state_dir
from service.phone_screen_words import account_of
from service.runtime import serve
from service.settings import worded
from service.state import StateError

GUEST_ID = 32  # Hexadecimal digits.

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help=f"Where the log and the control socket are.  {DEFAULT_STATE_DIR}",
    ),
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
    configuration = configured(config)
    errors: list[BaseException] = []
    try:
        trio.run(serve, configuration, folder)
    except* (StateError, StoreError, BindError, RelayError) as group:
        errors = leaves(group)
    end_if_any(errors)


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


def end_if_any(errors: list[BaseException]) -> None:
    """Outside of ``except*``, which would wrap the exit in a group: a traceback for the user."""
    for error in errors:
        typer.echo(f"siphotspot: {error}", err=True)
    if errors:
        raise typer.Exit(1)


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
        typer.echo("\n".join(map(printable, in_words(report))))


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
    """Change the running service, as in hotspot.enabled=false."""
    if not settings and not reset:
        typer.echo("nothing to set; as hotspot.enabled=false, or --reset hotspot.enabled", err=True)
        raise typer.Exit(2)
    command = {"command": "set", "settings": settings or [], "reset": reset or []}
    answer = asked(state_dir, command)
    for key in [each.partition("=")[0].strip() for each in settings or []] + (reset or []):
        typer.echo(now(key, answer))


def now(key: str, answer: dict[str, Any]) -> str:
    """What has become of a key that was set."""
    if key in answer["waiting"]:
        return waits(key, answer["waiting"][key])
    if key in answer["settings"]:
        return f"{worded(key, answer['settings'][key])} (differs from the file)"
    return f"{key}: as in the file"


def waits(key: str, value: object) -> str:
    return f"{worded(key, value)} from the next start on (hotspot.apply)"


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
        words.append(f"line {line['number']}   {account_of(line)}: {line['state']}{why}")
    for client in report["clients"]:
        words.append(phone_in_words(client))
    for heard in report["hotspots"]:
        why = f" ({heard['why']})" if heard.get("why") else ""  # An older service says none.
        words.append(f"hears    {heard['name']} at {heard['ip']}, alias 0: {heard['state']}{why}")
    if report["notice"]:
        words.append(f"note     {report['notice']}")
    for call in report["calls"]:
        legs = " ".join(f"{leg}={phase}" for leg, phase in call["legs"].items())
        words.append(
            f"call     {call['call']} {call['from']} -> {call['to']}: {call['state']} {legs}"
        )
    words += [f"set      {worded(key, value)}" for key, value in report["settings"].items()]
    words += [f"waits    {waits(key, value)}" for key, value in report["waiting"].items()]
    words += dropped.in_words(report.get("drops", {}))
    if report["store"]:
        words.append(f"store    no new calls: {report['store']}")
    return words


def phone_in_words(client: dict[str, Any]) -> str:
    """A row of the table of devices: alias, name, IP, MAC, line (S13)."""
    alias = "-" if client["alias"] is None else client["alias"]
    where = f" at {client['ip']}" if client["ip"] else ""
    mac = f" mac {client['mac']}" if client["mac"] else ""
    line = f" line {client['line']}" if client["line"] else ""
    since = f" since {client['since']}" if client["since"] else ""
    state, hint = client["state"], what_it_needs(client)
    return f"phone {alias:<3} {named(client)}: {state}{where}{mac}{line}{since}{hint}"


def named(client: dict[str, Any]) -> str:
    return f"{client['name']} ({client['user'][:8]})" if is_guest(client) else str(client["user"])


def what_it_needs(client: dict[str, Any]) -> str:
    """A guest that was cleared joins again by itself; an ordinary phone knows nothing of it."""
    is_unaware = client["state"] == "cleared" and not is_guest(client)
    return "; it has to register again" if is_unaware else ""


def is_guest(client: dict[str, Any]) -> bool:
    """A client that joined has an id for its user, and says a name."""
    return len(client["user"]) == GUEST_ID and bool(client["name"])


def add_to(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("status")(status)
    app.command("set")(set_)
    app.command("demo")(demo)
