"""``connect``, ``disconnect``, ``admit`` and ``remove`` on the command line."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import StateDir, asked

Hotspot = Annotated[str, typer.Argument(metavar="HOTSPOT", help="Its id or its address.")]
Client = Annotated[
    str, typer.Argument(metavar="CLIENT", help="Its id, its beginning, its alias or its name.")
]


def connect(hotspot: Hotspot, state_dir: StateDir = None) -> None:
    """As a client: follow this hotspot, and come back to it."""
    tell(state_dir, "connect", hotspot)


def disconnect(state_dir: StateDir = None) -> None:
    """As a client: leave the hotspot, and stay away until connect."""
    tell(state_dir, "disconnect", "")


def admit(client: Client, state_dir: StateDir = None) -> None:
    """As a hotspot with join = "approve": let this client in."""
    typer.echo(f"{client} is admitted; {tell(state_dir, 'admit', client)}")


def remove(client: Client, state_dir: StateDir = None) -> None:
    """As a hotspot: clear this client, with its alias."""
    tell(state_dir, "remove", client)


def tell(state_dir: Path | None, command: str, name: str) -> str:
    """What comes of it, as the service says."""
    return str(asked(state_dir, {"command": command, "name": name}).get("said", ""))


def add_to(app: typer.Typer) -> None:
    app.command("connect")(connect)
    app.command("disconnect")(disconnect)
    app.command("admit")(admit)
    app.command("remove")(remove)
