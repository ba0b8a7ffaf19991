"""The telephone exchange: datagrams in, datagrams out, and the house in between.

Four calls, as the shell makes them: ``receive`` what came, ``handle_timers`` when
``next_deadline`` has come, and ``take_out`` what has to leave.  In between the shell
records the house's turns; nothing that a turn caused may leave before that.

The way of a message: split (``message``), matched to its transaction (``transaction``),
given to whoever answers for it (``calls``, ``registrar``, ``registration``), observed.
"""

from collections.abc import Callable
from functools import partial
from math import inf

from adapters.net.relay_ports import RelayError
from adapters.sip.address import address, user_of
from adapters.sip.authentication import REFUSED, Authentication, Verdict
from adapters.sip.build import Headers, response_to
from adapters.sip.calls import Calls
from adapters.sip.dial_plan import DialPlan, Plan
from adapters.sip.dialog import ALLOW
from adapters.sip.facts import hops_of, origin_of
from adapters.sip.forgetting import forget_ended
from adapters.sip.grammar import Malformed, text
from adapters.sip.joining import Joining
from adapters.sip.media import MediaDesk
from adapters.sip.message import Flow, Ping, Request, Response, parse, reply_flow, stamp
from adapters.sip.other_way import other_way
from adapters.sip.own_phone import is_local
from adapters.sip.owner import Owner
from adapters.sip.registrar import Registrar
from adapters.sip.registration import Registrations
from adapters.sip.surroundings import Surroundings
from adapters.sip.transaction import ServerTransaction, State, TimedOut
from core.events.facts import Origin
from core.events.turn import Turn
from core.machines.switchboard import kind_of

Incoming = bytes | Request | Response | Malformed | Ping

