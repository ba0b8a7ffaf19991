"""What the demo plays: five acts, each with what has to be seen on the wire for it."""

import secrets

import trio

from adapters.sip.address import tag_of, user_of
from adapters.sip.message import Request
from service.demo_hotspot import Hotspot
from service.demo_parties import HOST, Phone, Talk
from service.demo_server import AccountServer
from service.demo_telling import Teller

DOMAIN = "provider.test"
ACCOUNT = "4212"
OUTSIDE = "7000"
PHONES = ("a", "b", "c")
ELSEWHERE = "Call completed elsewhere"
CALLS = 5  # As many as the log has to hold at the end.


def sdp(port: int) -> bytes:
    """A voice in PCMU; nobody speaks, since this is about the signalling."""
    lines = (
        "v=0",
        f"o=- {port} 1 IN IP4 {HOST}",
        "s=-",
        f"c=IN IP4 {HOST}",
        "t=0 0",
        f"m=audio {port} RTP/AVP 0",
        "a=rtpmap:0 PCMU/8000",
        "",
    )
    return "\r\n".join(lines).encode()


class Stage:
    """Everybody who takes part, and the acts."""

    def __init__(self, hotspot: Hotspot, tell: Teller) -> None:
        passwords = {user: secrets.token_hex(8) for user in (ACCOUNT, OUTSIDE, *PHONES)}
        accounts = {user: passwords[user] for user in (ACCOUNT, OUTSIDE)}
        self.passwords = passwords
        self.tell = tell
        self.hotspot = hotspot
        self.server = AccountServer(DOMAIN, accounts, tell)
        self.caller = Phone(f"caller {OUTSIDE}", OUTSIDE, passwords[OUTSIDE], tell)
        self.phones = [Phone(f"phone {user}", user, passwords[user], tell) for user in PHONES]

    async def open(self, nursery: trio.Nursery) -> None:
        for party in (self.server, self.caller, *self.phones):
            await party.open()
            nursery.start_soon(party.run)
        self.hotspot.configure(
            server=self.server.here,
            account=ACCOUNT,
            password=self.passwords[ACCOUNT],
            domain=DOMAIN,
            phones={user: self.passwords[user] for user in PHONES},
        )
        self.server.locations[OUTSIDE] = f"sip:{OUTSIDE}@{self.caller.here}"

    async def play(self, nursery: trio.Nursery) -> None:
        """Raises ``Missing`` with the first thing that was not seen."""
        await self.register(nursery)
        await self.ring_all()
        await self.call_out()
        await self.all_busy()
        await self.give_up()
        await self.survive(nursery)

    # -- The acts --------------------------------------------------------------------------------

    async def register(self, nursery: trio.Nursery) -> None:
        tell = self.tell
        tell.act("1: the line and three phones register")
        await self.hotspot.start(nursery)
        seen = await self.server.request("REGISTER")
        tell.check(
            user_of(seen.first("to")) == ACCOUNT
            and f"REGISTER {ACCOUNT}" in self.server.challenged,
            f"the line {ACCOUNT} was challenged (401) and registered with the right digest",
        )
        for phone in self.phones:
            codes = await phone.register(self.hotspot.place)
            tell.check(
                codes == [401, 200],
                f"{phone.name} was challenged (401) and is registered at the hotspot",
            )

    async def ring_all(self) -> None:
        tell = self.tell
        tell.act(f"2: somebody calls {ACCOUNT}: all three ring, b answers")
        talk, invites = await self.ring()
        a, b, c = self.phones
        answer = sdp(40_002)
        await self.pick_up(talk, b, invites[b], answer)
        for phone in (a, c):
            cancel = await phone.request("CANCEL")
            tell.check(
                any(ELSEWHERE in reason for reason in cancel.all("reason")),
                f'{phone.name} stops ringing by a CANCEL with the Reason "{ELSEWHERE}"',
            )
            await phone.request("ACK")
        await self.hang_up(b, b.talk_of(invites[b]), self.caller)

    async def call_out(self) -> None:
        tell = self.tell
        tell.act(f"3: phone a calls {OUTSIDE}, in the world")
        phone, outside = self.phones[0], self.caller
        host, port = self.hotspot.place
        offer = sdp(40_001)
        target = f"sip:{OUTSIDE}@{host}:{port}"
        talk = await phone.call(target, f"{host}:{port}", self.hotspot.place, offer)
        seen = await self.server.request("INVITE")
        tell.check(
            user_of(seen.first("from")) == ACCOUNT
            and f"INVITE {ACCOUNT}" in self.server.challenged,
            f"the account server sees From {ACCOUNT}; challenged (407), with the right digest",
        )
        invite = await outside.request("INVITE")
        await outside.answer_with(invite, 180)
        await phone.hears(talk, 180)
        await outside.answer_with(invite, 200, sdp(40_000))
        await phone.acknowledge(talk, await phone.hears(talk, 200))
        await outside.request("ACK")
        tell.seen(f"{outside.name} has answered, and phone a has heard it")
        await self.hang_up(phone, talk, outside)

    async def all_busy(self) -> None:
        self.tell.act("4: a call that nobody takes: every phone is busy")
        talk, invites = await self.ring()
        for phone in self.phones:
            await phone.answer_with(invites[phone], 486)
            await phone.request("ACK")
        await self.caller.hears(talk, 486)
        self.tell.seen("all three have refused, and the caller hears 486")

    async def give_up(self) -> None:
        self.tell.act("4, again: they ring, and the caller gives up")
        talk, _ = await self.ring()
        await self.caller.cancel(talk)
        for phone in self.phones:
            await phone.request("CANCEL")
            await phone.request("ACK")
        await self.caller.hears(talk, 487)
        self.tell.seen("every phone got a CANCEL, and the caller hears 487")

    async def survive(self, nursery: trio.Nursery) -> None:
        tell = self.tell
        tell.act("5: kill -9 in the middle of a call, and it goes on")
        talk, invites = await self.ring()
        phone = self.phones[0]
        invite = invites[phone]
        await self.pick_up(talk, phone, invite, sdp(40_001))
        for other in self.phones[1:]:
            await other.request("CANCEL")
            await other.request("ACK")
        await self.caller.ask(talk, "INFO")
        info = await phone.request("INFO")
        await self.hotspot.kill()
        tell.seen("the hotspot was killed (SIGKILL) while they were talking")
        await self.hotspot.start(nursery)
        bye = await self.hang_up(self.caller, talk, phone)
        tell.check(
            bye.cseq > info.cseq > invite.cseq,
            f"its CSeq goes on: INVITE {invite.cseq}, INFO {info.cseq}, BYE {bye.cseq}",
        )
        ours = phone.tags[invite.call_id]
        tell.check(
            (bye.call_id, bye.from_tag, bye.to_tag) == (invite.call_id, invite.from_tag, ours)
            and tag_of(bye.first("from")) == info.from_tag,
            "its Call-ID and both its tags are those from before the kill",
        )

    # -- What several acts have in common --------------------------------------------------------

    async def ring(self) -> tuple[Talk, dict[Phone, Request]]:
        """The caller dials the account, and all three phones ring."""
        tell, server = self.tell, self.server
        host, _, port = server.here.rpartition(":")
        target = f"sip:{ACCOUNT}@{DOMAIN}"
        talk = await self.caller.call(target, DOMAIN, (host, int(port)), sdp(40_000))
        await server.request("INVITE")
        invites = {phone: await phone.request("INVITE") for phone in self.phones}
        tell.seen("all three phones got an INVITE")
        for phone, invite in invites.items():
            await phone.answer_with(invite, 180)
        await self.caller.hears(talk, 180)
        tell.seen("the caller hears it ring")
        return talk, invites

    async def pick_up(self, talk: Talk, phone: Phone, invite: Request, answer: bytes) -> None:
        await phone.answer_with(invite, 200, answer)
        response = await self.caller.hears(talk, 200)
        await self.caller.acknowledge(talk, response)
        await phone.request("ACK")
        self.tell.check(
            response.body == answer, f"{phone.name} answers, and its SDP has reached the caller"
        )

    async def hang_up(self, who: Phone, talk: Talk, other: Phone) -> Request:
        response = await who.ask(talk, "BYE")
        bye = await other.request("BYE")
        self.tell.check(
            response.code == 200, f"{who.name} hangs up, and {other.name} got the BYE for it"
        )
        return bye
