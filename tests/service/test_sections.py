"""The values: defaults that come from another key, and that none is forgotten."""

from msgspec.structs import fields, replace

from service.config import Config, HostPort, Line, Phone, Secret
from service.sections import TABLES

LINE = Line(number=2, server=HostPort("192.0.2.1"), user="4212", password=Secret("s"))
WORKED_OUT = {"join_key", "proxy_password"}


def test_every_field_is_a_key_or_worked_out() -> None:
    for table in TABLES.values():
        without_rule = {field.name for field in fields(table.kind)} - set(table.rules)
        assert without_rule <= WORKED_OUT


def test_a_line_fills_in_what_it_is_not_told() -> None:
    assert (LINE.auth_user, LINE.domain, LINE.server_name) == ("4212", "192.0.2.1", "192.0.2.1")
    told = replace(LINE, auth_user="a", domain="d.example", server_name="")
    assert (told.auth_user, told.domain, told.server_name) == ("a", "d.example", "d.example")


def test_a_line_is_found_by_its_number() -> None:
    config = Config(lines=(LINE,))
    assert config.line(2) is LINE
    assert config.line(1) is None


def test_a_phone_without_a_line_calls_the_house_only() -> None:
    phone = Phone(user="a", password=Secret("s"), lines=())
    assert Config(lines=(LINE,)).lines_of(phone) == ()
