"""The configuration as the SIP layer knows it."""

from msgspec.structs import replace

from service.config import HostPort, Secret
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


def test_a_proxy_may_have_credentials_of_its_own() -> None:
    proxied = replace(LINE, proxy_user="us", proxy_password=Secret("sesame"))
    house = directory_of(replace(CONFIG, lines=(proxied,)))
    assert house.lines["1"].proxy_user == "us"
    assert house.lines["1"].proxy_password() == "sesame"
    assert "sesame" not in repr(house)
    assert directory_of(CONFIG).lines["1"].proxy_password() == ""


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


def test_the_own_phone_rings_for_every_line_where_there_is_one() -> None:
    other = replace(LINE, number=2, hotspot=False)
    config = replace(CONFIG, lines=(LINE, other))
    assert directory_of(config).own is None
    own = directory_of(config, has_phone=True).own
    assert own is not None
    assert own.lines == ("1", "2")


def test_a_listed_phone_may_be_phone_0() -> None:
    a, b, c = CONFIG.phones
    config = replace(CONFIG, phones=(replace(a, alias=0), b, c))
    assert directory_of(config, has_phone=True).own is None
    assert directory_of(CONFIG, has_phone=True).own is not None


def test_how_phones_ring() -> None:
    a, b, c = CONFIG.phones
    hotspot = replace(CONFIG.hotspot, ring="in-turn", ring_step=7)
    house = directory_of(
        replace(CONFIG, hotspot=hotspot, phones=(replace(a, quiet=True), b, c)),
        has_phone=True,
        attended=False,
    )
    assert (house.ring, house.step_s) == ("in-turn", 7)
    assert [phone.quiet for phone in house.phones.values()] == [True, False, False]
    assert house.own is not None
    assert not house.own.attended


def test_a_client_knows_that_it_is_one() -> None:
    assert not directory_of(CONFIG).is_client
    assert directory_of(replace(CONFIG, hotspot=replace(CONFIG.hotspot, mode="client"))).is_client
