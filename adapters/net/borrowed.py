"""Lines that a hotspot lends us, as the SIP layer knows lines; the other end of ``guests``.

Their passwords are held here, in memory, and nowhere else.
"""

from collections.abc import Iterable
from functools import partial

from adapters.net.beacon import Welcome
from adapters.net.leaving import place
from adapters.net.signature import derive_password
from adapters.sip.directory import LineEntry
from adapters.sip.surroundings import Surroundings
from core.events.facts import LentLine
from core.events.observed import LineConfigured
from core.machines.line import Line, Phase


class Borrowed:
    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.lines: dict[str, LineEntry] = {}  # By number.
        self._passwords: dict[str, str] = {}  # By number.

    def hold(self, lines: Iterable[LentLine]) -> None:
        """What is lent is known to the SIP layer, and where its server is."""
        self.lines.clear()
        for lent in lines:
            account, number = lent.account, lent.line
            password = partial(self.password_of, number)
            entry = LineEntry(number, account, password, display_name=account.display_name)
            self.lines[number] = entry
            self.around.ways[account.server] = (place(account.server),)

    def give_back(self) -> None:
        self.lines.clear()
        self._passwords.clear()

    def learn(self, welcome: Welcome, key: bytes | None) -> bool:
        """The passwords of a welcome.  Tells whether there were none before."""
        is_first = not self._passwords
        client, hotspot, epoch = welcome.client, welcome.hotspot, welcome.epoch
        self._passwords = {
            str(grant.number): derive_password(key, client, hotspot, epoch, grant.number)
            if key
            else grant.password
            for grant in welcome.lines
        }
        return is_first

    def password_of(self, number: str) -> str:
        """Empty as long as the hotspot has not told us."""
        return self._passwords.get(number, "")

    def take_up(self, lines: Iterable[LentLine]) -> None:
        """After a restart: what could not register without its password may now."""
        for lent in lines:
            stream = f"line:{lent.line}"
            state: Line = self.around.house.board.state(stream)
            if state.phase is not Phase.REGISTERED:
                seen = LineConfigured(account=lent.account)
                self.around.house.hear(seen, self.around.at, stream)
