"""The configuration as the SIP layer knows it."""

from msgspec.structs import replace

from service.config import HostPort
from service.directory import account_of, directory_of
from tests.sip.stage import CONFIG

(LINE,) = CONFIG.lines


def test_phones_ring_for_every_shared_line_or_for_their_own() -> None:
    other = replace(LINE, number=2, hotspot=False)
    a, b, c = CONFIG.phones
    config = replace(CONFIG, lines=(LINE, other), phones=(a, replace(b, lines=(2,)), c))
    house = directory_of(config)
    assert house.phones["a"].lines == ("1",)
    assert house.phones["b"].lines == ("2",)
    assert [entry.shared for entry in house.lines.values()] == [True, False]


def test_passwords_are_asked_for_and_not_shown() -> None:
    house = directory_of(CONFIG)
    assert house.phones["a"].password() == "pa"
    assert house.lines["1"].password() == "secret4212"
    assert "secret4212" not in repr(house)


def test_what_is_set_for_all() -> None:
    house = directory_of(CONFIG)
    assert (house.ring_s, house.correlate) == (20, True)
    assert house.phones["a"].told


def test_an_account_knows_its_ways() -> None:
    assert account_of(LINE).proxies == ("127.0.0.2",)
    backed = replace(LINE, proxy=HostPort("127.0.0.7", 5070), backup_proxy=HostPort("127.0.0.8"))
    account = account_of(backed)
    assert account.proxies == ("127.0.0.7:5070", "127.0.0.8")
    assert (account.user, account.auth_user, account.domain) == ("4212", "4212", "provider.test")
