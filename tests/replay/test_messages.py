"""Every entry that is a message is one, and every other says who caused it."""

from types import ModuleType

import pytest

from core.events import decided, discovered, joined, observed, orders, released
from core.events.base import Event
from core.events.facts import Challenge, Origin, Peer, Target
from replay.messages import Arrow, Messages
from tests.events.samples import one_of_each

HELD = observed.RequestArrived(by="caller", method="INVITE", number=7)
ASKED = observed.RequestArrived(by="A", method="INFO", number=3)


def spoken() -> Messages:
    """A call from x that A has answered, in which each side has asked something."""
    messages = Messages()
    invite = observed.InviteArrived(
        line="1",
        caller="x",
        offer=b"",
        targets=(Target(leg="A", flow="udp:192.0.2.11:5060"), Target(leg="B")),
        origin=Origin(flow="udp:198.51.100.1:5060"),
    )
    for event in (invite, orders.AnswerCaller(leg="A"), HELD, ASKED):
        messages.of(event)
    return messages


@pytest.mark.parametrize(
    ("event", "arrow"),
    [
        (observed.CallerAcked(), "caller hotspot ACK"),
        (observed.CallerCancelled(), "caller hotspot CANCEL"),
        (observed.CallerHungUp(), "caller hotspot BYE"),
        (observed.LegProgressed(leg="B", code=183), "B hotspot INVITE/183"),
        (observed.LegAnswered(leg="B", answer=b""), "B hotspot INVITE/200"),
        (observed.LegRefused(leg="B", code=486), "B hotspot INVITE/486"),
        (observed.LegHungUp(leg="B"), "B hotspot BYE"),
        (joined.PickupArrived(leg="B.pickup", offer=b""), "B.pickup hotspot INVITE"),
        (orders.AnswerLeg(leg="B.pickup"), "hotspot B.pickup INVITE/200"),
        (joined.LegAcked(leg="B.pickup"), "B.pickup hotspot ACK"),
        (orders.InviteLeg(leg="B"), "hotspot B INVITE"),
        (orders.AuthorizeLeg(leg="B"), "hotspot B INVITE"),
        (orders.CancelLeg(leg="B"), "hotspot B CANCEL"),
        (orders.AckLeg(leg="B"), "hotspot B ACK"),
        (orders.ReleaseLeg(leg="B"), "hotspot B BYE"),
        (observed.LegForked(leg="B", peer=Peer(tag="t")), "B hotspot INVITE/200"),
        (orders.ReleaseFork(leg="B", tag="t"), "hotspot B BYE"),
        (
            released.ReleaseChallenged(party="caller", code=407, challenge=Challenge()),
            "caller hotspot BYE/407",
        ),
        (
            released.ReleaseChallenged(party="B;t", code=401, challenge=Challenge()),
            "B hotspot BYE/401",
        ),
        (orders.AuthorizeRelease(party="caller"), "hotspot caller BYE"),
        (orders.AuthorizeRelease(party="B;t"), "hotspot B BYE"),
        (orders.AuthorizeRequest(by="A", number=3), "hotspot caller INFO"),
        (orders.AuthorizeRequest(by="A", number=-1), "hotspot A INVITE"),
        (orders.RingCaller(code=183, leg="B"), "hotspot caller INVITE/183"),
        (orders.AnswerCaller(leg="A"), "hotspot caller INVITE/200"),
        (orders.RefuseCaller(code=480), "hotspot caller INVITE/480"),
        (orders.ReleaseCaller(), "hotspot caller BYE"),
        (HELD, "caller hotspot INVITE"),
        (orders.PassRequest(by="caller", number=7, method="INVITE"), "hotspot A INVITE"),
        (observed.RequestAnswered(by="caller", number=7, code=200), "A hotspot INVITE/200"),
        (orders.PassAnswer(by="caller", number=7, code=200), "hotspot caller INVITE/200"),
        (observed.RequestAcked(by="caller", number=7), "caller hotspot ACK"),
        (orders.PassAck(by="caller", number=7), "hotspot A ACK"),
        (orders.AckAnswer(by="caller", number=7), "hotspot A ACK"),
        (ASKED, "A hotspot INFO"),
        (orders.PassRequest(by="A", number=3, method="INFO"), "hotspot caller INFO"),
        (observed.RequestAnswered(by="A", number=3, code=200), "caller hotspot INFO/200"),
        (orders.PassAnswer(by="A", number=3, code=200), "hotspot A INFO/200"),
        (orders.RefuseRequest(by="A", number=3, code=491), "hotspot A INFO/491"),
        (orders.RegisterLine(), "hotspot registrar REGISTER"),
        (orders.AuthorizeRegistration(), "hotspot registrar REGISTER"),
        (orders.UnregisterLine(), "hotspot registrar REGISTER"),
        (observed.RegistrationAccepted(granted_s=60), "registrar hotspot REGISTER/200"),
        (observed.RegistrationRefused(code=403), "registrar hotspot REGISTER/403"),
        (observed.RegisterArrived(call_id="r", cseq=1), "phone hotspot REGISTER"),
        (orders.AcceptRegister(), "hotspot phone REGISTER/200"),
        (orders.RefuseRegister(code=423), "hotspot phone REGISTER/423"),
    ],
    ids=str,
)
def test_is_a_message(event: Event, arrow: str) -> None:
    assert spoken().of(event) == Arrow(*arrow.split())


