"""The REGISTERs of a line (RFC 3261 10.2)."""

import pytest
from msgspec.structs import replace

from adapters.sip.digest import is_right, read_credentials
from adapters.sip.message import Request
from adapters.sip.registration import Binding, granted_s
from core.events.facts import Account
from core.events.observed import LineConfigured
from core.machines.line import Line, Phase
from service.config import Secret
from tests.sip.stage import CONFIG, HERE, SERVER, Stage, answer, methods, request, response

ASKED = 'Digest realm="provider.test", nonce="n1", qop="auth"'


def first(stage: Stage) -> Request:
    return request(next(data for _, data in stage.left if data.startswith(b"REGISTER")))


def line(stage: Stage) -> Line:
    state: Line = stage.engine.house.board.state("line:1")
    return state


def challenged(stage: Stage, code: int = 401) -> Request:
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    (data,) = stage.feed(answer(first(stage), code, [(name, ASKED)]), SERVER)
    return request(data)


def test_it_registers_as_its_account(stage: Stage) -> None:
    register = first(stage)
    assert register.uri == "sip:provider.test"
    assert register.first("to") == "<sip:4212@provider.test>"
    assert register.first("contact") == "<sip:4212@127.0.0.1:5060>"
    assert register.first("expires") == "3600"
    assert not register.first("authorization")


@pytest.mark.parametrize(("code", "name"), [(401, "authorization"), (407, "proxy-authorization")])
def test_it_answers_a_challenge(stage: Stage, code: int, name: str) -> None:
    again = challenged(stage, code)
    assert again.cseq == first(stage).cseq + 1
    assert (again.call_id, again.from_tag) == (first(stage).call_id, first(stage).from_tag)
    assert 'username="4212"' in again.first(name)
    stage.feed(answer(again, 200, [("Expires", "600")]), SERVER)
    assert line(stage).phase is Phase.REGISTERED


def test_a_proxy_with_a_password_of_its_own_and_the_registrar_behind_it() -> None:
    (plain,) = CONFIG.lines
    proxied = replace(plain, proxy_user="us", proxy_password=Secret("sesame"))
    stage = Stage(replace(CONFIG, lines=(proxied,)))
    of_proxy = 'Digest realm="proxy.test", nonce="p1", qop="auth"'
    (data,) = stage.feed(answer(first(stage), 407, [("Proxy-Authenticate", of_proxy)]), SERVER)
    (data,) = stage.feed(answer(request(data), 401, [("WWW-Authenticate", ASKED)]), SERVER)
    said = read_credentials(request(data).first("proxy-authorization"))
    assert (said.user, said.nc, is_right(said, "REGISTER", "sesame")) == ("us", 2, True)
    said = read_credentials(request(data).first("authorization"))
    assert (said.user, said.nc, is_right(said, "REGISTER", "secret4212")) == ("4212", 1, True)
    stage.restart()
    assert [again for _, again in stage.fresh] == [data]
    assert not [turn for turn in stage.log.read() if "sesame" in repr(turn)]
    stage.close()


def test_it_refreshes_with_the_nonce_it_knows(stage: Stage) -> None:
    stage.feed(answer(challenged(stage), 200, [("Expires", "600")]), SERVER)
    refresh = request(stage.wait(600)[0])
    assert "nc=00000002" in refresh.first("authorization")
    assert 'nonce="n1"' in refresh.first("authorization")


def test_a_wrong_password_is_not_tried_for_ever(stage: Stage) -> None:
    again = challenged(stage)
    stage.feed(answer(again, 401, [("WWW-Authenticate", ASKED)]), SERVER)
    assert line(stage).phase is Phase.FAILED
    assert methods(stage.wait(20)) == []


def test_a_challenge_nobody_can_answer_is_a_refusal(stage: Stage) -> None:
    stage.feed(answer(first(stage), 401, [("WWW-Authenticate", "Basic realm=x")]), SERVER)
    assert line(stage).phase is not Phase.REGISTERED
    assert "nonce" not in line(stage).why


