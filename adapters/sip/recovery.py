"""The exchange after a restart: everything is read from the log, nothing is remembered.

The house is folded first.  Of each call that may still matter the dialogs are folded by the
same code that runs live, and every message its orders ever became is spelled again on the
way.  What of that was still under way when the process ended is then taken up: the very
same bytes, so that a peer which had them already sees a retransmission.
"""

from collections.abc import Iterable
from typing import NamedTuple

from adapters.net.relay_ports import RelayError
from adapters.sip.call_dialogs import CALLER, CallDialogs
from adapters.sip.exchange import Exchange
from adapters.sip.forgetting import KEPT_AFTER_END_NS, forget_later
from adapters.sip.message import Flow
from adapters.sip.own_phone import is_local
from adapters.sip.owner import Owner
from adapters.sip.surroundings import SECOND_NS
from adapters.sip.transaction import ServerTransaction
from core.events.decided import CallEnded
from core.events.turn import Turn
from core.machines import own
from core.machines.call import Call, CallerPhase, LegPhase, is_over
from core.machines.legs import UP
from core.machines.passing import PassedPhase, find
from core.machines.switchboard import kind_of

RECENT_S = 32  # 64*T1: how long a peer may still repeat or wait for anything.

NOT_HEARD_YET = (LegPhase.INVITED, LegPhase.DOOMED)
HEARD = (LegPhase.PROCEEDING, LegPhase.CANCELLING)


class Sent(NamedTuple):
    owner: Owner
    branch: str
    method: str
    data: bytes
    flow: Flow
    at: int


class Answered(NamedTuple):
    code: int
    data: bytes
    at: int


class Undone:
    """What the orders of one call became, as its turns are read again.

    What the hotspot's own phone was told is left out: it is another phone by now.
    """

    def __init__(self) -> None:
        self.at = 0
        self.sent: dict[tuple[str, str], Sent] = {}
        self.latest: dict[tuple[Owner, str], str] = {}  # What was refused is asked anew since.
        self.acks: dict[str, Sent] = {}  # The last of each party.
        self.answers: dict[Owner, Answered] = {}  # The last of each request.

    def request(self, owner: Owner, branch: str, method: str, data: bytes, flow: Flow) -> None:
        if is_local(flow):
            return
        if owner.by or method == "BYE":
            self.sent.pop((self.latest.get((owner, method), ""), method), None)
            self.latest[owner, method] = branch
        self.sent[branch, method] = Sent(owner, branch, method, data, flow, self.at)

    def ack(self, owner: Owner, data: bytes, flow: Flow) -> None:
        if not is_local(flow):
            self.acks[owner.party] = Sent(owner, "", "ACK", data, flow, self.at)

    def answer(self, owner: Owner, code: int, data: bytes) -> None:
        self.answers[owner] = Answered(code, data, self.at)


def recover(exchange: Exchange, turns: Iterable[Turn], at: int) -> int:
    """Take up where the log ends.  Returns how many turns were read.

    ``exchange`` is new; ``around.ways`` is known already, for lines that register.
    """
    exchange.around.at = at
    house = exchange.around.house
    calls: dict[str, list[Turn]] = {}
    long_ago = at - KEPT_AFTER_END_NS
    count = 0
    for turn in turns:
        count += 1
        house.remember([turn])
        match kind_of(turn.originator_id):
            case "call":
                keep(calls, turn, long_ago)
            case "line":
                exchange.registrations.recover(turn)
    house.forget({s for s in house.board.states if kind_of(s) == "call" and s not in calls})
    for stream, story in calls.items():
        take_up(exchange, stream, story)
    for stream in calls:  # The hotspot's own phone has lost what it had with the process.
        for seen in own.forgotten(exchange.calls.state(stream)):
            house.hear(seen, at, stream)
    exchange.registrations.resume()
    return count


def keep(calls: dict[str, list[Turn]], turn: Turn, long_ago: int) -> None:
    """The turns of a call matter until it has been over for a while."""
    stream = turn.originator_id
    ended = any(isinstance(entry, CallEnded) for entry in turn.did)
    if ended and turn.at < long_ago:
        calls.pop(stream, None)
    elif turn.originator_version == 1 or stream in calls:
        calls.setdefault(stream, []).append(turn)


