"""The transaction layer: who has been asked, who waits for an answer, what is sent again.

One request and its responses are a transaction (RFC 3261 17).  The wire may lose, repeat
and reorder; above this layer every request and every final response is seen once, and
what got lost is sent again until somebody answers or 64*T1 have passed.

    INVITE client      calling -> proceeding -> completed (300-699) | accepted (2xx)
    other client       trying  -> proceeding -> completed
    INVITE server                 proceeding -> completed -> confirmed | accepted
    other server       trying  -> proceeding -> completed

*Accepted* is RFC 6026: a 2xx does not end the INVITE transaction at once, so that an INVITE
repeated late finds its own call and not a second one.

Nothing here reads a clock or a socket.  Time comes in with each call (any monotonic
seconds); what has to leave waits in the outbox until the shell fetches it, which it does
after its commit.

A transaction has at most one moment to say something again (timers A, E, G and the 2xx) and
one to end (B, D, F, H, I, J, K, L, M).  It stands in the heap once, at the earlier of the
two.  A moment that moves later is noticed when the old one comes, so most timers of a call
that goes well are one push and no removal.
"""

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any

from adapters.sip.matching import Key, is_unique, older_key, refusal_ack, server_key
from adapters.sip.message import Flow, Request, Response, parse, reply_flow, stamp
from adapters.sip.oversize import DATAGRAM_MOST, Oversize
from adapters.sip.transaction_state import (
    UNANSWERED,
    AnyTransaction,
    ClientTransaction,
    ServerTransaction,
    State,
    TimedOut,
    in_vain,
    is_reliable,
)

__all__ = ["ClientTransaction", "ServerTransaction", "State", "TimedOut", "Transactions"]

TIMER_D_LEAST_S = 32.0  # The server's timer H may come from a larger T1 than ours.


