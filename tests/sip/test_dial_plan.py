"""Who rings when somebody dials, and who is told that nobody does."""

from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from adapters.sip.dial_plan import OUTSIDE, Plan
from service.config import Config
from tests.sip.messages import OFFER
from tests.sip.stage import CONFIG, SERVER, STRANGER, Stage, codes, flow_of, methods, request


def plan(stage: Stage, dialled: str, user: str = "a") -> Plan:
    around = stage.engine.around
    phone = around.directory.phones[user]
    asked = request(stage.request("INVITE", f"sip:{dialled}@127.0.0.1", user=user))
    return stage.engine.exchange.plan.from_phone(phone, asked)


@pytest.fixture
def busy(stage: Stage) -> Stage:
    stage.register_line()
    stage.register()
    return stage


@pytest.mark.parametrize("dialled", ["2", "b"])
def test_an_alias_and_a_name(busy: Stage, dialled: str) -> None:
    found = plan(busy, dialled)
    assert found.kind == "internal"
    assert [target.uri for target in found.targets] == ["sip:b@127.0.0.12:5060"]
    assert [target.leg for target in found.targets] == ["2"]


@pytest.mark.parametrize("dialled", ["1", "a"])
def test_nobody_calls_himself(busy: Stage, dialled: str) -> None:
    assert plan(busy, dialled).targets == ()
    assert plan(busy, dialled).refusal == 480


def test_behind_a_prefix_an_alias_clashes_with_no_number_outside() -> None:
    (line,) = CONFIG.lines
    stage = Stage(replace(CONFIG, lines=(replace(line, prefix="9"),)))
    stage.register_line()
    stage.register()
    assert [target.leg for target in plan(stage, "92").targets] == ["2"]
    assert [target.leg for target in plan(stage, "b").targets] == ["2"]
    assert [target.uri for target in plan(stage, "2").targets] == ["sip:2@provider.test"]
    stage.close()


def test_a_caller_of_the_house_is_shown_as_he_is_called_back() -> None:
    """The prefix is that of the line on which the one who is called would dial."""
    (first,) = CONFIG.lines
    second = replace(first, number=2, user="4213", prefix="9")
    a, b, c = CONFIG.phones
    phones = (a, replace(b, lines=(2,)), replace(c, lines=()))
    stage = Stage(replace(CONFIG, lines=(first, second), phones=phones))
    stage.register()
    assert plan(stage, "2").caller == "sip:91@siphotspot"
    assert plan(stage, "91", user="b").caller == "sip:2@siphotspot"
    assert plan(stage, "3").caller == "sip:1@siphotspot"
    stage.close()


@pytest.mark.parametrize("dialled", ["0", ""])
def test_a_number_nobody_has(busy: Stage, dialled: str) -> None:
    assert plan(busy, dialled).refusal == 404


def test_a_number_of_the_world_goes_out_by_the_line(busy: Stage) -> None:
    found = plan(busy, "0301234")
    (target,) = found.targets
    assert (found.kind, found.line, target.leg) == ("outgoing", "1", OUTSIDE)
    assert target.uri == "sip:0301234@provider.test"
    assert target.caller == "<sip:4212@provider.test>"
    assert target.flow == str(SERVER)


def test_a_name_cannot_become_a_header(busy: Stage) -> None:
    (target,) = plan(busy, "1%0d%0aX:%20y").targets
    assert "\r" not in target.uri
    assert "%0D%0A" in target.uri


def test_a_line_that_is_not_registered_calls_nobody(stage: Stage) -> None:
    stage.register("a")
    found = plan(stage, "0301234")
    assert (found.targets, found.refusal) == ((), 480)
    assert "not registered" in found.why


def test_a_server_without_an_address_calls_nobody(busy: Stage) -> None:
    busy.engine.around.ways.clear()
    assert "out of reach" in plan(busy, "0301234").why


def test_without_a_line_the_world_is_not_there() -> None:
    stage = Stage(Config(phones=CONFIG.phones, media=CONFIG.media))
    assert plan(stage, "0301234").refusal == 404
    stage.register()
    assert len(plan(stage, "3").targets) == 1
    stage.close()


def test_a_phone_that_is_away_does_not_ring(stage: Stage) -> None:
    stage.register("a")
    assert plan(stage, "2").targets == ()
    assert "not there" in plan(stage, "2").why


def test_a_phone_calls_another_by_alias(busy: Stage) -> None:
    left = busy.proven("INVITE", "sip:2@127.0.0.1", body=OFFER)
    assert codes(left) == [100]
    assert methods(left) == ["INVITE"]
    (rung,) = busy.to(flow_of("b"))
    assert request(rung).first("from").startswith('"a" <sip:1@127.0.0.1>')


def test_a_phone_that_cannot_prove_itself_calls_nobody(busy: Stage) -> None:
    left = busy.proven("INVITE", "sip:2@127.0.0.1", body=OFFER, password="guessed")
    assert codes(left) == [403]
    assert methods(left) == []


