"""The two servers that ``fork`` compares, each started with three phones registered."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adapters.sip.build import Headers, request_bytes, response_to
from adapters.sip.digest import authorization, read_challenge
from adapters.sip.message import Request, Response, parse

OURS, KAMAILIO = "127.30.0.1", "127.30.0.3"
CALLER = "127.30.0.2"  # Also where the line's account server is.
PHONES = {
    "a": ("phone_cancelled", "127.30.0.11"),
    "b": ("phone_answers", "127.30.0.12"),
    "c": ("phone_cancelled", "127.30.0.13"),
}
SETTINGS = f"""
[sip]
listen = ["udp:{OURS}:5060"]
[media]
mode = "direct"
[[line]]
number = 1
server = "{CALLER}:5060"
user = "4212"
password = "secret4212"
domain = "provider.test"
""" + "".join(
    f'[[phone]]\nuser = "{user}"\npassword = "p{user}"\nalias = {alias}\n'
    for alias, user in enumerate(PHONES)  # One is phone 0, so that there are three and no fourth.
)
START_S = 10.0


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def alone() -> list[str]:
    """The server has the first core to itself, where there are two."""
    return ["taskset", "-c", str(cores()[0])] if len(cores()) > 1 else []


def beside() -> list[str]:
    return ["taskset", "-c", ",".join(map(str, cores()[1:]))] if len(cores()) > 1 else []


class Server:
    """A started server and all the processes it is made of."""

    def __init__(self, name: str, host: str, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.host = host
        self.process = process

    def processes(self) -> list[Path]:
        found = [Path("/proc", str(self.process.pid))]
        for path in found:
            for task in path.glob("task/*/children"):
                found += [Path("/proc", child) for child in task.read_text().split()]
        return found

    def cpu_s(self) -> float:
        """To the nanosecond, where /proc/PID/stat counts hundredths."""
        tasks = [task for each in self.processes() for task in each.glob("task/*/schedstat")]
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def memory_mb(self) -> float:
        kilobytes = 0
        for each in self.processes():
            for line in (each / "smaps_rollup").read_text().splitlines():
                kilobytes += int(line.split()[1]) if line.startswith("Pss:") else 0
        return kilobytes / 1024


@contextmanager
def started(name: str, host: str, command: Sequence[str], noise: Path) -> Iterator[Server]:
    with noise.open("wb") as out:
        process = subprocess.Popen([*alone(), *command], stdout=out, stderr=out)
    try:
        yield Server(name, host, process)
    except Exception:
        print(noise.read_text(errors="replace")[-2000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def kamailio(folder: Path) -> Iterator[Server]:
    settings = Path(__file__).with_name("sipp") / "kamailio.cfg"
    where = ["-Y", str(folder), "-w", str(folder), "-P", str(folder / "pid")]
    command = ["kamailio", "-f", str(settings), "-DD", "-E", "-m", "512", "-M", "16", *where]
    noise = folder / "noise"
    with started("Kamailio", KAMAILIO, [*command, "-A", f"ADDR={KAMAILIO}"], noise) as server:
        for _scenario, host in PHONES.values():
            register(host, KAMAILIO, "4212", "")
        yield server


@contextmanager
def ours(folder: Path) -> Iterator[Server]:
    settings = folder / "siphotspot.toml"
    settings.write_text(SETTINGS)
    run = ["run", "--config", str(settings), "--state-dir", str(folder / "state")]
    command = [sys.executable, "-c", "from service.cli import main; main()", *run]
    with (
        endpoint(CALLER) as account,
        started("siphotspot", OURS, command, folder / "noise") as server,
    ):
        grant(account)
        for user, (_scenario, host) in PHONES.items():
            register(host, OURS, user, f"p{user}")
        yield server


# -- Registrations --------------------------------------------------------------------


@contextmanager
def endpoint(host: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 5060))
        sock.settimeout(START_S)
        yield sock


def grant(account: socket.socket) -> None:
    """The account's server: whoever registers is welcome."""
    data, source = account.recvfrom(65536)
    request = parse(data)
    assert isinstance(request, Request)
    contact = f"{request.first('contact')};expires=3600"
    answer = response_to(request, 200, to_tag="account", headers=[("Contact", contact)])
    account.sendto(answer, source)


def register(host: str, server: str, user: str, password: str) -> None:
    """Asked again every 200 ms, for the server may still be starting."""
    proof: list[tuple[str, str]] = []
    until = time.monotonic() + START_S
    with endpoint(host) as sock:
        sock.settimeout(0.2)
        cseq = 0
        while time.monotonic() < until:
            cseq += 1
            sock.sendto(registering(host, server, user, cseq, proof), (server, 5060))
            try:
                answer = parse(sock.recv(65536))
            except OSError:
                continue
            assert isinstance(answer, Response)
            if answer.code == 200:
                return
            challenge = read_challenge(answer.all("www-authenticate"))
            if challenge is not None:
                uri = f"sip:{server}"
                value = authorization(challenge, "REGISTER", uri, user, password, 1, "bench")
                proof = [("Authorization", value)]
    raise RuntimeError(f"{user} could not register with {server}")


def registering(host: str, server: str, user: str, cseq: int, proof: Headers) -> bytes:
    headers: Headers = [
        ("Via", f"SIP/2.0/UDP {host}:5060;branch=z9hG4bK-{user}-{host}-{cseq}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:{user}@{server}>;tag={user}"),
        ("To", f"<sip:{user}@{server}>"),
        ("Call-ID", f"{user}-{host}"),
        ("CSeq", f"{cseq} REGISTER"),
        ("Contact", f"<sip:{user}@{host}:5060>"),
        ("Expires", "3600"),
        *proof,
    ]
    return request_bytes("REGISTER", f"sip:{server}", headers)
