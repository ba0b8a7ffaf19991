"""The same registration and the same call out, with providers of other habits."""

import re

import pytest

from adapters.sip.oversize import DATAGRAM_MOST
from tests.interop.house import DOMAIN, House

pytestmark = pytest.mark.usefixtures("pjsua2")

MANY_CODECS = ("--codec", "PCMA,PCMU,G722,GSM,iLBC,speex,opus,AMR,AMR-WB,G7221,L16")


@pytest.mark.parametrize(
    "habits",
    [
        ("WITH_SHA256", "WITH_STRICT_FROM"),
        ("WITH_NO_QOP", "WITH_RECHALLENGE", "WITH_ONE_TIME_NONCE"),
    ],
    ids=" ".join,
)
def test_calling_out(home: House, habits: tuple[str, ...]) -> None:
    home.open_provider(*habits)
    home.open_hotspot()
    callee = home.outsider("7000", "--answer-after", "0.05")
    callee.sees('"registered"')
    caller = home.phone("a", "--call", f"sip:7000@{home.address(1)}", "--hangup-after", "0.1")
    home.provider.sees("EVENT|call|", f"from=sip:4212@{DOMAIN}", "auth=4212")
    callee.sees('"disconnected"')
    caller.succeeds()


def test_all_over_tcp(home: House) -> None:
    home.open_provider()
    home.open_hotspot(transport="tcp")
    phone = home.phone("a", "--transport", "tcp", "--answer-after", "0.1")
    phone.sees('"registered"')
    calling = ("--transport", "tcp", "--call", f"sip:4212@{DOMAIN}", "--hangup-after", "0.2")
    caller = home.outsider("7000", *calling)
    phone.sees('"disconnected"')
    caller.sees('"confirmed"')
    caller.succeeds()


def test_a_connection_lost_during_a_call_is_made_anew(home: House) -> None:
    """The provider's own is gone, and its route says where it listens (RFC 3261 12.2.1.1)."""
    home.open_provider()
    home.open_hotspot(transport="tcp")
    phone = home.phone("b", "--transport", "tcp", "--answer-after", "0.1")
    phone.sees('"registered"')
    caller = home.outsider("7000", "--transport", "tcp", "--call", f"sip:4212@{DOMAIN}")
    caller.sees('"confirmed"')
    phone.sees('"confirmed"')
    home.hotspot.kill()
    home.hotspot.run()
    phone.stop()
    caller.sees('"disconnected"')


def test_a_large_offer_leaves_over_tcp(home: House) -> None:
    """The provider has TCP as well (RFC 3261 18.1.1); what follows finds its way too."""
    home.open_provider()
    home.open_hotspot()
    callee = home.outsider("7000", "--answer-after", "0.1")
    callee.sees('"registered"')
    calling = ("--call", f"sip:7000@{home.address(1)}", "--hangup-after", "0.3")
    caller = home.phone("a", *MANY_CODECS, *calling)
    call = home.provider.sees("EVENT|call|", f"from=sip:4212@{DOMAIN}")
    assert f"src=tcp:{home.address(1)}:" in call
    callee.sees('"confirmed"')
    callee.sees('"disconnected"')
    caller.succeeds()


def test_a_large_offer_reaches_a_phone_without_tcp(home: House) -> None:
    """By UDP, at once: its port refuses the connection."""
    home.open_provider()
    home.open_hotspot()
    phone = home.phone("a", "--answer-after", "0.1", "--log", "a.log")
    phone.sees('"registered"')
    calling = ("--call", f"sip:4212@{DOMAIN}", "--hangup-after", "0.3")
    caller = home.outsider("7000", *MANY_CODECS, "--name", "a long name " * 10, *calling)
    caller.sees('"confirmed"')
    phone.sees('"disconnected"')
    caller.succeeds()
    log = (home.folder / "a.log").read_text()
    invite = re.search(r"RX (\d+) bytes Request msg INVITE.* from UDP", log)
    assert invite is not None
    assert int(invite[1]) > DATAGRAM_MOST
