"""``discover`` and ``sniff``: what they hear, and what they say about it."""

import functools
import json
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import msgpack
import pytest
import trio
import trio.testing
from msgspec.structs import replace

from adapters.net.beacon import Beacon, Label, Sip, Solicit, encode
from adapters.net.discovery_sockets import Heard
from service import looking
from service.clock import Clock
from service.config import Hotspot, Secret
from service.looking import Looking, Sniffing, dump, entry, listen, look
from tests.net.neighbourhood import Neighbour, free_port, running
from tests.service.test_cli import siphotspot

AT = 1_800_000_000_123_456_789
LOOPBACK_S = 0.01  # A datagram may take as long before the clock jumps.
KEY = b"a key of the house"
BEACON = Beacon(
    bytes(range(16)), "Our house", 3, 1, Sip("udp", "192.0.2.7", 5060),
    (Label(1, "Home", ""), Label(2, "", "9")), 15,
)  # fmt: skip
HEARD = Heard(encode(BEACON, None, AT), ("192.0.2.7", 16360), 2, "224.0.2.0")


def another(**other: object) -> Heard:
    return HEARD._replace(data=encode(replace(BEACON, **other), None, AT))


# -- discover ------------------------------------------------------------------------------


def test_a_hotspot_is_listed_once_as_it_was_heard_last() -> None:
    found = Looking(None)
    found.hear(HEARD, "eth0", AT)
    found.hear(another(name="Their house", hotspot=bytes(16)), "eth0", AT)
    found.hear(another(name="My house"), "eth0", AT)
    assert [seen.beacon.name for seen in found.sorted()] == ["Their house", "My house"]


def test_what_is_no_beacon_is_not_listed() -> None:
    found = Looking(None)
    found.hear(HEARD._replace(data=b"nonsense"), "eth0", AT)
    found.hear(HEARD._replace(data=encode(Solicit(bytes(16)), None, AT)), "eth0", AT)
    assert (found.hotspots, found.intake.drops) == ({}, {"malformed": 1})


def test_invented_hotspots_have_a_bound() -> None:
    found = Looking(None)
    for number in range(100):
        found.hear(another(hotspot=number.to_bytes(16)), "eth0", AT)
    found.hear(another(hotspot=bytes(16), name="Still heard"), "eth0", AT)
    assert len(found.hotspots) == 64
    assert found.hotspots[bytes(16)].beacon.name == "Still heard"


@pytest.mark.parametrize("monitor", ["multicast", "broadcast"])
async def test_asks_and_is_answered(
    monitor: str, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    autojump_clock.autojump_threshold = LOOPBACK_S
    port = free_port()
    hotspot = Neighbour("hotspot", port, monitor)
    asked: list[int] = []

    def answer(batch: Sequence[Heard]) -> None:
        for heard in batch:
            if msgpack.unpackb(heard.data)["t"] == "solicit":
                asked.append(int(trio.current_time()))
                hotspot.says(encode(BEACON, None, AT))

    hotspot.sockets._receive = answer
    where = Hotspot(monitor=monitor, address="239.255.7.1", port=port, interface="lo")  # type: ignore[arg-type]
    async with running(hotspot):
        began = int(trio.current_time())
        found = await look(where, 6.0)
    assert [each - began for each in asked] == [0, 1, 2, 4]
    assert found.hotspots == {
        BEACON.hotspot: looking.Seen(BEACON, "127.0.0.1", "lo")
    }  # fmt: skip


async def test_with_a_key_only_its_holders_are_listed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    autojump_clock.autojump_threshold = LOOPBACK_S
    port = free_port()
    hotspot = Neighbour("hotspot", port)
    where = Hotspot(address="239.255.7.1", port=port, interface="lo", join_key=Secret(KEY.decode()))
    now = Clock().at()

    def answer(batch: Sequence[Heard]) -> None:
        for heard in batch:
            if msgpack.unpackb(heard.data)["t"] == "solicit":
                assert "sig" in msgpack.unpackb(heard.data)
                hotspot.says(encode(BEACON, KEY, now))
                hotspot.says(encode(replace(BEACON, hotspot=bytes(16)), None, now))

    hotspot.sockets._receive = answer
    async with running(hotspot):
        found = await look(where, 0.5)
    assert list(found.hotspots) == [BEACON.hotspot]
    assert found.intake.drops == {"unsigned": 1}


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Looking:
    """What a network says to the command, without the six seconds."""
    found = Looking(None)

    async def at_once(where: Hotspot, seconds: float) -> Looking:
        return found

    monkeypatch.setattr(looking, "look", at_once)
    return found


def test_says_what_was_heard(heard: Looking) -> None:
    heard.hear(HEARD, "eth0", AT)
    heard.hear(another(hotspot=bytes(16), name="Empty", lines=()), "eth0", AT)
    heard.hear(HEARD._replace(data=b"x"), "eth0", AT)
    result = siphotspot("discover")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{'00' * 16}  Empty  192.0.2.7  no lines  version 1",
        f"{bytes(range(16)).hex()}  Our house  192.0.2.7  lines 1 Home, 2 (prefix 9)  version 1",
        "also heard, and not taken: 1 malformed",
    ]


