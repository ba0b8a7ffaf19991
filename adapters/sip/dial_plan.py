"""Who is calling, and whom that rings: the rules of design section 4 in one place.

Reads the house and the directory, decides nothing that is not recorded: what it finds
goes into the ``InviteArrived`` that opens the call.
"""

from typing import NamedTuple

from adapters.sip.address import address, escaped_user, uri, user_of
from adapters.sip.directory import LineEntry, PhoneEntry
from adapters.sip.grammar import Malformed, bracketed, quoted, remembered, text, wire
from adapters.sip.message import Flow, Request
from adapters.sip.own_phone import LOCAL, OWN, URI
from adapters.sip.surroundings import Surroundings
from core.events.facts import Target
from core.machines import client_link, line

OUTSIDE = "line"  # The name of the leg toward a line's server.
PICKUP = "*8"  # What a phone dials to take the call that rings.
OUT_RING_S = 180  # As long as a provider lets it ring (RFC 3261 timer C).
PHONES_KNOWN_MOST = 1024


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
    own: bool = False
    ring: str = "all"
    step_s: int = 0
    picker: PhoneEntry | None = None  # Who wants the call that rings.


ReadFrom = tuple[PhoneEntry, client_link.Link, str]  # No one of these ever changes.


class DialPlan:
    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.known: dict[str, tuple[ReadFrom, tuple[Target, ...]]] = {}  # Of phones, by user.

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
        """A call to the account rings every phone that serves its line.

        The hotspot's own phone has it also while nobody else may.
        """
        directory = self.around.directory
        in_steps = directory.ring != "all"
        return Plan(
            kind="incoming",
            line=entry.number,
            caller=uri_of_caller(request),
            called=entry.account.user,
            targets=tuple([t for phone in self.serving(entry) for t in self.devices(phone)]),
            ring_s=directory.ring_s,
            why=self.why_nobody(entry),
            name=name,
            ring=directory.ring,
            step_s=directory.step_s if in_steps else 0,
        )

    def serving(self, entry: LineEntry) -> list[PhoneEntry]:
        """Everybody who is to ring for this line."""
        directory, number = self.around.directory, entry.number
        phones = [directory.own] if directory.own else []
        if not self.why_none_but_own(entry):
            phones += directory.everybody()
        return [phone for phone in phones if number in phone.lines and not phone.quiet]

    def why_none_but_own(self, entry: LineEntry) -> str:
        if self.around.directory.is_client:
            return "the hotspot's client has no phone"
        if not self.around.house.board.hotspot.is_serving():
            return "the hotspot is switched off"
        if not entry.shared:
            return "this line is not associated with the hotspot"
        return ""

    def why_nobody(self, entry: LineEntry) -> str:
        return self.why_none_but_own(entry) or "no phone is there to ring"

    def targets_of(self, member: str, line: str) -> list[Target]:
        """The devices by which this client rings for a line."""
        entry = self.around.directory.lines.get(line)
        serving = self.serving(entry) if entry else ()
        return [t for phone in serving if phone.member == member for t in self.devices(phone)]

    def from_phone(self, phone: PhoneEntry, request: Request) -> Plan:
        """A phone dials an alias, another phone's name, or a number of the world."""
        plan = Plan("internal", "", self.alias_of(phone), user_of(request.uri), name=phone.shown)
        return self.dialled(plan, phone, self.line_for(phone))

    def from_own(self, own: PhoneEntry, request: Request, name: str) -> Plan:
        """The hotspot's own phone dials the same, with the hotspot switched on or off.

        A parameter ``line`` of the Request-URI chooses on which line it calls out.
        """
        wanted = uri(request.uri).params.get("line", "")
        plan = Plan("internal", "", OWN, user_of(request.uri), name=name, own=True)
        return self.dialled(plan, own, self.line_for_own(own, wanted))

    def dialled(self, plan: Plan, phone: PhoneEntry, entry: LineEntry | None) -> Plan:
        dialled, alias, directory = plan.called, plan.caller, self.around.directory
        plan = plan._replace(caller=f"sip:{alias}@siphotspot", ring_s=directory.ring_s)
        if entry is not None:
            plan = plan._replace(line=entry.number)
        if directory.is_client and dialled:
            return self.outgoing(plan, entry, dialled)
        prefix = entry.prefix if entry else ""
        if dialled.removeprefix(prefix) == PICKUP:
            return plan._replace(picker=phone, why="no call rings that could be picked up")
        called = self.inside(dialled, prefix)
        if called is not None:
            targets = [t for t in self.devices(called) if called.member != phone.member]
            caller = f"sip:{self.prefix_of(called)}{alias}@siphotspot"  # What called dials back.
            why = f"{called.shown} is not there"
            return plan._replace(caller=caller, targets=tuple(targets), why=why)
        if dialled == "0" or not dialled:
            return plan._replace(refusal=404, why="nobody has this number")
        return self.outgoing(plan, entry, dialled)

    def inside(self, dialled: str, prefix: str) -> PhoneEntry | None:
        """The phone with this alias, behind the prefix of the line, or of this name.

        A client that joined is reached on the lowest line that it has registered for.
        """
        phones, own = self.around.directory.phones, self.around.directory.own
        if dialled in phones:
            return phones[dialled]
        number = dialled.removeprefix(prefix)
        if own and dialled in (OWN, f"{prefix}{OWN}"):
            return own
        if not dialled.startswith(prefix) or not number.isdecimal():
            return None
        aliases = self.around.house.board.hotspot.aliases
        members = (member for member, alias in aliases.items() if str(alias) == number)
        entries = [each for member in members for each in self.around.directory.entries_of(member)]
        return next((each for each in entries if self.devices(each)), next(iter(entries), None))

    def line_for(self, phone: PhoneEntry) -> LineEntry | None:
        """It calls out on the first of its lines."""
        lines = self.around.directory.lines
        return next((lines[number] for number in phone.lines if number in lines), None)

    def line_for_own(self, own: PhoneEntry, wanted: str) -> LineEntry | None:
        """The one it has chosen, else the first that is registered."""
        lines = self.around.directory.lines
        served = [lines[number] for number in own.lines if number in lines]
        if wanted:
            served = [entry for entry in served if entry.number == wanted]
        registered = [entry for entry in served if self.is_registered(entry.number)]
        return next(iter(registered or served), None)

    def prefix_of(self, phone: PhoneEntry) -> str:
        """What it dials before an alias."""
        entry = self.line_for(phone)
        return entry.prefix if entry else ""

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
            return plan._replace(why=f"the server of line {entry.number} is out of reach")
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

    def devices(self, phone: PhoneEntry) -> tuple[Target, ...]:
        """One leg for each device this phone is bound from; all of them have its alias.

        They stay the same ones from call to call until it registers anew.
        """
        if phone is self.around.directory.own:
            flow, waits = str(LOCAL), phone.attended
            return (Target(leg=OWN, uri=URI, flow=flow, told=phone.told, own=True, waits=waits),)
        link: client_link.Link = self.around.house.board.state(f"link:{phone.member}")
        read_from = (phone, link, self.alias_of(phone))
        known = self.known.get(phone.user)
        if known is None or known[0] != read_from:
            if len(self.known) >= PHONES_KNOWN_MOST:
                self.known.clear()
            known = self.known[phone.user] = read_from, devices_of(*read_from)
        return known[1]

    def alias_of(self, phone: PhoneEntry) -> str:
        """The hotspot's own phone is always 0."""
        return str(self.around.house.board.hotspot.aliases.get(phone.member, OWN))


def devices_of(phone: PhoneEntry, link: client_link.Link, alias: str) -> tuple[Target, ...]:
    bindings = link.of_line(phone.line).values()
    return tuple(
        Target(
            leg=alias if bound.device == 1 else f"{alias}.{bound.device}",
            uri=bound.contact,
            flow=bound.flow,
            told=phone.told,
            waits=phone.attended,
        )
        for bound in sorted(bindings, key=lambda bound: bound.device)
    )


def is_outside(leg: str) -> bool:
    """Whether it is toward a line's server; one that a transfer adds has a number as well."""
    return leg.partition("/")[0] == OUTSIDE


def uri_of_caller(request: Request) -> str:
    """For the history and for calling back: user and domain, no more."""
    try:
        return bare(address(request.first("from")).uri)
    except Malformed:
        return "sip:anonymous@anonymous.invalid"


@remembered
def bare(caller: str) -> str:
    who = uri(caller)
    at = f"{escaped_user(who.user)}@" if who.user else ""
    return text(f"sip:{at}{bracketed(who.host)}")
