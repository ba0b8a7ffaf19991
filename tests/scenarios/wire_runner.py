"""Plays a scenario against the whole service: real SIP, a virtual network, a virtual clock.

An arrow into the hotspot becomes the bytes that its party would send, and what leaves the
engine is read again as an arrow.  What transaction layers say by themselves is said and
heard here without being asked for; only a ``wire`` line looks at it.
"""

from itertools import count
from pathlib import Path

from adapters.sip.message import Flow, Request, Response, parse
from adapters.store import sqlite
from core.events.base import Decided
from core.events.log import Log
from core.events.observed import LineConfigured
from core.events.turn import Turn
from core.machines import hotspot
from replay.replayer import verify
from service import configuring
from service.config import Config, HostPort, Hotspot, Line, Media, Phone, Secret
from service.directory import account_of
from service.engine import RIDE_NS, Engine
from tests.scenarios import steps
from tests.scenarios.bare_runner import DAWN, MS_NS, SECOND_NS
from tests.scenarios.steps import Arrow, Given, Scenario, Step, arrows_of, fits, how_often
from tests.scenarios.wire_parties import (
    HERE,
    HOSTS,
    HOUSE,
    Dialog,
    Headers,
    Spelling,
    answer_to,
    args_of,
    body_of,
    cancel_of,
    flow_of,
    host_of,
    party_at,
    proof,
    read_request,
    refusal_ack,
)

SECRET = b"a secret of thirty-two octets...."
GRANTED_S = 1_000_000
NONCE_KEPT_NS = 200 * SECOND_NS
JUST_AFTER_MS = 1


def line_config(scenario: Scenario, user: str, number: int) -> Line:
    backup = any(given.state == "backup proxy" for given in scenario.givens)
    return Line(
        number=number,
        server=HostPort(HOSTS["registrar"]),
        user=user,
        password=Secret("secret"),
        backup_proxy=HostPort(HOSTS["backup"]) if backup else None,
    )


def config_of(scenario: Scenario) -> Config:
    """The house as the givens describe it; who takes in a phone later does so later."""
    house, lines, untold = Hotspot(enabled=False), list[Line](), set[str]()
    for given in scenario.givens:
        match given.what, given.state:
            case "hotspot", state:
                house = Hotspot(enabled=state == "active", ring_timeout=house.ring_timeout)
            case "line", "registered":
                lines.append(line_config(scenario, given.names[0], len(lines) + 1))
            case "phone", "wants missed calls":
                untold.add(given.names[0])
            case "ring time", seconds:
                house = Hotspot(enabled=house.enabled, ring_timeout=int(seconds))
    later = {step.about for step in scenario.steps if isinstance(step, steps.Operator)}
    named = {arrow.src[0] for arrow in arrows_of(scenario.steps) if arrow.src[0].isupper()}
    users = [*scenario.phones(), *sorted(named - later - {*scenario.phones()})]
    phones = tuple(phone_config(user, user in untold) for user in users)
    return Config(hotspot=house, media=Media(mode="direct"), lines=tuple(lines), phones=phones)


def phone_config(user: str, untold: bool = False, alias: int | None = None) -> Phone:
    return Phone(
        user=user, password=Secret(f"p{user}"), alias=alias, log_answered_elsewhere=untold
    )


