"""Instructions a forked call costs the core, the SIP layers and the log: the gate of CI.

``python bench/instructions.py``.  One call rings three phones, B answers, A and C are
cancelled, the caller hangs up: 15 datagrams in, each handed in by itself, with every turn
stored.  They are recorded first, with the phones played here (``bench/recording``); what is
counted is the engine alone, fed from the recording, with a clock that the recording sets.

Cachegrind counts a short and a long run; the difference is calls and no start-up.  The same
call costs the same instructions on any machine, which CPU seconds do not; they still differ
between versions of Python, so each has its own committed figure.
``--write`` commits to a new one.  Above +10 % the exit status is 1.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import recording

COMMITTED = Path(__file__).with_suffix(".json")
CALLS = (80, 180)  # Both beyond the 64 s after which ended calls leave the memory.
ALLOWED = 0.10


def build() -> str:
    """To the patch: Debian's build spends a tenth less than a plain one of another patch."""
    return platform.python_version()


def counted(valgrind: str, recorded: Path, calls: int) -> int:
    """The instructions of a whole process that plays so many calls."""
    command = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    played = [sys.executable, __file__, "--play", str(recorded), "--calls", str(calls)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, *played], env=environment, capture_output=True, text=True, check=False
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"the counted run failed:\n{done.stdout}{done.stderr[-3000:]}")
    return int(found[1].replace(",", ""))


def measure(valgrind: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder, "calls.recorded")
        recording.record(recorded, max(CALLS))
        recording.play(recorded, 1)  # What it imports is compiled before it is counted.
        few, many = (counted(valgrind, recorded, calls) for calls in CALLS)
    return (many - few) // (CALLS[1] - CALLS[0])


def compare(figure: int, write: bool) -> int:
    committed = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}
    before = committed.get(build())
    if before is None:
        print(f"{figure:,} instructions a call; none is committed for Python {build()}")
    else:
        change = figure / before - 1
        print(f"{figure:,} instructions a call; committed {before:,} ({change:+.1%}), {build()}")
    if write:
        committed[build()] = figure
        COMMITTED.write_text(json.dumps(committed, indent=2, sort_keys=True) + "\n")
    elif before is not None and figure > before * (1 + ALLOWED):
        print(f"more than {ALLOWED:.0%} above what is committed; --write where that is meant")
        return 1
    return 0


def main() -> int:
    said = argparse.ArgumentParser(description="Instructions a forked call costs.")
    said.add_argument("--write", action="store_true", help="commit to the figure measured now")
    said.add_argument("--play", type=Path, metavar="FILE", help="play a recording, count nothing")
    said.add_argument("--calls", type=int, default=CALLS[1], help="how many, with --play")
    given = said.parse_args()
    if given.play is not None:
        recording.play(given.play, given.calls)
        return 0
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("instructions a call: skipped, valgrind is missing (apt-get install valgrind)")
        return 0
    return compare(measure(valgrind), given.write)


if __name__ == "__main__":
    sys.exit(main())
