"""What was on the wire for an entry of the log: who said which message to whom.

A log holds events and no messages, but each event of a call stands for one of them, or
for none.  What belongs to a transaction alone (100, the ACK to a refusal, the 200 to a
CANCEL or a BYE) is not in the log and does not come up here.
"""

from typing import NamedTuple

from core.events import decided, discovered, joined, observed, orders, released
from core.events.base import Event
from core.machines.timers import EXPIRY

CALLER = "caller"
HOTSPOT = "hotspot"
REGISTRAR = "registrar"
PHONE = "phone"
CLIENT = "client"  # By discovery.


class Arrow(NamedTuple):
    """One message, as ``METHOD`` or ``METHOD/code``."""

    source: str
    to: str
    message: str


class Messages:
    """The messages of one stream, told its events in their order.

    It remembers what a later event only refers to: who the two sides of the call are,
    and which method a request had that is being answered now.
    """

    def __init__(self) -> None:
        self.sides = (CALLER, "")
        self.referrer = ""  # Who hands the other side over.
        self.methods: dict[tuple[str, int], str] = {}
        self.flows: dict[str, str] = {}

    def of(self, event: Event) -> Arrow | None:
        """The message that this event is, if it is one."""
        self.remember(event)
        return (
            self.from_caller(event)
            or self.from_leg(event)
            or self.to_leg(event)
            or self.to_caller(event)
            or self.within(event)
            or registration(event)
            or discovery(event)
        )

    def cause(self, event: Event) -> dict[str, str]:
        """Where an observation came from; what is not known is empty."""
        arrow = self.of(event)
        by = arrow.source if arrow else spoken_by(event)
        source = getattr(event, "flow", "") or getattr(event, "source", "")
        flow = source or self.flows.get(by, "")
        return {"by": by, "message": arrow.message if arrow else "", "source": flow}

    def remember(self, event: Event) -> None:
        match event:
            case observed.InviteArrived(targets=targets, origin=origin):
                self.flows = {target.leg: target.flow for target in targets}
                self.flows[CALLER] = origin.flow
            case orders.AnswerCaller(leg=leg):
                self.sides = (CALLER, leg)
            case joined.LegJoined(target=target):
                self.flows[target.leg] = target.flow
            case joined.PickupArrived(leg=leg, origin=origin):
                self.flows[leg] = origin.flow
            case observed.TransferAsked(by=by, number=number, targets=targets):
                self.flows |= {target.leg: target.flow for target in targets}
                self.methods[by, number] = "REFER"
            case orders.AcceptTransfer(by=by):
                self.referrer = by
            case decided.CallTransferred(by=by, to=leg):
                first, second = (leg if side == by else side for side in self.sides)
                self.sides = (first, second)
            case observed.RequestArrived(by=by, number=number, method=method):
                self.methods[by, number] = method

    def other(self, by: str) -> str:
        """Who talks with it, or will, where it is to take the place of who referred."""
        first, second = self.sides
        return second if (by if by in self.sides else self.referrer) == first else first

    # -- The life of a call ----------------------------------------------------------------

    def from_caller(self, event: Event) -> Arrow | None:
        match event:
            case observed.InviteArrived():
                return Arrow(CALLER, HOTSPOT, "INVITE")
            case observed.CallerAcked():
                return Arrow(CALLER, HOTSPOT, "ACK")
            case observed.CallerCancelled():
                return Arrow(CALLER, HOTSPOT, "CANCEL")
            case observed.CallerHungUp():
                return Arrow(CALLER, HOTSPOT, "BYE")
        return None

    def from_leg(self, event: Event) -> Arrow | None:
        match event:
            case observed.LegAnswered(leg=leg) | observed.LegForked(leg=leg):
                return Arrow(leg, HOTSPOT, "INVITE/200")
            case (
                observed.LegProgressed(leg=leg, code=code)
                | observed.LegRefused(leg=leg, code=code)
                | observed.LegChallenged(leg=leg, code=code)
            ):
                return Arrow(leg, HOTSPOT, f"INVITE/{code}")
            case observed.LegHungUp(leg=leg):
                return Arrow(leg, HOTSPOT, "BYE")
            case released.ReleaseChallenged(party=party, code=code):
                return Arrow(party.partition(";")[0], HOTSPOT, f"BYE/{code}")
            case joined.PickupArrived(leg=leg):
                return Arrow(leg, HOTSPOT, "INVITE")
            case joined.LegAcked(leg=leg):
                return Arrow(leg, HOTSPOT, "ACK")
        return None

    def to_leg(self, event: Event) -> Arrow | None:
        match event:
            case orders.InviteLeg(leg=leg) | orders.AuthorizeLeg(leg=leg):
                return Arrow(HOTSPOT, leg, "INVITE")
            case orders.CancelLeg(leg=leg):
                return Arrow(HOTSPOT, leg, "CANCEL")
            case orders.AnswerLeg(leg=leg):
                return Arrow(HOTSPOT, leg, "INVITE/200")
            case orders.AckLeg(leg=leg):
                return Arrow(HOTSPOT, leg, "ACK")
            case orders.ReleaseLeg(leg=leg) | orders.ReleaseFork(leg=leg):
                return Arrow(HOTSPOT, leg, "BYE")
            case orders.AuthorizeRelease(party=party):
                return Arrow(HOTSPOT, party.partition(";")[0], "BYE")
        return None

    def to_caller(self, event: Event) -> Arrow | None:
        match event:
            case orders.AnswerCaller():
                return Arrow(HOTSPOT, CALLER, "INVITE/200")
            case orders.RingCaller(code=code) | orders.RefuseCaller(code=code):
                return Arrow(HOTSPOT, CALLER, f"INVITE/{code}")
            case orders.ReleaseCaller():
                return Arrow(HOTSPOT, CALLER, "BYE")
        return None

    def within(self, event: Event) -> Arrow | None:
        """What the two sides ask each other while they talk."""
        by = getattr(event, "by", "")
        method = self.methods.get((by, getattr(event, "number", 0)), "INVITE")
        match event:
            case observed.RequestArrived() | observed.TransferAsked():
                return Arrow(by, HOTSPOT, method)
            case orders.AcceptTransfer():
                return Arrow(HOTSPOT, by, "REFER/202")
            case orders.NotifyTransfer(code=code):
                return Arrow(HOTSPOT, by, f"NOTIFY {code}")
            case orders.RefuseRequest(number=0 | -1):
                return None  # By these we have asked ourselves (``passing``).
            case orders.PassRequest(method=method):
                return Arrow(HOTSPOT, self.other(by), method)
            case orders.AskOffer() | orders.AuthorizeRequest(number=-1):
                return Arrow(HOTSPOT, by, "INVITE")
            case orders.AuthorizeRequest():
                return Arrow(HOTSPOT, self.other(by), method)
            case observed.RequestAnswered(number=-1, code=code):
                return Arrow(by, HOTSPOT, f"INVITE/{code}")
            case orders.PassAck(number=-1) | orders.AckAnswer(number=-1):
                return Arrow(HOTSPOT, by, "ACK")
            case observed.RequestAnswered(code=code):
                return Arrow(self.other(by), HOTSPOT, f"{method}/{code}")
            case orders.PassAnswer(code=code) | orders.RefuseRequest(code=code):
                return Arrow(HOTSPOT, by, f"{method}/{code}")
            case observed.RequestAcked():
                return Arrow(by, HOTSPOT, "ACK")
            case orders.PassAck() | orders.AckAnswer():
                return Arrow(HOTSPOT, self.other(by), "ACK")
        return None


