"""One of every event, for tests that must leave none out."""

from types import ModuleType
from typing import Any, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields

from core.events import discovered, joined, observed, released
from core.events.base import Event, Observed, events_in
from core.events.facts import Target

VALUES: dict[str, object] = {
    "code": 180,
    "targets": (Target(leg="A"), Target(leg="B")),
    "value": "true",
    "key": "hotspot.enabled",
    "granted_s": 600,
    "by": "caller",
    "method": "INVITE",
    "draw": 0.5,
}


def sample(kind: Any) -> Any:
    """Some value of this type that is not its default."""
    if get_origin(kind) is tuple:
        return (sample(get_args(kind)[0]),)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind(**{f.name: sample(f.type) for f in fields(kind)})
    return {int: 60, str: "A", bytes: b"a", bool: True, float: 0.25}[kind]


def one_of_each(module: ModuleType, **values: object) -> list[Any]:
    values = VALUES | values
    return [
        kind(**{f.name: values.get(f.name, sample(f.type)) for f in fields(kind)})
        for kind in events_in(module)
    ]


def every_observation() -> list[Observed]:
    """One of each, and those whose values decide what follows."""
    seen = observed
    legs = [seen.LegRefused(leg="A", code=code) for code in (302, 401, 486, 503, 603)]
    rings: list[Event] = [
        seen.LegProgressed(leg="A", code=code, answer=answer)
        for code in (100, 180, 183)
        for answer in (b"", b"early")
    ]
    modules = (observed, joined, released, discovered)
    return [*(one for module in modules for one in one_of_each(module)), *legs, *rings]
