"""What the demo plays: eight acts, each with what has to be seen on the wire for it."""

from functools import partial
from pathlib import Path

import trio

from adapters.sip.address import user_of
from adapters.sip.message import Request
from core.events.decided import (
    HotspotOpened,
    LineCleared,
    LineRegistered,
    LinkConnected,
    UplinkCleared,
    UplinkConnected,
    UplinkLeft,
    UplinkLost,
)
from core.events.discovered import GoodbyeArrived
from core.events.observed import CallerCancelled, CallerHungUp
from service.demo_device import Device
from service.demo_parties import HOST, Heard
from service.demo_sound import HOUSE_HZ, recorded
from service.demo_stage import (
    ACCOUNT,
    BEDROOM_ALIAS,
    ELSEWHERE,
    HUNG_UP,
    OUTSIDE,
    PEER_HUNG_UP,
    Stage,
)
from service.demo_watching import Report

# As many as each log has to hold at the end.
CALLS = {"hotspot": 8, "client 1": 6, "client 2": 6}


class Acts(Stage):
    async def play(self, nursery: trio.Nursery) -> None:
        """Raises ``Missing`` with the first thing that was not seen."""
        await self.register(nursery)
        await self.join(nursery)
        await self.ring_all()
        await self.call_out()
        await self.call_inside()
        await self.all_decline()
        await self.give_up()
        await self.survive(nursery)
        await self.switch_off()
        await self.stop()

    async def register(self, nursery: trio.Nursery) -> None:
        tell = self.tell
        tell.act("1: the hotspot registers its account, and an ordinary phone registers with it")
        await self.hotspot.start(nursery)
        seen = await self.server.request("REGISTER")
        tell.check(
            user_of(seen.first("to")) == ACCOUNT
            and f"REGISTER {ACCOUNT}" in self.server.challenged,
            f"the line {ACCOUNT} was challenged (401) and registered with the right digest",
        )
        await self.hotspot.story.has(HotspotOpened)
        tell.seen("the hotspot is open")
        codes = await self.bedroom.register(self.hotspot.place)
        tell.check(
            codes == [401, 200],
            f"{self.bedroom.name} was challenged (401) and is registered at the hotspot",
        )

    async def join(self, nursery: trio.Nursery) -> None:
        self.tell.act("2: two clients find the hotspot by themselves, and are lent a line")
        for alias, client in enumerate(self.clients, start=1):
            await client.start(nursery)
            await self.joined(client, alias)
        shown = self.hotspot.shown
        await shown.until("every client", lambda: self.listed() == [1, 2, BEDROOM_ALIAS])
        for row in shown.status["clients"]:
            words = (f"{key} {row[key]}" for key in ("ip", "mac", "line", "state") if row[key])
            who = f"alias {row['alias']}, {row['name'] or row['user']}"
            self.tell.happened("hotspot", f"{who}: {', '.join(words)}")
        self.tell.seen("the hotspot lists both clients and phone 3")

    async def joined(self, client: Device, alias: int) -> None:
        tell, shown = self.tell, client.shown
        _, connected = await client.story.has(UplinkConnected)
        tell.check(connected.alias == alias, f"{client.name} has found the hotspot and joined it")
        await client.story.has(LineRegistered, "line:1")
        await shown.until(
            "a registered line", lambda: self.line_of(client)["state"] == "registered"
        )
        line = self.line_of(client)
        name, _, number = line["user"].partition(".")
        await self.hotspot.story.has(LinkConnected, f"link:{name}")
        tell.check(
            (line["server"], number, line["display_name"])
            == (self.hotspot.here, "1", f"Home {alias}"),
            f'its line came by itself, is registered at the hotspot, and is called "Home {alias}"',
        )
        heard = [(row["name"], row["ip"], row["alias"]) for row in shown.status["hotspots"]]
        tell.check(
            heard == [("Home", HOST, 0)] and shown.phone["alias"] == alias,
            f"it lists the hotspot, Home at {HOST}, as alias 0, and has itself alias {alias}",
        )

    async def ring_all(self) -> None:
        self.tell.act(f"3: {OUTSIDE} calls {ACCOUNT}: phones 0, 1, 2 and 3 ring, 1 answers")
        answering = self.clients[0]
        recording = await self.pick_up(await self.ring(), answering)
        await self.hears_the_world(answering.name, recording)
        await self.hang_up(answering)

    async def call_out(self) -> None:
        self.tell.act(f"4: client 2 calls {OUTSIDE}, in the world")
        invite, recording = await self.calls_out(self.clients[1])
        await self.hears_the_world(self.clients[1].name, recording)
        await self.hang_up_outside(self.caller.talk_of(invite), self.clients[1])

    async def calls_out(self, client: Device) -> tuple[Request, Path]:
        """The INVITE that came to be outside, and where the client records what it hears."""
        tell, caller, recording = self.tell, self.caller, self.new_recording()
        self.server.challenged.clear()
        await client.order("call", number=OUTSIDE, play=self.played, record=recording)
        seen = await self.server.request("INVITE")
        tell.check(
            user_of(seen.first("from")) == ACCOUNT
            and f"INVITE {ACCOUNT}" in self.server.challenged,
            f"the account server sees From {ACCOUNT}; challenged (407), with the right digest",
        )
        invite = await caller.request("INVITE")
        await caller.answer_with(invite, 180)
        await client.shown.call("ringing", OUTSIDE)
        await caller.answer_with(invite, 200, self.speaker.sdp())
        await caller.request("ACK")
        self.speaker.talk_to(invite.body)
        await client.shown.call("talking", OUTSIDE)
        tell.seen(f"{caller.name} has answered, and {client.name} has heard it")
        await self.speaker.hears(HOUSE_HZ, client.name)
        return invite, recording

    async def call_inside(self) -> None:
        self.tell.act("5: inside the house: 0 dials 1, and 1 dials 0")
        await self.dials(self.hotspot, "1", self.clients[0], "0")
        await self.dials(self.clients[0], "0", self.hotspot, "1")

    async def dials(self, caller: Device, number: str, called: Device, shown: str) -> None:
        """``shown`` is what the called phone shows of the caller."""
        tell = self.tell
        recordings = self.new_recording(), self.new_recording()
        await caller.order("call", number=number, play=self.played, record=recordings[0])
        await called.shown.call("ringing", shown)
        await called.order("answer", play=self.played, record=recordings[1])
        for device in (caller, called):
            await device.shown.call("talking")
        tell.seen(f"{caller.phone} dials {number}: {called.phone} has answered")
        heard = [await recorded(recording, HOUSE_HZ) for recording in recordings]
        tell.check(all(heard), "they hear each other")
        await caller.order("hangup")
        await caller.shown.call("ended", number, HUNG_UP)
        await called.shown.call("ended", shown, PEER_HUNG_UP)
        tell.seen(f"{caller.phone} hangs up, and {called.phone} shows that it did")

    async def all_decline(self) -> None:
        self.tell.act("6: a call that nobody takes: every phone declines it")
        rung = await self.ring()
        for device in self.devices:
            await device.order("decline")
        await self.bedroom.answer_with(rung.bedroom, 486)
        await self.bedroom.request("ACK")
        await self.caller.hears(rung.talk, 486)
        for device in self.devices:
            await device.shown.call("ended", OUTSIDE, "declined here")
        self.tell.seen("all four have refused, and the caller hears 486")

    async def give_up(self) -> None:
        self.tell.act("6, again: they ring, and the caller gives up")
        rung = await self.ring()
        await self.caller.cancel(rung.talk)
        await self.caller.hears(rung.talk, 487)
        await self.bedroom_stops()
        for client in self.clients:
            _, cancelled = await client.story.has(CallerCancelled, rung.streams[client])
            self.tell.check(
                ELSEWHERE not in cancelled.reason, f"{client.name} stops ringing by a CANCEL"
            )
        for device in self.devices:
            await device.shown.call("ended", OUTSIDE, "missed")
            self.tell.check(
                device.shown.missed == [OUTSIDE], f"{device.phone} shows that it missed {OUTSIDE}"
            )

    async def survive(self, nursery: trio.Nursery) -> None:
        tell = self.tell
        tell.act("7: kill -9 in the middle of a call, and it goes on")
        rung, client = await self.ring(), self.clients[0]
        await self.pick_up(rung, client)
        await self.hotspot.kill()
        tell.seen("the hotspot was killed (SIGKILL) while they were talking")
        self.speaker.heard = b""
        await self.hotspot.start(nursery)
        await self.speaker.hears(HOUSE_HZ, f"{client.name} again")
        await self.hang_up_outside(rung.talk, client)
        _, bye = await client.story.has(CallerHungUp, rung.streams[client])
        tell.seen(f"{client.name} got the BYE in the dialog from before the kill")
        began = rung.invites[client].origin.cseq
        tell.check(bye.cseq > began, f"its CSeq goes on: INVITE {began}, BYE {bye.cseq}")
        tell.check(
            not any(one.story.holds(UplinkCleared, UplinkLeft, UplinkLost) for one in self.clients),
            "neither client has lost the hotspot meanwhile",
        )

    async def switch_off(self) -> None:
        tell, talking = self.tell, self.clients[1]
        tell.act("8: the hotspot is switched off while client 2 talks with the world")
        await self.calls_out(talking)
        await self.hotspot.switch("hotspot.enabled=false")
        await self.caller.request("BYE")
        await talking.shown.call("ended", OUTSIDE, PEER_HUNG_UP)
        tell.seen(f"the call of {talking.name} was ended with a BYE to both sides")
        for client in self.clients:
            await client.story.has(GoodbyeArrived)
            await client.story.has(UplinkCleared)
            await client.story.has(LineCleared, "line:1")
            await client.shown.until("a cleared line", partial(self.is_cleared, client))
            tell.seen(f"{client.name} got the goodbye, and its line is cleared")
        await self.hotspot.shown.until("a hotspot that is switched off", self.is_off)
        tell.check(
            self.line_of(self.hotspot)["state"] == "registered"
            and not any(self.is_unregister(heard) for heard in self.server.inbox),
            f"the hotspot is off, and its own line {ACCOUNT} is still registered",
        )
        codes = await self.bedroom.register(self.hotspot.place)
        tell.check(codes == [403], f"{self.bedroom.name} may no longer register: 403")

    async def stop(self) -> None:
        codes = [await device.stop() for device in self.devices]
        self.tell.check(codes == [0, 0, 0], "hotspot and clients end when they are told to")

    # -- What the acts ask ------------------------------------------------------------------

    def listed(self) -> list[int]:
        """The aliases of who is connected."""
        rows = self.hotspot.shown.status["clients"]
        return [row["alias"] for row in rows if row["state"] == "connected"]

    def line_of(self, device: Device) -> Report:
        lines = device.shown.phone["lines"]
        return lines[0] if lines else {"state": "", "user": "", "server": ""}

    def is_cleared(self, client: Device) -> bool:
        line = self.line_of(client)
        return (line["state"], line["user"], line["server"]) == ("unconfigured", "", "")

    def is_off(self) -> bool:
        return bool(self.hotspot.shown.status["hotspot"]["state"] == "disabled")

    def is_unregister(self, heard: Heard) -> bool:
        return heard.method == "REGISTER" and heard.first("expires") == "0"
