"""The pictures of the stories as they were last looked at.

``python -m tests.replay.golden`` draws them anew; read the difference before it is kept.
"""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from core.machines.hotspot import STREAM
from replay.calls import call_row, calls_table
from replay.ladder import ladder
from replay.mermaid import sequence_diagram
from replay.reader import by_stream
from replay.timeline import show
from tests.replay.stories import EVERYTHING, recorded

FOLDER = Path(__file__).parent / "golden"


def pictures() -> Iterator[tuple[str, str]]:
    """Each by the name of its file."""
    stories = by_stream(recorded(EVERYTHING))
    for stream, story in stories.items():
        name = stream.replace(":", "-")
        if stream.startswith("call:"):
            yield f"{name}.ladder.txt", "\n".join([*ladder(story, UTC), ""])
        if stream.startswith("call:") or stream in (STREAM, "line:1", "link:A"):
            yield f"{name}.show.txt", "\n".join([*show(story, UTC), ""])
    calls = [call_row(story) for stream, story in stories.items() if stream.startswith("call:")]
    yield "calls.txt", "\n".join([*calls_table(calls, UTC), ""])
    yield "call-b-answers.mermaid", "\n".join([*sequence_diagram(stories["call:b-answers"]), ""])


if __name__ == "__main__":
    for name, text in pictures():
        (FOLDER / name).write_text(text, encoding="utf-8")
