"""The phone as a SIP user agent, without a socket or a clock (RFC 3261, RFC 3264).

It speaks with the exchange of the same process over one way that loses nothing and keeps
the order, so nothing is ever repeated and there are no timers (but see ``retry``).  Whoever
drives it hands in what came (``receive``), carries away what is to be sent (``take_out``),
and listens to what happens.  What a person can do with a phone are its other methods; they
raise ``PhoneError`` where it cannot be done now, and then nothing has changed.

One call at a time: a second one is refused busy unless the first is on hold.
"""

from collections import Counter
from collections.abc import Callable
from urllib.parse import quote

from adapters.phone import setup, within
from adapters.phone.dtmf import KEYS
from adapters.phone.leg import ALLOW, Headers, Leg
from adapters.phone.phone_call import (
    DigitsDialled,
    Direction,
    Ending,
    Happening,
    Listener,
    PhoneCall,
    PhoneError,
)
from adapters.phone.session import can_answer
from adapters.sip.address import address, sip_uri, uri
from adapters.sip.dialog import USER_AGENT, Dialog
from adapters.sip.facts import peer_of
from adapters.sip.grammar import Malformed, quoted, text, wire
from adapters.sip.identifiers import DialogNames
from adapters.sip.message import Request, Response, parse, response_to
from adapters.sip.own_phone import HERE, LOCAL, OWN

ENDED_KEPT = 20
OPEN_MOST = 8
NOT_OUTSIDE_A_DIALOG = ("BYE", "INFO", "NOTIFY", "UPDATE", "CANCEL")

MediaFor = Callable[[str, str | None], tuple[str, int]]


def nobody_listens(_happening: Happening) -> None:
    return None


