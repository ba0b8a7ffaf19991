"""What every part of the SIP layer works with: the house, the wire, the names, the time.

The time stands still during one step: ``at`` is set by ``Exchange`` when it is called.
"""

from collections import Counter
from collections.abc import Callable

from adapters.sip.build import Headers
from adapters.sip.directory import Directory
from adapters.sip.identifiers import Identifiers
from adapters.sip.message import Flow, Request, response_to
from adapters.sip.own_phone import HERE, is_local
from adapters.sip.transaction import ServerTransaction, Transactions
from adapters.sip.transaction_state import UNANSWERED
from core.machines.house import House

SECOND_NS = 1_000_000_000
T1_NS, T2_NS, T4_NS = SECOND_NS // 2, 4 * SECOND_NS, 5 * SECOND_NS  # RFC 3261 17.1
LINGER_GRAIN_NS = SECOND_NS  # Transactions that are over leave the memory together: one wake-up.


def nobody_is_told(why: str, user: str, host: str) -> None:
    """Where no owner listens."""


class Surroundings:
    """``here`` says how a peer reached by a flow sees us, as "host:port".

    ``ways`` holds, by the spelling of a server in the configuration, where it can be
    reached: addresses and ports, the best first (RFC 3263).
    """

    def __init__(
        self,
        house: House,
        identifiers: Identifiers,
        directory: Directory,
        here: Callable[[Flow], str],
        local: Callable[[str, str], str],
        dice: Callable[[], float],
    ) -> None:
        self.house = house
        self.identifiers = identifiers
        self.directory = directory
        self._here = here
        self.local = local  # Which of our sockets speaks this transport toward a host.
        self.dice = dice
        self.transactions = Transactions(T1_NS, T2_NS, T4_NS)
        self.transactions.deadlines.grain = LINGER_GRAIN_NS
        self.transactions.oversize.way = self.stream_way
        self.ways: dict[str, tuple[tuple[str, int], ...]] = {}
        self.drops: Counter[str] = Counter()
        self.tell_refused = nobody_is_told  # The counter, the name and from where.
        self.relay_inside = HERE.partition(":")[0]  # Where our own phone finds the relay.
        self.at = 0

    def here(self, flow: Flow) -> str:
        return HERE if is_local(flow) else self._here(flow)

    def relay_toward(self, flow: Flow, here: str) -> str:
        """The address of the relay for the peer of this flow, who sees us as ``here``."""
        return self.relay_inside if is_local(flow) else here.rpartition(":")[0].strip("[]")

    def way(self, server: str, transport: str) -> Flow | None:
        """How a server is reached: None where its name has not been resolved, or where none of
        our sockets speaks this transport and its IP version.
        """
        for host, port in self.ways.get(server, ()):
            if local := self.local(transport, host):
                return Flow(transport, local, host, port)
        return None

    def why_no_way(self, server: str, transport: str) -> str:
        known = self.ways.get(server)
        if not known:
            return "the name of the server is not resolved"
        return f"sip.listen has no {transport} address that leads to {known[0][0]}"

    def stream_way(self, flow: Flow) -> tuple[Flow, str] | None:
        """TCP to the peer of a UDP flow, and how it sees us there; None where we have no TCP."""
        local = self.local("tcp", flow.host)
        if not local:
            return None
        way = Flow("tcp", local, flow.host, flow.port)
        return way, self.here(way)

    def respond(
        self,
        transaction: ServerTransaction,
        code: int,
        *,
        to_tag: str = "",
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> None:
        """Ignored where the final response has been said."""
        if transaction.state not in UNANSWERED:
            return
        request = transaction.request
        if not to_tag and not request.to_tag:
            to_tag = self.stateless_tag(request)
        data = response_to(
            request,
            code,
            to_tag=to_tag,
            headers=headers,
            body=body,
            content_type=content_type,
        )
        self.transactions.respond(transaction, data, code, self.at)

    def stateless_tag(self, request: Request) -> str:
        """The To tag of an answer that opens no dialog (RFC 3261 8.2.6.2)."""
        return self.identifiers.derived(request.call_id, request.from_tag, octets=8)
