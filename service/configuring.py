"""What the configuration file says, told to the house as observations.

At each start the file is compared with what the log remembers of it, and only what is new
is said: so the latest word on a key wins, whether it came from the file or from the owner
at run time, and survives a restart.
"""

import json
from collections.abc import Iterator

from core.events.base import Observed
from core.events.observed import (
    ClientListed,
    ClientRemoved,
    ClientUnlisted,
    LineConfigured,
    LinesCounted,
    LineSwitchedOff,
    LineSwitchedOn,
    LineWithdrawn,
    SettingChanged,
    SettingPostponed,
)
from core.machines.hotspot import ANY, STREAM, SWITCHES
from core.machines.line import Line, Phase, Wish
from core.machines.switchboard import Switchboard, kind_of, name_of
from service.config import Config, keys_in, setting, with_setting
from service.config import Line as OwnLine
from service.directory import account_of

APPLY = "hotspot.apply"  # Of all settings the one that never waits.

News = Iterator[tuple[str, Observed]]  # Stream and observation.


def effective(config: Config, board: Switchboard) -> Config:
    """The file, and every later word of the owner over it."""
    for key, word in board.hotspot.settings.items():
        if is_known(config, key):
            config = with_setting(config, key, json.loads(word.value))
    return config


def is_known(config: Config, key: str) -> bool:
    """Whether there is such a key; a line or a phone may have left the configuration."""
    return key in keys_in(config)


def settings_in(config: Config, board: Switchboard) -> News:
    """The keys of the file that are not as the log last read them there."""
    known = board.hotspot.settings
    for key in keys_in(config):
        value = json.dumps(setting(config, key))
        before = known[key].in_file if key in known else ""
        if key.startswith("phone."):
            before = before or "false"  # Nothing is made of each phone that is like all others.
        if before != value:
            yield STREAM, changed(board, key, value, "file")


def changed(board: Switchboard, key: str, value: str, who: str) -> SettingChanged:
    before = board.hotspot.settings.get(key)
    return SettingChanged(
        key=key,
        value=value,
        before=before.value if before else "",
        who=who,
        members=board.members() if key in SWITCHES else (),
    )


def said(config: Config, board: Switchboard, key: str, value: str, who: str) -> Observed:
    """A word of the owner at run time: it counts at once, or from the next start on (S24)."""
    if config.hotspot.apply == "restart" and key != APPLY:
        return SettingPostponed(key=key, value=value, who=who)
    return changed(board, key, value, who)


def clients_in(config: Config, board: Switchboard) -> News:
    """Phones that are new, have another alias, or are gone from the file."""
    aliases, guests = board.hotspot.aliases, board.hotspot.guests
    listed = {phone.user: ANY if phone.alias is None else phone.alias for phone in config.phones}
    for user in [user for user in aliases if user not in listed and user not in guests]:
        yield f"link:{user}", ClientRemoved()
        yield STREAM, ClientUnlisted(client=user)
    for user, alias in sorted(listed.items(), key=lambda item: item[1] == ANY):
        if user not in aliases or alias not in (ANY, aliases[user]):
            yield STREAM, ClientListed(client=user, alias=alias)


def lines_in(config: Config, board: Switchboard) -> News:
    """Each line as it should be; one that waits to try again goes on waiting.

    A client of another hotspot has the lines that are lent to it and none of its own.
    """
    yield from line_count(config, board)
    ours = own_lines(config)
    for line in ours:
        stream = f"line:{line.number}"
        state: Line = board.state(stream)
        account = account_of(line)
        if not line.enabled:
            if state.wish is Wish.REGISTERED:
                yield stream, LineSwitchedOff()
        elif account != state.account or state.phase is Phase.UNCONFIGURED:
            yield stream, LineConfigured(account=account)
        elif state.wish is not Wish.REGISTERED:
            yield stream, LineSwitchedOn()
    numbers = {str(line.number) for line in ours} | lent_in(board)
    for stream, state in [*board.states.items()]:
        is_ours = kind_of(stream) == "line" and name_of(stream) in numbers
        if kind_of(stream) == "line" and not is_ours and state.wish is not Wish.CLEARED:
            yield stream, LineWithdrawn()


def line_count(config: Config, board: Switchboard) -> News:
    """Where it begins to matter to the hotspot whether there is an account."""
    is_client = config.hotspot.mode == "client"
    if not is_client and bool(config.lines) is not board.hotspot.has_account:
        yield STREAM, LinesCounted(count=len(config.lines))


def own_lines(config: Config) -> tuple[OwnLine, ...]:
    """As a client a device has none, whatever stands in its file."""
    return () if config.hotspot.mode == "client" else config.lines


def lent_in(board: Switchboard) -> set[str]:
    uplinks = (state for stream, state in board.states.items() if kind_of(stream) == "uplink")
    return {lent.line for state in uplinks for lent in state.lines}


def denied_in(config: Config, board: Switchboard) -> News:
    """Lines whose password was not accepted: who starts the service anew may have mended it.

    The log does not know the password, so it cannot tell.
    """
    for line in own_lines(config):
        stream = f"line:{line.number}"
        if line.enabled and board.state(stream).is_denied():
            yield stream, LineConfigured(account=account_of(line))


def insisted_on(config: Config, board: Switchboard, key: str) -> News:
    """The line that failed and that its owner has just said is to be enabled: tried now."""
    for line in own_lines(config):
        is_meant = line.enabled and key == f"line.{line.number}.enabled"
        if is_meant and board.state(f"line:{line.number}").phase is Phase.FAILED:
            yield f"line:{line.number}", LineSwitchedOn()
