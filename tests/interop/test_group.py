"""One call for a whole group: the hotspot's own phone, a client that found it, and a SIP phone.

Whoever answers has it, and both sides hear each other, as a rule through the relay.  The
others stop, and show no missed call.
"""

import pytest

from tests.interop.house import DOMAIN, OCTETS_A_SECOND, House
from tests.interop.programs import Program

pytestmark = pytest.mark.usefixtures("pjsua2")

CALL = ("--call", f"sip:4212@{DOMAIN}")


@pytest.fixture
def home(home: House, request: pytest.FixtureRequest) -> House:
    media = getattr(request, "param", "relay")
    home.open_provider()
    home.open_hotspot(media)
    home.client("garden", media)
    return home


def ringing(home: House, *b_options: str) -> tuple[Program, Program]:
    """Who calls, and the phone b; by now all three have rung."""
    low, high = home.tone(440), home.tone(1000)
    b = home.phone("b", *b_options, "--play", low, "--record", "heard-b.wav")
    b.sees('"registered"')
    caller = home.outsider("7000", *CALL, "--play", high, "--record", "heard-7000.wav")
    b.sees('"incoming"')
    for device in (home.hotspot, home.clients[0]):
        device.phone_has_rung()
    return caller, b


def both_hear(home: House, caller: Program, recording: str) -> None:
    """Whoever plays 440 Hz records there; ends the call."""
    caller.sees('"confirmed"')
    for each in (recording, "heard-7000.wav"):
        home.has_recorded(each, OCTETS_A_SECOND)
    caller.stop()
    caller.sees('"disconnected"')


def measured(home: House, recording: str) -> None:
    home.hears(recording, 1000)
    home.hears("heard-7000.wav", 440)


@pytest.mark.parametrize("home", ["relay", "direct"], indirect=True)
def test_the_client_answers(home: House) -> None:
    garden = home.clients[0]
    caller, b = ringing(home)
    garden.phone("answer", "--play", "440.wav", "--record", "heard-garden.wav")
    assert "cause=200" in b.sees('"cancelled"')
    home.hotspot.phone_is("ended", "answered elsewhere")
    both_hear(home, caller, "heard-garden.wav")
    garden.phone_is("ended", "the other side hung up")
    measured(home, "heard-garden.wav")
    assert home.hotspot.phone_status()["missed"] == []


def test_the_hotspots_own_phone_answers(home: House) -> None:
    garden = home.clients[0]
    caller, b = ringing(home)
    home.hotspot.phone("answer", "--play", "440.wav", "--record", "heard-0.wav")
    assert "cause=200" in b.sees('"cancelled"')
    garden.phone_is("ended", "answered elsewhere")
    both_hear(home, caller, "heard-0.wav")
    home.hotspot.phone_is("ended", "the other side hung up")
    measured(home, "heard-0.wav")
    assert garden.phone_status()["missed"] == []


def test_the_sip_phone_answers(home: House) -> None:
    garden = home.clients[0]
    caller, b = ringing(home, "--answer-after", "0.5")
    for device in (home.hotspot, garden):
        device.phone_is("ended", "answered elsewhere")
    both_hear(home, caller, "heard-b.wav")
    b.sees('"disconnected"')
    b.stop()
    measured(home, "heard-b.wav")
    assert home.hotspot.phone_status()["missed"] == garden.phone_status()["missed"] == []


def test_nobody_answers_and_all_have_missed_it(home: House) -> None:
    """The caller gives up: CANCEL without the reason."""
    caller, b = ringing(home)
    caller.stop()
    assert "cause=200" not in b.sees('"cancelled"')
    for device in (home.hotspot, home.clients[0]):
        device.phone_is("ended", "missed")
        assert [row["number"] for row in device.phone_status()["missed"]] == ["7000"]


@pytest.mark.usefixtures("sipp")
def test_the_callers_every_message_is_right(home: House) -> None:
    """SIPp calls, and the client answers."""
    caller = home.sipp_call("caller", 300)
    garden = home.clients[0]
    garden.phone_has_rung()
    garden.phone("answer")
    caller.succeeds()
    garden.phone_is("ended", "the other side hung up")
    home.hotspot.phone_is("ended", "answered elsewhere")
