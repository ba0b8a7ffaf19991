"""The configuration as the SIP layer and the log know it."""

from adapters.sip.directory import Directory, LineEntry, PhoneEntry
from adapters.sip.own_phone import OWN
from core.events.facts import Account
from service.config import Config, Line, Phone


def directory_of(config: Config, has_phone: bool = False, attended: bool = True) -> Directory:
    """``has_phone``: this device is a phone itself, which rings for all its lines.

    ``attended``: somebody may be there to answer it.  Where a ``[[phone]]`` has alias 0, that
    one is phone 0.
    """
    has_phone = has_phone and all(phone.alias != 0 for phone in config.phones)
    shared = tuple(str(line.number) for line in config.lines if line.hotspot)
    return Directory(
        phones={phone.user: phone_entry(phone, shared) for phone in config.phones},
        lines={str(line.number): line_entry(line) for line in config.lines},
        ring_s=config.hotspot.ring_timeout,
        correlate=config.sip.correlate,
        ring=config.hotspot.ring,
        step_s=config.hotspot.ring_step,
        own=own_phone(config, attended) if has_phone else None,
        client_transfer=config.hotspot.client_transfer,
        is_client=config.hotspot.mode == "client",
    )


def own_phone(config: Config, attended: bool) -> PhoneEntry:
    lines = tuple(str(line.number) for line in config.lines)
    return PhoneEntry(user=OWN, password=str, lines=lines, attended=attended)


def phone_entry(phone: Phone, shared: tuple[str, ...]) -> PhoneEntry:
    return PhoneEntry(
        user=phone.user,
        password=phone.password.reveal,
        lines=shared if phone.lines is None else tuple(map(str, phone.lines)),
        told=not phone.log_answered_elsewhere,
        quiet=phone.quiet,
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
        asserted_identity=line.asserted_identity,
        proxy_user=line.proxy_user,
        proxy_password=line.proxy_password.reveal if line.proxy_password else str,
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
