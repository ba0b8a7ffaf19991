"""Who is calling, and whom that rings: the rules of design section 4 in one place.

Reads the house and the directory, decides nothing that is not recorded: what it finds
goes into the ``InviteArrived`` that opens the call.
"""

from typing import NamedTuple

from adapters.sip.address import address, escaped_user, uri, user_of
from adapters.sip.directory import LineEntry, PhoneEntry
from adapters.sip.grammar import Malformed, bracketed, quoted, text, wire
from adapters.sip.message import Flow, Request
from adapters.sip.surroundings import Surroundings
from core.events.facts import Target
from core.machines import client_link, line

OUTSIDE = "line"  # The name of the leg toward a line's server.
OUT_RING_S = 180  # As long as a provider lets it ring (RFC 3261 timer C).


class Plan(NamedTuple):
    """Everything of an ``InviteArrived`` that is not in the request itself."""

    kind: str
    line: str
    caller: str
    called: str
    targets: tuple[Target, ...] = ()
    ring_s: int = 60
    refusal: int = 480
    why: str = "no phone is there to ring"
    name: str = ""


class DialPlan:
    def __init__(self, around: Surroundings) -> None:
        self.around = around

    # -- Who is calling ----------------------------------------------------------------------

    def line_of(self, request: Request, flow: Flow) -> LineEntry | None:
        """The line whose account this INVITE is for, if it comes from where that is registered.

        The address of its server or proxies, whatever the port, and a Request-URI that names
        the account's user, as our Contact does.
        """
        user = user_of(request.uri)
        for entry in self.around.directory.lines.values():
            if user != entry.account.user or not self.is_registered(entry.number):
                continue
            if entry.accept_any or flow.host in self.addresses_of(entry):
                return entry
        return None

    def addresses_of(self, entry: LineEntry) -> set[str]:
        servers = (entry.account.server, *entry.account.proxies)
        ways = self.around.ways
        return {host for server in servers for host, _port in ways.get(server, ())}

    def is_registered(self, number: str) -> bool:
        state: line.Line = self.around.house.board.state(f"line:{number}")
        return state.phase in (line.Phase.REGISTERED, line.Phase.REFRESHING)

    # -- Whom it rings -----------------------------------------------------------------------

    def incoming(self, entry: LineEntry, request: Request, name: str) -> Plan:
        """A call to the account rings every phone that serves its line."""
        hotspot = self.around.house.board.hotspot
        targets: list[Target] = []
        why = "no phone is there to ring"
        if not hotspot.is_serving():
            why = "the hotspot is switched off"
        elif not entry.shared:
            why = "this line is not associated with the hotspot"
        else:
            for phone in self.around.directory.phones.values():
                if entry.number in phone.lines:
                    targets += self.devices(phone)
        return Plan(
            kind="incoming",
            line=entry.number,
            caller=uri_of_caller(request),
            called=entry.account.user,
            targets=tuple(targets),
            ring_s=self.around.directory.ring_s,
            why=why,
            name=name,
        )

    def from_phone(self, phone: PhoneEntry, request: Request) -> Plan:
        """A phone dials an alias, another phone's name, or a number of the world."""
        dialled = user_of(request.uri)
        alias = self.around.house.board.hotspot.aliases.get(phone.user, 0)
        entry = self.line_for(phone)
        plan = Plan("internal", entry.number if entry else "", f"sip:{alias}@siphotspot", dialled)
        plan = plan._replace(name=phone.user, ring_s=self.around.directory.ring_s)
        called = self.inside(dialled, entry.prefix if entry else "")
        if called is not None:
            targets = [t for t in self.devices(called) if called.user != phone.user]
            return plan._replace(targets=tuple(targets), why=f"{called.user} is not there")
        if dialled == "0" or not dialled:
            return plan._replace(refusal=404, why="nobody has this number")
        return self.outgoing(plan, entry, dialled)

    def inside(self, dialled: str, prefix: str) -> PhoneEntry | None:
        """The phone with this alias, behind the prefix of the line, or of this name."""
        phones = self.around.directory.phones
        if dialled in phones:
            return phones[dialled]
        number = dialled.removeprefix(prefix)
        if not dialled.startswith(prefix) or not number.isdecimal():
            return None
        aliases = self.around.house.board.hotspot.aliases
        return next(
            (
                phones[user]
                for user, alias in aliases.items()
                if str(alias) == number and user in phones
            ),
            None,
        )

    def line_for(self, phone: PhoneEntry) -> LineEntry | None:
        """It calls out on the first of its lines."""
        lines = self.around.directory.lines
        return next((lines[number] for number in phone.lines if number in lines), None)

    def outgoing(self, plan: Plan, entry: LineEntry | None, dialled: str) -> Plan:
        plan = plan._replace(kind="outgoing", ring_s=OUT_RING_S)
        if entry is None:
            return plan._replace(refusal=404, why="nobody has this number, and there is no line")
        if not self.is_registered(entry.number):
            return plan._replace(why=f"line {entry.number} is not registered")
        account = entry.account
        state: line.Line = self.around.house.board.state(f"line:{entry.number}")
        proxies = account.proxies or (account.server,)
        flow = self.around.way(proxies[state.proxy % len(proxies)], account.transport)
        if flow is None:
            return plan._replace(why=f"the server of line {entry.number} has no address")
        name = f"{quoted(wire(entry.display_name))} " if entry.display_name else ""
        uri = f"sip:{escaped_user(dialled)}@{account.domain}"
        target = Target(
            leg=OUTSIDE,
            uri=uri,
            flow=str(flow),
            caller=f"{name}<sip:{escaped_user(account.user)}@{account.domain}>",
            called=f"<{uri}>",
            contact=account.user,
        )
        return plan._replace(targets=(target,))

    def devices(self, phone: PhoneEntry) -> list[Target]:
        """One leg for each device this phone is bound from; all of them have its alias."""
        link: client_link.Link = self.around.house.board.state(f"link:{phone.user}")
        alias = self.around.house.board.hotspot.aliases.get(phone.user, 0)
        return [
            Target(
                leg=f"{alias}" if bound.device == 1 else f"{alias}.{bound.device}",
                uri=bound.contact,
                flow=bound.flow,
                told=phone.told,
            )
            for bound in sorted(link.bindings.values(), key=lambda bound: bound.device)
        ]


def uri_of_caller(request: Request) -> str:
    """For the history and for calling back: user and domain, no more."""
    try:
        who = uri(address(request.first("from")).uri)
    except Malformed:
        return "sip:anonymous@anonymous.invalid"
    at = f"{escaped_user(who.user)}@" if who.user else ""
    return text(f"sip:{at}{bracketed(who.host)}")
