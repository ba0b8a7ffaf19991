"""What the service says of who was refused, and how often."""

from adapters.sip.surroundings import SECOND_NS
from service.refusals import KEPT_MAX, NAME_COLUMNS, Refusals

WRONG, UNKNOWN = "wrong-password", "unknown-user"
MINUTE = 60 * SECOND_NS


def test_it_is_said_once_a_minute_for_each_name_and_address() -> None:
    refusals = Refusals()
    words = "phone study from 127.0.0.9: wrong password"
    assert refusals.line(WRONG, "study", "127.0.0.9", 5) == words
    assert refusals.line(WRONG, "study", "127.0.0.9", MINUTE) == ""
    assert refusals.line(WRONG, "study", "127.0.0.8", MINUTE) != ""
    assert (
        refusals.line(UNKNOWN, "x", "127.0.0.9", MINUTE) == 'nobody here is called "x" (127.0.0.9)'
    )
    assert refusals.line(WRONG, "study", "127.0.0.9", MINUTE + 5) == words


def test_a_name_neither_steers_the_terminal_nor_fills_it() -> None:
    said = Refusals().line(UNKNOWN, '\x1b[2J" \udc80\n' + "x" * 5000, "192.0.2.9", 0)
    name = said.partition('"')[2].rpartition('" (')[0]
    assert name.startswith('\\x1b[2J\\" \\udc80\\nxxx')
    assert name.endswith("x..")
    assert len(name) == NAME_COLUMNS


def test_who_tries_out_names_fills_neither_memory_nor_the_disk() -> None:
    refusals = Refusals()
    said = [refusals.line(UNKNOWN, str(n), "192.0.2.9", n) for n in range(5 * KEPT_MAX)]
    assert len([line for line in said if line]) == len(refusals.said) == KEPT_MAX
    assert refusals.line(UNKNOWN, "later", "192.0.2.9", 2 * MINUTE)
    assert len(refusals.said) == 1
