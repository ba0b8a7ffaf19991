"""The same forked calls through our service and through Kamailio, in the same run.

``python bench/fork.py``.  SIPp plays a caller and three registered phones: all ring, one
answers after 50 ms, two are cancelled with the reason, the caller hangs up after 100 ms.
After a few calls that are not counted, five times at 50 calls a second; in the first of them a
tap on the loopback times INVITE in to last INVITE out and 200 in to last CANCEL out (root only).
Then faster and faster, twice at each rate, until a call fails or the caller cannot keep its pace
in both.  On a shared machine no two runs are alike: the least of each counts, for either server,
and the median stands beside it.  Ours stores every turn.  Media would go direct.

The server has one core and everything else has the rest.  CPU is what the kernel ran of all
its threads, memory its share of pages (PSS).  It takes about three minutes.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import servers
from bench.servers import CALLER, PHONES, Server
from bench.tap import Tap

SIPP = Path(__file__).with_name("sipp")
WARM, WARM_S = 100, 1
SLOW, SLOW_S, SLOW_RUNS = 50, 4, 5
FASTER = (200, 400, 800, 1200, 1400, 1600, 1800)
FAST_S, FAST_RUNS = 3, 2
LATE_S = 0.9  # Start of SIPp, a call's own 150 ms, and what the pace may slip.
GIVE_UP_S = 12
PATIENCE_S = 90  # For one server and all its rates.


def sipp(scenario: str, host: str, port: int, calls: int, *more: str) -> subprocess.Popen[bytes]:
    command = ["sipp", "-nostdin", "-sf", str(SIPP / f"{scenario}.xml"), "-m", str(calls)]
    limits = ["-timeout", str(GIVE_UP_S), "-timeout_error", "-buff_size", "4194304"]
    return subprocess.Popen(
        [*servers.beside(), *command, "-i", host, "-p", str(port), *limits, *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class Run:
    """So many calls at one rate; ``failure`` is empty where every party saw all it should."""

    def __init__(self, server: Server, rate: int, seconds: int) -> None:
        self.rate = rate
        self.calls = rate * seconds
        cpu = server.cpu_s()
        began = time.monotonic()
        self.failure = self.play(server, seconds)
        time.sleep(0.2)  # The last answers of the phones are still on their way to it.
        self.cpu_per_1000 = (server.cpu_s() - cpu) / self.calls * 1000
        self.seconds = time.monotonic() - began

    def play(self, server: Server, seconds: int) -> str:
        phones = [
            sipp(scenario, host, 5060, self.calls, "-d", "50")
            for (scenario, host) in PHONES.values()
        ]
        time.sleep(0.3)
        began = time.monotonic()
        pace = ["-r", str(self.rate), "-l", "20000", "-d", "100", f"{server.host}:5060"]
        caller = sipp("caller", CALLER, 5080, self.calls, *pace)
        try:
            if caller.wait(GIVE_UP_S + 5):
                return f"a call failed (SIPp's caller ended with {caller.returncode})"
            took = time.monotonic() - began
            for phone in phones:
                if phone.wait(GIVE_UP_S + 5):
                    return f"a phone missed something (its SIPp ended with {phone.returncode})"
        finally:
            for process in (caller, *phones):
                process.kill()
                process.wait()
        return f"{took:.1f} s for calls of {seconds} s" if took > seconds + LATE_S else ""


def measure(server: Server) -> None:
    until = time.monotonic() + PATIENCE_S
    Run(server, WARM, WARM_S)
    with Tap(server.host, PHONES["b"][1]) as tap:
        slow = [Run(server, SLOW, SLOW_S)]
    tell(server, slow[0])
    for line in tap.lines():
        print(f"{'':12}{line}", flush=True)
    slow = passed(slow) + runs(server, SLOW, SLOW_S, SLOW_RUNS - 1)
    fast: list[Run] = []
    for rate in FASTER:
        if time.monotonic() > until or not slow:
            break
        faster = runs(server, rate, FAST_S, FAST_RUNS)
        if not faster:
            break
        fast = faster
    if fast:
        print(
            f"{server.name:12}{fast[0].rate} calls/s at zero failures; "
            f"CPU s per 1,000 calls: {told(slow)}, {told(fast)}; "
            f"memory {server.memory_mb():.0f} MB",
            flush=True,
        )


def runs(server: Server, rate: int, seconds: int, count: int) -> list[Run]:
    """So many runs, told as they end; those without a failure."""
    found = []
    for _ in range(count):
        found.append(Run(server, rate, seconds))
        tell(server, found[-1])
    return passed(found)


def passed(found: list[Run]) -> list[Run]:
    return [run for run in found if not run.failure]


def told(found: list[Run]) -> str:
    costs = [run.cpu_per_1000 for run in found]
    return f"{min(costs):.2f} at {found[0].rate}/s (median {median(costs):.2f})"


def tell(server: Server, run: Run) -> None:
    outcome = run.failure or "no failure"
    print(
        f"{server.name:12}{run.rate:5} calls/s, {run.calls:5} calls: "
        f"{run.cpu_per_1000:5.2f} CPU s per 1,000; {outcome}",
        flush=True,
    )


def main() -> int:
    missing = [name for name in ("sipp", "kamailio") if shutil.which(name) is None]
    if missing:
        print(f"fork: skipped, missing: {', '.join(missing)}")
        return 0
    for start in (servers.kamailio, servers.ours):
        with tempfile.TemporaryDirectory(prefix="fork") as folder, start(Path(folder)) as server:
            measure(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
