"""A client that joined speaks SIP like any phone: on the whole service, with its credentials."""

from collections.abc import Iterator
from dataclasses import replace as with_other

import pytest
from msgspec.structs import replace

from adapters.net.announcing import Announcing, Offer
from adapters.net.beacon import Grant, Join, Sip, Welcome, encode
from core.machines.client_link import Link
from service.config import HostPort, Line, Secret
from tests.sip.messages import OFFER
from tests.sip.stage import (
    CONFIG,
    SERVER,
    STRANGER,
    Stage,
    codes,
    flow_of,
    methods,
    request,
    responses,
)

CLIENT = b"c" * 16
OTHER = b"d" * 16
LINES = (
    *CONFIG.lines,
    Line(number=2, server=HostPort("127.0.0.2"), user="4213", password=Secret("secret4213")),
)


class Found(Stage):
    """The house of three phones and two lines, whose hotspot can be found as well."""

    def begin(self) -> None:
        super().begin()
        around = self.engine.around
        self.announcing = Announcing(around, Offer("Den", Sip("udp", "127.0.0.1", 5060)))
        around.directory = with_other(around.directory, joined=self.announcing.phones)
        self.engine.house.listeners.append(self.announcing.carry_out)
        self.announcing.start(self.at)

    def join(self, client: bytes = CLIENT) -> tuple[Grant, ...]:
        sip = Sip("udp", STRANGER.host, STRANGER.port)
        join = Join(client, self.announcing.id, bytes(6), "Kitchen", "T1", sip)
        self.announcing.receive(encode(join, None, self.at), (STRANGER.host, 16360), 1, self.at)
        self.flush()
        welcome = self.announcing.take_out()[-1].datagram
        assert isinstance(welcome, Welcome)
        return welcome.lines

    def sign_on(self, grant: Grant, more: tuple[tuple[str, str], ...] = ()) -> list[bytes]:
        said = {"user": grant.user, "call_id": f"reg-{grant.user}", "password": grant.password}
        return self.proven("REGISTER", **said, more=more)

    def link(self, client: bytes = CLIENT) -> Link:
        link: Link = self.engine.house.board.state(f"link:{client.hex()}")
        return link


@pytest.fixture
def stage() -> Iterator[Found]:
    stage = Found(replace(CONFIG, lines=LINES))
    yield stage
    stage.close()


def test_it_registers_for_each_line_by_itself(stage: Found) -> None:
    one, two = stage.join()
    (told,) = responses(stage.sign_on(one))
    assert len(told.all("contact")) == 1
    (told,) = responses(stage.sign_on(two))
    assert [f"{two.user}@" in contact for contact in told.all("contact")] == [True]
    bound = [(each.line, each.device) for each in stage.link().bindings.values()]
    assert bound == [("1", 1), ("2", 1)]
    star = (("Contact", "*"), ("Expires", "0"))
    assert codes(stage.proven("REGISTER", user=one.user, call_id="x", password=one.password,
                              more=star)) == [200]  # fmt: skip
    assert [each.line for each in stage.link().bindings.values()] == ["2"]


def test_only_its_own_credentials_open_it(stage: Found) -> None:
    one, two = stage.join()
    wrong = replace(one, password=two.password)
    assert codes(stage.sign_on(wrong)) == [403]
    (other, _) = stage.join(OTHER)
    assert codes(stage.sign_on(replace(one, password=other.password))) == [403]


def test_who_is_gone_has_no_credentials_any_more(stage: Found) -> None:
    one, _ = stage.join()
    stage.wait(1)
    stage.at += 60 * 1_000_000_000
    stage.announcing.handle_timers(stage.at)
    assert codes(stage.sign_on(one)) == [403]


def test_a_call_rings_it_on_the_line_that_is_called(stage: Found) -> None:
    one, two = stage.join()
    stage.sign_on(one)
    stage.sign_on(two)
    stage.register_line()
    stage.feed(
        stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", call_id="in", body=OFFER), SERVER
    )
    invites = [request(data) for _, data in stage.fresh if data.startswith(b"INVITE")]
    assert [each.uri.partition("@")[0] for each in invites] == [f"sip:{one.user}"]


def test_it_is_dialled_by_its_alias_and_calls_out_on_its_line(stage: Found) -> None:
    stage.register("a")
    stage.register_line()
    one, two = stage.join()
    stage.sign_on(two)
    out = stage.proven("INVITE", "sip:4@127.0.0.1", call_id="alias", body=OFFER)
    assert [request(data).uri.partition("@")[0] for data in out if b"INVITE sip" in data[:11]] == [
        f"sip:{two.user}"
    ]
    stage.sign_on(one)
    said = {"user": one.user, "password": one.password, "call_id": "out", "body": OFFER}
    out = stage.proven("INVITE", "sip:7001@127.0.0.1", **said)
    (invite,) = [request(data) for data in out if b"INVITE sip" in data[:11]]
    assert invite.first("from").startswith("<sip:4212@provider.test>")
    said["call_id"] = "self"
    out = stage.proven("INVITE", "sip:4@127.0.0.1", **said)
    assert codes(out)[-1] == 480
    assert methods(out) == []


def test_after_a_restart_it_is_still_there(stage: Found) -> None:
    one, _ = stage.join()
    stage.sign_on(one)
    stage.restart()
    assert stage.link().joined
    assert codes(stage.sign_on(one)) == [200]
    assert stage.engine.house.board.hotspot.aliases[CLIENT.hex()] == 4
    assert stage.join()[0] == one


def test_a_line_that_is_shared_no_longer_is_lent_no_longer(stage: Found) -> None:
    stage.join()
    assert len(stage.announcing.phones) == 2
    around = stage.engine.around
    lines = {"2": around.directory.lines["2"]}
    around.directory = with_other(around.directory, lines=lines)
    stage.announcing.guests.refresh()
    assert [*stage.announcing.phones] == [f"{CLIENT.hex()}.2"]
    assert [grant.number for grant in stage.join()] == [2]


def test_a_client_that_comes_while_a_call_rings_is_rung_too(stage: Found) -> None:
    stage.ring()
    (first, second) = stage.join()
    assert methods(stage.sign_on(first)) == ["INVITE"]
    assert methods(stage.sign_on(second)) == []


def test_without_an_account_there_is_a_line_for_calls_within() -> None:
    stage = Found(replace(CONFIG, lines=()))
    stage.register("a")
    (grant,) = stage.join()
    assert codes(stage.sign_on(grant)) == [200]
    said = {"user": grant.user, "password": grant.password, "body": OFFER}
    stage.proven("INVITE", "sip:1@127.0.0.1", **said)
    assert methods(stage.to(flow_of("a"))) == ["INVITE"]
    stage.proven("INVITE", "sip:0301234@127.0.0.1", **{**said, "call_id": "out"})
    assert codes(stage.to(STRANGER))[-1] == 404
    stage.close()
