"""An owner is compared by what it names."""

from adapters.sip.owner import Owner


def test_who_asks_and_who_is_asked() -> None:
    assert Owner("call:1", "2") == Owner("call:1", "2", "", 0)
    assert Owner("call:1", "2", "caller", 3) != Owner("call:1", "2", "caller", 4)
    assert len({Owner("call:1", "2"), Owner("call:1", "2"), Owner("call:1", "3")}) == 2
