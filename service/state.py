"""The state folder: the store, the secret of its identifiers, the control socket."""

import os
import secrets
from pathlib import Path

from service.config import Config

SECRET = "secret"
CONTROL = "control.sock"
CONTROL_PATH = "control.path"


class StateError(Exception):
    """The state folder cannot be used: names it and the fix."""


def prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StateError(
            f"{folder}: the state folder cannot be made ({error.strerror}); "
            "name one that can be written with --state-dir"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StateError(
            f"{folder}: the state folder cannot be written; "
            "give it to the user of the service, or name another with --state-dir"
        )


def store_path(folder: Path, config: Config) -> str:
    """The file of the log.  Relative names are beside the rest of the state."""
    scheme, _, rest = config.store.url.partition(":")
    if scheme != "sqlite":
        raise StateError(
            f"store.url: {scheme} is not built yet; use sqlite:FILE, as sqlite:siphotspot.db"
        )
    return str(folder / rest)


def secret_of(folder: Path, store: str) -> bytes:
    """What the identifiers of this store are derived with; made once, with the store.

    It is no part of the log, so that a log can be given away with a bug report.
    """
    path = folder / SECRET
    try:
        held = path.read_bytes()
        if len(held) >= 32:
            return held
        raise StateError(f"{path}: the secret is damaged; restore it, or move {store} away")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror})") from None
    if Path(store).exists() and Path(store).stat().st_size:
        raise StateError(
            f"{path} is missing, and calls in {store} cannot be taken up without it; "
            "restore it, or move the store away to begin anew"
        )
    made = secrets.token_bytes(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made
