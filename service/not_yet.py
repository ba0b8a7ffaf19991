"""Which keys are known and checked, and have no effect in this version.

A file written for a later version starts an earlier one, but never in silence: what is
passed over is named when the file is read, and refused where somebody sets it by hand.
"""

from collections.abc import Callable


def whatever(_value: object) -> bool:
    return True


def listens_for_tls(value: object) -> bool:
    return isinstance(value, list) and any(str(each).startswith("tls:") for each in value)


NOT_YET_ACTED_ON: dict[str, Callable[[object], bool]] = {
    "sip.listen": listens_for_tls,
    "line.server_name": whatever,
    "media.mode": lambda value: value == "rtpengine",
    "store.url": lambda value: not str(value).startswith("sqlite:"),
    "store.keep_days": whatever,
    "web.listen": whatever,
}
"""By key, which of its values; the test takes the value as it stands in the file."""

BY_VALUE = ("media.mode",)
"""Of these another value has its effect, so the warning repeats the one it is about."""


def passed_over(key: str, value: object) -> str | None:
    """What to say about this value of this key, ``table.key``, where there is something to say."""
    without_effect = NOT_YET_ACTED_ON.get(key)
    if without_effect is None or not without_effect(value):
        return None
    what = "is known, but this version does not act on it yet"
    return f'"{value}" {what}' if key in BY_VALUE else what
