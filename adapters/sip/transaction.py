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

Nothing here reads a clock or a socket.  Time comes in with each call, in the unit that T1
is given in; what has to leave waits in the outbox until the shell fetches it, which it does
after its commit.
"""

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from adapters.sip.deadlines import Deadlines
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
)

__all__ = ["ClientTransaction", "ServerTransaction", "State", "TimedOut", "Transactions"]


class Transactions:
    """All transactions of one SIP element, their deadlines and what waits to be sent."""

    def __init__(self, t1: float = 0.5, t2: float = 4.0, t4: float = 5.0) -> None:
        self.t1, self.t2, self.t4 = t1, t2, t4
        self.patience = 64 * t1  # Timers B, F, H, J, L and M; and D, for it is 32 seconds.
        self.oversize = Oversize(t1, t2)
        self.outbox: list[tuple[Flow, bytes]] = []
        self.patient = 0  # How many of these nobody waits for.
        self.absorbed: Counter[str] = Counter()  # What never reached the user, by reason.
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self.deadlines = Deadlines()
        self.next_deadline = self.deadlines.next  # When ``handle_timers`` has to be called.

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
            made = ServerTransaction(key, reply, request, State.PROCEEDING)
        else:
            made = ServerTransaction(key, reply, request, State.TRYING)
            # Nobody waits for an answer after this.
            self.deadlines.linger(made, now + self.patience)
        self._servers[key] = made
        return made

    def _receive_ack(
        self, ack: Request, invite: ServerTransaction | None, flow: Flow, now: float
    ) -> ServerTransaction | None:
        if invite is None or invite.state not in (State.COMPLETED, State.CONFIRMED):
            return ServerTransaction((), flow, ack, State.ACK)
        self.absorbed["ack"] += 1
        if invite.state is State.COMPLETED:
            self._confirm(invite, now)
        return None

    def _confirm(self, invite: ServerTransaction, now: float) -> None:
        invite.state = State.CONFIRMED
        invite.in_vain = ""
        invite.repeats_at = inf
        if invite.flow.transport == "udp":
            self.deadlines.linger(invite, now + self.t4)  # Timer I.
        else:
            self._end(invite)

    def _repeat_response(self, found: ServerTransaction) -> None:
        self.absorbed["repeated-request"] += 1
        if found.data and found.state in (State.PROCEEDING, State.COMPLETED):
            self.outbox.append((found.flow, found.data))

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
        self.outbox.append((transaction.flow, data))
        self._enter(transaction, data, code, now)

    def _enter(self, transaction: ServerTransaction, data: bytes, code: int, now: float) -> None:
        """The state that a response leads to, with its timers; also used after a restart."""
        transaction.data = data
        if code < 200:
            transaction.state = State.PROCEEDING
            return
        is_udp = transaction.flow.transport == "udp"
        del transaction.request
        if not transaction.is_invite:
            transaction.state = State.COMPLETED
            if is_udp:
                self.deadlines.linger(transaction, now + self.patience)  # Timer J.
            else:
                self._end(transaction)
            return
        if code < 300:
            transaction.state = State.ACCEPTED
            transaction.in_vain = "" if transaction.acknowledged else "no-ack"
        else:
            transaction.state = State.COMPLETED
            transaction.in_vain = "no-ack"
        if code < 300 or is_udp:
            transaction.interval = self.t1
            transaction.repeats_at = now + self.t1
            self.deadlines.arm(transaction)
        self.deadlines.linger(transaction, now + self.patience)

    def acknowledged(self, transaction: ServerTransaction) -> None:
        """The dialog has seen the ACK for our 2xx: nobody will hear it again."""
        transaction.acknowledged = True
        if transaction.state is State.ACCEPTED:
            transaction.data = b""
            transaction.in_vain = ""
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
        made.ends_at = now + self.patience
        if flow.transport == "udp":
            made.interval = self.t1
            made.repeats_at = now + self.t1
            if len(data) > DATAGRAM_MOST or method == "CANCEL":
                self.oversize.widen(made, self._clients.get((branch, "INVITE")), now)
        self.deadlines.arm(made)
        return made

    def give_up_after_cancel(self, branch: str, now: float) -> None:
        """A cancelled INVITE is over after 64*T1, with or without its 487 (RFC 3261 9.1)."""
        invite = self._clients.get((branch, "INVITE"))
        if invite is not None and invite.state is State.PROCEEDING:
            self.deadlines.linger(invite, now + self.patience)

    # -- Responses of others -----------------------------------------------------------

    def receive_response(self, response: Response, now: float) -> ClientTransaction | None:
        """The transaction whose user has to hear this, or None: a stray or a repetition.

        Provisionals and the first final go up; of an INVITE also each further 2xx, whose ACK
        may have been lost (RFC 6026 7.2).  A refused INVITE gets its ACK here (17.1.1.3).
        """
        vias = response.fields["via"]
        if len(vias) != 1 or "," in vias[0]:  # RFC 3261 8.1.3.3: meant for somebody else.
            self.absorbed["several-vias"] += 1
            return None
        found = self._clients.get((response.via.branch, response.method))
        if found is None:
            self.absorbed["stray-response"] += 1
            return None
        code = response.code
        if found.state in UNANSWERED:
            if code < 200:
                self._progress(found, now)
            else:
                self._conclude(found, response, now)
            return found
        if found.state is State.ACCEPTED and 200 <= code < 300:
            return found
        self.absorbed["repeated-response"] += 1
        if found.ack and code >= 300:
            self.outbox.append((found.flow, found.ack))
        return None

    def _progress(self, found: ClientTransaction, now: float) -> None:
        if found.method != "INVITE":
            found.interval = self.t2  # For the timer E after the one that runs.
        elif found.state is State.CALLING:
            found.repeats_at, found.ends_at = inf, now + found.proceeds
            if found.proceeds < inf:
                self.deadlines.arm(found)
        if found.spare is not None and found.repeats_at < inf:  # It was heard over TCP.
            found.repeats_at = inf
            self.deadlines.arm(found)
        found.state = State.PROCEEDING

    def _conclude(self, found: ClientTransaction, response: Response, now: float) -> None:
        """Its first final response: what it has asked is not said again."""
        is_udp = found.flow.transport == "udp"
        if found.method != "INVITE":
            found.state = State.COMPLETED
            wait = self.t4 if is_udp else 0.0  # Timer K.
        elif response.code < 300:
            found.state = State.ACCEPTED
            wait = self.patience  # Timer M.
        else:
            found.state = State.COMPLETED
            found.ack = refusal_ack(found.data, response)
            self.outbox.append((found.flow, found.ack))
            self.patient += 1  # The peer repeats itself after T1 and no sooner.
            wait = self.patience if is_udp else 0.0  # Timer D.
        found.in_vain = ""
        found.data, found.spare = b"", None
        found.repeats_at = inf
        if wait:
            self.deadlines.linger(found, now + wait)
        else:
            self._end(found)

    # -- Time, and ways that are lost --------------------------------------------------

    def handle_timers(self, now: float) -> list[TimedOut]:
        """Repeats what is due, ends what is over, and tells whose user waits in vain."""
        over: list[AnyTransaction] = []
        while (at := self.next_deadline()) is not None and at <= now:
            for due in self.deadlines.take(at):
                if due.ends_at <= now:
                    over.append(due)
                    self._end(due)
                elif due.repeats_at > now:
                    continue  # It has moved.
                elif isinstance(due, ClientTransaction) and due.spare is not None:
                    self._narrow(due, now)
                else:
                    self._say_again(due, now)
        return [TimedOut(one, one.in_vain) for one in over if one.in_vain]

    def _say_again(self, due: AnyTransaction, now: float) -> None:
        self.outbox.append((due.flow, due.data))
        due.interval *= 2
        if due.state is not State.CALLING:  # Only timer A grows without bound.
            due.interval = min(due.interval, self.t2)
        due.repeats_at = now + due.interval
        self.deadlines.arm(due)

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
        self.deadlines.arm(client)

    def _end(self, over: AnyTransaction) -> None:
        over.state = State.TERMINATED
        over.repeats_at = over.ends_at = inf
        is_ours = isinstance(over, ClientTransaction)
        known: dict[Key, Any] = self._clients if is_ours else self._servers
        if known.get(over.key) is over:
            del known[over.key]

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
                made.repeats_at = now + self.t2
                self.deadlines.arm(made)
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
