"""A house on one loopback network: the provider, the hotspot, its phones and who calls.

Network N is 127.20.N.0/24; .1 is the hotspot, .2 the provider, .11 and up are phones,
.21 and .22 have other accounts of the provider, .31 and up are clients that find the
hotspot by themselves: on ``lo``, in a multicast group of this network's own.
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

from tests.interop.device import Device
from tests.interop.programs import Program, until

PEERS = Path(__file__).parents[2].parent / "shared" / "interop"
PHONE = Path(__file__).with_name("phone.py")
PORT = 5060
PHONES = {"a": 11, "b": 12, "c": 13}
CLIENTS = {"garden": 31, "cellar": 32}
OUTSIDE = 21
DOMAIN = "provider.test"
SIPP_S = "20"
OCTETS_A_SECOND = 16_000  # Of a recording.


class House:
    def __init__(self, net: str, folder: Path) -> None:
        self.net = net
        self.folder = folder
        self.running: list[Program] = []
        self.provider: Program
        self.hotspot = Device("house", folder, self.start)
        self.clients: list[Device] = []

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
        """Whatever a test saw: our own processes end cleanly, and complained about nothing."""
        for device in (*self.clients, self.hotspot):
            device.check()

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
        self.hotspot.run()
        self.provider.sees(
            "EVENT|register|user=4212", f"src={line.get('transport', 'udp')}:{self.address(1)}"
        )
        until(lambda: self.hotspot.line()["state"] == "registered", "the line is registered")

    def configure(self, media: str = "direct", **line: object) -> None:
        account = {
            "number": 1,
            "server": f"{self.address(2)}:{PORT}",
            "user": "4212",
            "password": "secret4212",
            "domain": DOMAIN,
            **line,
        }
        text = self.common(1, media, mode="hotspot") + table("[line]", account)
        for user in PHONES:
            text += table("[phone]", {"user": user, "password": f"p{user}"})
        self.hotspot.config.write_text(text)

    def common(self, host: int, media: str, **hotspot: object) -> str:
        """What hotspot and clients have in common."""
        number = int(self.net.split(".")[2])
        group = {"interface": "lo", "address": f"239.20.{number}.1", "port": 16400 + number}
        listen = [f"{transport}:{self.address(host)}:{PORT}" for transport in ("udp", "tcp")]
        sections: dict[str, dict[str, Any]] = {
            "hotspot": {**group, **hotspot},
            "sip": {"listen": listen},
            "media": {"mode": media},
        }
        return "".join(table(name, keys) for name, keys in sections.items())

    def aliases(self) -> dict[str, int]:
        return {row["user"]: row["alias"] for row in self.hotspot.status()["clients"]}

    # -- Clients that find it --------------------------------------------------------------------

    def client(self, name: str, media: str = "relay") -> Device:
        """Starts it, and waits until it has joined and the hotspot knows where it is."""
        device = Device(name, self.folder, self.start)
        self.clients.append(device)
        device.config.write_text(self.common(CLIENTS[name], media, mode="client", name=name))
        device.run()
        until(lambda: device.line().get("state") == "registered", f"{name} has a line")
        until(lambda: self.row(name).get("state") == "connected", f"{name} in the table")
        return device

    def row(self, name: str) -> dict[str, Any]:
        """What the hotspot's table says of a client (S13)."""
        rows = self.hotspot.status()["clients"]
        return next((row for row in rows if row["name"] == name), {})

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
        """A real phone with an account of its own at the provider: 7000 or 7001."""
        host = OUTSIDE + int(user) - 7000
        domain = ("--domain", DOMAIN)
        return self.pjsua2(host, self.address(2), user, f"secret{user}", seconds, *domain, *options)

    def pjsua2(
        self, host: int, registrar: str, user: str, password: str, seconds: float, *options: str
    ) -> Program:
        return self.start(
            f"phone {user}",
            *(sys.executable, PHONE),
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

        def size() -> int:
            return path.stat().st_size if path.exists() else 0

        enough = size() + more
        until(lambda: size() >= enough, f"{recording} grows")


@contextmanager
def house(net: str, folder: Path) -> Iterator[House]:
    built = House(net, folder)
    try:
        yield built
        built.check()
    finally:
        built.shut()


def table(name: str, keys: dict[str, Any]) -> str:
    """In TOML, as far as a house needs it."""
    return "".join([f"[{name}]\n", *(f"{key} = {json.dumps(keys[key])}\n" for key in keys)])
