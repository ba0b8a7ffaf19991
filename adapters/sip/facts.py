"""What a message tells, as the facts that an observation carries."""

from msgspec.structs import replace

from adapters.sip.address import address
from adapters.sip.digest import read_challenge
from adapters.sip.grammar import Malformed, remembered, split_at
from adapters.sip.message import Flow, Request, Response, check_target
from core.events.facts import Challenge, Origin, Peer


def origin_of(request: Request, flow: Flow) -> Origin:
    fields = request.fields
    return Origin(
        flow=str(flow),
        vias=tuple(fields["via"]),
        caller=fields["from"][0],
        called=fields["to"][0],
        call_id=request.call_id,
        cseq=request.cseq,
        contact=contact_of(request),
        routes=tuple(fields.get("record-route", ())),
        hops=hops_of(request),
        uri=request.uri,
    )


def hops_of(request: Request) -> int:
    value = request.first("max-forwards")
    return min(int(value), 255) if value.isdecimal() and len(value) < 6 else 70


def peer_of(message: Request | Response) -> Peer:
    routes = tuple(message.listed("record-route")) if "record-route" in message.fields else ()
    return Peer(tag=message.to_tag, contact=contact_of(message), routes=routes)


def contact_of(message: Request | Response) -> str:
    """Where requests to its sender go; "" where it does not say so."""
    for line in message.fields.get("contact", ()):
        if line.strip(", \t"):
            return target_in(line)
    return ""


@remembered
def target_in(line: str) -> str:
    """The URI of the first Contact in a line, "" where no request can go there."""
    first = next(value for value in split_at(line, ",") if value)
    try:
        target = address(first).uri
        check_target(target)
    except Malformed:
        return ""
    return target


def challenge_in(response: Response) -> Challenge | None:
    proxy = response.code == 407
    name = "proxy-authenticate" if proxy else "www-authenticate"
    challenge = read_challenge(response.all(name))
    if challenge is None:
        return None
    return replace(challenge, proxy=proxy)
