"""Who is who on the stage of the bare runner, and how messages and events correspond.

What exchange, dialogs and registrar do for real, done here with the least that a
scenario needs: a party is known by its name, a dialog by who is in it.
"""

from core.events import joined, observed, orders, released
from core.events.base import Observed, Order
from core.events.facts import Account, Challenge, Contact, Peer, Target
from core.machines.house import House
from core.machines.line import Phase as LinePhase
from core.machines.passing import ASK, JOIN
from tests.scenarios.roles import Asked, Stage
from tests.scenarios.steps import Arrow
from tests.scenarios.transfers import refer, where_it_is

BODIES = ("offer", "answer", "body")
PICKUP = "*8"
CHALLENGES = (401, 407)


class Cast:
    def __init__(self) -> None:
        self.lines: dict[str, str] = {}  # By user: the stream.
        self.proxies: tuple[str, ...] = ()
        self.untold: set[str] = set()
        self.quiet: set[str] = set()
        self.has_own = False
        self.attended = True
        self.ring, self.step_s = "all", 0
        self.ring_s = 60
        self.stages: list[Stage] = []
        self.taken: dict[tuple[str, str], Stage] = {}  # By call and party: who has it now.
        self.devices: dict[str, str] = {}  # By contact: the party.
        self.registers: dict[str, int] = {}  # By phone device: the CSeq of its last REGISTER.
        self.spoke: dict[str, str] = {}  # By link: who registered last.

    def line(self, user: str = "") -> str:
        if not user:
            return next(iter(self.lines.values()), "line:1")
        return self.lines.setdefault(user, f"line:{len(self.lines) + 1}")

    def account(self, stream: str) -> Account:
        user = next(user for user, line in self.lines.items() if line == stream)
        return Account(server="registrar", user=user, proxies=self.proxies)

    def stage(self, number: int = 0) -> Stage:
        assert self.stages, "there is no call"
        return self.stages[number - 1]

    def stage_of(self, party: str, number: str = "") -> Stage:
        """The latest call this party has a part in."""
        if number:
            return self.stage(int(number))
        for stage in reversed(self.stages):
            if party == stage.caller or party in stage.legs.values():
                return stage
        raise AssertionError(f"{party} has no part in any call")

    # -- What is played --------------------------------------------------------------------

    def observe(self, arrow: Arrow, house: House) -> tuple[str, Observed]:
        match arrow.method, arrow.code:
            case "REGISTER", 0:
                return f"link:{arrow.src[0]}", self.register(arrow)
            case "REGISTER", _:
                return self.line(arrow.args.get("line", "")), registrar_says(arrow)
            case "INVITE", 0:
                return self.invite(arrow, house)
        stage = where_it_is(
            self, self.stage_of(arrow.src, arrow.args.get("call", "")), arrow, house
        )
        role = stage.role_of(arrow.src, rung=arrow.method == "INVITE" and arrow.code > 0)
        if arrow.method == "REFER":
            return stage.stream, refer(self, stage, role, arrow, house)
        if arrow.method == "BYE" and arrow.code:
            seen = released.ReleaseChallenged(
                party=role, code=arrow.code, challenge=challenge(arrow)
            )
            return stage.stream, seen
        if arrow.code and not (arrow.method == "INVITE" and role != "caller"):
            return stage.stream, answers(stage, arrow)
        if role == "caller":
            return stage.stream, caller_says(stage, arrow)
        return stage.stream, leg_says(stage, role, arrow)

    def register(self, arrow: Arrow) -> observed.RegisterArrived:
        device, args = arrow.src, arrow.args
        contact = f"sip:{device[0]}@{device}"
        self.devices[contact] = device
        self.spoke[f"link:{device[0]}"] = device
        cseq = int(args.get("cseq", self.registers.get(device, 0) + 1))
        self.registers[device] = max(cseq, self.registers.get(device, 0))
        expires_s = int(args.get("expires", 3600))
        asks = args.get("contact", device)
        contacts = (Contact(uri=contact, expires_s=expires_s),) if asks == device else ()
        return observed.RegisterArrived(
            call_id=args.get("call-id", f"register-{device}"),
            cseq=cseq,
            contacts=contacts,
            everything=asks == "*",
            flow=f"udp/{device}",
        )

    def invite(self, arrow: Arrow, house: House) -> tuple[str, Observed]:
        stage = Stage(f"call:{len(self.stages) + 1}", arrow.src, offer=bodies(arrow))
        targets: tuple[Target, ...] = ()
        kind, line = "incoming", self.line(arrow.args.get("line", ""))
        refusal, ring_s, called = 480, self.ring_s, arrow.args.get("to", "")
        serving = house.board.hotspot.is_serving()
        if arrow.src.startswith("caller"):
            phones = [p for p in house.board.hotspot.aliases if serving and p not in self.quiet]
            number = line.removeprefix("line:")
            targets = (*self.own_targets(), *self.targets(phones, house, number))
        elif called == "0" and self.has_own:
            kind, targets = "internal", self.own_targets()
        elif phone := self.phone_with_alias(called, house):
            kind, targets = (
                "internal",
                self.targets([phone] if phone != arrow.src[0] else [], house),
            )
        elif called == PICKUP:
            kind = "internal"
        elif called == "0" or line not in house.board.states:
            kind, refusal = "internal", 404
        else:
            kind, ring_s = "outgoing", 180
            state = house.board.state(line)
            up = state.phase in (LinePhase.REGISTERED, LinePhase.REFRESHING)
            targets = (Target(leg="line", uri=f"sip:{called}@registrar"),) if up else ()
        parties = {target.leg: self.devices.get(target.uri, "server") for target in targets}
        stage.legs = parties
        self.stages.append(stage)
        return stage.stream, observed.InviteArrived(
            line=line.removeprefix("line:"),
            caller=arrow.src,
            called=called,
            offer=body_of(arrow),
            targets=targets,
            kind=kind,
            refusal=refusal,
            ring_s=ring_s,
            own=arrow.src == "0",
            ring=self.ring if kind == "incoming" else "all",
            step_s=self.step_s if kind == "incoming" else 0,
        )

    def phone_with_alias(self, called: str, house: House) -> str:
        aliases = house.board.hotspot.aliases.items()
        return next((phone for phone, alias in aliases if str(alias) == called), "")

    def own_targets(self) -> tuple[Target, ...]:
        self.devices["sip:0@0"] = "0"
        target = Target(leg="0", uri="sip:0@0", own=True, waits=self.attended)
        return (target,) if self.has_own else ()

    def targets(self, phones: list[str], house: House, line: str = "1") -> tuple[Target, ...]:
        """One leg for each device a phone is bound from, a client also by line."""
        aliases = house.board.hotspot.aliases
        return tuple(
            Target(
                leg=f"{aliases[phone]}" + (f".{bound.device}" if bound.device > 1 else ""),
                uri=bound.contact,
                told=phone not in self.untold,
            )
            for phone in phones
            for bound in house.board.state(f"link:{phone}").bindings.values()
            if bound.line in ("", line)
        )

    # -- What is ordered -------------------------------------------------------------------

    def as_arrows(self, stream: str, order: Order, state: object) -> list[Arrow]:
        if isinstance(order, orders.RefuseRequest) and order.number <= JOIN:
            return []  # It was asked by the 2xx of a new leg, which is told otherwise.
        if isinstance(order, orders.ReleaseFork):
            stage = next(stage for stage in self.stages if stage.stream == stream)
            branch = {"tag": order.tag}
            return [sends(stage.party_of(order.leg), method, branch) for method in ("ACK", "BYE")]
        return [self.as_arrow(stream, order, state)]

    def as_arrow(self, stream: str, order: Order, state: object) -> Arrow:
        """What an adapter would send; a body comes from where the order says it was seen."""
        if stream.startswith("call:"):
            stage = next(stage for stage in self.stages if stage.stream == stream)
            stage.winner, stage.first = getattr(state, "winner", ""), getattr(state, "first", "")
            if transfer := getattr(state, "transfer", None):
                stage.referrer = transfer.by
            return call_says(stage, order)
        match order:
            case orders.RegisterLine(expires_s=expires_s, proxy=proxy):
                return sends(self.way(proxy), "REGISTER", {"expires": str(expires_s)})
            case orders.UnregisterLine(proxy=proxy):
                return sends(self.way(proxy), "REGISTER", {"expires": "0"})
            case orders.AuthorizeRegistration():
                way = self.way(getattr(state, "proxy", 0))
                gone = getattr(state, "phase", "") is LinePhase.UNREGISTERING
                expires = {"expires": "0"} if gone else {}
                return sends(way, "REGISTER", {"credentials": "yes", **expires})
            case orders.AcceptRegister():
                return sends(self.spoke[stream], "REGISTER", code=200)
            case orders.RefuseRegister(code=code, min_expires_s=least_s):
                least = {"min-expires": str(least_s)} if least_s else {}
                return sends(self.spoke[stream], "REGISTER", least, code)
        raise AssertionError(f"no message for {order}")

    def way(self, proxy: int) -> str:
        return (self.proxies or ("registrar",))[proxy]


