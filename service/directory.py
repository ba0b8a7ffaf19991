"""The configuration as the SIP layer and the log know it."""

from adapters.sip.directory import Directory, LineEntry, PhoneEntry
from core.events.facts import Account
from service.config import Config, Line, Phone


def directory_of(config: Config) -> Directory:
    shared = tuple(str(line.number) for line in config.lines if line.hotspot)
    return Directory(
        phones={phone.user: phone_entry(phone, shared) for phone in config.phones},
        lines={str(line.number): line_entry(line) for line in config.lines},
        ring_s=config.hotspot.ring_timeout,
        correlate=config.sip.correlate,
    )


def phone_entry(phone: Phone, shared: tuple[str, ...]) -> PhoneEntry:
    return PhoneEntry(
        user=phone.user,
        password=phone.password.reveal,
        lines=shared if phone.lines is None else tuple(map(str, phone.lines)),
        told=not phone.log_answered_elsewhere,
    )


def line_entry(line: Line) -> LineEntry:
    return LineEntry(
        number=str(line.number),
        account=account_of(line),
        password=line.password.reveal,
        display_name=line.display_name,
        shared=line.hotspot,
        prefix=line.prefix,
        accept_any=line.accept_from == "any",
    )


def account_of(line: Line) -> Account:
    """Ways to the registrar: the outbound proxy or the server, then the backup."""
    first = line.proxy or line.server
    ways = (first, line.backup_proxy) if line.backup_proxy else (first,)
    return Account(
        server=str(line.server),
        user=line.user,
        auth_user=line.auth_user,
        domain=line.domain,
        proxies=tuple(str(way) for way in ways),
        transport=line.transport,
        expires_s=line.expires,
    )