def registration(event: Event) -> Arrow | None:
    """A line at its registrar, and a phone at ours."""
    match event:
        case orders.RegisterLine() | orders.AuthorizeRegistration() | orders.UnregisterLine():
            return Arrow(HOTSPOT, REGISTRAR, "REGISTER")
        case observed.RegistrationAccepted():
            return Arrow(REGISTRAR, HOTSPOT, "REGISTER/200")
        case observed.RegistrationChallenged(challenge=challenge):
            return Arrow(REGISTRAR, HOTSPOT, f"REGISTER/{407 if challenge.proxy else 401}")
        case observed.RegistrationRefused(code=code):
            return Arrow(REGISTRAR, HOTSPOT, f"REGISTER/{code}")
        case observed.RegisterArrived():
            return Arrow(PHONE, HOTSPOT, "REGISTER")
        case orders.AcceptRegister():
            return Arrow(HOTSPOT, PHONE, "REGISTER/200")
        case orders.RefuseRegister(code=code):
            return Arrow(HOTSPOT, PHONE, f"REGISTER/{code}")
    return None


def discovery(event: Event) -> Arrow | None:
    """A hotspot and its client, whichever of them we are."""
    match event:
        case discovered.JoinArrived() | orders.SendJoin():
            return Arrow(CLIENT, HOTSPOT, "join")
        case discovered.LeaveArrived() | orders.SendLeave():
            return Arrow(CLIENT, HOTSPOT, "leave")
        case discovered.WelcomeArrived() | orders.WelcomeClient():
            return Arrow(HOTSPOT, CLIENT, "welcome")
        case discovered.DenyArrived() | orders.DenyClient():
            return Arrow(HOTSPOT, CLIENT, "deny")
        case discovered.GoodbyeArrived() | orders.DismissClient():
            return Arrow(HOTSPOT, CLIENT, "goodbye")
        case discovered.BeaconHeard():
            return Arrow(HOTSPOT, CLIENT, "beacon")
    return None


def spoken_by(event: Event) -> str:
    """Who told us what is no message: a timer, the owner, another machine of the house."""
    match event:
        case observed.LegUnreachable(leg=leg):
            return leg
        case joined.LegJoined(target=target):
            return target.leg
        case observed.RequestUnanswered(by=by):
            return by
        case observed.RegistrarUnreachable():
            return REGISTRAR
        case observed.PartyTaken() | observed.PartyReturned() | observed.PartyKept():
            return "another call"
        case observed.MediaFellSilent() | observed.MediaCounted():
            return "relay"
        case observed.SettingChanged(who=who) | observed.SettingPostponed(who=who):
            return who
        case observed.LineCameUp(line=line) | observed.LineWentDown(line=line):
            return f"line:{line}"
        case observed.MemberGone(member=member):
            return member
        case observed.HotspotClosing():
            return HOTSPOT
        case observed.LinesCounted():
            return "file"
        case observed.ServiceStarted():
            return "service"
        case discovered.ClientMet():
            return CLIENT
        case discovered.LinkTimedOut() | discovered.UplinkTimedOut() | discovered.JoinUnanswered():
            return "timer"
    return "timer" if type(event).__name__ in EXPIRY else "owner"
