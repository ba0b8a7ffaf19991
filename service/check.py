"""What must fit together in the file, beyond one key.

Each check takes what the rules left standing; some add to it the secrets, read from
the files in which the owner keeps them.
"""

from service.reading import Part, Reading
from service.rules import Listen, PortRange
from service.secret import Secret, SecretError, is_open_to_others, read_secret
from service.sections import LINES_MAX, Media, Sip
from service.toml_lines import Path as Place

Parts = dict[str, list[Part]]


def check(reading: Reading, parts: Parts) -> None:
    for part in parts["line"]:
        complete_line(reading, part)
    for part in parts["phone"]:
        demand(reading, part, "user")
        resolve_password(reading, part)
        leave_zero_to_phone_0(reading, part)
    for part in parts["hotspot"]:
        resolve_join_key(reading, part)
        leave_lines_to_the_hotspot(reading, part, parts["line"])
    for part in parts["line"][LINES_MAX:]:
        reading.wrong(part.place, f"there are at most {LINES_MAX} lines")
    tell_apart(reading, parts["line"], "number")
    tell_apart(reading, parts["phone"], "user")
    tell_apart(reading, parts["phone"], "alias")
    find_lines_of_phones(reading, parts)
    find_sockets_of_lines(reading, parts)
    keep_media_off_listening_ports(reading, parts)


# -- One line, one phone -----------------------------------------------------------------


def demand(reading: Reading, part: Part, *keys: str) -> None:
    for key in keys:
        if part.lacks(key):
            reading.wrong((*part.place, key), f"is missing: each {part.place[0]} needs one")


def complete_line(reading: Reading, part: Part) -> None:
    demand(reading, part, "number", "server", "user")
    resolve_password(reading, part)
    resolve_proxy_password(reading, part)


def leave_zero_to_phone_0(reading: Reading, part: Part) -> None:
    """What is dialled as 0 is the hotspot, or the phone that stands for it."""
    if part.values.get("user") == "0" and part.values.get("alias") != 0:
        said = "is what calls the hotspot: give it another name, or alias = 0 to be phone 0"
        reading.wrong((*part.place, "user"), f"0 {said}")


# -- Secrets -------------------------------------------------------------------------------


def read(
    reading: Reading, part: Part, key: str, name: str, what: str = "password"
) -> Secret | None:
    path = reading.folder / name
    try:
        secret = read_secret(path, what)
    except SecretError as error:
        reading.wrong((*part.place, key), str(error))
        return None
    if is_open_to_others(path):
        reading.warn((*part.place, key), f"{path} may be read by others: chmod 600 it")
    return secret


def resolve_password(reading: Reading, part: Part) -> None:
    """Either in the file or beside it, so that nobody has to guess which one holds."""
    if not part.lacks("password") and not part.lacks("password_file"):
        reading.wrong((*part.place, "password_file"), "stands beside password: keep one of them")
    elif part.lacks("password") and part.lacks("password_file"):
        reading.wrong((*part.place, "password"), "is missing: give password or password_file")
    elif name := part.values.get("password_file"):
        part.values["password"] = read(reading, part, "password_file", name)


def resolve_proxy_password(reading: Reading, part: Part) -> None:
    """Only for a proxy that asks for credentials of its own (RFC 3261 22.3)."""
    user = part.values.get("proxy_user")
    name = part.values.get("proxy_password_file")
    if user and not name and part.lacks("proxy_password_file"):
        reading.wrong((*part.place, "proxy_user"), "needs proxy_password_file beside it")
    if name and not user and part.lacks("proxy_user"):
        reading.wrong((*part.place, "proxy_password_file"), "needs proxy_user beside it")
    if name:
        part.values["proxy_password"] = read(reading, part, "proxy_password_file", name)


def resolve_join_key(reading: Reading, part: Part) -> None:
    if part.values.get("join") == "key":
        name = part.values.get("join_key_file", "join.key")
        part.values["join_key"] = read(reading, part, "join_key_file", name, "key")


# -- The house -----------------------------------------------------------------------------


def leave_lines_to_the_hotspot(reading: Reading, part: Part, lines: list[Part]) -> None:
    if part.values.get("mode") == "client":
        for line in lines:
            reading.wrong(line.place, "is not written in client mode: the hotspot gives the lines")


def tell_apart(reading: Reading, parts: list[Part], key: str) -> None:
    """Two that bear the same are both on show, the second as the wrong one."""
    first: dict[object, Part] = {}
    for part in parts:
        value = part.values.get(key)
        if value is not None and first.setdefault(value, part) is not part:
            line = reading.lines[(*first[value].place, key)]
            reading.wrong((*part.place, key), f"{value} is taken already, on line {line}")


def find_lines_of_phones(reading: Reading, parts: Parts) -> None:
    numbers = {part.values.get("number") for part in parts["line"]}
    for part in parts["phone"]:
        for position, number in enumerate(part.values.get("lines", ())):
            if number not in numbers:
                place = (*part.place, "lines", position)
                reading.wrong(place, f"there is no line with the number {number}")


def find_sockets_of_lines(reading: Reading, parts: Parts) -> None:
    """A line leaves by one of our sockets, so we listen to what it speaks."""
    spoken = {each.transport for each in listening(parts)} - {"tls"}
    if not spoken:
        said = 'has nothing but TLS, which this version does not speak yet: add "udp:0.0.0.0:5060"'
        reading.wrong(("sip", "listen"), said)
    for part in parts["line"]:
        if part.lacks("transport") or "transport" in part.values:
            transport = part.values.get("transport", "udp")
            find_socket(reading, (*part.place, "transport"), transport, spoken)


def find_socket(reading: Reading, place: Place, transport: str, spoken: set[str]) -> None:
    if transport == "tls":
        said = 'is "tls", which this version does not speak yet: write "udp" or "tcp"'
        reading.wrong(place, said)
    elif spoken and transport not in spoken:
        (other,) = spoken
        reading.wrong(
            place,
            f'is "{transport}", and sip.listen has none: add "{transport}:0.0.0.0:5060" there,'
            f' or write transport = "{other}"',
        )


def listening(parts: Parts) -> tuple[Listen, ...]:
    listen: tuple[Listen, ...] = Sip().listen
    for part in parts["sip"]:
        listen = part.values.get("listen", listen)
    return listen


def keep_media_off_listening_ports(reading: Reading, parts: Parts) -> None:
    """A call must not be given the port that SIP itself is heard on."""
    ports: PortRange = Media().ports
    place: tuple[str, ...] = ("sip", "listen")
    for part in parts["media"]:
        if "ports" in part.values:
            ports, place = part.values["ports"], ("media", "ports")
    for each in listening(parts):
        if each.transport == "udp" and each.port in ports:
            reading.wrong(place, f"media.ports {ports} holds the port of sip.listen {each}")
