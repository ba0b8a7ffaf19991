"""Who takes part in the demo, and what several of its acts have in common."""

import random
import secrets
from pathlib import Path
from typing import NamedTuple

import trio

from adapters.sip.address import user_of
from adapters.sip.message import Request, Response
from core.events.observed import CallerCancelled, InviteArrived
from service.demo_device import MEDIA, Device, new_group
from service.demo_parties import HOST, Phone, Talk
from service.demo_server import AccountServer
from service.demo_sound import HOUSE_HZ, WORLD_HZ, Speaker, recorded, write_tone
from service.demo_telling import Teller

DOMAIN = "provider.test"
ACCOUNT = "4212"
OUTSIDE = "7000"
BEDROOM = "bedroom"
BEDROOM_ALIAS = 3
ELSEWHERE = "Call completed elsewhere"
ELSEWHERE_SHOWN = "answered elsewhere"
PEER_HUNG_UP = "the other side hung up"
HUNG_UP = "hung up"

ACCOUNT_AND_PHONE = """\
[[line]]
number = 1
server = "{server}"
user = "{account}"
password = "{password}"
domain = "{domain}"
[[phone]]
user = "{phone}"
password = "{phone_password}"
alias = {alias}
"""


class Rung(NamedTuple):
    """A call that rings: the caller's side, the clients' streams of it, the bedroom's INVITE."""

    talk: Talk
    streams: dict[Device, str]
    invites: dict[Device, InviteArrived]
    bedroom: Request


class Stage:
    """The account server and a caller outside; a hotspot, two clients and a phone inside."""

    def __init__(self, folder: Path, tell: Teller) -> None:
        self.folder = folder
        self.tell = tell
        self.passwords = {user: secrets.token_hex(8) for user in (ACCOUNT, OUTSIDE, BEDROOM)}
        accounts = {user: self.passwords[user] for user in (ACCOUNT, OUTSIDE)}
        self.server = AccountServer(DOMAIN, accounts, tell)
        self.caller = Phone(f"caller {OUTSIDE}", OUTSIDE, accounts[OUTSIDE], tell)
        self.speaker = Speaker(self.caller.name, HOST, tell)
        self.bedroom = Phone(f"phone {BEDROOM_ALIAS}", BEDROOM, self.passwords[BEDROOM], tell)
        self.hotspot = Device("hotspot", folder, tell, phone="phone 0", tells=False)
        self.clients = [Device(f"client {n}", folder, tell) for n in (1, 2)]
        self.devices = [self.hotspot, *self.clients]
        self.recordings = 0

    async def open(self, nursery: trio.Nursery) -> None:
        for party in (self.server, self.caller, self.bedroom, self.speaker):
            await party.open()
            nursery.start_soon(party.run)
        self.server.locations[OUTSIDE] = f"sip:{OUTSIDE}@{self.caller.here}"
        self.configure()
        self.played = write_tone(self.folder / "tone.wav", HOUSE_HZ)

    def configure(self) -> None:
        """The clients are told where to listen for a hotspot, and of no account."""
        group = new_group()
        media = random.sample(MEDIA, len(self.devices))
        account = ACCOUNT_AND_PHONE.format(
            server=self.server.here,
            account=ACCOUNT,
            password=self.passwords[ACCOUNT],
            domain=DOMAIN,
            phone=BEDROOM,
            phone_password=self.passwords[BEDROOM],
            alias=BEDROOM_ALIAS,
        )
        self.hotspot.configure("Home", "hotspot", group, media[0], account)
        for client, title, first in zip(self.clients, ("Kitchen", "Study"), media[1:], strict=True):
            client.configure(title, "client", group, first)

    async def shut(self) -> None:
        for device in self.devices:
            await device.shut()

    # -- A call from outside ---------------------------------------------------------------------

    async def ring(self) -> Rung:
        """The caller dials the account, and every phone of the house rings."""
        tell, server = self.tell, self.server
        host, _, port = server.here.rpartition(":")
        target = f"sip:{ACCOUNT}@{DOMAIN}"
        offer = self.speaker.sdp()
        talk = await self.caller.call(target, DOMAIN, (host, int(port)), offer)
        await server.request("INVITE")
        bedroom = await self.bedroom.request("INVITE")
        await self.bedroom.answer_with(bedroom, 180)
        streams, invites = {}, {}
        for client in self.clients:
            streams[client], invites[client] = await client.story.has(
                InviteArrived, fits=lambda invite: user_of(invite.caller) == OUTSIDE
            )
        for device in self.devices:
            await device.shown.call("ringing", OUTSIDE)
        tell.seen("phone 0, both clients and phone 3 ring, and each shows who calls")
        await self.caller.hears(talk, 180)
        tell.seen("the caller hears it ring")
        return Rung(talk, streams, invites, bedroom)

    async def pick_up(self, rung: Rung, client: Device) -> Path:
        """A client answers, the others stop.  Returns where it records what it hears."""
        tell, caller = self.tell, self.caller
        missed = {device: device.shown.missed for device in self.devices}
        recording = self.new_recording()
        await client.order("answer", play=self.played, record=recording)
        await self.talks(rung.talk, await caller.hears(rung.talk, 200))
        tell.seen(f"{client.name} has answered, and the caller has heard it")
        for other in self.clients:
            if other is not client:
                _, cancelled = await other.story.has(CallerCancelled, rung.streams[other])
                tell.check(
                    ELSEWHERE in cancelled.reason,
                    f'{other.name} stops ringing by a CANCEL with the Reason "{ELSEWHERE}"',
                )
        await self.bedroom_stops(ELSEWHERE)
        for device in self.devices:
            if device is not client:
                await device.shown.call("ended", OUTSIDE, ELSEWHERE_SHOWN)
                tell.check(
                    device.shown.missed == missed[device],
                    f"{device.phone} has stopped ringing and shows no missed call",
                )
        await self.speaker.hears(HOUSE_HZ, client.name)
        return recording

    async def talks(self, talk: Talk, response: Response) -> None:
        await self.caller.acknowledge(talk, response)
        self.speaker.talk_to(response.body)

    async def bedroom_stops(self, why: str = "") -> None:
        cancel = await self.bedroom.request("CANCEL")
        await self.bedroom.request("ACK")
        reasons = " ".join(cancel.all("reason"))
        said = f' by a CANCEL with the Reason "{why}"' if why else " by a CANCEL"
        self.tell.check(
            why in reasons if why else not reasons, f"{self.bedroom.name} stops ringing{said}"
        )

    def new_recording(self) -> Path:
        self.recordings += 1
        return self.folder / f"heard-{self.recordings}.wav"

    async def hears_the_world(self, who: str, recording: Path) -> None:
        self.tell.check(
            await recorded(recording, WORLD_HZ), f"{who} hears the caller: {WORLD_HZ} Hz"
        )

    # -- Its end -----------------------------------------------------------------------------

    async def hang_up(self, device: Device) -> None:
        """A phone of the house does, and the caller gets the BYE for it."""
        await device.order("hangup")
        await self.caller.request("BYE")
        await device.shown.call("ended", OUTSIDE, HUNG_UP)
        self.tell.seen(f"{device.phone} hangs up, and {self.caller.name} got the BYE for it")

    async def hang_up_outside(self, talk: Talk, device: Device) -> None:
        response = await self.caller.ask(talk, "BYE")
        await device.shown.call("ended", OUTSIDE, PEER_HUNG_UP)
        self.tell.check(
            response.code == 200,
            f"{self.caller.name} hangs up, and {device.phone} shows that it did",
        )