UNDERSTOOD: frozenset[str] = frozenset()  # Extensions that may be required of us: none yet.
KNOWN = frozenset(ALLOW.split(", "))
OTHERS_KNOWN = frozenset(("SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "PRACK", "REGISTER"))
ALL_KNOWN = KNOWN | OTHERS_KNOWN


class Exchange:
    def __init__(self, around: Surroundings, media: MediaDesk) -> None:
        self.around = around
        self.media = media
        self.authentication = Authentication(around)
        self.plan = DialPlan(around)
        self.calls = Calls(around)
        self.joining = Joining(around, self.plan, self.calls)
        self.registrar = Registrar(around, self.authentication)
        self.registrations = Registrations(around)
        self.refuse_new = False  # The store cannot be written: no new call, no new binding.
        self.carriers: dict[str, Callable[[Turn], None]] = {
            "line": self.registrations.carry_out,
            "link": self.carry_out_link,
        }
        self.take_out = around.transactions.take_out
        around.house.listeners.append(self.carry_out)

    # -- Four calls ----------------------------------------------------------------------------

    def receive(self, incoming: Incoming, flow: Flow, at: int) -> None:
        """Anything from the wire.  Raises nothing, whatever it is."""
        self.around.at = at
        try:
            message = parse(incoming) if isinstance(incoming, bytes) else incoming
            if isinstance(message, Request):
                self.request(message, flow)
            elif isinstance(message, Response):
                self.response(message)
            elif isinstance(message, Malformed):
                raise message
        except Malformed as malformed:
            self.malformed(malformed, flow)

    def handle_timers(self, at: int) -> None:
        self.around.at = at
        for ended in self.around.transactions.handle_timers(self.around.at):
            self.timed_out(ended)
        self.around.house.expire(at)
        forget_ended(self.calls)

    def next_deadline(self) -> int | None:
        """When ``handle_timers`` has something to do, in Unix nanoseconds."""
        due = self.calls.next_forgetting
        timer = self.around.house.timers.next_due()
        if timer is not None and timer < due:
            due = timer
        wire = self.around.transactions.next_deadline()
        if wire is not None and wire < due:
            due = wire
        return int(due) if due < inf else None

    def failed(self, flow: Flow, at: int) -> None:
        """The transport lost this way (RFC 3261 8.1.3.1)."""
        self.around.at = at
        way = partial(other_way, self.calls)
        for ended in self.around.transactions.failed(flow, self.around.at, way):
            self.timed_out(ended)

    # -- Inside ----------------------------------------------------------------------------------

    def carry_out(self, turn: Turn) -> None:
        stream = turn.originator_id
        dialogs = self.calls.open.get(stream)
        if dialogs is not None:
            self.calls.carry_out(dialogs, turn)
            if stream in self.media.relayed:
                self.media.follow(turn)
        elif (carrier := self.carriers.get(kind_of(stream))) is not None:
            carrier(turn)

    def carry_out_link(self, turn: Turn) -> None:
        self.registrar.carry_out(turn)
        self.joining.follow(turn)

    def malformed(self, malformed: Malformed, flow: Flow) -> None:
        """Counted by reason; answered where it was a request that can be answered."""
        self.around.drops[malformed.reason] += 1
        request = malformed.request
        if not malformed.status or request is None or request.method == "ACK":
            return
        stamp(request, flow)
        data = response_to(request, malformed.status, to_tag=self.around.stateless_tag(request))
        self.around.transactions.outbox.append((reply_flow(request, flow), data))

    def timed_out(self, ended: TimedOut) -> None:
        owner = getattr(ended.transaction, "owner", None)
        if isinstance(owner, Owner):
            if kind_of(owner.stream) == "line":
                self.registrations.timed_out(owner)
            else:
                self.calls.timed_out(owner, ended)

    def response(self, response: Response) -> None:
        transaction = self.around.transactions.receive_response(response, self.around.at)
        if transaction is None:
            self.calls.stray(response)
            return
        owner = transaction.owner
        assert isinstance(owner, Owner)
        if transaction.method == "REGISTER":
            self.registrations.response(owner, response)
        else:
            self.calls.response(owner, response)

    def request(self, request: Request, flow: Flow) -> None:
        transaction = self.around.transactions.receive_request(request, flow, self.around.at)
        if transaction is None:
            return
        if transaction.state is State.ACK:
            self.calls.acked(request)
        elif request.method == "CANCEL":
            self.calls.cancelled(transaction)
        elif request.to_tag:
            self.calls.within(transaction, flow)
        else:
            self.out_of_dialog(transaction, flow)

    def out_of_dialog(self, transaction: ServerTransaction, flow: Flow) -> None:
        request = transaction.request
        respond = self.around.respond
        required = [name for name in request.listed("require") if name not in UNDERSTOOD]
        if request.method not in ALL_KNOWN:
            respond(transaction, 501, headers=[("Allow", ALLOW)])
        elif request.first("max-forwards") and hops_of(request) == 0:
            respond(transaction, 483)
        elif required:
            respond(transaction, 420, headers=[("Unsupported", ", ".join(required))])
        elif self.refuse_new and request.method in ("INVITE", "REGISTER"):
            respond(transaction, 503, headers=[("Retry-After", "30")])
        elif request.method == "INVITE":
            self.invited(transaction, flow)
        elif request.method == "REGISTER":
            self.registrar.register(transaction, flow)
        elif request.method == "OPTIONS":
            respond(transaction, 200, headers=[("Allow", ALLOW), ("Accept", "application/sdp")])
        elif request.method == "BYE":
            respond(transaction, 481)
        else:
            respond(transaction, 405, headers=[("Allow", ALLOW)])

    # -- INVITE ------------------------------------------------------------------------------------

    def invited(self, transaction: ServerTransaction, flow: Flow) -> None:
        """Who is it, may they, and whom does it ring (design section 4)."""
        request = transaction.request
        stream = self.calls.stream_of(request)
        origin = origin_of(request, transaction.flow)
        refusal = self.unfit(request, stream, origin)
        if refusal:
            code, headers = refusal
            self.around.respond(transaction, code, headers=headers)
            return
        own = self.around.directory.own
        if own is not None and is_local(flow):
            plan = self.plan.from_own(own, request, display_name(request))
            self.begin(transaction, stream, origin, plan)
            return
        entry = self.plan.line_of(request, flow)
        if entry is not None:
            plan = self.plan.incoming(entry, request, display_name(request))
            self.begin(transaction, stream, origin, plan)
            return
        user = user_of(request.first("from"))
        phone = self.around.directory.phone(user)
        if phone is None or not self.around.house.board.hotspot.is_serving():
            self.around.drops["stranger"] += 1
            self.around.respond(transaction, 403)
            return
        match self.authentication.judge(request, user):
            case Verdict.PROVEN:
                plan = self.plan.from_phone(phone, request)
                self.begin(transaction, stream, origin, plan)
            case verdict if verdict in REFUSED:
                self.authentication.refuse(transaction, verdict, user, flow)
            case verdict:
                stale = verdict is Verdict.STALE
                headers = self.authentication.challenge("Proxy-Authenticate", stale=stale)
                self.around.respond(transaction, 407, headers=headers)

    def unfit(self, request: Request, stream: str, origin: Origin) -> tuple[int, Headers] | None:
        """What no call can be made of, whoever sends it."""
        kind = request.first("content-type").partition(";")[0].strip().lower()
        if request.body and kind and kind != "application/sdp":
            return 415, [("Accept", "application/sdp")]
        if stream in self.calls.open:
            return 482, []  # Merged (RFC 3261 8.2.2.2): it came to us by two ways.
        if not origin.contact:  # Nowhere to say anything to later (RFC 3261 8.1.1.8).
            return 400, []
        return None

    def begin(
        self, transaction: ServerTransaction, stream: str, origin: Origin, plan: Plan
    ) -> None:
        if plan.picker is not None and self.joining.pick_up(transaction, plan.picker):
            return
        try:
            media = self.media.open(stream, transaction.request.body, bool(plan.targets))
        except RelayError:
            self.around.drops["no-media-port"] += 1
            self.around.respond(transaction, 500, headers=[("Retry-After", "10")])
            return
        self.calls.begin(transaction, stream, origin, plan, media)


def display_name(request: Request) -> str:
    try:
        return text(address(request.first("from")).display)
    except Malformed:
        return ""
