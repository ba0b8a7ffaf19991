"""What a message tells, as the facts that an observation carries."""

from msgspec.structs import replace

from adapters.sip.address import address
from adapters.sip.digest import read_challenge
from adapters.sip.grammar import Malformed
from adapters.sip.message import Flow, Request, Response, check_target
from core.events.facts import Challenge, Origin, Peer


def origin_of(request: Request, flow: Flow) -> Origin:
    return Origin(
        flow=str(flow),
        vias=tuple(request.all("via")),
        caller=request.first("from"),
        called=request.first("to"),
        call_id=request.call_id,
        cseq=request.cseq,
        contact=peer_of(request).contact,
        routes=tuple(request.all("record-route")),
        hops=hops_of(request),
        uri=request.uri,
    )


def hops_of(request: Request) -> int:
    value = request.first("max-forwards")
    return min(int(value), 255) if value.isdecimal() and len(value) < 6 else 70


def peer_of(message: Request | Response) -> Peer:
    contacts = message.listed("contact")
    try:
        contact = address(contacts[0]).uri if contacts else ""
        if contact:
            check_target(contact)
    except Malformed:
        contact = ""
    routes = tuple(message.listed("record-route"))
    return Peer(tag=message.to_tag, contact=contact, routes=routes)


def challenge_in(response: Response) -> Challenge | None:
    proxy = response.code == 407
    name = "proxy-authenticate" if proxy else "www-authenticate"
    challenge = read_challenge(response.all(name))
    if challenge is None:
        return None
    return replace(challenge, proxy=proxy)