class Agent:
    """``new_names`` makes the identifiers of one dialog, which nobody may guess (RFC 3261
    19.3).  ``media_for`` says where the sound of a call is to come, given who will send it
    where that is known.  ``here`` is how both ends of the one way see each other.
    """

    def __init__(
        self,
        new_names: Callable[[], DialogNames],
        media_for: MediaFor,
        listener: Listener = nobody_listens,
        *,
        user: str = OWN,
        name: str = "",
        here: str = HERE,
    ) -> None:
        self.user = user
        self.name = name
        self.here = here
        self.domain = here.rpartition(":")[0]
        self.do_not_disturb = False
        self.drops: Counter[str] = Counter()
        self.legs: dict[str, Leg] = {}
        self.media_for = media_for
        self.tell = listener
        self._new_names = new_names
        self._out: list[bytes] = []
        self._count = 0

    @property
    def calls(self) -> dict[str, PhoneCall]:
        """The open ones and the last that ended, oldest first."""
        return {call: leg.call for call, leg in self.legs.items()}

    def take_out(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    @property
    def has_out(self) -> bool:
        return bool(self._out)

    def send(self, data: bytes) -> None:
        self._out.append(data)

    def retry(self) -> None:
        """Once a second, by whoever has a clock: offers that crossed are made again."""
        for leg in self._open():
            within.retry(leg)

    # -- What a person does --------------------------------------------------------------

    def call(self, number: str, replaces: str | None = None, line: int = 0) -> str:
        """Dial, and return the call's id; whoever is talked to is put on hold.

        ``replaces`` is the value of that header (RFC 3891 6.1).  ``line`` is the one to call
        out on; 0 leaves that to the exchange.
        """
        target = self.uri_of(number) + (f";line={line}" if line else "")
        self._check_others(None)
        leg = self._new_leg("out", self._new_names(), number.strip(), "")
        dialog = leg.dialog
        dialog.local = f"{self._who()};tag={dialog.tag}"
        dialog.target = dialog.invite_uri = target
        dialog.remote = dialog.addressee = f"<{target}>"
        leg.open_session(None)
        self._hold_others(None)
        self._keep(leg)
        setup.place(leg, [("Replaces", replaces)] if replaces else [])
        return leg.call.id

    def answer(self, call: str) -> None:
        leg = self._leg(call)
        if leg.invite is None:
            raise PhoneError(f"call {call} is {leg.call.state}; only one that rings is answered")
        self._check_others(leg)
        setup.open_media(leg)
        self._hold_others(leg)
        setup.answer(leg)

    def decline(self, call: str) -> None:
        """Busy here: other phones may go on ringing (a 603 would silence them all)."""
        leg = self._leg(call)
        if leg.invite is None:
            raise PhoneError(f"call {call} is {leg.call.state}; only one that rings is declined")
        setup.refuse(leg, 486, Ending.DECLINED_HERE)

    def hang_up(self, call: str) -> None:
        leg = self._leg(call)
        if leg.invite is not None:
            setup.refuse(leg, 486, Ending.DECLINED_HERE)
        elif leg.is_confirmed:
            leg.release()
            leg.end(Ending.HUNG_UP)
        else:
            setup.give_up(leg)

    def hold(self, call: str) -> None:
        within.hold(self._established(call), on=True)

    def resume(self, call: str) -> None:
        """Whoever else is talked to is put on hold."""
        leg = self._established(call)
        self._hold_others(leg)
        within.hold(leg, on=False)

    def dial_digits(self, call: str, digits: str) -> None:
        """Keys pressed during a call; whoever sends its sound sends them (RFC 4733)."""
        self._established(call)
        for digit in digits.upper():
            if digit not in KEYS:
                raise PhoneError(f"{digit!r} is no key; digits are 0 to 9, *, #, A to D")
        self.tell(DigitsDialled(call, digits.upper()))

    def transfer(self, call: str, number: str) -> None:
        """Blind: the other side calls ``number`` instead of talking to us (RFC 3515)."""
        leg = self._established(call)
        within.refer(leg, self.uri_of(number), None)

    def transfer_to(self, call: str, other_call: str) -> None:
        """Attended: those two talk to each other instead of to us (RFC 5589 7)."""
        leg, other = self._established(call), self._established(other_call)
        if leg is other:
            raise PhoneError(f"call {call} cannot be joined to itself; name another one")
        dialog = other.dialog
        to_tag = address(dialog.remote).params.get("tag", "")
        replaces = f"{dialog.call_id};to-tag={to_tag};from-tag={dialog.tag}"
        target = address(dialog.addressee or dialog.remote).uri.partition("?")[0]
        within.refer(leg, f"{target}?Replaces={quote(replaces, safe='')}", other)

    def uri_of(self, number: str) -> str:
        """A number at our domain, or a SIP URI as it stands."""
        number = wire(number.strip())
        if not number:
            raise PhoneError("no number to call; name one")
        if not number.lower().startswith(("sip:", "sips:")):
            return sip_uri(number, self.domain)
        try:
            uri(number)
        except Malformed:
            raise PhoneError(f"{text(number)!r} is no SIP URI; write sip:user@host") from None
        return number

    # -- What comes ----------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Whatever the bytes, nothing is raised."""
        try:
            message = parse(data)
        except Malformed as malformed:
            self.drops[malformed.reason] += 1
            if malformed.request is not None and malformed.status:
                self.send(response_to(malformed.request, malformed.status))
            return
        if isinstance(message, Response):
            self._response(message)
        elif message.method == "CANCEL":
            self._cancelled(message)
        elif message.to_tag:
            self._within(message)
        elif message.method == "INVITE":
            self._invited(message)
        else:
            self._asked(message)

    def _response(self, response: Response) -> None:
        leg = self._find(response.call_id, response.from_tag)
        if leg is None:
            self.drops["stray-response"] += 1
        elif response.method == "REFER":
            within.refer_response(leg, response)
        elif response.method == "INVITE" and leg.is_confirmed:
            within.invite_response(leg, response)
        elif response.method == "INVITE":
            setup.response(leg, response)

    def _cancelled(self, request: Request) -> None:
        for leg in self.legs.values():
            invite = leg.invite
            if invite is not None and invite.via.branch == request.via.branch:
                setup.cancelled(leg, request)
                return
        known = self._by_call_id(request.call_id)
        self._refuse(request, 200 if known else 481)

    def _within(self, request: Request) -> None:
        leg = self._find(request.call_id, request.to_tag)
        if request.method == "ACK":
            if leg is not None:
                within.acked(leg, request)
        elif leg is None:
            self._refuse(request, 481)
        else:
            within.request(leg, request)

    def _invited(self, request: Request) -> None:
        if self._by_call_id(request.call_id):
            self.drops["repeated-invite"] += 1
            return
        if unknown := request.listed("require"):
            self._refuse(request, 420, [("Unsupported", ", ".join(unknown))])
            return
        is_busy = self._is_busy()
        leg = self._called(request)
        self._keep(leg)
        if self.do_not_disturb:
            setup.refuse(leg, 486, Ending.DO_NOT_DISTURB)
        elif is_busy:
            setup.refuse(leg, 486, Ending.BUSY_HERE)
        elif request.body and not can_answer(request.body):
            setup.refuse(leg, 488, Ending.FAILED)
        else:
            setup.ring(leg)

    def _called(self, request: Request) -> Leg:
        """The dialog from the side of who was called (RFC 3261 12.1.1)."""
        caller = address(request.first("from"))
        names = self._new_names()
        names = DialogNames(request.call_id, names.tag, names.branch)
        try:
            number = uri(caller.uri).user
        except Malformed:
            number = ""
        leg = self._new_leg("in", names, text(number), text(caller.display))
        dialog = leg.dialog
        peer = peer_of(request)
        dialog.local = f"{request.first('to')};tag={dialog.tag}"
        dialog.remote = request.first("from")
        dialog.target = peer.contact or caller.uri
        dialog.routes = peer.routes
        dialog.remote_cseq = request.cseq
        leg.invite = request
        return leg

    def _asked(self, request: Request) -> None:
        if request.method == "OPTIONS":
            self._refuse(request, 200, [("Allow", ALLOW), ("Accept", "application/sdp")])
        elif request.method in NOT_OUTSIDE_A_DIALOG:
            self._refuse(request, 481)
        elif request.method != "ACK":
            self._refuse(request, 405, [("Allow", ALLOW)])

    def _refuse(self, request: Request, code: int, more: Headers | None = None) -> None:
        headers = [*(more or []), ("User-Agent", USER_AGENT)]
        tag = self._new_names().tag
        self.send(response_to(request, code, to_tag=tag, headers=headers))

    # -- Which call ----------------------------------------------------------------------

    def _leg(self, call: str) -> Leg:
        leg = self.legs.get(call)
        if leg is None or not leg.call.is_open:
            has = ", ".join(leg.call.id for leg in self._open())
            raise PhoneError(f"there is no call {call}; open calls: {has or 'none'}")
        return leg

    def _established(self, call: str) -> Leg:
        leg = self._leg(call)
        if not leg.call.is_established:
            raise PhoneError(f"call {call} is {leg.call.state}; wait until it is answered")
        if leg.call.is_transferring:
            raise PhoneError(f"call {call} is being transferred; wait until that is decided")
        return leg

    def _find(self, call_id: str, tag: str) -> Leg | None:
        for leg in reversed(self.legs.values()):
            if leg.dialog.call_id == call_id and leg.dialog.tag == tag:
                return leg
        return None

    def _by_call_id(self, call_id: str) -> bool:
        return any(leg.dialog.call_id == call_id for leg in self.legs.values())

    def _open(self) -> list[Leg]:
        return [leg for leg in self.legs.values() if leg.call.is_open]

    def _is_busy(self) -> bool:
        """Only calls on hold leave room for another one, and not for any number of them."""
        held = [leg for leg in self._open() if leg.hold_wished]
        return len(held) != len(self._open()) or len(held) >= OPEN_MOST

    def _check_others(self, keep: Leg | None) -> None:
        """Raises ``PhoneError`` where another call is in the way that cannot be put on hold."""
        for leg in self._open():
            if leg is not keep and not leg.call.is_established:
                raise PhoneError(f"call {leg.call.id} is {leg.call.state}; end it first")
        if keep is None and len(self._open()) >= OPEN_MOST:
            raise PhoneError(f"{OPEN_MOST} calls are on hold; end one first")

    def _hold_others(self, keep: Leg | None) -> None:
        for leg in self._open():
            if leg is not keep and leg.call.is_established and not leg.hold_wished:
                within.hold(leg, on=True)

    def _new_leg(self, direction: Direction, names: DialogNames, number: str, name: str) -> Leg:
        self._count += 1
        dialog = Dialog(names, LOCAL, self.here)
        dialog.contact = f"<sip:{self.user}@{self.here};transport={LOCAL.transport}>"
        call = PhoneCall(str(self._count), direction, number, name)
        return Leg(call, dialog, self)

    def _keep(self, leg: Leg) -> None:
        self.legs[leg.call.id] = leg
        ended = [call for call, leg in self.legs.items() if not leg.call.is_open]
        for call in ended[:-ENDED_KEPT]:
            del self.legs[call]

    def _who(self) -> str:
        name = f"{quoted(wire(self.name))} " if self.name else ""
        return f"{name}<{sip_uri(self.user, self.domain)}>"
