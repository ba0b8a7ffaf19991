"""A fake clock round the transaction layer: what left, and when, to the exact moment."""

from adapters.sip.message import Flow, Request, Response, parse, request_bytes, response_to
from adapters.sip.transaction import ClientTransaction, ServerTransaction, TimedOut, Transactions

UDP = Flow("udp", "127.0.0.1:5060", "127.0.0.2", 5060)
TCP = Flow("tcp", "127.0.0.1:5060", "127.0.0.2", 40_000)
T1, T2, T4 = 0.5, 4.0, 5.0
PATIENCE = 64 * T1


def request_data(
    method: str,
    branch: str = "z9hG4bK-one",
    *,
    sent_by: str = "127.0.0.2:5060",
    to_tag: str = "",
    number: int = 1,
    more: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A request as a peer or we would send it; a branch of "" leaves the parameter out."""
    via = f"SIP/2.0/UDP {sent_by}" + (f";branch={branch}" if branch else "")
    headers = [
        ("Via", via),
        *more,
        ("Max-Forwards", "70"),
        ("From", "<sip:4212@provider.test>;tag=from"),
        ("To", "<sip:4213@provider.test>" + (f";tag={to_tag}" if to_tag else "")),
        ("Call-ID", "one@provider.test"),
        ("CSeq", f"{number} {method}"),
    ]
    return request_bytes(method, "sip:4213@127.0.0.1", headers)


def a_request(method: str, branch: str = "z9hG4bK-one", **other: object) -> Request:
    message = parse(request_data(method, branch, **other))  # type: ignore[arg-type]
    assert isinstance(message, Request)
    return message


def answer_data(request: bytes | Request, code: int, to_tag: str = "to") -> bytes:
    if isinstance(request, bytes):
        read = parse(request)
        assert isinstance(read, Request)
        request = read
    return response_to(request, code, to_tag=to_tag)


def an_answer(request: bytes | Request, code: int, to_tag: str = "to") -> Response:
    message = parse(answer_data(request, code, to_tag))
    assert isinstance(message, Response)
    return message


def first_word(data: bytes) -> str:
    """``INVITE`` of a request, ``180`` of a response."""
    words = data.split(b" ", 2)
    return (words[1] if words[0] == b"SIP/2.0" else words[0]).decode()


class Clockwork:
    """The layer under test, at ``now``; ``left`` is the wire, ``ended`` the bad news."""

    def __init__(self) -> None:
        self.layer = Transactions(T1, T2, T4)
        self.now = 0.0
        self.left: list[tuple[float, str]] = []
        self.datagrams: list[tuple[Flow, bytes]] = []
        self.ended: list[tuple[float, TimedOut]] = []
        self.requests: dict[ServerTransaction, Request] = {}  # Also of those that have ended.
        self.asked: dict[ClientTransaction, bytes] = {}

    def note(self) -> list[str]:
        """What has just left, also kept in ``left``."""
        out = self.layer.take_out()
        self.datagrams += out
        words = [first_word(data) for _, data in out]
        self.left += [(self.now, word) for word in words]
        return words

    def wait(self, until: float = 1e9) -> None:
        """Lets time pass from deadline to deadline, as the shell does."""
        self.note()
        while (due := self.layer.next_deadline()) is not None and due <= until:
            assert due >= self.now, "a deadline in the past was not handled"
            self.now = due
            self.ended += [(due, gone) for gone in self.layer.handle_timers(due)]
            self.note()
        if until < 1e9:
            self.now = until

    def times(self, word: str) -> list[float]:
        return [at for at, said in self.left if said == word]

    # -- The four calls, at the time it is ---------------------------------------------

    def hear(self, request: Request, flow: Flow = UDP) -> ServerTransaction | None:
        heard = self.layer.receive_request(request, flow, self.now)
        if heard is not None:
            self.requests[heard] = request
        return heard

    def respond(self, transaction: ServerTransaction, code: int, to_tag: str = "to") -> None:
        request = self.requests.get(transaction) or transaction.request
        data = answer_data(request, code, to_tag)
        self.layer.respond(transaction, data, code, self.now)

    def ask(
        self, method: str, flow: Flow = UDP, branch: str = "z9hG4bK-ours", data: bytes = b""
    ) -> ClientTransaction:
        data = data or request_data(method, branch, sent_by="127.0.0.1:5060")
        made = self.layer.send_request(branch, method, data, flow, "the user", self.now)
        self.asked[made] = made.data
        return made

    def answer(
        self, transaction: ClientTransaction, code: int, to_tag: str = "to"
    ) -> ClientTransaction | None:
        asked = self.asked.get(transaction) or transaction.data
        return self.layer.receive_response(an_answer(asked, code, to_tag), self.now)

    def heard(self, request: Request, flow: Flow = UDP) -> ServerTransaction:
        transaction = self.hear(request, flow)
        assert transaction is not None
        return transaction

    def bad_news(self) -> list[tuple[float, str]]:
        return [(at, gone.reason) for at, gone in self.ended]
