"""What was of no use, in words: the counters of ``docs/drops.md`` for whoever asks ``status``.

A name that ends in "-" stands for all that begin so.  What is in no list is the reason why
a message cannot be read as SIP: there are many, and for the owner they are one.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    one: str
    many: str
    names: tuple[str, ...] = ()


UNREADABLE = Kind("message that is no proper SIP", "messages that are no proper SIP")
REFUSED = (
    Kind("wrong password", "wrong passwords", ("wrong-password",)),
    Kind("name that nobody here has", "names that nobody here has", ("unknown-user",)),
    Kind("call of a stranger", "calls of strangers", ("stranger",)),
    Kind(
        "registration while switched off",
        "registrations while switched off",
        ("register-while-off",),
    ),
    Kind(
        "demand of a stranger for a password",
        "demands of strangers for a password",
        ("challenged-by-a-stranger",),
    ),
    UNREADABLE,
    Kind(
        "message that belongs to nothing",
        "messages that belong to nothing",
        ("stray-ack", "stray-response", "several-vias"),
    ),
    Kind(
        "request beyond a limit",
        "requests beyond a limit",
        ("too-many-legs", "too-many-branches", "tcp-too-many-connections"),
    ),
    Kind("datagram of discovery", "datagrams of discovery", ("discovery-",)),
)
LOST = (
    Kind(
        "message that could not be sent",
        "messages that could not be sent",
        (
            "udp-unreachable",
            "udp-send-",
            "udp-would-block",
            "tcp-connect-",
            "tcp-send-",
            "tcp-overflow",
            "not-running",
            "not-an-address",
            "no-such-socket",
            "no-such-port",
            "unspelled",
            "discovery-send-",
            "discovery-no-socket",
        ),
    ),
    Kind(
        "error of a socket",
        "errors of sockets",
        (
            "udp-receive-",
            "tcp-receive-",
            "tcp-accept-",
            "discovery-receive-",
            "discovery-open",
            "discovery-join-",
        ),
    ),
    Kind("call without a media port", "calls without a media port", ("no-media-port",)),
    Kind("fault of the service itself", "faults of the service itself", ("fault",)),
)
USUAL = Kind(  # In a healthy house as well, or counted a second time: nothing is said of it.
    "",
    "",
    (
        "udp-keepalive-or-too-short",
        "tcp-closed-",
        "tcp-malformed-",
        "repeated-progress",
        "answer-to-an-older-invite",
        "discovery-other-interface",
        "discovery-another-way",
        "discovery-past",
    ),
)
KINDS = {name: kind for kind in (*REFUSED, *LOST, USUAL) for name in kind.names}


def in_words(drops: Mapping[str, int]) -> list[str]:
    """At most two lines, and none where nothing was."""
    counted: Counter[Kind] = Counter()
    for name, count in drops.items():
        counted[kind_of(name)] += count
    words = []
    for heading, kinds in (("refused", REFUSED), ("lost", LOST)):
        if said := [spelled(counted[kind], kind) for kind in kinds if counted[kind]]:
            words.append(f"{heading:8} {', '.join(said)}")
    return words


def kind_of(name: str) -> Kind:
    """By the longest of the names that fit."""
    fits = [each for each in KINDS if name == each or (each[-1] == "-" and name.startswith(each))]
    return KINDS[max(fits, key=len)] if fits else UNREADABLE


def spelled(count: int, kind: Kind) -> str:
    return f"{count} {kind.one if count == 1 else kind.many}"
