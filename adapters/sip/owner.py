"""Whose transaction it is: what comes back with a response or a time-out."""

from typing import NamedTuple


class Owner(NamedTuple):
    """``party`` is who was asked; ``by`` and ``number`` name a request passed between sides."""

    stream: str
    party: str
    by: str = ""
    number: int = 0
