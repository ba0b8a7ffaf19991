"""Find one's way in a log: which calls there are, and which of them somebody means."""

from collections.abc import Iterable, Sequence

from core.events.log import Recorded
from core.machines.switchboard import MACHINES, kind_of, name_of

CALL = "call:"
LAST = "last"
NAMED_MAX = 10  # So many names help; more would hide the message.


class NoSuchCall(Exception):
    """Nobody, or more than one, is meant; the message names who may be."""


def is_stream(name: str) -> bool:
    """A full stream name, of a call or of another machine: ``call:ab12``, ``line:1``."""
    return ":" in name and kind_of(name) in MACHINES


def find(meant: str, streams: Sequence[str]) -> str:
    """The stream that is meant by its name, a beginning of it, or ``last``.

    ``streams`` are those there are, the oldest first.  A name that is complete is meant
    also where it is the beginning of another.
    """
    calls = [stream for stream in streams if stream.startswith(CALL)]
    if meant == LAST and calls:
        return calls[-1]
    wanted = meant if is_stream(meant) else f"{CALL}{meant}"
    if wanted in streams:
        return wanted
    found = [stream for stream in streams if meant and stream.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoSuchCall(f'"{meant}" may be any of {listed(found)}: say more of the name')
    if not calls:
        raise NoSuchCall(f'there is no call "{meant}": the log holds no calls')
    raise NoSuchCall(f'there is no call "{meant}"; the last ones are {listed(calls)}')


def listed(streams: Sequence[str]) -> str:
    """The latest of them, by the names that a command takes."""
    shown = [name_of(s) if s.startswith(CALL) else s for s in streams[-NAMED_MAX:]]
    more = len(streams) - len(shown)
    return ", ".join(shown) + (f" and {more} earlier" if more else "")


def by_stream(log: Iterable[Recorded]) -> dict[str, list[Recorded]]:
    """Each story for itself, in the order in which they began."""
    stories: dict[str, list[Recorded]] = {}
    for recorded in log:
        stories.setdefault(recorded.turn.originator_id, []).append(recorded)
    return stories
