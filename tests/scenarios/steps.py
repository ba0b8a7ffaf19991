"""What a scenario consists of, as values: who plays them is another matter."""

from collections.abc import Iterable, Iterator

from msgspec import Struct


class Given(Struct, frozen=True, kw_only=True):
    """``what`` (``hotspot``, ``line``, ``phone``, ``ring time``) with these names is ``state``."""

    line: int
    what: str
    names: tuple[str, ...] = ()
    state: str = ""


class Step(Struct, frozen=True, kw_only=True):
    line: int
    text: str


US = ("hotspot", "client")  # What we are called, in either mode.


class Arrow(Step, frozen=True, kw_only=True):
    """A message: played where it goes into the hotspot, expected where it comes out."""

    src: str
    dst: str
    method: str  # "re-INVITE" is an INVITE within a dialog.
    code: int = 0
    args: dict[str, str] = {}
    wire: bool = False  # For the transaction layer only.
    maybe: bool = False
    fate: str = ""  # What the network does to it: "lose", "twice" or "late".
    late_ms: int = 0

    @property
    def is_played(self) -> bool:
        return self.dst in US

    def __str__(self) -> str:
        code = f"/{self.code}" if self.code else ""
        args = " ".join(f"{key}={value}" for key, value in self.args.items())
        return f"{self.src:>9} -> {self.dst:<9} {self.method}{code} {args}".rstrip()


class Together(Step, frozen=True, kw_only=True):
    """Expected in any order."""

    arrows: tuple[Arrow, ...] = ()


class After(Step, frozen=True, kw_only=True):
    ms: int


class Operator(Step, frozen=True, kw_only=True):
    """The owner does something; ``about`` names the phone, where it is about one."""

    does: str
    about: str = ""


class Service(Step, frozen=True, kw_only=True):
    does: str  # "stops", "starts" or "restarts"


class Unreachable(Step, frozen=True, kw_only=True):
    """The transport says that nobody is there."""

    party: str


class GivenUp(Step, frozen=True, kw_only=True):
    """The transaction layer has waited in vain for the final response of this party.

    Where there is such a layer, time alone brings it about.
    """

    party: str
    method: str = "INVITE"


class ExpectCall(Step, frozen=True, kw_only=True):
    phase: str
    winner: str = ""
    number: int = 0  # From 1, in the order of their INVITEs; 0 is the latest.


class ExpectCaller(Step, frozen=True, kw_only=True):
    phase: str


class ExpectLegs(Step, frozen=True, kw_only=True):
    legs: dict[str, str]


class ExpectLine(Step, frozen=True, kw_only=True):
    phase: str
    user: str = ""


class ExpectHotspot(Step, frozen=True, kw_only=True):
    phase: str


class ExpectPhone(Step, frozen=True, kw_only=True):
    """``devices`` are the parties it is bound to, where the scenario names them."""

    phone: str
    phase: str
    devices: tuple[str, ...] | None = None


class ExpectAlias(Step, frozen=True, kw_only=True):
    phone: str
    alias: int


class ExpectUplink(Step, frozen=True, kw_only=True):
    """What a hotspot is to us, its client."""

    hotspot: str
    phase: str


class ExpectLog(Step, frozen=True, kw_only=True):
    """The names of all that was decided since the givens."""

    names: tuple[str, ...]


class ExpectReplay(Step, frozen=True, kw_only=True): ...


class Scenario(Struct, frozen=True, kw_only=True):
    title: str
    because: str
    givens: tuple[Given, ...]
    steps: tuple[Step, ...]

    def phones(self) -> tuple[str, ...]:
        """The phones that are registered before anything happens."""
        registered = [given.names for given in self.givens if given.what == "phone"]
        return tuple(dict.fromkeys(name for names in registered for name in names))


def arrows_of(steps: Iterable[Step]) -> Iterator[Arrow]:
    for step in steps:
        if isinstance(step, Arrow):
            yield step
        elif isinstance(step, Together):
            yield from step.arrows


# -- Whether this is what was meant -------------------------------------------------------

ALWAYS_COMPARED = ("offer", "answer", "body", "Reason", "credentials", "tag", "status")


def fits(expected: Arrow, actual: Arrow) -> bool:
    """Whether this is the message that was meant.

    Bodies, the Reason and credentials are there or not there as the scenario says; of
    other details only those it names count.  A REGISTER for 0 seconds is always named.
    """
    if (expected.dst, expected.method, expected.code) != (actual.dst, actual.method, actual.code):
        return False
    keys = {*ALWAYS_COMPARED, *expected.args}
    if actual.args.get("expires") == "0":
        keys.add("expires")
    return all(expected.args.get(key) == actual.args.get(key) for key in keys)


def how_often(arrow: Arrow) -> int:
    """How often it arrives where the network is only imagined."""
    return {"lose": 0, "twice": 2}.get(arrow.fate, 1)
