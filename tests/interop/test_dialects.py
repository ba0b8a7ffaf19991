"""The same registration and the same call out, with providers of other habits."""

import pytest

from tests.interop.house import DOMAIN, House

pytestmark = pytest.mark.usefixtures("pjsua2")


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
    home.kill_hotspot()
    home.run_hotspot()
    phone.stop()
    caller.sees('"disconnected"')