def test_an_answer_that_comes_late_is_not_heard(stage: Stage) -> None:
    old = first(stage)
    again = challenged(stage)
    stage.feed(answer(again, 200, [("Expires", "600")]), SERVER)
    assert stage.feed(answer(old, 403), SERVER) == []
    assert line(stage).phase is Phase.REGISTERED


def test_a_silent_registrar_is_tried_again(stage: Stage) -> None:
    left = stage.wait(200)
    assert len({request(data).cseq for data in left}) > 1


def test_a_server_that_no_socket_of_ours_leads_to_is_out_of_reach(stage: Stage) -> None:
    """Whatever the account says: a line may be lent to us, or come from an old log."""
    stage.engine.around.local = lambda transport, _: HERE if transport == "udp" else ""
    elsewhere = replace(line(stage).account, transport="tcp")
    stage.engine.hear(LineConfigured(account=elsewhere), "line:1", stage.at)
    stage.feed(answer(first(stage), 403), SERVER)
    assert line(stage).why == "sip.listen has no tcp address that leads to 127.0.0.2"
    assert line(stage).phase is Phase.FAILED


def test_a_restart_says_the_very_same_again(stage: Stage) -> None:
    before = [data for _, data in stage.left]
    stage.restart()
    assert [data for _, data in stage.fresh] == before


def test_switched_off_it_signs_off(stage: Stage) -> None:
    stage.register_line()
    stage.engine.change("line.1.enabled", False, stage.at)
    stage.fresh = []
    stage.flush()
    ((_, data),) = stage.fresh
    assert request(data).first("expires") == "0"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Contact", "<sip:4212@127.0.0.1>;expires=77"), ("Expires", "5")], 77),
        ([("Contact", "<sip:other@127.0.0.1>;expires=77"), ("Expires", "5")], 5),
        ([("Contact", "<sip:4212@127.0.0.1>")], 600),
        ([("Contact", "<<<"), ("Expires", "soon")], 600),
        ([], 600),
    ],
)
def test_how_long_it_is_kept(stage: Stage, headers: list[tuple[str, str]], seconds: int) -> None:
    binding = Binding()
    binding.account, binding.expires_s = Account(user="4212"), 600
    assert granted_s(response(answer(first(stage), 200, headers)), binding) == seconds


def moved(stage: Stage, here: str) -> list[Request]:
    """What leaves when this machine, and so the address that its peers see, is there."""
    stage.engine.around._here = lambda _: here
    stage.fresh = []
    stage.engine.moved(stage.at)
    stage.flush()
    return [request(data) for data in stage.to(SERVER)]


def test_from_another_address_it_registers_anew_at_once(stage: Stage) -> None:
    stage.register_line()
    assert moved(stage, "127.0.0.1:5060") == []
    (register,) = moved(stage, "127.0.0.5:5060")
    assert register.first("contact") == "<sip:4212@127.0.0.5:5060>"
    stage.feed(answer(register, 200, [("Expires", "3600")]), SERVER)
    assert line(stage).phase is Phase.REGISTERED
    assert moved(stage, "127.0.0.5:5060") == []


def test_a_line_that_failed_where_it_was_is_tried_where_it_is(stage: Stage) -> None:
    stage.feed(answer(first(stage), 503, [("Retry-After", "900")]), SERVER)
    assert line(stage).phase is Phase.FAILED
    assert [asked.method for asked in moved(stage, "127.0.0.5:5060")] == ["REGISTER"]


def test_a_line_that_is_switched_off_stays_so_wherever_it_is(stage: Stage) -> None:
    stage.register_line()
    stage.engine.change("line.1.enabled", False, stage.at)
    assert all(asked.first("expires") == "0" for asked in moved(stage, "127.0.0.5:5060"))
