"""What the configuration file tells the house, and what it need not say again."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from core.events.observed import (
    ClientListed,
    ClientRemoved,
    ClientUnlisted,
    LinesCounted,
    LineWithdrawn,
)
from core.machines.hotspot import STREAM
from core.machines.hotspot import Phase as HotspotPhase
from service import configuring
from service.config import Config, Phone, Secret
from tests.sip.stage import CONFIG, SERVER, Stage, answer, methods, request


@pytest.fixture
def stage() -> Iterator[Stage]:
    built = Stage()
    yield built
    built.close()


def clients(stage: Stage, config: Config) -> list[object]:
    return [seen for _, seen in configuring.clients_in(config, stage.engine.house.board)]


def test_what_is_known_is_not_said_again(stage: Stage) -> None:
    board = stage.engine.house.board
    assert [*configuring.settings_in(CONFIG, board)] == []
    assert clients(stage, CONFIG) == []
    assert [*configuring.lines_in(CONFIG, board)] == []


def test_a_phone_that_is_new_and_one_that_is_gone(stage: Stage) -> None:
    a, b, _ = CONFIG.phones
    new = Phone(user="d", password=Secret("pd"), alias=7)
    said = clients(stage, replace(CONFIG, phones=(a, b, new)))
    assert said == [
        ClientRemoved(), ClientUnlisted(client="c"), ClientListed(client="d", alias=7),
    ]  # fmt: skip


def test_a_line_that_is_gone_is_withdrawn(stage: Stage) -> None:
    board = stage.engine.house.board
    news = [*configuring.lines_in(replace(CONFIG, lines=()), board)]
    assert news == [(STREAM, LinesCounted(count=0)), ("line:1", LineWithdrawn())]


def test_a_house_without_an_account_waits_for_none(stage: Stage) -> None:
    none = replace(CONFIG, lines=())
    bare = Stage(none)
    assert bare.engine.house.board.hotspot.phase is HotspotPhase.OPEN
    assert [*configuring.line_count(none, bare.engine.house.board)] == []
    board = bare.engine.house.board
    assert [*configuring.line_count(CONFIG, board)] == [(STREAM, LinesCounted(count=1))]
    bare.close()
    as_client = replace(none, hotspot=replace(none.hotspot, mode="client"))
    assert [*configuring.line_count(as_client, stage.engine.house.board)] == []


def test_a_word_about_a_line_that_is_gone_is_passed_over(stage: Stage) -> None:
    stage.engine.change("line.1.hotspot", False, stage.at)
    board = stage.engine.house.board
    (line,) = configuring.effective(CONFIG, board).lines
    assert line.hotspot is False
    assert configuring.effective(replace(CONFIG, lines=()), board).lines == ()
    assert not configuring.is_known(CONFIG, "line.2.enabled")
    assert not configuring.is_known(CONFIG, "sip.nothing")


def failed(stage: Stage, code: int) -> None:
    register = request(stage.left[-1][1])
    stage.feed(answer(register, code, [("Retry-After", "900")]), SERVER)


def registers(stage: Stage) -> int:
    return methods(data for _, data in stage.fresh).count("REGISTER")


@pytest.mark.parametrize(("code", "tries"), [(503, 0), (404, 0), (403, 1), (407, 1)])
def test_a_start_tries_what_a_mended_password_may_mend(stage: Stage, code: int, tries: int) -> None:
    failed(stage, code)
    stage.restart()
    assert registers(stage) == tries


def test_a_wait_goes_on_after_a_restart(stage: Stage) -> None:
    failed(stage, 503)
    stage.wait(600)
    stage.restart()
    assert methods(stage.wait(299)) == []
    assert methods(stage.wait(1.2)) == ["REGISTER"]


def test_a_changed_account_does_not_wait(stage: Stage) -> None:
    failed(stage, 503)
    (line,) = stage.config.lines
    stage.config = replace(CONFIG, lines=(replace(line, user="4213"),))
    stage.restart()
    assert registers(stage) == 1


def test_an_owner_who_insists_does_not_wait(stage: Stage) -> None:
    failed(stage, 503)
    for key, value, tries in (("sip.correlate", False, 0), ("line.1.enabled", True, 1)):
        stage.fresh = []
        stage.engine.change(key, value, stage.at)
        stage.flush()
        assert registers(stage) == tries


def test_a_file_that_changed_speaks_again(stage: Stage) -> None:
    stage.engine.change("sip.correlate", False, stage.at)
    changed = replace(CONFIG, hotspot=replace(CONFIG.hotspot, name="Another"))
    news = [seen for _, seen in configuring.settings_in(changed, stage.engine.house.board)]
    assert [getattr(seen, "key", "") for seen in news] == ["hotspot.name"]


@pytest.mark.parametrize("apply", ["live", "restart"])
def test_the_first_word_on_a_phone_outlives_every_restart(stage: Stage, apply: str) -> None:
    """Of a phone that is like all others the file has said nothing that is remembered."""
    stage.engine.change("hotspot.apply", apply, stage.at)
    stage.engine.change("phone.a.quiet", True, stage.at)
    stage.flush()
    for _ in range(2):
        stage.restart()
        assert stage.engine.differing()["phone.a.quiet"] is True
    quiet, *others = CONFIG.phones
    stage.config = replace(CONFIG, phones=(replace(quiet, quiet=True), *others))
    stage.restart()
    assert "phone.a.quiet" not in stage.engine.differing()
    stage.config = CONFIG  # Where the file has said it, it may take it back.
    stage.restart()
    assert stage.engine.config.phones == CONFIG.phones


def test_a_lent_line_is_never_taken_for_an_own_one_of_its_number(stage: Stage) -> None:
    failed(stage, 403)
    board = stage.engine.house.board
    assert len([*configuring.denied_in(CONFIG, board)]) == 1
    assert len([*configuring.insisted_on(CONFIG, board, "line.1.enabled")]) == 1
    client = replace(CONFIG, hotspot=replace(CONFIG.hotspot, mode="client"))
    assert [*configuring.denied_in(client, board)] == []
    assert [*configuring.insisted_on(client, board, "line.1.enabled")] == []
