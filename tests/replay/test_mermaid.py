"""A diagram that mermaid reads, whatever stands in a name."""

from core.events import observed
from replay.mermaid import quoted, sequence_diagram
from tests.replay.stories import invite, of_call, recorded, rings


def test_what_mermaid_would_take_for_its_own_is_quoted() -> None:
    assert quoted("#1; <b>\n") == "#35;1#59; #lt;b#gt;\\n"


def test_every_line_is_one_statement() -> None:
    said = of_call("1", (0, invite("A;B", name='x";\nend')), (1, rings("A;B")), (2, rings("Z")))
    lines = [*sequence_diagram(recorded(said))]
    assert lines[0] == "sequenceDiagram"
    assert lines[1:4] == [
        "    participant p0 as caller: x#quot;#59;\\nend",
        "    participant p1 as hotspot",
        "    participant p2 as A#59;B",
    ]
    assert "    p2->>p1: INVITE/180 (+1.000)" in lines
    assert "    Note over p1: observed: LegProgressed Z 180" in lines


def test_what_is_no_message_is_a_note() -> None:
    said = of_call("1", (0, invite("A")), (60, observed.RingTimedOut()))
    assert "    Note over p1: observed: RingTimedOut" in [*sequence_diagram(recorded(said))]
