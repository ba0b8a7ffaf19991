"""What is let in, and the counts of what is not."""

import pytest

from adapters.net.beacon import Dropped, Solicit, encode
from adapters.net.intake import Intake
from adapters.net.limits import Limits, Rate

CLIENT, HOST, AT = Solicit(bytes(16)), "192.0.2.1", 1_800_000_000_000_000_000


def test_lets_in_what_can_be_read() -> None:
    intake = Intake()
    assert intake.take(encode(CLIENT, None, AT), HOST, AT) == CLIENT
    assert not intake.drops


def test_counts_what_cannot_by_reason() -> None:
    intake = Intake(key=b"a key of the house")
    for data in (b"", b"SIP/2.0 200 OK", bytes(2000), encode(CLIENT, None, AT)):
        with pytest.raises(Dropped):
            intake.take(data, HOST, AT)
    assert intake.drops == {"malformed": 2, "oversize": 1, "unsigned": 1}


def test_too_much_is_not_even_read() -> None:
    intake = Intake(limits=Limits(each=Rate(per_second=1, burst=1)))
    intake.take(encode(CLIENT, None, AT), HOST, AT)
    with pytest.raises(Dropped, match="rate"):
        intake.take(b"", HOST, AT)
    assert intake.drops == {"rate": 1}


def test_the_key_may_change() -> None:
    intake = Intake()
    intake.key = b"a key of the house"
    assert intake.take(encode(CLIENT, intake.key, AT), HOST, AT) == CLIENT


def test_says_what_was_dropped_and_that_the_keys_differ() -> None:
    intake = Intake(key=b"a key of the house")
    assert intake.dropped_in_words() == ""
    for data in (b"", encode(CLIENT, b"another key, long enough", AT)):
        with pytest.raises(Dropped):
            intake.take(data, HOST, AT)
    assert intake.dropped_in_words() == (
        "; what is heard is not signed with our key: compare hotspot.join_key_file "
        "(dropped so far: 1 malformed, 1 signature)"
    )
    intake.drops.pop("signature")
    assert intake.dropped_in_words() == " (dropped so far: 1 malformed)"
