"""Names on the wire: the same from the same record, and from no other secret."""

from hashlib import blake2b

import pytest

from adapters.sip.identifiers import Identifiers

ONE, OTHER = Identifiers(b"one secret"), Identifiers(b"another")


def test_the_same_record_has_the_same_names() -> None:
    assert ONE.dialog("call:1", "2") == Identifiers(b"one secret").dialog("call:1", "2")
    assert ONE.dialog("call:1", "2") != OTHER.dialog("call:1", "2")
    assert ONE.dialog("call:1", "2") != ONE.dialog("call:1", "3")
    assert ONE.dialog("call:1", "2") != ONE.dialog("call:12", "")


def test_names_do_not_tell_each_other() -> None:
    names = ONE.dialog("call:1", "caller")
    assert names.branch.startswith("z9hG4bK")
    assert len({names.call_id, names.tag, names.branch.removeprefix("z9hG4bK")}) == 3
    assert (len(names.call_id), len(names.tag)) == (28, 16)


def test_one_invite_is_one_call() -> None:
    assert ONE.call("a", "t", 1, 7) == ONE.call("a", "t", 1, 7)
    calls = (("a", "t", 1, 7), ("a", "t", 2, 7), ("at", "", 1, 7), ("a", "t", 1, 8))
    assert len({ONE.call(*each) for each in calls}) == len(calls)
    assert ONE.call("a", "t", 1, 7).startswith("call:")


def test_octets_of_no_text_are_names_too() -> None:
    assert ONE.derived("\xff", "\udcff", octets=4) != ONE.derived("\xff", octets=4)
    assert 0 <= ONE.number("call:1") < 1 << 40


def test_a_long_secret_is_used_as_far_as_it_goes() -> None:
    assert Identifiers(b"x" * 100).derived("a") == Identifiers(b"x" * 64).derived("a")


@pytest.mark.parametrize("octets", [5, 6, 8, 12, 16, 36])
@pytest.mark.parametrize("what", [(), ("",), ("call:1", "2"), ("\xff", "\udcff"), ("x" * 300,)])
def test_they_are_those_of_earlier_logs(what: tuple[str, ...], octets: int) -> None:
    """However the key is taken in: peers know these names from before a restart."""
    text = "\0".join(what).encode("utf-8", "surrogateescape")
    expected = blake2b(text, key=b"one secret", digest_size=octets).hexdigest()
    assert [ONE.derived(*what, octets=octets) for _ in range(2)] == [expected] * 2
