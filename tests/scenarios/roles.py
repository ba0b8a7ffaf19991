"""Who takes which part in a call of the bare runner, and what each of them has said."""

from msgspec import Struct

from core.machines.passing import ASK


class Asked(Struct):
    """A request within the call, on its way from one side to the other."""

    by: str
    number: int
    method: str
    body: dict[str, str]
    answer: dict[str, str] = {}
    code: int = 0
    passed: bool = False
    acked: dict[str, str] | None = None


class Stage(Struct):
    """One call: who takes which part, and what each of them has said."""

    stream: str
    caller: str
    offer: dict[str, str] = {}
    legs: dict[str, str] = {}  # By leg: the party.
    said: dict[str, dict[str, str]] = {}  # By leg: the body it sent last.
    ack: dict[str, str] = {}
    asked: list[Asked] = []
    winner: str = ""
    first: str = "caller"
    referrer: str = ""
    joined: dict[str, dict[str, str]] = {}  # By leg of a transfer: the answer to its offer.

    def role_of(self, party: str, rung: bool = False) -> str:
        """The latest; ``rung``: of those whom we have invited, not who picked the call up."""
        if party == self.caller:
            return "caller"
        legs = [leg for leg, who in self.legs.items() if who == party]
        return [leg for leg in legs if not (rung and leg.endswith(".pickup"))][-1]

    def party_of(self, role: str) -> str:
        return self.caller if role == "caller" else self.legs.get(role, role)

    def other(self, by: str) -> str:
        place = by if by in (self.first, self.winner) else self.referrer
        return self.party_of(self.winner if place == self.first else self.first)

    def one(self, by: str, number: int) -> Asked:
        return next(one for one in self.asked if (one.by, one.number) == (by, number))

    def asked_of(self, party: str, method: str) -> Asked:
        """What this party has been asked and has not answered, the oldest first."""
        for one in self.asked:
            waits = one.method == method and one.passed and not one.code
            if waits and (self.role_of(party) == one.by) is (one.number == ASK):
                return one
        raise AssertionError(f"nobody asks {party} for {method}")

    def unacked(self, party: str) -> Asked | None:
        for one in self.asked:
            waits = one.method == "re-INVITE" and 200 <= one.code < 300 and one.acked is None
            if waits and self.party_of(one.by) == party:
                return one
        return None
