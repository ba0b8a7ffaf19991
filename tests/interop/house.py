"""A house on one loopback network: the provider, the hotspot, its phones and who calls.

Network N is 127.20.N.0/24; .1 is the hotspot, .2 the provider, .11 and up are phones,
.21 is somebody with another account of the provider.
"""

import json
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.store.reading import reader
from replay.replayer import verification
from service.control import ControlError, ask
from service.paths import STORE_NAME
from tests.interop.programs import Program, until

PEERS = Path(__file__).parents[2].parent / "shared" / "interop"
SIPHOTSPOT = Path(sys.executable).with_name("siphotspot")
PORT = 5060
PHONES = {"a": 11, "b": 12, "c": 13}
OUTSIDE = 21
DOMAIN = "provider.test"
SIPP_S = "20"


class House:
    def __init__(self, net: str, folder: Path) -> None:
        self.net = net
        self.folder = folder
        self.state = folder / "st"
        self.running: list[Program] = []
        self.provider: Program
        self.hotspot: Program

    def address(self, host: int) -> str:
        return f"{self.net}.{host}"

    def start(self, name: str, *command: str | Path) -> Program:
        program = Program(name, command, self.folder)
        self.running.append(program)
        return program

    def shut(self) -> None:
        """Phones are cut off; the hotspot and the provider may say goodbye."""
        servers = [each for each in self.running if each.name in ("siphotspot", "kamailio")]
        for program in self.running:
            program.stop(signal.SIGTERM if program in servers else signal.SIGKILL)

    def check(self) -> None:
        """Whatever a test saw: the hotspot ends cleanly, and complained about nothing."""
        self.hotspot.stop()
        self.hotspot.succeeds()
        self.check_log()
        for complaint in ("Traceback", "fault:"):
            assert self.hotspot.saw(complaint) is None, "\n".join(self.hotspot.lines)

    def check_log(self) -> None:
        """Today's machines decide the same again, and no password is in anything we wrote."""
        with reader(self.state / STORE_NAME) as log:
            assert verification(log.read()).fault is None
        written = [path.read_bytes() for path in self.state.iterdir() if path.is_file()]
        assert not any(b"secret4212" in content for content in written)
        assert self.hotspot.saw("secret4212") is None

    # -- The provider ----------------------------------------------------------------------------

    def open_provider(self, *switches: str, **values: object) -> None:
        run = self.folder / "k"
        names = [*switches, *(f"{key}={value}" for key, value in values.items())]
        settings = [word for name in names for word in ("-A", name)]
        start = PEERS / "kamailio" / "start.sh"
        self.provider = self.start("kamailio", start, self.address(2), str(PORT), run, *settings)
        until(lambda: self.is_bound(2), "kamailio listens")
        until(lambda: self.control("core.uptime") is not None, "kamailio answers")

    def control(self, *words: str) -> str | None:
        command = ["kamcmd", "-s", f"unix:{self.folder / 'k' / 'kamailio_ctl'}", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        return done.stdout if done.returncode == 0 else None

    # -- The hotspot -----------------------------------------------------------------------------

    def open_hotspot(self, media: str = "direct", **line: object) -> None:
        """Starts it with three phones and the account 4212; waits until that is registered."""
        self.configure(media, **line)
        self.run_hotspot()
        self.provider.sees(
            "EVENT|register|user=4212", f"src={line.get('transport', 'udp')}:{self.address(1)}"
        )
        until(lambda: self.line()["state"] == "registered", "the line is registered")

    def configure(self, media: str = "direct", **line: object) -> None:
        account = {
            "number": 1,
            "server": f"{self.address(2)}:{PORT}",
            "user": "4212",
            "password": "secret4212",
            "domain": DOMAIN,
            **line,
        }
        listen = [f"{transport}:{self.address(1)}:{PORT}" for transport in ("udp", "tcp")]
        text = f"[sip]\nlisten = {json.dumps(listen)}\n[media]\nmode = {json.dumps(media)}\n"
        text += "".join(
            ["[[line]]\n", *(f"{key} = {json.dumps(value)}\n" for key, value in account.items())]
        )
        for user in PHONES:
            text += f'[[phone]]\nuser = "{user}"\npassword = "p{user}"\n'
        (self.folder / "house.toml").write_text(text)

    def run_hotspot(self) -> None:
        command = (SIPHOTSPOT, "run", "--config", "house.toml", "--state-dir", self.state)
        self.hotspot = self.start("siphotspot", *command)
        self.hotspot.sees("listening on")
        until(lambda: self.status()["hotspot"], "siphotspot answers its owner")

    def kill_hotspot(self) -> None:
        self.hotspot.stop(signal.SIGKILL)

    def status(self) -> dict[str, Any]:
        """As ``siphotspot status --json``, without another process; empty while nobody answers."""
        try:
            report: dict[str, Any] = ask(self.state, {"command": "status"})["status"]
        except ControlError:
            return {"hotspot": {}, "lines": [{}], "clients": [], "calls": []}
        return report

    def line(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status()["lines"][0]
        return found

    def aliases(self) -> dict[str, int]:
        return {row["user"]: row["alias"] for row in self.status()["clients"]}

    def change(self, setting: str) -> None:
        self.start("set", SIPHOTSPOT, "set", setting, "--state-dir", self.state).succeeds()

    # -- SIPp ------------------------------------------------------------------------------------

    def is_bound(self, host: int) -> bool:
        """Whether somebody has UDP port 5060 there (proc(5))."""
        octets = reversed(self.address(host).split("."))
        wanted = "".join(f"{int(octet):02X}" for octet in octets) + f":{PORT:04X}"
        return wanted in Path("/proc/net/udp").read_text()

    def scenario(self, name: str) -> Path:
        """Ours, or one of those that all projects share."""
        ours = Path(__file__).with_name(f"{name}.xml")
        return ours if ours.exists() else PEERS / "sipp" / ours.name

    def sipp(self, scenario: str, host: int, *options: str) -> Program:
        until(lambda: not self.is_bound(host), f"{self.address(host)} is free")
        own = self.address(host)
        program = self.start(
            f"{scenario} at {own}",
            *("sipp", "-nostdin", "-m", "1", "-timeout", SIPP_S, "-timeout_error"),
            *("-sf", self.scenario(scenario), "-i", own, "-p", str(PORT)),
            *("-mi", own, "-mp", "20000", "-rtp_echo"),
            *("-trace_err", "-error_file", f"{scenario}-{host}.err"),
            *options,
        )
        until(lambda: self.is_bound(host) or program.process.poll() is not None, program.name)
        return program

    def sipp_register(self, user: str) -> Program:
        """As an ordinary phone that was told its user, its password and the hotspot's address."""
        hotspot = self.address(1)
        return self.sipp(
            "phone_register",
            PHONES[user],
            *("-key", "domain", hotspot, "-key", "expires", "300", "-s", user),
            *("-auth_uri", hotspot, "-au", user, "-ap", f"p{user}", f"{hotspot}:{PORT}"),
        )

    def sipp_registers(self, *users: str) -> None:
        for registering in [self.sipp_register(user) for user in users]:
            registering.succeeds()

    def sipp_call(self, scenario: str, milliseconds: int) -> Program:
        """7000 calls 4212 through the provider."""
        return self.sipp(
            scenario,
            OUTSIDE,
            *("-s", "4212", "-key", "from", "7000", "-key", "domain", DOMAIN),
            *("-au", "7000", "-ap", "secret7000", "-auth_uri", f"4212@{DOMAIN}"),
            *("-d", str(milliseconds), f"{self.address(2)}:{PORT}"),
        )

    # -- pjsua2 ----------------------------------------------------------------------------------

    def phone(self, user: str, *options: str, host: int = 0, seconds: float = 20) -> Program:
        """A real phone at the hotspot."""
        hotspot = self.address(1)
        return self.pjsua2(host or PHONES[user], hotspot, user, f"p{user}", seconds, *options)

    def outsider(self, user: str, *options: str, seconds: float = 20) -> Program:
        """A real phone with an account of its own at the provider."""
        provider = self.address(2)
        domain = ("--domain", DOMAIN)
        return self.pjsua2(OUTSIDE, provider, user, f"secret{user}", seconds, *domain, *options)

    def pjsua2(
        self, host: int, registrar: str, user: str, password: str, seconds: float, *options: str
    ) -> Program:
        return self.start(
            f"phone {user}",
            *(sys.executable, PEERS / "pjsua2" / "phone.py"),
            *("--bind", f"{self.address(host)}:{PORT}", "--registrar", f"{registrar}:{PORT}"),
            *("--user", user, "--password", password, "--duration", str(seconds)),
            *("--linger", "0.1", *options),
        )

    def tone(self, hertz: int) -> str:
        name = f"{hertz}.wav"
        self.start(
            "tone", sys.executable, PEERS / "pjsua2" / "tone.py", name, str(hertz)
        ).succeeds()
        return name

    def hears(self, recording: str, hertz: int) -> None:
        measure = PEERS / "pjsua2" / "measure.py"
        self.start("measure", sys.executable, measure, recording, str(hertz)).succeeds()

    def hears_at_the_end(self, recording: str, hertz: int) -> None:
        """In its last half second."""
        with wave.open(str(self.folder / recording), "rb") as whole:
            whole.setpos(whole.getnframes() - whole.getframerate() // 2)
            with wave.open(str(self.folder / "end.wav"), "wb") as end:
                end.setparams(whole.getparams())
                end.writeframes(whole.readframes(whole.getnframes()))
        self.hears("end.wav", hertz)

    def has_recorded(self, recording: str, more: int) -> None:
        """Waits for so many octets more."""
        path = self.folder / recording
        enough = path.stat().st_size + more
        until(lambda: path.stat().st_size >= enough, f"{recording} grows")


@contextmanager
def house(net: str, folder: Path) -> Iterator[House]:
    built = House(net, folder)
    try:
        yield built
        built.check()
    finally:
        built.shut()