def test_an_account_is_called_from_its_server_only(busy: Stage) -> None:
    plan = busy.engine.exchange.plan
    invite = request(busy.request("INVITE", "sip:4212@127.0.0.1", user="7000"))
    entry = plan.line_of(invite, SERVER)
    assert entry is not None
    assert plan.line_of(invite, SERVER._replace(port=9999)) is entry
    assert plan.line_of(invite, STRANGER) is None
    other = request(busy.request("INVITE", "sip:4213@127.0.0.1", user="7000"))
    assert plan.line_of(other, SERVER) is None


def test_a_call_to_the_account_rings_them_all(busy: Stage) -> None:
    plan = busy.engine.exchange.plan
    invite = request(busy.request("INVITE", "sip:4212@127.0.0.1", user="7000"))
    entry = plan.line_of(invite, SERVER)
    assert entry is not None
    found = plan.incoming(entry, invite, "Alice")
    assert [target.leg for target in found.targets] == ["1", "2", "3"]
    assert (found.caller, found.name, found.ring_s) == ("sip:7000@127.0.0.1", "Alice", 20)


def test_who_rings_when_is_said_of_calls_to_the_account(busy: Stage) -> None:
    invite = request(busy.request("INVITE", "sip:4212@127.0.0.1", user="7000"))
    dial_plan = busy.engine.exchange.plan

    def found() -> tuple[str, int]:
        entry = dial_plan.line_of(invite, SERVER)
        assert entry is not None
        made = dial_plan.incoming(entry, invite, "")
        return made.ring, made.step_s

    assert found() == ("all", 0)
    busy.engine.change("hotspot.ring", "in-turn", busy.at)
    busy.engine.change("hotspot.ring_step", 7, busy.at)
    assert found() == ("in-turn", 7)
    assert (plan(busy, "2").ring, plan(busy, "0301234").ring) == ("all", "all")


def test_a_phone_that_is_not_to_ring_is_called_from_within(busy: Stage) -> None:
    busy.engine.change("phone.b.quiet", True, busy.at)
    invite = request(busy.request("INVITE", "sip:4212@127.0.0.1", user="7000"))
    dial_plan = busy.engine.exchange.plan
    entry = dial_plan.line_of(invite, SERVER)
    assert entry is not None
    assert [t.leg for t in dial_plan.incoming(entry, invite, "").targets] == ["1", "3"]
    assert dial_plan.targets_of("b", "1") == []
    assert [t.leg for t in dial_plan.targets_of("c", "1")] == ["3"]
    assert dial_plan.targets_of("c", "9") == []
    assert [t.leg for t in plan(busy, "2").targets] == ["2"]


def test_the_devices_of_a_phone_are_known_until_they_change(busy: Stage) -> None:
    dial_plan, directory = busy.engine.exchange.plan, busy.engine.around.directory
    phone = directory.phones["b"]
    before = dial_plan.devices(phone)
    assert dial_plan.devices(phone) is before
    assert [t.told for t in dial_plan.devices(replaced(phone, told=False))] == [False]
    more = [("Contact", "<sip:b@127.0.0.99:5060>")]
    busy.proven("REGISTER", user="b", call_id="reg-b2", more=more)
    assert [t.leg for t in dial_plan.devices(phone)] == ["2", "2.2"]
    busy.wait(4000)
    assert dial_plan.devices(phone) == ()


def test_a_caller_does_not_wait_for_an_unattended_phone_0() -> None:
    stage = Stage(has_phone=True)
    own = stage.engine.around.directory.own
    assert own is not None
    assert [t.waits for t in stage.engine.exchange.plan.devices(own)] == [True]
    stage.engine.attend(False)
    own = stage.engine.around.directory.own
    assert own is not None
    assert [t.waits for t in stage.engine.exchange.plan.devices(own)] == [False]
    stage.close()


def test_a_listed_phone_is_phone_0() -> None:
    a, *others = CONFIG.phones
    stage = Stage(replace(CONFIG, phones=(replace(a, alias=0), *others)), has_phone=True)
    stage.register_line()
    stage.register()
    (target,) = plan(stage, "0", user="b").targets
    assert (target.leg, target.own, target.uri) == ("0", False, "sip:a@127.0.0.11:5060")
    assert plan(stage, "1").caller == "sip:0@siphotspot"
    invite = request(stage.request("INVITE", "sip:4212@127.0.0.1", user="7000"))
    entry = stage.engine.exchange.plan.line_of(invite, SERVER)
    assert entry is not None
    found = stage.engine.exchange.plan.incoming(entry, invite, "")
    assert [target.leg for target in found.targets] == ["0", "1", "2"]
    stage.close()


def test_it_picks_up_and_calls_nobody(busy: Stage) -> None:
    found = plan(busy, "*8")
    assert found.picker is busy.engine.around.directory.phones["a"]
    assert (found.targets, found.kind, found.refusal) == ((), "internal", 480)


def test_switched_off_or_not_shared_it_rings_nobody(busy: Stage) -> None:
    invite = request(busy.request("INVITE", "sip:4212@127.0.0.1", user="7000"))

    def why() -> str:
        plan = busy.engine.exchange.plan
        entry = plan.line_of(invite, SERVER)
        assert entry is not None
        found = plan.incoming(entry, invite, "")
        assert found.targets == ()
        return found.why

    busy.engine.change("line.1.hotspot", False, busy.at)
    assert "not associated" in why()
    busy.engine.change("hotspot.enabled", False, busy.at)
    assert "switched off" in why()
