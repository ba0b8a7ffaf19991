"""The registrar of the phones (RFC 3261 10.3): a REGISTER becomes an observation of a link.

Who the phone is and what its Contacts say is settled here; whether and for how long it is
bound is decided by the link's machine, and what it orders is spelled here again.
"""

from msgspec.structs import replace

from adapters.sip.address import Address, address, uri, user_of
from adapters.sip.authentication import REFUSED, Authentication, Verdict
from adapters.sip.build import Headers
from adapters.sip.grammar import Malformed, text
from adapters.sip.message import Flow, Request
from adapters.sip.sockets import is_address
from adapters.sip.surroundings import SECOND_NS, Surroundings
from adapters.sip.transaction import ServerTransaction
from core.events.facts import Contact
from core.events.observed import BindingExpired, RegisterArrived
from core.events.orders import AcceptRegister, RefuseRegister
from core.events.turn import Turn
from core.machines.client_link import Link

EXPIRES_DEFAULT_S = 3600
CONTACTS_MAX = 8
URI_MAX = 512


class Registrar:
    def __init__(self, around: Surroundings, authentication: Authentication) -> None:
        self.around = around
        self.authentication = authentication
        self.answering: dict[str, ServerTransaction] = {}  # By stream, while its turn is taken.

    def register(self, transaction: ServerTransaction, flow: Flow) -> None:
        around, request = self.around, transaction.request
        user = user_of(request.first("to"))
        if not around.house.board.hotspot.is_serving():
            around.drops["register-while-off"] += 1
            around.respond(transaction, 403)
            return
        verdict = self.authentication.judge(request, user)
        if verdict in REFUSED:
            self.authentication.refuse(transaction, verdict, user, flow)
            return
        if verdict is not Verdict.PROVEN:
            headers = self.authentication.challenge(
                "WWW-Authenticate", stale=verdict is Verdict.STALE
            )
            around.respond(transaction, 401, headers=headers)
            return
        try:
            seen = read(request, flow)
        except Malformed as malformed:
            around.drops[malformed.reason] += 1
            around.respond(transaction, malformed.status)
            return
        phone = around.directory.phone(user)
        assert phone is not None, "it has proven to be there"
        stream = f"link:{phone.member}"
        seen = replace(seen, line=phone.line)
        self.answering[stream] = transaction
        around.house.hear(seen, around.at, stream)
        del self.answering[stream]

    def carry_out(self, turn: Turn) -> None:
        """Called for every turn of a link.  Read from the log, there is nobody to answer."""
        transaction = self.answering.get(turn.originator_id)
        if transaction is None:
            return
        for entry in turn.did:
            if isinstance(entry, AcceptRegister):
                assert isinstance(turn.seen, RegisterArrived)
                headers = self.bindings(turn.originator_id, turn.seen.line)
                self.around.respond(transaction, 200, headers=headers)
            elif isinstance(entry, RefuseRegister):
                least = [("Min-Expires", str(entry.min_expires_s))] if entry.min_expires_s else []
                self.around.respond(transaction, entry.code, headers=least)

    def bindings(self, stream: str, line: str) -> Headers:
        """Every binding of this line, with the seconds it has left (RFC 3261 10.3, step 8)."""
        house = self.around.house
        link: Link = house.board.state(stream)
        contacts = []
        for key, bound in link.of_line(line).items():
            due = house.timers.due(stream, BindingExpired.__name__, key)
            left_s = max(0, (due - self.around.at) // SECOND_NS) if due is not None else 0
            contacts.append(("Contact", f"<{bound.contact}>;expires={left_s}"))
        return contacts


def read(request: Request, flow: Flow) -> RegisterArrived:
    """What the REGISTER asks for.  Malformed where it cannot be meant (RFC 3261 10.3)."""
    asked = [address(value) for value in request.listed("contact")]
    header_s = seconds(request.first("expires"), EXPIRES_DEFAULT_S)
    everything = any(contact.uri == "*" for contact in asked)
    if everything and (len(asked) > 1 or header_s != 0 or not request.first("expires")):
        raise Malformed("bad-contact-star")
    if len(asked) > CONTACTS_MAX or any(len(contact.uri) > URI_MAX for contact in asked):
        raise Malformed("too-many-contacts", 403)
    contacts = []
    for contact in asked if not everything else ():
        if uri(contact.uri).scheme != "sip":
            raise Malformed("contact-scheme", 403)
        for_s = seconds(contact.params.get("expires", ""), header_s)
        contacts.append(Contact(uri=contact.uri, expires_s=for_s))
    return RegisterArrived(
        call_id=request.call_id,
        cseq=request.cseq,
        contacts=tuple(contacts),
        everything=everything,
        flow=str(way_to(asked[0], request, flow) if contacts else flow),
        agent=text(request.first("user-agent"))[:80],
    )


def way_to(contact: Address, request: Request, flow: Flow) -> Flow:
    """How this phone is reached: over its connection, else where its Contact says.

    Behind a NAT, which shows in a Via that is not where the REGISTER came from (RFC 3581),
    the Contact leads nowhere, and the way back does.
    """
    if flow.transport != "udp":
        return flow
    place = uri(contact.uri)
    if request.via.host != flow.host or not is_address(place.host):
        return flow
    return flow._replace(host=place.host, port=place.port or 5060)


def seconds(value: str, default: int) -> int:
    """delta-seconds; what is no number counts as the default (RFC 3261 20.19)."""
    value = value.strip()
    if not value.isdecimal() or len(value) > 10:
        return default
    return int(value)