# -- Messages into observations -----------------------------------------------------------


def bodies(arrow: Arrow) -> dict[str, str]:
    return {key: arrow.args[key] for key in BODIES if key in arrow.args}


def body_of(arrow: Arrow) -> bytes:
    return next(iter(bodies(arrow).values()), "").encode()


def registrar_says(arrow: Arrow) -> Observed:
    args = arrow.args
    match arrow.code:
        case 200:
            return observed.RegistrationAccepted(granted_s=int(args["expires"]))
        case 401 | 407:
            return observed.RegistrationChallenged(challenge=challenge(arrow))
    return observed.RegistrationRefused(
        code=arrow.code,
        retry_after_s=int(args.get("retry-after", 0)),
        min_expires_s=int(args.get("min-expires", 0)),
    )


def challenge(arrow: Arrow) -> Challenge:
    nonce, stale = arrow.args.get("nonce", "n"), arrow.args.get("stale") == "yes"
    return Challenge(realm="registrar", nonce=nonce, stale=stale, proxy=arrow.code == 407)


def caller_says(stage: Stage, arrow: Arrow) -> Observed:
    match arrow.method:
        case "CANCEL":
            return observed.CallerCancelled(reason=arrow.args.get("Reason", ""))
        case "BYE":
            return observed.CallerHungUp()
        case "ACK":
            if one := stage.unacked(arrow.src):
                return acks(one, arrow)
            stage.ack = bodies(arrow)
            return observed.CallerAcked(answer=body_of(arrow))
    return asks(stage, "caller", arrow)