@pytest.mark.parametrize(("proxy", "code"), [(False, 401), (True, 407)])
def test_a_challenge_has_the_code_of_who_asks(proxy: bool, code: int) -> None:
    challenge = Challenge(realm="r", nonce="n", proxy=proxy)
    registration = observed.RegistrationChallenged(challenge=challenge)
    leg = observed.LegChallenged(leg="line", code=code, challenge=challenge)
    assert spoken().of(registration) == Arrow("registrar", "hotspot", f"REGISTER/{code}")
    assert spoken().of(leg) == Arrow("line", "hotspot", f"INVITE/{code}")


@pytest.mark.parametrize(
    ("event", "by"),
    [
        (observed.LegUnreachable(leg="B"), "B"),
        (observed.RequestUnanswered(by="A", number=3), "A"),
        (observed.RegistrarUnreachable(), "registrar"),
        (observed.MediaFellSilent(side="leg", seconds=30), "relay"),
        (observed.MediaCounted(from_caller=1, from_leg=2), "relay"),
        (observed.SettingChanged(key="k", value="1", who="file"), "file"),
        (observed.SettingPostponed(key="k", value="1", who="reset"), "reset"),
        (observed.LineCameUp(line="1"), "line:1"),
        (observed.LineWentDown(line="1"), "line:1"),
        (observed.MemberGone(member="link:3"), "link:3"),
        (observed.HotspotClosing(), "hotspot"),
        (observed.ServiceStarted(), "service"),
        (observed.RingTimedOut(), "timer"),
        (observed.AckTimedOut(), "timer"),
        (observed.BindingExpired(about="sip:3@192.0.2.3"), "timer"),
        (discovered.LinkTimedOut(), "timer"),
        (discovered.UplinkTimedOut(), "timer"),
        (discovered.JoinUnanswered(), "timer"),
        (discovered.ClientMet(client="3"), "client"),
        (discovered.UserDisconnected(), "owner"),
        (observed.ClientListed(client="3"), "owner"),
        (observed.LineSwitchedOff(), "owner"),
        (observed.PartyKept(), "another call"),
    ],
    ids=str,
)
def test_what_is_no_message_has_somebody_who_caused_it(event: Event, by: str) -> None:
    assert spoken().of(event) is None
    assert spoken().cause(event) == {"by": by, "message": "", "source": spoken().flows.get(by, "")}


