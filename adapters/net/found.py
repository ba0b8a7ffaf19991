"""The hotspots that a client hears (S17, S21): its list, bounded and forgotten in time."""

from dataclasses import dataclass

from adapters.net.beacon import Beacon
from adapters.net.leaving import Place, spelled
from adapters.sip.sockets import host_and_port
from adapters.sip.surroundings import SECOND_NS
from core.events.discovered import BeaconHeard

HOTSPOTS_MAX = 64
ELSEWHERE_AFTER_NS = 12 * SECOND_NS  # Two beacons and a little.


@dataclass
class Found:
    """What one hotspot said last, from where, and by which interface it came."""

    beacon: Beacon
    source: Place
    interface: int
    heard_at: int
    is_past: bool = False  # It insists on an activation that we know to be over.

    @property
    def until(self) -> int:
        return self.heard_at + self.beacon.ttl * SECOND_NS

    def row(self, state: str, since: int) -> dict[str, object]:
        """For the user's list."""
        beacon = self.beacon
        return {
            "id": beacon.hotspot.hex(),
            "name": beacon.name,
            "ip": self.source[0],
            "lines": {str(label.number): label.label for label in beacon.lines},
            "alias": 0,
            "state": state,
            "since": since,
        }

    def seen(self, fits: bool) -> BeaconHeard:
        """As the uplink hears of it."""
        beacon = self.beacon
        return BeaconHeard(
            source=host_and_port(*self.source),
            name=beacon.name,
            epoch=beacon.epoch,
            sip=spelled(beacon.sip),
            lines=tuple(str(label.number) for label in beacon.lines),
            fits=fits,
        )


class Hotspots(dict[str, Found]):
    """By the hotspot's id in hexadecimal, the one heard first before the others."""

    def __init__(self) -> None:
        super().__init__()
        self.insisting: dict[str, int] = {}  # Since when, of those that are not in the list yet.

    def take(self, beacon: Beacon, source: Place, interface: int, at: int, wanted: str) -> str:
        """Why this beacon is passed over, or nothing.  ``wanted`` finds room in a full list.

        A hotspot that is heard by two ways, or whose beacon another repeats, stays where
        it was heard first, until nothing more comes from there.
        """
        hotspot = beacon.hotspot.hex()
        known = self.get(hotspot)
        if known is None:
            self.insisting.pop(hotspot, None)
            if len(self) >= HOTSPOTS_MAX and hotspot != wanted:
                return "too-many-hotspots"
            self[hotspot] = Found(beacon, source, interface, at)
            return ""
        if known.source[0] != source[0] and at - known.heard_at < ELSEWHERE_AFTER_NS:
            return "another-way"
        known.beacon, known.source, known.interface = beacon, source, interface
        known.heard_at, known.is_past = at, False
        return ""

    def insist(self, beacon: Beacon, source: Place, interface: int, at: int) -> None:
        """One that goes on to speak of what is over is no late echo of itself.

        It may have removed us, or somebody has said in its name what was not true.  It is
        listed, so that the user can connect it, and not followed.
        """
        hotspot = beacon.hotspot.hex()
        known = self.get(hotspot)
        if known is None:
            since = self.insisting.setdefault(hotspot, at)
            if len(self.insisting) > HOTSPOTS_MAX:
                del self.insisting[next(iter(self.insisting))]
            if at - since < ELSEWHERE_AFTER_NS:
                return
        elif not known.is_past:
            return
        if not self.take(beacon, source, interface, at, wanted=""):
            self[hotspot].is_past = True

    def is_here(self, hotspot: str) -> bool:
        """Whether it is heard, and as it is now."""
        return hotspot in self and not self[hotspot].is_past

    def expire(self, at: int) -> None:
        for hotspot in [hotspot for hotspot, found in self.items() if found.until <= at]:
            del self[hotspot]

    def next_deadline(self) -> int | None:
        return min((found.until for found in self.values()), default=None)

    def named(self, name: str) -> str:
        """The id of the one with this id, a beginning of it, or this address.

        Raises ``ValueError``, which says which there are.
        """
        meant = [
            hotspot
            for hotspot, found in self.items()
            if name and (hotspot.startswith(name.lower()) or found.source[0] == name)
        ]
        if len(meant) == 1:
            return meant[0]
        heard = ", ".join(f"{found.source[0]} ({found.beacon.name})" for found in self.values())
        problem = "more than one hotspot is" if meant else "no hotspot is heard that is"
        raise ValueError(f"{problem} {name!r}; name one of those heard: {heard or 'none'}")
