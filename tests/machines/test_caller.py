"""What a caller says as it goes."""

import pytest

from core.machines.caller import says_elsewhere


@pytest.mark.parametrize(
    "reason",
    [
        'SIP;cause=200;text="Call completed elsewhere"',
        "sip ; cause = 200",
        'SIP;text="one, or the other";cause=16, Q.850 ;cause=26',
        "Q.850;cause=26",
        'Q.850;cause=16;text="Normal", SIP;text="elsewhere";cause=200',
    ],
)
def test_completed_elsewhere(reason: str) -> None:
    assert says_elsewhere(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "",
        'SIP;cause=487;text="ORIGINATOR_CANCEL"',
        "SIP;cause=2000",
        "Q.850;cause=16",
        "Q.850;cause=260",
        "Q.850;cause=16, SIP;cause=600",
        "preemption;cause=200",
        "GOSSIP;cause=200",
        "nobody;cause=None",
        "SIP;" * 16_000,
    ],
)
def test_given_up(reason: str) -> None:
    assert not says_elsewhere(reason)
