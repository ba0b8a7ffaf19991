"""Who is in a house on the wire: what each says to what it hears.

Phones ring, answer, refuse or are silent, and some answer although they were cancelled;
whoever is asked within a call agrees, refuses, says nothing or forgets its ACK; the server
of the line wants a proof of whatever it is asked, and another one each time.
"""

import random
from typing import Protocol

from adapters.sip.message import Request, Response
from tests.simulation.wire_dialogs import (
    OUTSIDE,
    Dialog,
    Phase,
    ack_of,
    asked_in,
    invited,
    inviting,
    said_to,
)
from tests.sip.messages import OFFER
from tests.sip.stage import Stage, answer, credentials

HABITS = ["rings", "rings", "rings", "answers", "answers", "rings, answers", "tries", "silent",
          "refuses"]  # fmt: skip
REFUSALS = [486, 603, 404, 503, 302, 401]
CHALLENGED = ("INVITE", "BYE", "INFO")
CHALLENGES = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
SILENCE = 0


class Network(Protocol):
    stage: Stage
    is_calm: bool

    def say(self, party: str, data: bytes) -> None: ...


class People:
    """They keep what user agents keep: their dialogs, by party and Call-ID."""

    def __init__(self, dice: random.Random, network: Network) -> None:
        self.dice = dice
        self.network = network
        self.dialogs: dict[tuple[str, str], Dialog] = {}

    def those(self, phase: Phase) -> list[Dialog]:
        return [dialog for dialog in self.dialogs.values() if dialog.phase is phase]

    def hear(self, party: str, message: Request | Response) -> None:
        dialog = self.dialogs.get((party, message.call_id))
        if isinstance(message, Request):
            self.asked(party, message, dialog)
        elif message.method == "INVITE" and dialog and message.code >= 200:
            self.told(dialog, message)

    # -- The hotspot asks ------------------------------------------------------------------

    def asked(self, party: str, request: Request, dialog: Dialog | None) -> None:
        wants_proof = party == OUTSIDE and request.method in CHALLENGED
        if request.method == "ACK":
            return
        if wants_proof and self.dice.random() < 0.25:
            self.network.say(party, self.challenge(request))
            return
        match request.method:
            case "INVITE" if request.to_tag:
                self.think_of_an_offer(party, request)
            case "INVITE" if dialog and dialog.invite.via.branch == request.via.branch:
                if dialog.said:
                    self.network.say(party, dialog.said)
            case "INVITE":
                dialog = self.dialogs[party, request.call_id] = invited(party, request)
                self.be_invited(dialog)
            case "CANCEL":
                self.network.say(party, said_to(party, request, 200))
                if dialog and dialog.phase is Phase.EARLY:
                    self.be_cancelled(dialog)
            case "BYE":
                if dialog:
                    dialog.phase = Phase.OVER
                self.network.say(party, said_to(party, request, 200))
            case _:
                code = self.dice.choice([200, 200, 200, 200, 481])
                self.network.say(party, said_to(party, request, code))

    def challenge(self, request: Request) -> bytes:
        code = self.dice.choice([*CHALLENGES])
        stale = self.dice.choice(["", ", stale=true"])
        realm, nonce = f"r{self.dice.randrange(2)}", f"n{self.dice.randrange(9)}"
        asks = f'Digest realm="{realm}", nonce="{nonce}", qop="auth"{stale}'
        return answer(request, code, [(CHALLENGES[code], asks)], tag=request.to_tag or "q")

    def be_invited(self, dialog: Dialog) -> None:
        habit = "refuses" if self.network.is_calm else self.dice.choice(HABITS)
        if "rings" in habit:
            self.say_of_the_invite(dialog, 180)
        if "tries" in habit:
            self.say_of_the_invite(dialog, 100)
        if "answers" in habit:
            self.answer(dialog)
        if "refuses" in habit:
            dialog.phase = Phase.OVER
            self.say_of_the_invite(dialog, self.dice.choice(REFUSALS))

    def be_cancelled(self, dialog: Dialog) -> None:
        if not self.network.is_calm and self.dice.random() < 0.15:
            self.answer(dialog)
            return
        dialog.phase = Phase.OVER
        self.say_of_the_invite(dialog, 487)

    def answer(self, dialog: Dialog) -> None:
        dialog.phase = Phase.UP
        self.say_of_the_invite(dialog, 200, OFFER if self.dice.random() < 0.95 else b"")

    def say_of_the_invite(self, dialog: Dialog, code: int, body: bytes = b"") -> None:
        dialog.said = said_to(dialog.party, dialog.invite, code, body)
        self.network.say(dialog.party, dialog.said)

    def think_of_an_offer(self, party: str, request: Request) -> None:
        """A re-INVITE."""
        code = self.dice.choice([200, 200, 200, 491, 488, 100, SILENCE])
        code = 488 if self.network.is_calm else code
        body = OFFER if code == 200 and self.dice.random() < 0.9 else b""
        if code != SILENCE:
            self.network.say(party, said_to(party, request, code, body))

    # -- The hotspot answers an INVITE -----------------------------------------------------

    def told(self, dialog: Dialog, final: Response) -> None:
        if final.code >= 300:
            self.network.say(dialog.party, ack_of(self.network.stage, dialog, final))
            self.be_refused(dialog, final)
            return
        dialog.remote = final.first("to")
        if dialog.phase is Phase.EARLY:
            dialog.phase = Phase.UP
        if self.network.is_calm or self.dice.random() < 0.9:
            self.network.say(dialog.party, ack_of(self.network.stage, dialog, final))
        if dialog.phase is Phase.OVER:
            self.hang_up(dialog)

    def be_refused(self, dialog: Dialog, final: Response) -> None:
        if dialog.phase is not Phase.EARLY:
            return
        if final.code not in CHALLENGES:
            dialog.phase = Phase.OVER
        elif not dialog.has_proven:
            self.prove(dialog, final)

    def prove(self, dialog: Dialog, refused: Response) -> None:
        asked, party = dialog.invite, dialog.party
        proof = credentials(refused, "INVITE", asked.uri, party, f"p{party}")
        again = self.network.stage.request(
            "INVITE",
            asked.uri,
            user=party,
            call_id=dialog.call_id,
            cseq=asked.cseq + 1,
            body=asked.body,
            more=[proof],
        )
        dialog = self.dialogs[party, dialog.call_id] = inviting(party, again)
        dialog.has_proven = True
        self.network.say(party, again)

    def hang_up(self, dialog: Dialog) -> None:
        if dialog.remote:
            dialog.phase = Phase.OVER
            self.network.say(dialog.party, asked_in(self.network.stage, dialog, "BYE"))