class Transactions:
    """All transactions of one SIP element, their deadlines and what waits to be sent."""

    def __init__(self, t1_s: float = 0.5, t2_s: float = 4.0, t4_s: float = 5.0) -> None:
        self.t1_s, self.t2_s, self.t4_s = t1_s, t2_s, t4_s
        self.grain_s = 0.0  # So much later may end what only lingers.
        self.patience_s = 64 * t1_s  # Timers B, F, H, J, L and M.
        self.oversize = Oversize(t1_s, t2_s)
        self.outbox: list[tuple[Flow, bytes]] = []
        self.patient = 0  # How many of these nobody waits for.
        self.absorbed: Counter[str] = Counter()  # What never reached the user, by reason.
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._heap: list[tuple[float, int, AnyTransaction]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def take_out(self) -> list[tuple[Flow, bytes]]:
        """What has to leave now, in order; the outbox is empty afterwards."""
        out, self.outbox, self.patient = self.outbox, [], 0
        return out

    # -- Requests of others ------------------------------------------------------------

    def receive_request(self, request: Request, flow: Flow, now: float) -> ServerTransaction | None:
        """A new server transaction, or None where the request was heard before.

        A repeated request is answered with the last response (RFC 3261 17.2.1, 17.2.2), an
        ACK to a refusal ends its repetition.  Every other ACK comes back in state ``ack``:
        it belongs to a dialog.  A new request gets its ``received`` and ``rport`` here.
        """
        key = server_key(request)
        found = self._servers.get(key)
        if request.method == "ACK":
            return self._receive_ack(request, found or self._older_invite(request), flow, now)
        if found is not None:
            self._repeat_response(found)
            return None
        stamp(request, flow)
        return self._open_server(key, request, flow, now)

    def _open_server(self, key: Key, request: Request, flow: Flow, now: float) -> ServerTransaction:
        reply = reply_flow(request, flow)
        if request.method == "INVITE":
            made = ServerTransaction(key, flow, request, State.PROCEEDING, reply)
        else:
            made = ServerTransaction(key, flow, request, State.TRYING, reply)
            made.ends_at = now + self.patience_s  # Nobody waits for an answer after this.
            self._arm(made)
        self._servers[key] = made
        return made

    def _receive_ack(
        self, ack: Request, invite: ServerTransaction | None, flow: Flow, now: float
    ) -> ServerTransaction | None:
        if invite is None or invite.state not in (State.COMPLETED, State.CONFIRMED):
            return ServerTransaction((), flow, ack, State.ACK, flow)
        self.absorbed["ack"] += 1
        if invite.state is State.COMPLETED:
            self._confirm(invite, now)
        return None

    def _confirm(self, invite: ServerTransaction, now: float) -> None:
        invite.state = State.CONFIRMED
        invite.repeats_at = inf
        self._linger(invite, now, 0.0 if is_reliable(invite) else self.t4_s)  # Timer I.

    def _repeat_response(self, found: ServerTransaction) -> None:
        self.absorbed["repeated-request"] += 1
        if found.data and found.state in (State.PROCEEDING, State.COMPLETED):
            self.outbox.append((found.reply_flow, found.data))

    def _older_invite(self, ack: Request) -> ServerTransaction | None:
        """The INVITE of an ACK from before RFC 3261 (17.2.3): it has the To tag of our response."""
        if is_unique(ack.via.branch):
            return None
        invite = self._servers.get(older_key(ack, to_tag=""))
        if invite is None or not invite.data or parse(invite.data).to_tag != ack.to_tag:
            return None
        return invite

    def find_invite(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that this CANCEL means (RFC 3261 9.2), if it is still known."""
        return self._servers.get(server_key(cancel, method="INVITE"))

    # -- Our responses -----------------------------------------------------------------

    def respond(self, transaction: ServerTransaction, data: bytes, code: int, now: float) -> None:
        """Sends a provisional or the final response; whatever follows the final is ignored.

        A refused INVITE is repeated until its ACK (timers G, H, I; RFC 3261 17.2.1), a 2xx
        over any transport until ``acknowledged`` (13.3.1.4, RFC 6026 timer L).
        """
        if transaction.state not in UNANSWERED:
            return
        self.outbox.append((transaction.reply_flow, data))
        self._enter(transaction, data, code, now)

    def _enter(self, transaction: ServerTransaction, data: bytes, code: int, now: float) -> None:
        """The state that a response leads to, with its timers; also used after a restart."""
        transaction.data = data
        if code < 200:
            transaction.state = State.PROCEEDING
        elif not transaction.is_invite:
            transaction.state = State.COMPLETED
            self._linger(transaction, now, 0.0 if is_reliable(transaction) else self.patience_s)
        else:
            transaction.state = State.ACCEPTED if code < 300 else State.COMPLETED
            if code < 300 or not is_reliable(transaction):
                transaction.interval_s = self.t1_s
                transaction.repeats_at = now + self.t1_s
            self._linger(transaction, now, self.patience_s)

    def acknowledged(self, transaction: ServerTransaction) -> None:
        """The dialog has seen the ACK for our 2xx: it is not repeated any more."""
        transaction.acknowledged = True
        if transaction.state is State.ACCEPTED:
            transaction.repeats_at = inf

    # -- Our requests ------------------------------------------------------------------

    def send_request(
        self, branch: str, method: str, data: bytes, flow: Flow, owner: object, now: float
    ) -> ClientTransaction:
        """Sends a request and repeats it over UDP (timers A and B or E and F; 17.1)."""
        made = self._open_client(branch, method, data, flow, owner, now)
        self.outbox.append((made.flow, made.data))
        return made

    def send_ack(self, data: bytes, flow: Flow) -> None:
        """An ACK for a 2xx is no transaction: the dialog sends it again for each 2xx."""
        self.outbox.append((flow, data))

    def _open_client(
        self, branch: str, method: str, data: bytes, flow: Flow, owner: object, now: float
    ) -> ClientTransaction:
        key = (branch, method)
        made = self._clients[key] = ClientTransaction(key, flow, data, method, owner)
        made.ends_at = now + self.patience_s
        if flow.transport == "udp":
            made.interval_s = self.t1_s
            made.repeats_at = now + self.t1_s
            if len(data) > DATAGRAM_MOST or method == "CANCEL":
                self.oversize.widen(made, self._clients.get((branch, "INVITE")), now)
        self._arm(made)
        return made

    def give_up_after_cancel(self, transaction: ClientTransaction, now: float) -> None:
        """A cancelled INVITE is over after 64*T1, with or without its 487 (RFC 3261 9.1)."""
        if transaction.state is State.PROCEEDING:
            self._linger(transaction, now, self.patience_s)

    # -- Responses of others -----------------------------------------------------------

    def receive_response(self, response: Response, now: float) -> ClientTransaction | None:
        """The transaction whose user has to hear this, or None: a stray or a repetition.

        Provisionals and the first final go up; of an INVITE also each further 2xx, whose ACK
        may have been lost (RFC 6026 7.2).  A refused INVITE gets its ACK here (17.1.1.3).
        """
        vias = response.all("via")
        if len(vias) != 1 or "," in vias[0]:  # RFC 3261 8.1.3.3: meant for somebody else.
            self.absorbed["several-vias"] += 1
            return None
        found = self._clients.get((response.via.branch, response.cseq_method))
        if found is None:
            self.absorbed["stray-response"] += 1
            return None
        if found.state in UNANSWERED:
            self._advance(found, response, now)
            return found
        if found.state is State.ACCEPTED and 200 <= response.code < 300:
            return found
        self.absorbed["repeated-response"] += 1
        if found.ack and response.code >= 300:
            self.outbox.append((found.flow, found.ack))
        return None

    def _advance(self, found: ClientTransaction, response: Response, now: float) -> None:
        if response.code < 200:
            self._progress(found, now)
            return
        found.repeats_at = inf
        if found.method != "INVITE":
            found.state = State.COMPLETED
            self._linger(found, now, 0.0 if is_reliable(found) else self.t4_s)  # Timer K.
        elif response.code < 300:
            found.state = State.ACCEPTED
            self._linger(found, now, self.patience_s)  # Timer M.
        else:
            found.state = State.COMPLETED
            found.ack = refusal_ack(found.data, response)
            self.outbox.append((found.flow, found.ack))
            self.patient += 1  # The peer repeats itself after T1 and no sooner.
            wait_s = 0.0 if is_reliable(found) else max(TIMER_D_LEAST_S, self.patience_s)
            self._linger(found, now, wait_s)

    def _progress(self, found: ClientTransaction, now: float) -> None:
        if found.spare is not None:  # It was heard over TCP.
            found.repeats_at = inf
        if found.method != "INVITE":
            found.interval_s = self.t2_s  # For the timer E after the one that runs.
        elif found.state is State.CALLING:
            found.repeats_at, found.ends_at = inf, now + found.proceeds_s
        found.state = State.PROCEEDING

    # -- Time, and ways that are lost --------------------------------------------------

    def next_deadline(self) -> float | None:
        """When ``handle_timers`` has to be called next; None while nothing waits."""
        heap = self._heap
        while heap:
            at, _, first = heap[0]
            if at == first.repeats_at or at == first.ends_at:
                return at
            heappop(heap)
            if at == first.queued_at:  # Its only entry, and too early: it moves.
                first.queued_at = inf
                self._arm(first)
        return None

    def handle_timers(self, now: float) -> list[TimedOut]:
        """Repeats what is due, ends what is over, and tells whose user waits in vain."""
        ended: list[TimedOut] = []
        while (at := self.next_deadline()) is not None and at <= now:
            due = heappop(self._heap)[2]
            due.queued_at = inf
            if due.ends_at <= now:
                if reason := in_vain(due):
                    ended.append(TimedOut(due, reason))
                self._end(due)
            elif isinstance(due, ClientTransaction) and due.spare is not None:
                self._narrow(due, now)
            else:
                self._say_again(due, now)
        return ended

    def _say_again(self, due: AnyTransaction, now: float) -> None:
        flow = due.reply_flow if isinstance(due, ServerTransaction) else due.flow
        self.outbox.append((flow, due.data))
        due.interval_s *= 2
        if due.state is not State.CALLING:  # Only timer A grows without bound.
            due.interval_s = min(due.interval_s, self.t2_s)
        due.repeats_at = now + due.interval_s
        self._arm(due)

    def failed(
        self,
        flow: Flow,
        now: float,
        other_way: Callable[[ClientTransaction], Flow | None] = lambda client: None,
    ) -> list[TimedOut]:
        """The transport lost this way: what waits on it takes another, or ends (17.1.4)."""
        lost = []
        for client in self._clients.values():
            if client.flow != flow or client.state not in UNANSWERED:
                continue
            if client.spare is not None:
                self._narrow(client, now)
            elif (other := other_way(client)) is not None:
                client.flow = other
                self.outbox.append((other, client.data))
            else:
                lost.append(client)
        for client in lost:
            self._end(client)
        if flow.transport != "udp":
            for server in self._servers.values():
                server.lose(flow)
        return [TimedOut(client, "unreachable") for client in lost]

    def _narrow(self, client: ClientTransaction, now: float) -> None:
        if self.oversize.narrow(client, now):
            self.outbox.append((client.flow, client.data))
        self._arm(client)

    def _arm(self, transaction: AnyTransaction) -> None:
        due = min(transaction.repeats_at, transaction.ends_at)
        if due < transaction.queued_at:
            transaction.queued_at = due
            heappush(self._heap, (due, next(self._order), transaction))

    def _linger(self, transaction: AnyTransaction, now: float, wait_s: float) -> None:
        """It ends so many seconds from now, at once where that is none, up to a grain late."""
        if wait_s:
            grain = self.grain_s
            transaction.ends_at = -(-(now + wait_s) // grain) * grain if grain else now + wait_s
            self._arm(transaction)
        else:
            self._end(transaction)

    def _end(self, transaction: AnyTransaction) -> None:
        transaction.state = State.TERMINATED
        transaction.repeats_at = transaction.ends_at = inf
        is_ours = isinstance(transaction, ClientTransaction)
        known: dict[Key, Any] = self._clients if is_ours else self._servers
        if known.get(transaction.key) is transaction:
            del known[transaction.key]

    # -- After a restart ---------------------------------------------------------------

    def resume_client(
        self,
        branch: str,
        method: str,
        data: bytes,
        flow: Flow,
        owner: object,
        now: float,
        proceeding: bool,
        send: bool,
    ) -> ClientTransaction:
        """A request that an earlier run sent and that has had no final response yet.

        ``proceeding``: it had a provisional.  ``send``: the bytes leave once more, now.
        """
        made = self._open_client(branch, method, data, flow, owner, now)
        if send:
            self.outbox.append((made.flow, made.data))
        if proceeding:
            self._progress(made, now)
            if method != "INVITE" and flow.transport == "udp":
                made.repeats_at = now + self.t2_s
        return made

    def resume_server(
        self,
        request: Request,
        flow: Flow,
        now: float,
        code: int,
        data: bytes,
        acked: bool = False,
    ) -> ServerTransaction:
        """A request of an earlier run whose last response was ``data`` (empty: none yet).

        Nothing is sent at once; a final response to an INVITE that nobody acknowledged
        (``acked``) is repeated from T1 on, as if it had just left.
        """
        made = self._open_server(server_key(request), request, flow, now)
        if data:
            self._enter(made, data, code, now)
        if acked and made.state is State.COMPLETED and made.is_invite:
            self._confirm(made, now)
        elif acked:
            self.acknowledged(made)
        return made