class Wired:
    """One scenario under way: the engine, the dialogs of its parties, and what is still owed."""

    def __init__(self, scenario: Scenario, store: Path) -> None:
        self.scenario = scenario
        self.log = Log(sqlite.settings(str(store)))
        self.config = config_of(scenario)
        self.now = DAWN
        self.engine: Engine | None = None
        self.spelling = Spelling()
        self.left: list[tuple[Flow, bytes]] = []  # All that ever left, each message once.
        self.known: set[tuple[Flow, bytes]] = set()
        self.outbox: list[Arrow] = []
        self.noise: list[Arrow] = []
        self.decided: list[str] = []
        self.ladder: list[str] = []
        self.dialogs: dict[str, Dialog] = {}  # By Call-ID.
        self.calls: list[Request] = []  # The INVITE that began each of them.
        self.registering: dict[str, Request] = {}  # What registrar and backup were asked last.
        self.cseqs: dict[str, int] = {}
        self.refused: Response | None = None  # The last challenge of a phone, and its time.
        self.refused_at = -NONCE_KEPT_NS
        self.probes = count(1)

    @property
    def living(self) -> Engine:
        assert self.engine is not None, "the service is stopped"
        return self.engine

    # -- The service -------------------------------------------------------------------------

    def begin(self) -> None:
        engine = Engine(self.log, SECRET, self.config, lambda _: HERE, lambda *_: HERE, lambda: 0.5)
        engine.loud = True
        engine.house.listeners.append(self.note)
        for host in HOSTS.values():
            engine.around.ways[host] = ((host, 5060),)
        self.engine = engine
        engine.start(self.now)
        self.flush()

    def note(self, turn: Turn) -> None:
        for event in turn.did:
            if isinstance(event, Decided):
                self.decided.append(type(event).__name__)
                self.ladder.append(f"          * {turn.originator_id} {event}")

    def flush(self) -> None:
        sent = self.living.flush(self.now)
        for flow, data in sent:
            if (flow, data) in self.known:
                continue  # A repetition.
            self.known.add((flow, data))
            self.left.append((flow, data))
            self.reaches(flow, parse(data))

    def feed(self, data: bytes, flow: Flow) -> None:
        self.living.receive([(data, flow)], self.now)
        self.flush()

    def pass_time(self, ms: int) -> None:
        until = self.now + ms * MS_NS
        while self.engine and (due := self.engine.next_deadline()) is not None and due <= until:
            self.now = max(due, self.now)
            self.engine.handle_timers(self.now)
            self.flush()
        self.now = until

    # -- The givens --------------------------------------------------------------------------

    def set_the_stage(self) -> None:
        self.begin()
        for given in self.scenario.givens:
            self.give(given)
        for owed in (self.outbox, self.noise, self.decided, self.ladder):
            owed.clear()

    def give(self, given: Given) -> None:
        if given.what == "line" and given.state == "registered":
            for asked in [*self.registering.values()]:
                granted = self.arrow("registrar", "REGISTER", 200, expires=str(GRANTED_S))
                self.feed(answer_to(asked, granted), flow_of("registrar"))
            self.registering.clear()
        if given.what == "phone" and given.state != "wants missed calls":
            for phone in given.names:
                self.arrives(self.arrow(phone, "REGISTER"))
                if "two" in given.state:
                    self.arrives(self.arrow(f"{phone}.2", "REGISTER"))

    def arrow(self, src: str, method: str, code: int = 0, **args: str) -> Arrow:
        return Arrow(line=0, text="", src=src, dst="hotspot", method=method, code=code, args=args)

    # -- What leaves the hotspot ---------------------------------------------------------------

    def reaches(self, flow: Flow, message: Request | Response) -> None:
        dialog = self.dialogs.get(message.call_id)
        if isinstance(message, Response):
            self.hears_answer(flow, message, dialog)
        else:
            self.hears_request(flow, message, dialog)

    def hears_answer(self, flow: Flow, response: Response, dialog: Dialog | None) -> None:
        method, code = response.method, response.code
        party = dialog.party if dialog else party_at(flow.host)
        if response.call_id.startswith("probe"):
            self.refused, self.refused_at = (response, self.now) if code == 401 else (None, 0)
            return
        if dialog and method == "INVITE":
            first = dialog.invite is not None and dialog.opened_by_us
            if first and dialog.invite and response.cseq == dialog.invite.cseq:
                if response.to_tag and 100 < code < 300:
                    dialog.remote = response.first("to")
                    contact = response.first("contact")
                    dialog.target = contact.strip("<>") or dialog.target
                if code >= 300:
                    self.feed(refusal_ack(dialog.invite, response), flow)
            else:
                method = "re-INVITE"
                if 200 <= code < 300:
                    dialog.unacked.append(response.cseq)
        arrow = self.leaving(party, method, code, args_of(response))
        is_noise = code == 100 or (method in ("CANCEL", "BYE") and code == 200)
        (self.noise if is_noise else self.outbox).append(arrow)

    def hears_request(self, flow: Flow, request: Request, dialog: Dialog | None) -> None:
        method = request.method
        if method == "REGISTER":
            party = "backup" if flow.host == HOSTS["backup"] else "registrar"
            self.registering[party] = request
            self.outbox.append(self.leaving(party, method, 0, args_of(request)))
            return
        if dialog is None:
            dialog = self.join(flow, request)
        party = dialog.party
        is_noise = False
        if method == "INVITE" and not request.to_tag:
            dialog.invite = request
        elif method == "INVITE":
            method = "re-INVITE"
            dialog.pending.append(request)
        elif method == "ACK":
            is_noise = self.is_refusal_ack(request)
        elif method in ("BYE", "CANCEL"):
            ok = answer_to(request, self.arrow(party, method, 200), dialog.tag)
            self.feed_later(ok, flow)
        else:
            dialog.pending.append(request)
        arrow = self.leaving(party, method, 0, args_of(request))
        (self.noise if is_noise else self.outbox).append(arrow)

    def feed_later(self, data: bytes, flow: Flow) -> None:
        """The automatic 200 comes before anything that the scenario plays next."""
        self.feed(data, flow)

    def is_refusal_ack(self, ack: Request) -> bool:
        """It has the branch of the INVITE; the ACK to a 2xx has one of its own (17.1.1.3)."""
        invites = (read_request(data) for _, data in self.left if data.startswith(b"INVITE"))
        return any(invite.via.branch == ack.via.branch for invite in invites)

    def join(self, flow: Flow, invite: Request) -> Dialog:
        """An INVITE of the hotspot: to which call it belongs is said in its X-CID."""
        assert invite.method == "INVITE", f"{invite.method} of a dialog that nobody knows"
        cid = invite.first("x-cid")
        call = next((n for n, one in enumerate(self.calls, 1) if one.call_id == cid), 0)
        party = party_at(flow.host)
        dialog = Dialog(
            party="server" if party == "registrar" else party,
            call=call or len(self.calls),
            call_id=invite.call_id,
            local=f"{invite.first('to')};tag=t{party}",
            remote=invite.first("from"),
            target=invite.first("contact").strip("<>"),
            tag=f"t{party}",
        )
        self.dialogs[invite.call_id] = dialog
        return dialog

    def leaving(self, party: str, method: str, code: int, args: dict[str, str]) -> Arrow:
        return Arrow(
            line=0, text="", src="hotspot", dst=party, method=method, code=code, args=args
        )

    # -- What is played ------------------------------------------------------------------------

    def arrives(self, arrow: Arrow) -> None:
        self.tell(f"{arrow} {arrow.fate}")
        data = self.spelled(arrow)
        if arrow.late_ms:
            self.pass_time(arrow.late_ms)
        for _ in range(how_often(arrow)):
            self.feed(data, flow_of(arrow.src))

    def spelled(self, arrow: Arrow) -> bytes:
        """What this party sends.  A response answers what it was asked, the oldest first."""
        party, method, code = arrow.src, arrow.method, arrow.code
        if method == "REGISTER":
            if code:
                return answer_to(self.registering[party], arrow)
            return self.register(arrow)
        if method == "INVITE" and not code:
            return self.invite(arrow)
        dialog = self.dialog_of(party, arrow.args.get("call", ""))
        if code and method == "INVITE":
            assert dialog.invite is not None
            return answer_to(dialog.invite, arrow, dialog.tag)
        if code:
            name = method.removeprefix("re-")
            asked = next(one for one in dialog.pending if one.method == name)
            if code >= 200:
                dialog.pending.remove(asked)
            return answer_to(asked, arrow, dialog.tag)
        return self.within(dialog, arrow)

    def within(self, dialog: Dialog, arrow: Arrow) -> bytes:
        reason = arrow.args.get("Reason", "")
        more = [("Reason", reason)] if reason else []
        name, body = arrow.method.removeprefix("re-"), body_of(arrow)
        if name == "CANCEL":
            assert dialog.invite is not None
            return cancel_of(dialog.invite, more)
        if name == "ACK":
            opening = dialog.invite.cseq if dialog.invite else 0
            cseq = dialog.unacked.pop(0) if dialog.unacked else opening
            return self.spelling.request(dialog, "ACK", cseq, more, body)
        dialog.cseq = int(arrow.args.get("cseq", dialog.cseq + 1))
        return self.spelling.request(dialog, name, dialog.cseq, more, body)

    def dialog_of(self, party: str, call: str) -> Dialog:
        for dialog in reversed(self.dialogs.values()):
            if dialog.party == party and call in ("", str(dialog.call)):
                return dialog
        raise AssertionError(f"{party} has no part in any call")

    def register(self, arrow: Arrow) -> bytes:
        device = arrow.src
        cseq = int(arrow.args.get("cseq", self.cseqs.get(device, 0) + 1))
        self.cseqs[device] = max(cseq, self.cseqs.get(device, 0))
        more = self.credentials(device, "REGISTER", f"sip:{HOUSE}")
        return self.spelling.register(arrow, cseq, more)

    def credentials(self, device: str, method: str, uri: str) -> Headers:
        """A phone asks for a challenge where it has none that is fresh."""
        if self.now - self.refused_at > NONCE_KEPT_NS:
            probe = self.arrow(device, "REGISTER", **{"call-id": f"probe-{next(self.probes)}"})
            self.feed(self.spelling.register(probe, 1, []), flow_of(device))
        return [proof(self.refused, method, uri, device[0])] if self.refused else []

    def invite(self, arrow: Arrow) -> bytes:
        party, number = arrow.src, len(self.calls) + 1
        user = arrow.args.get("to") or arrow.args.get("line") or "7001"
        uri = f"sip:{user}@{HOUSE}"
        is_phone = party[0].isupper()
        dialog = Dialog(
            party=party,
            call=number,
            call_id=f"call-{len(self.dialogs) + 1}-{party}",
            local=f"<sip:{party[0] if is_phone else party}@{HOUSE}>;tag=f{party}",
            remote=f"<{uri}>",
            target=uri,
            opened_by_us=True,
        )
        wants_proof = is_phone and not arrow.wire
        more = self.credentials(party, "INVITE", uri) if wants_proof else []
        data = self.spelling.request(dialog, "INVITE", dialog.cseq, more, body_of(arrow))
        dialog.invite = read_request(data)
        self.dialogs[dialog.call_id] = dialog
        if not arrow.wire:
            self.calls.append(dialog.invite)
        return data

    def tell(self, what: str) -> None:
        self.ladder.append(f"{(self.now - DAWN) / SECOND_NS:8.1f}  {what}")

    # -- Its steps ---------------------------------------------------------------------------

    def play(self, step: Step) -> None:
        match step:
            case Arrow(wire=True):
                self.play_wire(step)
            case Arrow(dst="hotspot"):
                self.settled()
                self.arrives(step)
            case Arrow():
                self.leaves(step)
            case steps.Together(arrows=arrows):
                for arrow in arrows:
                    self.leaves(arrow, in_order=False)
            case steps.After(ms=ms):
                self.settled()
                self.pass_time(ms)
            case steps.Operator(does=does, about=about):
                self.settled()
                self.tell(step.text)
                self.operate(does, about)
                self.flush()
            case steps.Service(does=does):
                self.settled()
                self.serve(does)
            case steps.Unreachable(party=party):
                self.settled()
                self.tell(step.text)
                self.living.failed(flow_of(party), self.now)
                self.flush()
            case steps.GivenUp():
                self.pass_time(JUST_AFTER_MS)
            case _:
                self.settled()
                self.expect(step)

    def play_wire(self, arrow: Arrow) -> None:
        """The ACK to a refusal and the 200 to CANCEL and BYE have been said by now."""
        if arrow.dst != "hotspot":
            owed = [*self.noise, *self.outbox]
            match = next((one for one in owed if is_meant(arrow, one)), None)
            assert match is not None, f"{arrow} has not come: {self.orders()}"
            (self.noise if match in self.noise else self.outbox).remove(match)
        elif arrow.method in ("REGISTER", "INVITE") and not arrow.code:
            self.settled()
            self.arrives(arrow)

    def leaves(self, arrow: Arrow, in_order: bool = True) -> None:
        if arrow.wire:
            self.play_wire(arrow)
            return
        among = self.outbox[:1] if in_order else self.outbox
        match = next((sent for sent in among if is_meant(arrow, sent)), None)
        if match is not None:
            self.outbox.remove(match)
            self.tell(str(match))
        else:
            assert arrow.maybe, f"{arrow} has not come: {self.orders()}"

    def serve(self, does: str) -> None:
        self.tell(f"the service {does}")
        if does in ("stops", "restarts"):
            self.living.flush(self.now + RIDE_NS)
            self.engine = None
        if does in ("starts", "restarts"):
            self.begin()
            self.pass_time(0)

    def operate(self, does: str, about: str) -> None:
        engine, board = self.living, self.living.house.board
        match does:
            case "activates the hotspot" | "deactivates the hotspot":
                engine.change("hotspot.enabled", does.startswith("activates"), self.now)
            case "switches the line off" | "switches the line on":
                engine.change("line.1.enabled", does.endswith("on"), self.now)
            case "configures the line":
                line = line_config(self.scenario, "7001", 1)
                self.write((line,), self.config.phones)
                engine.hear(LineConfigured(account=account_of(line)), "line:1", self.now)
            case "withdraws the line":
                self.write((), self.config.phones)
                engine.hear_all(configuring.lines_in(self.config, board), self.now)
            case _:
                phones = tuple(one for one in self.config.phones if one.user != about)
                if does == "takes in":
                    phones += (phone_config(about),)
                elif does.startswith("gives alias"):
                    phones += (phone_config(about, alias=int(does.split()[2])),)
                self.write(self.config.lines, phones)
                engine.hear_all(configuring.clients_in(self.config, board), self.now)

    def write(self, lines: tuple[Line, ...], phones: tuple[Phone, ...]) -> None:
        """The file as it is from now on."""
        file = self.config
        self.config = Config(hotspot=file.hotspot, media=file.media, lines=lines, phones=phones)
        self.living.file = self.config
        self.living.apply_settings()

    # -- What is expected ----------------------------------------------------------------------

    def expect(self, step: Step) -> None:
        board = self.living.house.board
        match step:
            case steps.ExpectCall(phase=phase, winner=winner, number=number):
                call = board.state(self.stream(number))
                assert call.phase.name == phase, call
                assert not winner or self.parties(number)[call.winner] == winner, call
            case steps.ExpectCaller(phase=phase):
                call = board.state(self.stream())
                assert call.caller.name == phase, call
            case steps.ExpectLegs(legs=legs):
                parties, call = self.parties(), board.state(self.stream())
                assert {parties[leg]: each.phase.name for leg, each in call.legs.items()} == legs
            case steps.ExpectLine(phase=phase, user=user):
                users = [line.user for line in self.config.lines]
                number = users.index(user) + 1 if user in users else 1
                line = board.state(f"line:{number}")
                assert line.phase.name == phase, line
            case steps.ExpectHotspot(phase=phase):
                house = board.state(hotspot.STREAM)
                assert house.phase.name == phase, house
            case steps.ExpectPhone(phone=phone, phase=phase, devices=devices):
                link = board.state(f"link:{phone}")
                assert link.phase.name == phase, link
                bound = {party_in(contact) for contact in link.bindings}
                assert devices is None or bound == set(devices), link
            case steps.ExpectAlias(phone=phone, alias=alias):
                assert board.hotspot.aliases.get(phone) == alias, board.hotspot.aliases
            case steps.ExpectLog(names=names):
                assert tuple(self.decided) == names, f"decided {' '.join(self.decided)}"
            case steps.ExpectReplay():
                self.check_record()

    def check_record(self) -> None:
        self.living.flush(self.now + RIDE_NS)
        divergence = verify([*self.log.read()])
        assert divergence is None, divergence

    def stream(self, number: int = 0) -> str:
        return self.living.exchange.calls.stream_of(self.calls[number - 1])

    def parties(self, number: int = 0) -> dict[str, str]:
        targets = self.living.exchange.calls.open[self.stream(number)].invite.targets
        return {
            target.leg: "server" if target.leg == "line" else party_in(target.uri)
            for target in targets
        }

    def orders(self) -> str:
        return "; ".join(str(arrow).strip() for arrow in self.outbox) or "nothing came"

    def settled(self) -> None:
        assert not self.outbox, f"nobody expected {self.orders()}"


def party_in(uri: str) -> str:
    return party_at(uri.partition("@")[2].partition(":")[0])


def is_meant(expected: Arrow, sent: Arrow) -> bool:
    """An ACK repeats the credentials of its INVITE, a refresh those of a nonce it knows."""
    if fits(expected, sent):
        return True
    if sent.method not in ("ACK", "REGISTER") or "credentials" in expected.args:
        return False
    args = {key: value for key, value in sent.args.items() if key != "credentials"}
    plain = Arrow(
        line=0, text="", src="hotspot", dst=sent.dst, method=sent.method, code=sent.code, args=args
    )
    return fits(expected, plain)


def play(scenario: Scenario, store: Path) -> Wired:
    """Play it to its end, or fail with the ladder so far and the line that was not so."""
    wired = Wired(scenario, store)
    step = Step(line=0, text="the givens")
    try:
        wired.set_the_stage()
        for step in scenario.steps:
            wired.play(step)
        step = Step(line=step.line + 1, text="the end")
        wired.settled()
    except AssertionError as why:
        story = [*wired.ladder, f"line {step.line}: {step.text}", f"    {why}"]
        raise AssertionError("\n".join(story)) from why
    finally:
        wired.log.close()
    return wired