def test_says_it_to_a_program(heard: Looking) -> None:
    heard.hear(HEARD, "eth0", AT)
    assert json.loads(siphotspot("discover", "--json").output) == {
        "hotspot": bytes(range(16)).hex(),
        "name": "Our house",
        "address": "192.0.2.7",
        "interface": "eth0",
        "sip": "udp:192.0.2.7:5060",
        "lines": [
            {"number": 1, "label": "Home", "prefix": ""},
            {"number": 2, "label": "", "prefix": "9"},
        ],
        "epoch": 3,
        "version": 1,
    }


@pytest.mark.usefixtures("heard")
def test_says_what_it_listened_to_where_nobody_is_heard() -> None:
    result = siphotspot("discover", "--interface", "eth0", "--port", "99")
    assert (result.exit_code, result.output) == (
        1,
        "no hotspot was heard within 6 s (224.0.2.0 port 99 on eth0); monitor, address and port "
        "must be the hotspot's own, and no firewall may keep UDP away from them\n",
    )
    assert "(broadcast port 16360)" in siphotspot("discover", "--monitor", "broadcast").output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["--address", "192.0.2.1"], 2, "--address: must be a multicast address from 224.0.0.0"),
     (["--monitor", "unicast"], 2, '--monitor: must be "multicast" or "broadcast", not "unicast"'),
     (["--port", "65536"], 2, "--port: must be a whole number from 1 to 65535, not 65536"),
     (["--interface", "none0"], 1, "siphotspot: hotspot.interface: there is no interface none0")],
)  # fmt: skip
def test_names_what_cannot_be_used(words: list[str], code: int, said: str) -> None:
    result = siphotspot("discover", *words)
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    assert result.output.startswith(said)


def test_takes_the_settings_of_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Hotspot] = []

    async def at_once(where: Hotspot, seconds: float) -> Looking:
        asked.append(where)
        return Looking(None)

    monkeypatch.setattr(looking, "look", at_once)
    file = tmp_path / "house.toml"
    file.write_text('[hotspot]\naddress = "224.0.2.9"\nport = 16361\njoin = "key"\n')
    assert "join.key" in siphotspot("discover", "--config", file).output
    (tmp_path / "join.key").write_text("a key of the house\n")
    siphotspot("discover", "--config", file, "--port", "16362")
    (where,) = asked
    assert (where.address, where.port) == ("224.0.2.9", 16362)
    assert where.join_key == Secret("a key of the house")


# -- sniff ---------------------------------------------------------------------------------


def test_a_dump_can_be_read_by_people_and_programs() -> None:
    assert dump(bytes(range(60, 80))) == [
        "0000  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK",
        "0010  4c 4d 4e 4f                                      LMNO",
    ]
    assert dump(b"\0\x7f\xff")[0].endswith(" ...")
    assert dump(b"") == []


def test_an_entry_says_when_whence_whereto_and_what() -> None:
    known, unknown = entry(HEARD, "eth0", 16360, AT).decode(), HEARD._replace(data=b"\xffhello")
    assert known.splitlines()[0] == (
        "2027-01-15T08:00:00.123456Z 192.0.2.7:16360 -> 224.0.2.0:16360 eth0 "
        f"{len(HEARD.data)} octets beacon"
    )
    assert entry(unknown, "", 16360, AT).decode().splitlines() == [
        "2027-01-15T08:00:00.123456Z 192.0.2.7:16360 -> 224.0.2.0:16360 2 6 octets malformed",
        "0000  ff 68 65 6c 6c 6f                                .hello",
        "",
    ]


