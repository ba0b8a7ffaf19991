"""Where the service keeps what must outlive it, if nobody names a place."""

import os
from pathlib import Path

STORE_NAME = "siphotspot.db"
DEFAULT_STATE_DIR = (
    "Default: $SIPHOTSPOT_STATE_DIR, else $XDG_STATE_HOME/siphotspot, else /var/lib/siphotspot for "
    "root and ~/.local/state/siphotspot for others."
)
"""``default_state_dir``, for who asks for help."""


def default_state_dir() -> Path:
    """``$SIPHOTSPOT_STATE_DIR``, else the place of the user, or of the machine for root.

    The user's is ``$XDG_STATE_HOME``, which counts only where it is absolute (XDG Base
    Directory Specification), else ``~/.local/state``.
    """
    if named := os.environ.get("SIPHOTSPOT_STATE_DIR"):
        return Path(named)
    states = Path(os.environ.get("XDG_STATE_HOME", ""))
    if states.is_absolute():
        return states / "siphotspot"
    if os.geteuid() == 0:
        return Path("/var/lib/siphotspot")
    return Path.home() / ".local" / "state" / "siphotspot"