def leg_says(stage: Stage, leg: str, arrow: Arrow) -> Observed:
    body, peer = body_of(arrow), Peer(tag=arrow.args.get("tag", arrow.src))
    if "tag" in arrow.args and arrow.code:
        return observed.LegForked(leg=leg, peer=peer)
    if body and arrow.method == "INVITE":
        stage.said = stage.said | {leg: bodies(arrow)}
    match arrow.method, arrow.code:
        case "INVITE", code if code < 200:
            return observed.LegProgressed(leg=leg, code=code, answer=body, peer=peer)
        case "INVITE", code if code < 300:
            return observed.LegAnswered(leg=leg, answer=body, peer=peer)
        case "INVITE", (401 | 407) as code if leg.startswith("line"):
            return observed.LegChallenged(leg=leg, code=code, challenge=challenge(arrow))
        case "INVITE", code:
            return observed.LegRefused(leg=leg, code=code)
        case "BYE", _:
            return observed.LegHungUp(leg=leg)
        case "ACK", _:
            one = stage.unacked(arrow.src)
            if one is None and leg.endswith(".pickup"):
                return joined.LegAcked(leg=leg)
            assert one, f"{arrow.src} has nothing to acknowledge"
            return acks(one, arrow)
    return asks(stage, leg, arrow)


def asks(stage: Stage, by: str, arrow: Arrow) -> Observed:
    number = int(arrow.args.get("cseq", len(stage.asked) + 101))
    stage.asked = [*stage.asked, Asked(by, number, arrow.method, bodies(arrow))]
    method = arrow.method.removeprefix("re-")
    return observed.RequestArrived(by=by, method=method, number=number, body=body_of(arrow))


