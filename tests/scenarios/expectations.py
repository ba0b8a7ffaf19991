"""What a scenario expects the house to have come to, whoever plays it.

A runner says which stream is meant and who is who; the states are the same in all of them.
"""

from abc import ABC, abstractmethod
from typing import Any

from core.machines import hotspot
from tests.scenarios import steps
from tests.scenarios.steps import Step


class Expectations(ABC):
    """What every runner can be asked.  ``number`` is that of a call, from 1; 0 is the latest."""

    decided: list[str]

    @abstractmethod
    def state(self, stream: str) -> Any: ...

    @abstractmethod
    def call_stream(self, number: int = 0) -> str: ...

    @abstractmethod
    def line_stream(self, user: str) -> str:
        """The line of this account; the first one where none is named."""

    @abstractmethod
    def parties(self, number: int = 0) -> dict[str, str]:
        """Who is behind each leg of a call."""

    @abstractmethod
    def device_at(self, contact: str) -> str: ...

    def member(self, phone: str) -> str:
        """The name by which the hotspot knows this phone."""
        return phone

    @abstractmethod
    def check_record(self) -> None: ...

    def expect(self, step: Step) -> None:
        match step:
            case steps.ExpectCall(phase=phase, winner=winner, number=number):
                call = self.state(self.call_stream(number))
                assert call.phase.name == phase, call
                assert not winner or self.parties(number)[call.winner] == winner, call
            case steps.ExpectCaller(phase=phase):
                call = self.state(self.call_stream())
                assert call.caller.name == phase, call
            case steps.ExpectLegs(legs=legs):
                parties, call = self.parties(), self.state(self.call_stream())
                assert {parties[leg]: each.phase.name for leg, each in call.legs.items()} == legs
            case steps.ExpectLine(phase=phase, user=user):
                line = self.state(self.line_stream(user))
                assert line.phase.name == phase, line
            case steps.ExpectHotspot(phase=phase):
                house = self.state(hotspot.STREAM)
                assert house.phase.name == phase, house
            case steps.ExpectPhone(phone=phone, phase=phase, devices=devices):
                link = self.state(f"link:{phone}")
                assert link.phase.name == phase, link
                bound = {self.device_at(each.contact) for each in link.bindings.values()}
                assert devices is None or bound == set(devices), link
            case steps.ExpectAlias(phone=phone, alias=alias):
                aliases = self.state(hotspot.STREAM).aliases
                assert aliases.get(self.member(phone)) == alias, aliases
            case steps.ExpectUplink(hotspot=name, phase=phase):
                uplink = self.state(f"uplink:{name}")
                assert uplink.phase.name == phase, uplink
            case steps.ExpectLog(names=names):
                assert tuple(self.decided) == names, f"decided {' '.join(self.decided)}"
            case steps.ExpectReplay():
                self.check_record()
            case _:
                raise AssertionError("no runner knows how to tell")
