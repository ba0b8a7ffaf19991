"""Our own registrations: a line's orders become REGISTERs, and answers observations.

(RFC 3261 10.2.)  What a REGISTER is made of is a fold of the line's turns: how many were
sent (its CSeq), the challenge that was seen last, how often its nonce was used.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from adapters.sip.address import address, escaped_user, sip_uri
from adapters.sip.build import Headers, request_bytes
from adapters.sip.dialog import USER_AGENT
from adapters.sip.digest import read_challenge
from adapters.sip.grammar import Malformed
from adapters.sip.message import Flow, Response
from adapters.sip.owner import Owner
from adapters.sip.proofs import Proof, Proofs, headers
from adapters.sip.registrar import seconds
from adapters.sip.surroundings import Surroundings
from core.events.base import Event, Observed
from core.events.decided import LineCleared
from core.events.facts import Account
from core.events.observed import (
    LineConfigured,
    RegistrarUnreachable,
    RegistrationAccepted,
    RegistrationChallenged,
    RegistrationRefused,
)
from core.events.orders import AuthorizeRegistration, RegisterLine, UnregisterLine
from core.events.turn import Turn
from core.machines.line import Wish

ORDERS = (RegisterLine, AuthorizeRegistration, UnregisterLine)


class Binding:
    """What the REGISTERs of one line are made of."""

    def __init__(self) -> None:
        self.account = Account()
        self.cseq = 0
        self.proxy = 0
        self.expires_s = 0
        self.proofs = Proofs()
        self.under_way = False
        self.here = ""  # How its registrar knows us, since this process runs.
        self.sent_for = Account()  # Of the last REGISTER: another account may have come since,
        self.sent_with: tuple[Proof, ...] = ()  # and what is sent again has to be the same.

    def remember(self, event: Event) -> None:
        match event:
            case LineConfigured(account=account):
                self.account, self.proofs = account, Proofs()
            case RegistrationChallenged(challenge=challenge):
                self.proofs.asked(challenge)
                self.under_way = False
            case RegistrationAccepted() | RegistrationRefused() | RegistrarUnreachable():
                self.under_way = False
            case LineCleared():  # Also with a REGISTER under way, whose lender is gone.
                self.under_way = False
            case RegisterLine(proxy=proxy, expires_s=expires_s):
                self.proxy, self.expires_s = proxy, expires_s
            case UnregisterLine(proxy=proxy):
                self.proxy, self.expires_s = proxy, 0
        if isinstance(event, ORDERS):
            self.cseq += 1
            self.under_way = True
            self.sent_for, self.sent_with = self.account, self.proofs.spend()


class Registrations:
    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.bindings: dict[str, Binding] = {}  # By stream.

    def remember(self, turn: Turn) -> Binding:
        binding = self.bindings.setdefault(turn.originator_id, Binding())
        binding.remember(turn.seen)
        return binding

    def carry_out(self, turn: Turn) -> None:
        """Called for every turn of a line."""
        binding = self.remember(turn)
        for entry in turn.did:
            binding.remember(entry)
            if isinstance(entry, ORDERS):
                self.send(turn.originator_id, binding)

    def recover(self, turn: Turn) -> None:
        binding = self.remember(turn)
        for entry in turn.did:
            binding.remember(entry)

    def resume(self) -> None:
        """A REGISTER that an earlier run may not have sent leaves again, the very same."""
        for stream, binding in self.bindings.items():
            if binding.under_way:
                self.send(stream, binding)

    def send(self, stream: str, binding: Binding) -> None:
        flow = self.way(binding)
        if flow is None:
            why = self.around.why_no_way(self.server(binding), binding.sent_for.transport)
            self.hear(stream, RegistrarUnreachable(draw=self.around.dice(), why=why))
            return
        branch = f"z9hG4bK{self.around.identifiers.derived(stream, str(binding.cseq), octets=12)}"
        data = self.spell(stream, binding, flow, branch)
        owner = Owner(stream, "registrar", number=binding.cseq)
        self.around.transactions.send_request(branch, "REGISTER", data, flow, owner, self.around.at)

    def moved(self) -> Iterator[tuple[str, Observed]]:
        """Lines that are registered from an address which is ours no more, to be so anew."""
        for stream, binding in self.bindings.items():
            is_wanted = self.around.house.board.state(stream).wish is Wish.REGISTERED
            flow = self.way(binding) if is_wanted and binding.here else None
            if flow is not None and self.around.here(flow) != binding.here:
                yield stream, LineConfigured(account=binding.account)

    def way(self, binding: Binding) -> Flow | None:
        return self.around.way(self.server(binding), binding.sent_for.transport)

    def server(self, binding: Binding) -> str:
        account = binding.sent_for
        proxies = account.proxies or (account.server,)
        return proxies[binding.proxy % len(proxies)]

    def spell(self, stream: str, binding: Binding, flow: Flow, branch: str) -> bytes:
        around, account = self.around, binding.sent_for
        names = around.identifiers.dialog(stream, account.server)
        here = binding.here = around.here(flow)
        host, _, port = here.rpartition(":")
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        contact = f"<{sip_uri(account.user, host.strip('[]'), int(port))}{transport}>"
        record = f"<sip:{escaped_user(account.user)}@{account.domain}>"
        request_uri = f"sip:{account.domain}"
        said: Headers = [
            ("Via", f"SIP/2.0/{flow.transport.upper()} {here};rport;branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", f"{record};tag={names.tag}"),
            ("To", record),
            ("Call-ID", names.call_id),
            ("CSeq", f"{binding.cseq} REGISTER"),
            ("Contact", contact),
            ("Expires", str(binding.expires_s)),
            ("User-Agent", USER_AGENT),
            *self.credentials(stream, binding, request_uri),
        ]
        return request_bytes("REGISTER", request_uri, said)

    def credentials(self, stream: str, binding: Binding, request_uri: str) -> Headers:
        """Also for a refresh, with the nonces that are known: it spares a challenge."""
        account = binding.sent_for
        entry = self.around.directory.line_of(stream.partition(":")[2], account)
        if entry is None:
            return []
        cnonce = self.around.identifiers.derived(stream, str(binding.cseq), "cnonce", octets=8)
        return headers(binding.sent_with, entry, account, "REGISTER", request_uri, lambda _: cnonce)

    # -- Answers -----------------------------------------------------------------------------

    def response(self, owner: Owner, response: Response) -> None:
        if response.code < 200 or not self.is_latest(owner):
            return
        self.hear(owner.stream, self.seen_in(owner.stream, response))

    def timed_out(self, owner: Owner) -> None:
        if self.is_latest(owner):
            self.hear(owner.stream, RegistrarUnreachable(draw=self.around.dice()))

    def is_latest(self, owner: Owner) -> bool:
        binding = self.bindings.get(owner.stream)
        return binding is not None and binding.under_way and binding.cseq == owner.number

    def seen_in(self, stream: str, response: Response) -> Observed:
        binding = self.bindings[stream]
        if response.code < 300:
            return RegistrationAccepted(granted_s=granted_s(response, binding))
        if response.code in (401, 407):
            name = "proxy-authenticate" if response.code == 407 else "www-authenticate"
            challenge = read_challenge(response.all(name))
            if challenge is not None:
                asked = replace(challenge, proxy=response.code == 407)
                return RegistrationChallenged(challenge=asked)
        return RegistrationRefused(
            code=response.code,
            retry_after_s=seconds(response.first("retry-after").partition(" ")[0], 0),
            min_expires_s=seconds(response.first("min-expires"), 0),
            draw=self.around.dice(),
        )

    def hear(self, stream: str, seen: Observed) -> None:
        self.around.house.hear(seen, self.around.at, stream)


def granted_s(response: Response, binding: Binding) -> int:
    """How long the registrar keeps us: what it says of our own Contact, else of all."""
    default = seconds(response.first("expires"), binding.expires_s)
    for value in response.listed("contact"):
        try:
            contact = address(value)
        except Malformed:
            continue
        if contact.uri.partition("@")[0] == f"sip:{escaped_user(binding.account.user)}":
            return seconds(contact.params.get("expires", ""), default)
    return default