def answers(stage: Stage, arrow: Arrow) -> Observed:
    one = stage.asked_of(arrow.src, arrow.method)
    one.code, one.answer = arrow.code, bodies(arrow)
    if one.number <= JOIN:
        one.acked = {}
    if one.number == ASK:
        stage.said = stage.said | {one.by: bodies(arrow)}
    elif one.number == JOIN:
        stage.joined = stage.joined | {one.by: bodies(arrow)}
    return observed.RequestAnswered(
        by=one.by,
        number=one.number,
        code=arrow.code,
        body=body_of(arrow),
        challenge=challenge(arrow) if arrow.code in CHALLENGES else Challenge(),
    )


def acks(one: Asked, arrow: Arrow) -> Observed:
    one.acked = bodies(arrow)
    return observed.RequestAcked(by=one.by, number=one.number, body=body_of(arrow))


# -- Orders into messages -------------------------------------------------------------------


Args = dict[str, str]


def sends(dst: str, method: str, args: Args | None = None, code: int = 0) -> Arrow:
    return Arrow(line=0, text="", src="hotspot", dst=dst, method=method, code=code, args=args or {})


def call_says(stage: Stage, order: Order) -> Arrow:
    leg = getattr(order, "leg", "")
    party, reason = stage.party_of(leg), getattr(order, "reason", "")
    why = {"Reason": reason} if reason else {}
    match order:
        case orders.InviteLeg():
            return sends(party, "INVITE", {} if leg in stage.joined else stage.offer)
        case orders.AuthorizeLeg():
            offer = {} if leg in stage.joined else stage.offer
            return sends(party, "INVITE", {"credentials": "yes", **offer})
        case orders.CancelLeg():
            return sends(party, "CANCEL", why)
        case orders.ReleaseLeg():
            return sends(party, "BYE", why)
        case orders.AnswerLeg():
            return sends(party, "INVITE", stage.offer, 200)
        case orders.AckLeg():
            ack = stage.joined.get(leg, stage.ack)
            return sends(party, "ACK", ack if leg in (stage.winner, stage.first) else {})
        case orders.RingCaller(code=code):
            return sends(stage.caller, "INVITE", stage.said[leg] if leg else {}, code)
        case orders.AnswerCaller():
            return sends(stage.caller, "INVITE", stage.said.get(leg, {}), 200)
        case orders.RefuseCaller(code=code):
            return sends(stage.caller, "INVITE", code=code)
        case orders.ReleaseCaller():
            return sends(stage.caller, "BYE")
        case orders.AuthorizeRelease(party=role):
            return sends(stage.party_of(role), "BYE", {"credentials": "yes"})
    return within_says(stage, order)


def within_says(stage: Stage, order: Order) -> Arrow:
    by = getattr(order, "by", "")
    match order:
        case orders.AcceptTransfer():
            return sends(stage.party_of(by), "REFER", code=202)
        case orders.NotifyTransfer(code=code):
            return sends(stage.party_of(by), "NOTIFY", {"status": str(code)})
        case orders.PassRequest(number=0):
            others = [one for one in stage.asked if (one.by, one.number) != (by, JOIN)]
            stage.asked = [*others, Asked(by, JOIN, "re-INVITE", stage.said[by])]
        case orders.AskOffer():
            stage.asked = [*stage.asked, Asked(by, ASK, "re-INVITE", {}, passed=True)]
            return sends(stage.party_of(by), "re-INVITE")
    one = stage.one(by, getattr(order, "number", 0))
    match order:
        case orders.PassRequest():
            one.passed = True
            return sends(stage.other(by), one.method, one.body)
        case orders.AuthorizeRequest():
            one.code = 0
            asked = stage.party_of(by) if one.number == ASK else stage.other(by)
            return sends(asked, one.method, {"credentials": "yes", **one.body})
        case orders.PassAnswer(code=code):
            return sends(stage.party_of(by), one.method, one.answer, code)
        case orders.PassAck():
            if one.number == ASK:
                return sends(stage.party_of(by), "ACK", stage.joined[by])
            return sends(stage.other(by), "ACK", one.acked)
        case orders.AckAnswer():
            return sends(stage.party_of(by) if one.number == ASK else stage.other(by), "ACK")
        case orders.RefuseRequest(code=code):
            return sends(stage.party_of(by), one.method, code=code)
    raise AssertionError(f"no message for {order}")
