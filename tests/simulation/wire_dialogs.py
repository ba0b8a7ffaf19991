"""What the parties of a house on the wire keep of their dialogs, and how they spell."""

from dataclasses import dataclass
from enum import Enum

from adapters.sip.message import Request, Response
from adapters.sip.own_phone import LOCAL, OWN
from tests.sip.stage import PHONES, SERVER, Headers, Stage, answer, flow_of, request

OUTSIDE = "7000"  # Whoever is behind the server of the line, as it is spelled there.
FLOWS = {OUTSIDE: SERVER, OWN: LOCAL, **{phone: flow_of(phone) for phone in PHONES}}
PARTIES = {flow: party for party, flow in FLOWS.items()}


class Phase(Enum):
    EARLY = "early"
    UP = "up"
    OVER = "over"


@dataclass
class Dialog:
    """One party's end of it, from the INVITE on that opens it; ``opened_by_us`` is its own."""

    party: str
    invite: Request
    opened_by_us: bool
    cseq: int
    local: str
    remote: str = ""  # Not before somebody has answered.
    phase: Phase = Phase.EARLY
    said: bytes = b""  # Its latest response to the INVITE.
    has_proven: bool = False

    @property
    def call_id(self) -> str:
        return self.invite.call_id


def tag_of(address: str) -> str:
    return address.rpartition(";tag=")[2]


def contact(party: str) -> tuple[str, str]:
    return "Contact", f"<sip:{party}@{FLOWS[party].host}:5060>"


def invited(party: str, invite: Request) -> Dialog:
    """By the hotspot."""
    local = f"{invite.first('to')};tag=tt{party}"
    return Dialog(party, invite, False, 100, local, invite.first("from"))


def inviting(party: str, invite: bytes) -> Dialog:
    read = request(invite)
    return Dialog(party, read, True, read.cseq, read.first("from"))


def said_to(party: str, asked: Request, code: int, body: bytes = b"") -> bytes:
    if code == 100:
        return answer(asked, code, tag="")
    headers = [contact(party)] if code < 300 else []
    return answer(asked, code, headers, body, tag=asked.to_tag or f"tt{party}")


def asked_in(
    stage: Stage, dialog: Dialog, method: str, more: Headers = (), body: bytes = b""
) -> bytes:
    """A new request within the dialog."""
    dialog.cseq += 1
    headers = [("From", dialog.local), contact(dialog.party), *more]
    return stage.request(
        method,
        user=dialog.party,
        call_id=dialog.call_id,
        cseq=dialog.cseq,
        to=dialog.remote,
        more=headers,
        body=body,
    )


def ack_of(stage: Stage, dialog: Dialog, final: Response) -> bytes:
    """That to a refusal belongs to the INVITE's own transaction (RFC 3261 17.1.1.3)."""
    return stage.request(
        "ACK",
        dialog.invite.uri if dialog.opened_by_us else "sip:127.0.0.1",
        user=dialog.party,
        call_id=dialog.call_id,
        cseq=final.cseq,
        to=final.first("to"),
        more=[("From", dialog.local)],
        branch="" if final.code < 300 else final.via.branch,
    )


def refer_to(number: str, taken: Dialog | None) -> tuple[str, str]:
    """A number, or a dialog of the same party that is to be replaced (RFC 3891 6.1)."""
    if taken is None:
        return "Refer-To", f"<sip:{number}@127.0.0.1>"
    theirs, ours = tag_of(taken.remote), tag_of(taken.local)
    replaces = f"{taken.call_id}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{ours}"
    return "Refer-To", f"<sip:{number}@127.0.0.1?Replaces={replaces}>"
