"""Clients that have joined, as the SIP layer knows phones: one entry a line that is shared.

Made from the links and from the lines as they are now, so a line that is shared or no
longer shared while the service runs is so for every client at its next word.
"""

from collections.abc import Callable
from functools import partial

from adapters.net.beacon import LINES_MAX
from adapters.net.leaving import place
from adapters.sip.directory import LineEntry, PhoneEntry
from adapters.sip.surroundings import Surroundings
from core.events.facts import Account
from core.machines.switchboard import kind_of, name_of

# What a hotspot without any account lends: a line for calls within the house.
WITHIN = LineEntry(number="1", account=Account(), password=str)


class Guests:
    """``password`` tells that of a client for a line, by both their names."""

    def __init__(self, around: Surroundings, password: Callable[[str, str], str]) -> None:
        self.around = around
        self.password = password
        self.phones: dict[str, PhoneEntry] = {}  # By user: the client's id, a dot, the line.
        self.hosts: set[str] = set()  # Where they are.

    def shared(self) -> list[LineEntry]:
        """The lines that are lent (S12), the lowest number first."""
        lines = self.around.directory.lines.values()
        if not lines:
            return [WITHIN]
        shared = [entry for entry in lines if entry.shared]
        return sorted(shared, key=lambda entry: int(entry.number))[:LINES_MAX]

    def refresh(self) -> None:
        """To be called whenever a client came or went, or a line was shared or not."""
        self.phones.clear()
        self.hosts.clear()
        for stream, link in self.around.house.board.states.items():
            if kind_of(stream) == "link" and link.joined:
                self.hosts.add(place(link.client.source)[0])
                for entry in self.shared():
                    phone = self.phone(name_of(stream), entry.number, link.client.name)
                    self.phones[phone.user] = phone

    def phone(self, client: str, line: str, name: str) -> PhoneEntry:
        return PhoneEntry(
            user=f"{client}.{line}",
            password=partial(self.password, client, line),
            lines=(line,),
            client=client,
            line=line,
            name=name,
        )
