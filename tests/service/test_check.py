"""What must fit together."""

from pathlib import Path

import pytest

from service.config import Secret
from tests.service.samples import LINE, PHONE, read, wrong


def lines(*numbers: int) -> str:
    return "".join(LINE.replace("number = 1", f"number = {number}") for number in numbers)


def test_six_lines_are_enough(folder: Path) -> None:
    assert not wrong(folder, lines(6, 5, 4, 3, 2, 1))
    assert wrong(folder, lines(1, 2, 3, 4, 5, 6, 6)) == [
        "31: line[7]: there are at most 6 lines",
        "32: line[7].number: 6 is taken already, on line 27",
    ]


def test_two_phones_do_not_share_a_name_or_an_alias(folder: Path) -> None:
    text = f"{PHONE}alias = 3\n{PHONE}alias = 3\n{PHONE.replace('bed', 'bath')}"
    assert wrong(folder, text) == [
        "6: phone[2].user: bedroom is taken already, on line 2",
        "8: phone[2].alias: 3 is taken already, on line 4",
    ]


def test_a_phone_without_an_alias_takes_none_from_another(folder: Path) -> None:
    config = read(folder, PHONE + PHONE.replace("bed", "bath"))
    assert [phone.alias for phone in config.phones] == [None, None]


def test_a_phone_names_lines_that_exist(folder: Path) -> None:
    (problem,) = wrong(folder, f"{lines(2)}{PHONE}lines = [\n  2,\n  1\n]")
    assert problem == "11: phone[1].lines[2]: there is no line with the number 1"


def test_a_phone_rings_for_the_lines_it_names_or_for_every_shared_one(folder: Path) -> None:
    shared = f"{lines(1)}hotspot = false\n{lines(3, 2)}"
    bath = PHONE.replace("bed", "bath")
    config = read(folder, f"{shared}{PHONE}{bath}lines = [2, 1]")
    assert [config.lines_of(phone) for phone in config.phones] == [(3, 2), (2, 1)]


@pytest.mark.parametrize("table", [LINE, PHONE])
def test_a_password_is_given_once(folder: Path, table: str) -> None:
    (both,) = wrong(folder, table + 'password_file = "line1.secret"')
    assert "stands beside password: keep one of them" in both
    (none,) = wrong(folder, table.replace('password = "s"', ""))
    assert none.endswith("password: is missing: give password or password_file")
    (missing,) = wrong(folder, table.replace('password = "s"', 'password_file = "no"'))
    assert f"password_file: there is no file {folder}/no: write the password into it" in missing


def test_a_wrong_password_file_name_is_complained_of_once(folder: Path) -> None:
    (problem,) = wrong(folder, PHONE.replace('password = "s"', "password_file = 1"))
    assert problem.startswith("3: phone[1].password_file: must be text in quotes")


def test_a_password_that_others_may_read_is_warned_of(folder: Path) -> None:
    table = PHONE.replace('password = "s"', 'password_file = "line1.secret"')
    file = folder / "line1.secret"
    file.chmod(0o640)
    (warning,) = read(folder, table).passed_over
    said = f"phone[1].password_file: {file} may be read by others: chmod 600 it"
    assert warning.at(Path("f")).endswith(said)
    file.chmod(0o600)
    assert read(folder, table).passed_over == ()


def test_a_proxy_has_credentials_of_its_own_or_none(folder: Path) -> None:
    (alone,) = wrong(folder, LINE + 'proxy_user = "p"')
    assert alone == "6: line[1].proxy_user: needs proxy_password_file beside it"
    (nobody,) = wrong(folder, LINE + 'proxy_password_file = "line1.secret"')
    assert nobody == "6: line[1].proxy_password_file: needs proxy_user beside it"
    both = LINE + 'proxy_user = "p"\nproxy_password_file = "line1.secret"'
    assert read(folder, both).lines[0].proxy_password == Secret("one two")
    assert read(folder, LINE).lines[0].proxy_password is None


def test_zero_is_the_name_of_phone_0_alone(folder: Path) -> None:
    zero = PHONE.replace('user = "', 'user = "0" #')
    (problem,) = wrong(folder, zero)
    assert "phone[1].user: 0 is what calls the hotspot: give it another name, or alias" in problem
    assert read(folder, zero + "alias = 0").phones[0].alias == 0


def test_in_client_mode_the_lines_come_from_the_hotspot(folder: Path) -> None:
    (problem,) = wrong(folder, "[hotspot]\nmode = 'client'\n" + LINE)
    assert problem == "3: line[1]: is not written in client mode: the hotspot gives the lines"


def test_media_ports_stay_off_the_ports_of_sip(folder: Path) -> None:
    text = '[media]\nports = "5060-5069"'
    said = "media.ports 5060-5069 holds the port of sip.listen udp:0.0.0.0:5060"
    assert wrong(folder, text) == [f"2: media.ports: {said}"]
    assert not wrong(folder, f'[sip]\nlisten = ["tcp:127.0.0.1:5060"]\n{text}')
    (problem,) = wrong(folder, '[sip]\nlisten = ["udp:127.0.0.1:16386"]')
    assert problem.startswith("2: sip.listen: media.ports 16384-16999 holds")


def test_a_line_speaks_what_is_listened_to(folder: Path) -> None:
    only_udp = '[sip]\nlisten = ["udp:127.0.0.1:5060", "tls:127.0.0.1:5061"]\n'
    assert wrong(folder, f'{only_udp}{LINE}transport = "tcp"') == [
        '8: line[1].transport: is "tcp", and sip.listen has none: add "tcp:0.0.0.0:5060" there,'
        ' or write transport = "udp"'
    ]
    assert not wrong(folder, only_udp + LINE)
    (problem,) = wrong(folder, only_udp.replace("udp", "tcp") + LINE)
    assert problem.startswith('3: line[1].transport: is "udp", and sip.listen has none: add "udp:')
    (problem,) = wrong(folder, f'{only_udp}{LINE}transport = "sctp"')
    assert 'must be "udp", "tcp" or "tls"' in problem


def test_a_line_does_not_speak_tls_yet(folder: Path) -> None:
    (problem,) = wrong(folder, LINE + 'transport = "tls"')
    said = 'is "tls", which this version does not speak yet: write "udp" or "tcp"'
    assert problem == f"6: line[1].transport: {said}"


def test_something_is_left_to_listen_on(folder: Path) -> None:
    said = 'has nothing but TLS, which this version does not speak yet: add "udp:0.0.0.0:5060"'
    text = f'{LINE}[sip]\nlisten = ["tls:127.0.0.1:5061"]'
    assert wrong(folder, text) == [f"7: sip.listen: {said}"]