async def test_writes_whatever_is_said_on_the_port(tmp_path: Path) -> None:
    port = free_port()
    client = Neighbour("client", port, interface="lo")
    out = tmp_path / "heard.txt"
    sniffing = Sniffing(looking.opened(out), port)
    where = Hotspot(address="239.255.7.1", port=port, interface="lo")
    async with running(client), trio.open_nursery() as nursery:
        await nursery.start(started_listening, where, sniffing)
        client.says(b"to the group")
        client.sockets.send(b"to one", ("127.0.0.1", port))
        with trio.fail_after(10):
            while sniffing.count < 2:
                await trio.lowlevel.checkpoint()
        sniffing.stopping.set()
    text = out.read_text()
    assert f"-> 239.255.7.1:{port} lo 12 octets malformed\n" in text
    assert f"-> 127.0.0.1:{port} lo 6 octets malformed\n" in text


async def started_listening(
    where: Hotspot, sniffing: Sniffing, task_status: trio.TaskStatus[None]
) -> None:
    """Returns to the test when the sockets are open."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, where, sniffing, None)
        await trio.testing.wait_all_tasks_blocked()
        task_status.started()


def nowhere() -> Sniffing:
    return Sniffing(looking.opened(Path("/dev/null")), 16360)


async def test_the_time_ends_it(autojump_clock: trio.testing.MockClock) -> None:
    where = Hotspot(address="239.255.7.1", port=free_port(), interface="lo")
    await listen(where, nowhere(), 60.0)


async def test_a_signal_ends_it() -> None:
    where = Hotspot(address="239.255.7.1", port=free_port(), interface="lo")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, where, nowhere(), None)
        await trio.testing.wait_all_tasks_blocked()
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run at once, whatever they wait for."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    monkeypatch.setattr(trio, "run", functools.partial(trio.run, clock=clock))


@pytest.mark.usefixtures("no_time")
def test_what_is_in_the_file_stays_and_nobody_else_reads_it(tmp_path: Path) -> None:
    out, kept = tmp_path / "new.txt", tmp_path / "old.txt"
    kept.write_text("from yesterday\n")
    for file in (out, kept):
        result = siphotspot("sniff", "--interface", "lo", "--seconds", "60", "--out", file,
                            "--port", str(free_port()), "--address", "239.255.7.1")  # fmt: skip
        assert result.exit_code == 0
        assert result.output.splitlines()[-1] == f"0 datagrams written to {file}"
    assert out.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() == "from yesterday\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = siphotspot("sniff", "--out", tmp_path)
    assert (result.exit_code, result.output) == (
        1,
        f"--out {tmp_path}: cannot be written (Is a directory); name another\n",
    )


def test_a_full_disk_or_a_full_file_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with looking.opened(Path("/dev/full")) as full:
        sniffing = Sniffing(full, 16360)
        sniffing.write(HEARD, "eth0", AT)
        assert sniffing.ended == "it cannot be written: No space left on device"
        assert sniffing.stopping.is_set()
    monkeypatch.setattr(looking, "FILE_MAX", 1000)
    sniffing = Sniffing(looking.opened(tmp_path / "out"), 16360)
    while not sniffing.ended:
        sniffing.write(HEARD, "eth0", AT)
    written = sniffing.count
    sniffing.write(HEARD, "eth0", AT)
    assert sniffing.count == written == 2


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        port = other.getsockname()[1]
        result = siphotspot("sniff", "--interface", "lo", "--out", tmp_path / "o", "--port", port)
    assert result.exit_code == 1
    assert "another program has this port for itself alone" in result.output


def test_ctrl_c_ends_it_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(where: Hotspot, seconds: float) -> Looking:
        async with trio.open_nursery():
            raise KeyboardInterrupt

    monkeypatch.setattr(looking, "look", interrupted)
    result = siphotspot("discover")
    assert (result.exit_code, result.output) == (130, "")
    assert isinstance(result.exception, SystemExit)
