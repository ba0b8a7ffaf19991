"""The file as a whole: all of it read, or everything that is wrong with it named."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.config import Config, ConfigError, HostPort, Hotspot, Listen, Secret, load
from service.sections import TABLES
from tests.service.samples import LINE, PHONE, read, wrong

EVERY_KEY = Path(__file__).with_name("every_key.toml").read_text()
RESOLVED = {"password", "password_file", "proxy_password_file"}


def test_the_contract_names_every_key() -> None:
    found = tomllib.loads(EVERY_KEY)
    for name, table in TABLES.items():
        written = found[name][0] if table.repeated else found[name]
        assert set(table.rules) - RESOLVED == set(written) - RESOLVED, name


def test_the_contract_shows_the_defaults(folder: Path) -> None:
    config = read(folder, EVERY_KEY)
    default = Config.default()
    assert config.hotspot == Hotspot(interface="eth0")
    assert default.hotspot == Hotspot()
    assert (config.sip, config.media, config.store, config.web) == (
        default.sip,
        default.media,
        default.store,
        default.web,
    )
    assert (default.lines, default.phones, default.warnings) == ((), (), ())


def test_a_line_and_a_phone_with_everything(folder: Path) -> None:
    config = read(folder, EVERY_KEY)
    (line,) = config.lines
    assert (line.server, line.auth_user, line.expires) == (
        HostPort("172.16.1.2", 5060),
        "4212",
        3600,
    )
    assert line.domain == line.server_name == "172.16.1.2"
    assert line.password.reveal() == "one two"
    (phone,) = config.phones
    assert (phone.alias, config.lines_of(phone)) == (3, (1,))
    assert phone.password.reveal() == "three"


def test_an_empty_file_is_the_default(folder: Path) -> None:
    assert read(folder, "") == Config.default()


def test_a_short_file(folder: Path) -> None:
    short = LINE.replace("192.0.2.1", "[2001:db8::1]:5070") + PHONE
    config = read(folder, '[sip]\nlisten = ["udp:[::1]:0"]\n' + short)
    assert config.sip.listen == (Listen("udp", "::1", 0),)
    assert config.lines[0].server == HostPort("2001:db8::1", 5070)
    assert config.lines[0].domain == "[2001:db8::1]"
    assert config.lines[0].password == Secret("s")
    assert config.lines_of(config.phones[0]) == (1,)


def test_everything_wrong_is_said_at_once(folder: Path) -> None:
    text = (
        '[hotspot]\nring_timeout = 0\nring_timout = 1\n[[line]]\nnumber = 7\n[media]\nports = "1"'
    )
    assert [problem.split(": ")[:2] for problem in wrong(folder, text)] == [
        ["2", "hotspot.ring_timeout"],
        ["3", "hotspot.ring_timout"],
        ["4", "line[1].password"],
        ["4", "line[1].server"],
        ["4", "line[1].user"],
        ["5", "line[1].number"],
        ["7", "media.ports"],
    ]


def test_the_error_reads_as_one_line(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^line 2: hotspot.ring_timeout: must be .*; line 3: "):
        read(folder, "[hotspot]\nring_timeout = 0\nenabled = 1")


# -- A file that is none ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[hotspot]\n\nenabled = yes", "3: is not TOML: invalid value"),
        ("[hotspot]\nname = '''\n\n", "2: is not TOML: expected \"'''\""),
        ("[hotspot]\n[hotspot]", "2: is not TOML: cannot declare ('hotspot',) twice"),
        (b"[hotspot]\nname = '\xff'", "2: is not text in UTF-8"),
        ("a = " + "[" * 100_000, "0: is not TOML: too many brackets in brackets"),
        ("a = " + "9" * 10_000, "0: is not TOML: exceeds the limit"),
    ],
)
def test_what_is_not_toml(folder: Path, text: str | bytes, problem: str) -> None:
    (said,) = wrong(folder, text)
    assert said.startswith(problem)


def test_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^there is no such file"):
        load(folder / "nothing.toml")


def test_a_file_that_cannot_be_read(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(folder)
    with pytest.raises(ConfigError, match="is not the name of a file"):
        load("a\0b")


def test_what_windows_adds_does_no_harm(folder: Path) -> None:
    text = "\ufeff[hotspot]\r\nname = 'A'\r\nring_timeout = 0\r\n"
    assert wrong(folder, text) == [
        "3: hotspot.ring_timeout: must be a whole number from 1 to 600, not 0"
    ]


@settings(max_examples=50)
@given(st.text() | st.text('[]{}".=\n#line1\\', max_size=60))
def test_no_text_is_a_surprise(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    for problem in wrong(folder, text.encode(errors="replace")):
        assert problem.isprintable()


# -- Secrets ---------------------------------------------------------------------------


def test_no_secret_is_printed(folder: Path) -> None:
    text = LINE.replace('"s"', '"sesame"') + PHONE.replace('"s"', '"sesame"')
    text += '[store]\nurl = "postgresql://me:sesame@db/x?password=sesame"\n'
    config = read(folder, text)
    assert config.lines[0].password.reveal() == "sesame"
    for said in (repr(config), str(config), f"{config.lines[0]}", *config.warnings):
        assert "sesame" not in said


@pytest.mark.parametrize(
    "line",
    [
        'password = ["sesame"]',
        'password = "sesame\\n"',
        'pasword = "sesame"',
        'server = "sip:me:sesame@host"',
        'user = "me:sesame"',
        "password = sesame",
    ],
)
def test_no_secret_is_in_a_complaint(folder: Path, line: str) -> None:
    problems = wrong(folder, "[[line]]\n" + line)
    assert problems
    assert not any("sesame" in problem for problem in problems)


def test_no_secret_of_the_store_is_in_a_complaint(folder: Path) -> None:
    (problem,) = wrong(folder, '[store]\nurl = "postgres://me:sesame@db"')
    assert "sesame" not in problem


def test_join_key_is_read_where_it_is_asked_for(folder: Path) -> None:
    assert read(folder, "[hotspot]\njoin = 'open'").hotspot.join_key is None
    assert read(folder, "[hotspot]\njoin = 'key'").hotspot.join_key == Secret("four")
    (problem,) = wrong(folder, "[hotspot]\njoin = 'key'\njoin_key_file = 'none'")
    assert problem.startswith(
        f"3: hotspot.join_key_file: there is no file {folder}/none: write the key"
    )