def test_a_call_that_is_handed_over() -> None:
    messages = spoken()
    asked = observed.TransferAsked(by="A", number=9, targets=(Target(leg="B/2", flow="udp:b"),))
    answered = observed.RequestAnswered(by="B/2", number=0, code=200)
    story: list[tuple[Event, str]] = [
        (asked, "A hotspot REFER"),
        (orders.AcceptTransfer(by="A", number=9), "hotspot A REFER/202"),
        (orders.InviteLeg(leg="B/2"), "hotspot B/2 INVITE"),
        (orders.PassRequest(by="B/2", number=0, method="INVITE"), "hotspot caller INVITE"),
        (answered, "caller hotspot INVITE/200"),
        (orders.AckAnswer(by="B/2", number=0), "hotspot caller ACK"),
        (observed.RequestArrived(by="B/2", method="INFO", number=2), "B/2 hotspot INFO"),
        (orders.PassRequest(by="B/2", number=2, method="INFO"), "hotspot caller INFO"),
    ]
    for event, arrow in story:
        assert messages.of(event) == Arrow(*arrow.split())
    assert messages.of(decided.CallTransferred(by="A", to="B/2")) is None
    assert messages.other("caller") == "B/2"
    assert messages.of(orders.RefuseRequest(by="B/2", number=0, code=487)) is None
    assert messages.of(orders.AskOffer(by="C/3", number=-1)) == Arrow("hotspot", "C/3", "INVITE")
    offered = observed.RequestAnswered(by="C/3", number=-1, code=200)
    assert messages.of(offered) == Arrow("C/3", "hotspot", "INVITE/200")
    assert messages.of(orders.PassAck(by="C/3", number=-1)) == Arrow("hotspot", "C/3", "ACK")
    notified = messages.of(orders.NotifyTransfer(by="A", number=9, code=180))
    assert notified == Arrow("hotspot", "A", "NOTIFY 180")


def test_a_cause_knows_where_its_message_came_from() -> None:
    messages = spoken()
    answer = observed.LegAnswered(leg="A", answer=b"")
    assert messages.cause(answer) == {
        "by": "A",
        "message": "INVITE/200",
        "source": "udp:192.0.2.11:5060",
    }
    assert messages.cause(observed.CallerHungUp())["source"] == "udp:198.51.100.1:5060"
    late = joined.LegJoined(target=Target(leg="C", flow="udp:192.0.2.13:5060"))
    assert messages.cause(late) == {"by": "C", "message": "", "source": "udp:192.0.2.13:5060"}
    elsewhere = observed.RequestArrived(by="A", method="INFO", number=4, flow="udp:192.0.2.99:5060")
    assert messages.cause(elsewhere)["source"] == "udp:192.0.2.99:5060"
    joins = discovered.JoinArrived(source="192.0.2.44:16360")
    assert messages.cause(joins) == {
        "by": "client",
        "message": "join",
        "source": "192.0.2.44:16360",
    }


@pytest.mark.parametrize(
    ("heard", "said", "message"),
    [
        (discovered.JoinArrived(source=""), orders.SendJoin(), "client hotspot join"),
        (discovered.LeaveArrived(), orders.SendLeave(), "client hotspot leave"),
        (
            discovered.WelcomeArrived(epoch=1, alias=1),
            orders.WelcomeClient(alias=1),
            "hotspot client welcome",
        ),
        (
            discovered.DenyArrived(reason="full"),
            orders.DenyClient(reason="full"),
            "hotspot client deny",
        ),
        (
            discovered.GoodbyeArrived(epoch=1),
            orders.DismissClient(reason="deactivated"),
            "hotspot client goodbye",
        ),
    ],
    ids=str,
)
def test_both_ends_of_a_link_name_a_message_alike(heard: Event, said: Event, message: str) -> None:
    arrow = Arrow(*message.split())
    assert spoken().of(heard) == spoken().of(said) == arrow


NO_MESSAGE = {
    observed: """LegUnreachable AckTimedOut RequestUnanswered MediaFellSilent MediaCounted
        LineConfigured LineSwitchedOn LineSwitchedOff LineWithdrawn RegistrarUnreachable
        ClientRemoved SettingChanged SettingPostponed ClientListed ClientUnlisted LineCameUp
        LineWentDown HotspotClosing MemberGone ServiceStarted RingTimedOut RefreshDue RetryDue
        BindingExpired JoinDue PartyTaken PartyReturned
        PartyKept LinesCounted RingStepTimedOut""",
    joined: "LegJoined LegAckTimedOut",
    discovered: """ClientMet ClientAdmitted LinkTimedOut JoinUnanswered UplinkTimedOut
        UserDisconnected UserConnected ClientModeEnded""",
    orders: "StartTimer StopTimer",
}


@pytest.mark.parametrize("module", NO_MESSAGE, ids=lambda module: module.__name__)
def test_nobody_has_been_forgotten(module: ModuleType) -> None:
    """A new event either is a message, and is drawn, or stands in the list above."""
    silent = [event for event in one_of_each(module) if Messages().of(event) is None]
    assert {type(event).__name__ for event in silent} == {*NO_MESSAGE[module].split()}
