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
    LineSwitchedOff,
    LineSwitchedOn,
    LineWithdrawn,
    SettingChanged,
)
from core.machines.hotspot import ANY, STREAM
from core.machines.line import Line, Phase, Wish
from core.machines.switchboard import Switchboard, kind_of, name_of
from service.config import Config, settable, setting, with_setting
from service.directory import account_of

News = Iterator[tuple[str, Observed]]  # Stream and observation.


def effective(config: Config, board: Switchboard) -> Config:
    """The file, and every later word of the owner over it."""
    for key, word in board.hotspot.settings.items():
        if is_known(config, key):
            config = with_setting(config, key, json.loads(word.value))
    return config


def is_known(config: Config, key: str) -> bool:
    """Whether there is such a key; a line may have left the configuration."""
    if key not in settable:
        return False
    table, *number, _ = key.split(".")
    return table != "line" or config.line(int(number[0])) is not None


def settings_in(config: Config, board: Switchboard) -> News:
    """The keys of the file that are not as the log last read them there."""
    known = board.hotspot.settings
    for key in settable:
        if not is_known(config, key):
            continue
        value = json.dumps(setting(config, key))
        before = known.get(key)
        if before is None or before.in_file != value:
            yield STREAM, changed(board, key, value, "file")


def changed(board: Switchboard, key: str, value: str, who: str) -> SettingChanged:
    before = board.hotspot.settings.get(key)
    return SettingChanged(
        key=key,
        value=value,
        before=before.value if before else "",
        who=who,
        members=board.members() if key == "hotspot.enabled" else (),
    )


def clients_in(config: Config, board: Switchboard) -> News:
    """Phones that are new, have another alias, or are gone from the file."""
    aliases = board.hotspot.aliases
    listed = {phone.user: ANY if phone.alias is None else phone.alias for phone in config.phones}
    for user in aliases.keys() - listed.keys():
        yield STREAM, ClientUnlisted(client=user)
        yield f"link:{user}", ClientRemoved()
    for user, alias in sorted(listed.items(), key=lambda item: item[1] == ANY):
        if user not in aliases or alias not in (ANY, aliases[user]):
            yield STREAM, ClientListed(client=user, alias=alias)


def lines_in(config: Config, board: Switchboard) -> News:
    """Each line as it should be; an account is given anew where it changed or had failed."""
    for line in config.lines:
        stream = f"line:{line.number}"
        state: Line = board.state(stream)
        account = account_of(line)
        if not line.enabled:
            if state.wish is Wish.REGISTERED:
                yield stream, LineSwitchedOff()
        elif account != state.account or state.phase in (Phase.UNCONFIGURED, Phase.FAILED):
            yield stream, LineConfigured(account=account)
        elif state.wish is not Wish.REGISTERED:
            yield stream, LineSwitchedOn()
    numbers = {str(line.number) for line in config.lines}
    for stream, state in [*board.states.items()]:
        is_ours = kind_of(stream) == "line" and name_of(stream) in numbers
        if kind_of(stream) == "line" and not is_ours and state.wish is not Wish.CLEARED:
            yield stream, LineWithdrawn()
