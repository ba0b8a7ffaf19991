"""Whose transaction it is: what comes back with a response or a time-out."""

from msgspec import Struct


class Owner(Struct, frozen=True, gc=False):
    """``party`` is who was asked; ``by`` and ``number`` name a request passed between sides."""

    stream: str
    party: str
    by: str = ""
    number: int = 0
