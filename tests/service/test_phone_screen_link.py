"""The control socket as the screen uses it."""

import asyncio
from pathlib import Path

import pytest

from service import phone_screen_link as link
from service import state
from service.control import ControlError
from tests.service.phone_samples import StandIn, report


def test_asks_and_is_answered(tmp_path: Path) -> None:
    async def story() -> None:
        service = StandIn()
        service.answers = [{"ok": True, "call": "1"}]
        async with service.running(tmp_path):
            assert await link.ask(tmp_path, {"command": "phone", "do": "call"}) == {
                "ok": True, "call": "1",
            }  # fmt: skip
        assert service.asked.get_nowait() == {"command": "phone", "do": "call"}

    asyncio.run(story())


def test_a_no_is_told_as_it_was_said(tmp_path: Path) -> None:
    async def story() -> None:
        service = StandIn()
        service.answers = [{"ok": False, "error": "number: nobody has it"}, {"ok": False}]
        async with service.running(tmp_path):
            for why in ("^number: nobody has it$", "^the service said no$"):
                with pytest.raises(ControlError, match=why):
                    await link.ask(tmp_path, {"command": "phone"})

    asyncio.run(story())


def test_watches_until_the_service_goes(tmp_path: Path) -> None:
    async def story() -> None:
        service = StandIn()
        async with service.running(tmp_path):
            watched = link.watch(tmp_path)
            assert await anext(watched) == report()
            await service.show(report(quiet=True, name="x" * 100_000))
            assert await anext(watched) == service.report
            service.watching.pop().close()
            with pytest.raises(ControlError, match="the service has gone"):
                await anext(watched)

    asyncio.run(story())


def test_a_service_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(StandIn):
        async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.watching.append(writer)

    async def story() -> None:
        async with Silent().running(tmp_path):
            with pytest.raises(ControlError, match="has not answered within 0 s"):
                await link.ask(tmp_path, {"command": "phone"})

    monkeypatch.setattr(link, "ANSWER_S", 0)
    asyncio.run(story())


def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="start it with siphotspot run"):
        asyncio.run(link.ask(tmp_path, {"command": "phone"}))


def test_a_place_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / state.CONTROL_PATH).mkdir()
    with pytest.raises(ControlError, match=f"no service answers at {tmp_path}"):
        asyncio.run(link.ask(tmp_path, {"command": "phone"}))
