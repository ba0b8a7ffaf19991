"""What the configuration file tells the house, and what it need not say again."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from core.events.observed import ClientListed, ClientRemoved, ClientUnlisted, LineWithdrawn
from service import configuring
from service.config import Config, Phone, Secret
from tests.sip.stage import CONFIG, Stage


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
        ClientUnlisted(client="c"), ClientRemoved(), ClientListed(client="d", alias=7),
    ]  # fmt: skip


def test_a_line_that_is_gone_is_withdrawn(stage: Stage) -> None:
    board = stage.engine.house.board
    news = [*configuring.lines_in(replace(CONFIG, lines=()), board)]
    assert news == [("line:1", LineWithdrawn())]


def test_a_word_about_a_line_that_is_gone_is_passed_over(stage: Stage) -> None:
    stage.engine.change("line.1.hotspot", False, stage.at)
    board = stage.engine.house.board
    (line,) = configuring.effective(CONFIG, board).lines
    assert line.hotspot is False
    assert configuring.effective(replace(CONFIG, lines=()), board).lines == ()
    assert not configuring.is_known(CONFIG, "line.2.enabled")
    assert not configuring.is_known(CONFIG, "sip.nothing")


def test_a_file_that_changed_speaks_again(stage: Stage) -> None:
    stage.engine.change("sip.correlate", False, stage.at)
    changed = replace(CONFIG, hotspot=replace(CONFIG.hotspot, name="Another"))
    news = [seen for _, seen in configuring.settings_in(changed, stage.engine.house.board)]
    assert [getattr(seen, "key", "") for seen in news] == ["hotspot.name"]