def take_up(exchange: Exchange, stream: str, story: list[Turn]) -> None:
    undone = Undone()
    dialogs = CallDialogs(stream, exchange.around, undone)
    for turn in story:
        undone.at = turn.at
        dialogs.carry_out(turn)
        if any(isinstance(entry, CallEnded) for entry in turn.did):
            forget_later(exchange.calls, stream, turn.at)
    dialogs.wire = exchange.calls
    exchange.calls.open[stream] = dialogs
    exchange.calls.ringing[stream] = None
    exchange.calls.know(dialogs)
    call = exchange.calls.state(stream)
    relay_again(exchange, stream, story, call)
    for ack in undone.acks.values():  # Before a BYE that came after it.
        if is_recent(exchange, ack.at):
            exchange.around.transactions.send_ack(ack.data, ack.flow)
    for sent in undone.sent.values():
        send_again(exchange, call, sent)
    answer_again(exchange, dialogs, call, undone)


def is_recent(exchange: Exchange, at: int) -> bool:
    return at > exchange.around.at - RECENT_S * SECOND_NS


def relay_again(exchange: Exchange, stream: str, story: list[Turn], call: Call) -> None:
    """The ports that both sides send to, and where each of them was."""
    if is_over(call):
        return
    media = exchange.calls.open[stream].invite.media
    try:
        exchange.media.reopen(stream, media)
    except RelayError as error:  # Another program has them now: the call goes on without sound.
        exchange.around.house.faults.append(f"{stream}: {error}")
        return
    for turn in story:
        exchange.media.follow(turn)


def send_again(exchange: Exchange, call: Call, sent: Sent) -> None:
    """Each request in the state its transaction had, as far as the log tells it."""
    owner = sent.owner
    if sent.method == "INVITE" and not owner.by:
        invite_again(exchange, call, sent)
    elif owner.by:
        passed = find(call.passed, owner.by, owner.number)
        is_open = passed is not None and passed.phase in (PassedPhase.ASKED, PassedPhase.ABANDONED)
        if is_open:  # Also where the call ended over it: a 2xx is still to be acknowledged.
            resume(exchange, sent, proceeding=False, send=True)
    elif sent.method == "CANCEL":
        if call.leg_is(owner.party, LegPhase.CANCELLING):
            resume(exchange, sent, proceeding=False, send=True)
    elif is_recent(exchange, sent.at):  # BYE
        resume(exchange, sent, proceeding=False, send=True)


def invite_again(exchange: Exchange, call: Call, sent: Sent) -> None:
    """A phone that has said a word gets no second INVITE."""
    leg = sent.owner.party
    dialog = exchange.calls.open[sent.owner.stream].dialogs[leg]
    if sent.branch != dialog.branch_of(dialog.invite_cseq) and leg not in call.sides:
        return  # Challenged, and sent again since.
    phase = call.legs[leg].phase
    if phase in NOT_HEARD_YET:
        resume(exchange, sent, proceeding=False, send=True)
    elif phase in HEARD or (phase is not LegPhase.ANSWERED and is_recent(exchange, sent.at)):
        resume(exchange, sent, proceeding=True, send=False)


def resume(exchange: Exchange, sent: Sent, *, proceeding: bool, send: bool) -> None:
    transactions, now = exchange.around.transactions, exchange.around.at
    owner = sent.owner
    made = transactions.resume_client(
        sent.branch, sent.method, sent.data, sent.flow, owner, now, proceeding, send
    )
    if owner.by:
        exchange.calls.bound(made)
    is_opening = sent.method == "INVITE" and not owner.by
    call = exchange.calls.state(owner.stream)
    if is_opening and not call.leg_is(owner.party, LegPhase.PROCEEDING):
        transactions.give_up_after_cancel(sent.branch, now)


def answer_again(exchange: Exchange, dialogs: CallDialogs, call: Call, undone: Undone) -> None:
    """Whoever waits for an answer of ours is known again, and hears the last one again."""
    for (by, number), request in dialogs.requests.items():
        owner = Owner(dialogs.stream, by, by, number)
        answered = undone.answers.get(owner)
        if not is_awaited(call, by, number) and not (
            answered is not None and is_recent(exchange, answered.at)
        ):
            continue
        flow = dialogs.flows[by, number]
        if is_local(flow):
            continue
        code, data, _ = answered or Answered(100, b"", 0)
        acked = request.method == "INVITE" and not is_awaited(call, by, number)
        made: ServerTransaction = exchange.around.transactions.resume_server(
            request, flow, exchange.around.at, code, data, acked and code < 300
        )
        exchange.calls.owe(owner, made)
        if data and not (acked and code < 300):
            exchange.around.transactions.outbox.append((flow, data))


def is_awaited(call: Call, by: str, number: int) -> bool:
    if by == CALLER and number == 0:
        return call.caller in (CallerPhase.WAITING, CallerPhase.ANSWERED)
    if number == 0:
        leg = call.legs[by]
        return leg.phase in UP and not leg.acked
    return find(call.passed, by, number) is not None
