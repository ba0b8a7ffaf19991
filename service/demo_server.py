"""The account server of the demo: a registrar, and a proxy without memory of calls.

It asks for a digest where an account registers (401) and where one calls (407), and passes
everything else on as a stateless proxy does (RFC 3261 16.11).
"""

import hashlib
import secrets
import time

from adapters.sip.address import address, user_of
from adapters.sip.digest import Nonces, challenge_values, is_right, read_credentials
from adapters.sip.message import Malformed, Request, Response, request_bytes, response_to, uri
from service.demo_parties import Agent, Heard, Place, place_of, summary
from service.demo_telling import Teller

GRANTED_S = 300
ADDED_ANEW = ("via", "route", "content-length", "content-type", "proxy-authorization")


class AccountServer(Agent):
    """``inbox`` holds what it accepted: a REGISTER or INVITE with the right digest."""

    def __init__(self, domain: str, passwords: dict[str, str], tell: Teller) -> None:
        super().__init__("account server", tell)
        self.domain = domain
        self.passwords = passwords
        self.locations: dict[str, str] = {}
        self.challenged: set[str] = set()  # Methods and users, for whoever wants to know.
        self.refused: set[str] = set()  # Branches of INVITEs whose ACK is for us.
        self.nonces = Nonces(secrets.token_bytes(16))

    async def receive(self, message: Heard, source: Place) -> None:
        if isinstance(message, Response):
            await self.pass_back(message)
        elif message.method == "REGISTER":
            await self.register(message, source)
        elif message.method == "INVITE" and not message.to_tag:
            await self.invited(message, source)
        elif message.method != "ACK" or message.via.branch not in self.refused:
            await self.pass_on(message)

    # -- Who is it -----------------------------------------------------------------------------

    def has_proven(self, request: Request, header: str, user: str) -> bool:
        for value in request.all(header):
            try:
                said = read_credentials(value)
            except Malformed:
                continue
            if said.user == user and said.realm == self.domain and user in self.passwords:
                fresh = self.nonces.judge(said.nonce, int(time.time())) == "fresh"
                return fresh and is_right(said, request.method, self.passwords[user])
        return False

    async def challenge(self, request: Request, source: Place, code: int, user: str) -> None:
        self.challenged.add(f"{request.method} {user}")
        name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
        values = challenge_values(self.domain, self.nonces.make(int(time.time())))
        headers = [(name, value) for value in values]
        tag = secrets.token_hex(4)
        await self.send(response_to(request, code, to_tag=tag, headers=headers), source)

    async def register(self, request: Request, source: Place) -> None:
        self.tell.message(self.name, "<-", summary(request))
        user = user_of(request.first("to"))
        if not self.has_proven(request, "authorization", user):
            await self.challenge(request, source, 401, user)
            return
        contact = address(request.listed("contact")[0]).uri
        expires = request.first("expires") or str(GRANTED_S)
        granted_s = min(int(expires), GRANTED_S) if expires.isdecimal() else GRANTED_S
        self.locations[user] = contact
        headers = [("Contact", f"<{contact}>;expires={granted_s}")]
        tag = secrets.token_hex(4)
        await self.send(response_to(request, 200, to_tag=tag, headers=headers), source)
        self.hear(request)

    async def invited(self, request: Request, source: Place) -> None:
        user = user_of(request.first("from"))
        self.tell.message(self.name, "<-", f"{summary(request)}  From: {user}")
        if not self.has_proven(request, "proxy-authorization", user):
            self.refused.add(request.via.branch)
            await self.challenge(request, source, 407, user)
            return
        if user_of(request.uri) not in self.locations:
            self.refused.add(request.via.branch)
            await self.send(response_to(request, 404, to_tag=secrets.token_hex(4)), source)
            return
        self.hear(request)
        await self.pass_on(request)

    # -- Between the two sides -------------------------------------------------------------------

    async def pass_on(self, request: Request) -> None:
        """The same for the same: an ACK or a CANCEL takes the branch of its INVITE along."""
        target = request.uri
        if uri(target).host == self.domain:
            target = self.locations.get(user_of(target), "")
        routes = request.listed("route")
        if routes and place_of(routes[0]) == place_of(f"<sip:{self.here}>"):
            routes = routes[1:]
        if not target:
            return
        branch = hashlib.sha256(request.via.branch.encode()).hexdigest()[:16]
        headers = [("Via", f"SIP/2.0/UDP {self.here};branch=z9hG4bK{branch}")]
        headers += [("Via", via) for via in request.all("via")]
        if request.method == "INVITE":
            headers.append(("Record-Route", f"<sip:{self.here};lr>"))
        headers += [("Route", route) for route in routes]
        for name, values in request.fields.items():
            if name not in ADDED_ANEW:
                headers += [(name.title(), value) for value in values]
        content_type = request.first("content-type")
        data = request_bytes(request.method, target, headers, request.body, content_type)
        await self.send(data, place_of(routes[0] if routes else target), tell=False)

    async def pass_back(self, response: Response) -> None:
        """Without our Via, to where the next one says (RFC 3261 16.7, 18.2.2)."""
        vias = response.listed("via")[1:]
        if not vias:
            return
        lines = [f"SIP/2.0 {response.code} {response.reason}"]
        lines += [f"Via: {via}" for via in vias]
        for name, values in response.fields.items():
            if name not in ("via", "content-length"):
                lines += [f"{name.title()}: {value}" for value in values]
        lines += [f"Content-Length: {len(response.body)}", "", ""]
        sent_by = vias[0].partition(";")[0].split()[-1]
        data = "\r\n".join(lines).encode("latin-1") + response.body
        await self.send(data, place_of(f"<sip:{sent_by}>"), tell=False)
