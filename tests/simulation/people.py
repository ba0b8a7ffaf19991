"""Who lives in a seeded house, and what each of them does when asked."""

import random
from typing import Protocol

from core.events import joined, observed, orders, released
from core.events.base import Event, Observed
from core.events.facts import Challenge, Target
from core.machines.call import Call, CallerPhase, LegPhase, Phase
from core.machines.lending import may_be_taken
from core.machines.passing import ASK

REFUSALS = [302, 401, 404, 486, 486, 500, 503, 600, 603]
HABITS = [
    "rings", "answers", "rings, answers", "early media, answers", "refuses", "is off", "silent",
    "answers, hangs up",
]  # fmt: skip
SERVER_HABITS = ["challenges", "challenges", "rings, answers", "refuses", "early media, answers"]
METHODS = ["INVITE", "INVITE", "UPDATE", "INFO"]


class Network(Protocol):
    waiting: list[tuple[str, Observed]]

    def later(self, seen: Observed) -> None: ...


class People:
    """They hear orders as messages, and send what they have to say over the network."""

    def __init__(self, dice: random.Random, network: Network) -> None:
        self.dice = dice
        self.network = network
        self.silent: set[str] = set()  # Invited, and no final response is on its way.
        self.asked = 0
        self.asking: dict[tuple[str, int], str] = {}  # Passed on; the method.
        self.owes_ack = False  # The caller has our 200; its ACK is not on its way.

    def say(self, *seen: Observed) -> None:
        for one in seen:
            self.network.waiting.append(("call:1", one))

    # -- What they are told ------------------------------------------------------------------

    def carry_out(self, order: Event) -> None:
        match order:
            case orders.InviteLeg(leg=leg):
                self.ring(leg, self.dice.choice(SERVER_HABITS if leg == "line" else HABITS))
            case orders.AuthorizeLeg(leg=leg):
                self.ring(leg, self.dice.choice([*SERVER_HABITS, "is stale"]))
            case orders.CancelLeg(leg=leg) if leg in self.silent:
                self.silent.discard(leg)
                crossing = self.dice.random() < 0.1
                refused = observed.LegRefused(leg=leg, code=487)
                answered = observed.LegAnswered(leg=leg, answer=b"a")
                self.network.later(answered if crossing else refused)
            case orders.AnswerLeg(leg=leg) if self.dice.random() < 0.8:
                self.network.later(joined.LegAcked(leg=leg))
            case orders.AnswerCaller():
                self.hear_the_answer()
            case orders.PassRequest(by=by, number=number, method=method):
                self.asking[by, number] = method
                self.think_about(by, number)
            case orders.AuthorizeRequest(by=by, number=number) if number > ASK:
                self.think_about(by, number)
            case orders.ReleaseLeg(leg=party) | orders.AuthorizeRelease(party=party):
                self.let_go(party)
            case orders.ReleaseCaller():
                self.let_go("caller")
            case (
                orders.AskOffer(by=by, number=number)
                | orders.AuthorizeRequest(by=by, number=number)
            ):
                self.think_of_an_offer(by, number)
            case orders.PassAnswer(by=by, number=number, code=code):
                if self.asking[by, number] == "INVITE" and code < 300:
                    self.hear_of_the_change(by, number)

    def ring(self, leg: str, habit: str) -> None:
        rings = observed.LegProgressed(leg=leg, code=self.dice.choice([100, 180, 180]))
        media = observed.LegProgressed(leg=leg, code=183, answer=b"early")
        answers = observed.LegAnswered(leg=leg, answer=b"a")
        match habit:
            case "rings":
                self.silent.add(leg)
                self.network.later(rings)
            case "answers":
                self.network.later(answers)
            case "rings, answers":
                self.say(rings, answers)
            case "early media, answers":
                self.say(media, answers)
            case "answers, hangs up":
                self.say(answers, observed.LegHungUp(leg=leg))
            case "refuses":
                code = self.dice.choice(REFUSALS)
                self.network.later(observed.LegRefused(leg=leg, code=code))
            case "challenges" | "is stale":
                challenge = Challenge(realm="r", nonce="n", stale=habit == "is stale")
                seen = observed.LegChallenged(leg=leg, code=407, challenge=challenge)
                self.network.later(seen)
            case "is off":
                self.network.later(observed.LegUnreachable(leg=leg))
            case "silent":
                self.silent.add(leg)

    def hear_the_answer(self) -> None:
        match self.dice.choice(["acks", "acks", "acks", "forgets", "hangs up", "asks"]):
            case "acks":
                self.network.later(observed.CallerAcked(answer=b"c"))
            case "forgets":
                self.owes_ack = True
            case "hangs up":
                self.network.later(observed.CallerHungUp())
            case "asks":
                self.say(self.request("caller"), observed.CallerAcked())

    def hear_of_the_change(self, by: str, number: int) -> None:
        acked = observed.RequestAcked(by=by, number=number)
        unanswered = observed.RequestUnanswered(by=by, number=number)
        self.network.later(acked if self.dice.random() < 0.9 else unanswered)
        if self.dice.random() < 0.2:
            self.network.later(observed.CallerHungUp())

    def let_go(self, party: str) -> None:
        if self.dice.random() < 0.3:
            seen = released.ReleaseChallenged(party=party, code=401, challenge=self.challenge())
            self.network.later(seen)

    def challenge(self) -> Challenge:
        return Challenge(realm="r", nonce="n", stale=self.dice.random() < 0.5)

    def wants_proof(self, by: str, number: int) -> bool:
        if self.dice.random() < 0.8:
            return False
        asks = self.challenge()
        self.network.later(observed.RequestAnswered(by=by, number=number, code=407, challenge=asks))
        return True

    def think_about(self, by: str, number: int) -> None:
        if self.wants_proof(by, number):
            return
        code = self.dice.choice([200, 200, 200, 488, 491])
        answered = observed.RequestAnswered(by=by, number=number, code=code)
        unanswered = observed.RequestUnanswered(by=by, number=number)
        self.network.later(answered if self.dice.random() < 0.8 else unanswered)
        if self.dice.random() < 0.2:
            self.network.later(observed.CallerHungUp())

    def think_of_an_offer(self, by: str, number: int) -> None:
        if self.wants_proof(by, number):
            return
        code = self.dice.choice([200, 200, 200, 488, 491])
        body = b"o" if self.dice.random() < 0.9 else b""
        answered = observed.RequestAnswered(by=by, number=number, code=code, body=body)
        unanswered = observed.RequestUnanswered(by=by, number=number)
        self.network.later(answered if self.dice.random() < 0.8 else unanswered)
        if self.dice.random() < 0.2:
            self.network.later(observed.LegHungUp(leg=by))

    def request(self, by: str) -> Observed:
        self.asked += 1
        method = self.dice.choice(METHODS)
        return observed.RequestArrived(by=by, method=method, number=self.asked)

    def refer(self, call: Call, by: str, other: Call) -> Observed:
        self.asked += 1
        party = self.dice.choice(["caller", "X"])
        if may_be_taken(other, party) and other.phase is Phase.TALKING and self.dice.random() < 0.5:
            taken = Target(leg=f"{party}/{len(call.legs)}")
            return observed.TransferAsked(
                by=by, number=self.asked, targets=(taken,), replaces="call:2", party=party
            )
        legs = [f"N{n}/{len(call.legs)}" for n in range(self.dice.choice([0, 1, 1, 1, 2]))]
        targets = tuple(Target(leg=leg) for leg in legs)
        return observed.TransferAsked(by=by, number=self.asked, targets=targets)

    def registrar_says(self) -> Observed:
        """To whatever REGISTER was sent."""
        challenge = Challenge(realm="r", nonce="n", stale=self.dice.random() < 0.5)
        says = [
            observed.RegistrationAccepted(granted_s=600),
            observed.RegistrationAccepted(granted_s=0),
            observed.RegistrationChallenged(challenge=challenge),
            observed.RegistrationRefused(code=423, min_expires_s=self.dice.choice([60, 7200])),
            observed.RegistrationRefused(code=self.dice.choice([403, 500, 503])),
            observed.RegistrarUnreachable(draw=self.dice.random()),
        ]
        return self.dice.choice(says)

    # -- What they do of their own accord ------------------------------------------------------

    def do_something(self, call: Call, other: Call) -> Observed | None:
        match call.phase:
            case Phase.RINGING:
                if call.kind == "incoming" and self.dice.random() < 0.6:
                    return self.come_late()
                return self.dice.choice([observed.CallerCancelled(), observed.CallerHungUp()])
            case Phase.TALKING:
                by = self.dice.choice(call.sides)
                return self.refer(call, by, other) if self.dice.random() < 0.3 else self.request(by)
            case Phase.ANSWERED:
                return observed.LegHungUp(leg=call.winner)
        return None

    def come_late(self) -> Observed:
        """Somebody picks the call up, or registers while it rings."""
        if self.dice.random() < 0.5:
            own = self.dice.random() < 0.2
            return joined.PickupArrived(leg="7.pickup", offer=b"mine", own=own)
        return joined.LegJoined(target=Target(leg=f"{self.dice.randrange(5)}.9"))

    def give_up(self, call: Call) -> Observed | None:
        """Where the call waits for nothing but them, they come to an end."""
        if call.phase is Phase.TALKING:
            side = self.dice.choice(call.sides)
            is_caller = side == "caller"
            return observed.CallerHungUp() if is_caller else observed.LegHungUp(leg=side)
        if call.phase is not Phase.CLOSING or call.caller is CallerPhase.ANSWERED:
            return None
        for leg in sorted(self.silent):
            if call.leg_is(leg, LegPhase.DOOMED) and self.dice.random() < 0.5:
                return observed.LegProgressed(leg=leg, code=100)
            self.silent.discard(leg)
            return observed.LegUnreachable(leg=leg)
        return None
