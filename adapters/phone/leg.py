"""One call's end at this phone: its dialog, its session, and what is under way in it.

What happens to it is told in the order of a call: ``setup`` from INVITE to ACK, ``within``
from there to BYE.  Both speak through what stands here.
"""

from collections.abc import Sequence
from typing import Protocol

from adapters.phone.phone_call import CallChanged, Ending, Happening, PhoneCall, State, TermsAgreed
from adapters.phone.session import Session
from adapters.sip.dialog import USER_AGENT, Dialog
from adapters.sip.facts import peer_of
from adapters.sip.message import Request, Response, response_to

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY"

Headers = list[tuple[str, str]]


class Desk(Protocol):
    """What a leg needs of its phone."""

    def send(self, data: bytes) -> None: ...

    def tell(self, happening: Happening) -> None: ...

    def media_for(self, call: str, remote_host: str | None) -> tuple[str, int]:
        """Where this call's sound is to come; raises ``PhoneError`` where there is no way."""
        ...


class Leg:
    """``sent`` is our INVITE that waits for its final response, ``invite`` theirs; ``unacked``
    is the CSeq number of a 2xx of ours that waits for its ACK.  The call may have ended for
    the person while the other side still has to be told.
    """

    def __init__(self, call: PhoneCall, dialog: Dialog, desk: Desk) -> None:
        self.call = call
        self.dialog = dialog
        self.desk = desk
        self.session: Session | None = None
        self.is_confirmed = False  # A 2xx has made the dialog (RFC 3261 12.1).
        # -- Theirs
        self.invite: Request | None = None
        self.unacked = 0
        self.wants_answer = False  # The offer was in our 2xx, so the ACK brings the answer.
        # -- Ours
        self.sent = b""
        self.has_progress = False  # Only then may it be cancelled (RFC 3261 9.1).
        self.has_given_up = False
        self.hangs_up_at_ack = False  # RFC 3261 15: no BYE before the ACK.
        self.hold_wished = False
        self.patience = 0  # After a 491: how many times ``retry`` is heard before the next try.
        self.partner: Leg | None = None  # The call that this one is being joined to.

    # -- What the person sees ------------------------------------------------------------

    def become(self, state: State) -> None:
        self.change(self.call._replace(state=state))

    def change(self, call: PhoneCall) -> None:
        if call != self.call:
            self.call = call
            self.desk.tell(CallChanged(call))

    def end(self, ending: Ending, code: int = 0) -> None:
        """The first reason stays."""
        if self.call.is_open:
            self.change(
                self.call._replace(
                    state=State.ENDED, ending=ending, code=code, is_transferring=False
                )
            )

    def open_session(self, remote_host: str | None) -> Session:
        """Asks for a place to hear at once a call, before anything is sent."""
        if self.session is None:
            host, port = self.desk.media_for(self.call.id, remote_host)
            number = int.from_bytes(self.dialog.tag.encode()[:6], "big")
            self.session = Session(host, port, number)
        return self.session

    def agreed(self) -> None:
        """After an offer and its answer."""
        session = self.session
        if session is None or session.terms is None or not self.call.is_open:
            return
        self.change(self.call._replace(is_held_by_peer=session.held_by_peer))
        self.desk.tell(TermsAgreed(self.call.id, session.terms))

    # -- What is sent --------------------------------------------------------------------

    def request(self, method: str, more: Headers | None = None, body: bytes = b"") -> bytes:
        """Sends the next request of this dialog, and returns it."""
        dialog = self.dialog
        cseq = dialog.next_cseq()
        if method == "INVITE":
            dialog.invite_cseq = cseq
        data = dialog.request(method, cseq, more or (), body)
        self.desk.send(data)
        return data

    def acknowledge(self) -> None:
        """For a 2xx to our last INVITE, whenever it comes (RFC 3261 13.2.2.4)."""
        dialog = self.dialog
        dialog.last_ack = dialog.request("ACK", dialog.invite_cseq)
        self.desk.send(dialog.last_ack)

    def respond(
        self, request: Request, code: int, body: bytes = b"", more: Sequence[tuple[str, str]] = ()
    ) -> None:
        headers = [*more, ("User-Agent", USER_AGENT)]
        if request.method in ("INVITE", "UPDATE") and 100 < code < 300:
            headers = [("Contact", self.dialog.contact), ("Allow", ALLOW), *headers]
        tag = self.dialog.tag
        self.desk.send(response_to(request, code, to_tag=tag, headers=headers, body=body))

    def release(self) -> None:
        """BYE, or the promise of one (RFC 3261 15)."""
        if self.unacked:
            self.hangs_up_at_ack = True
        else:
            self.request("BYE")

    # -- What is learnt ------------------------------------------------------------------

    def follow(self, message: Request | Response) -> None:
        """A target refresh (RFC 3261 12.2.1.2)."""
        contact = peer_of(message).contact
        if contact:
            self.dialog.target = contact
