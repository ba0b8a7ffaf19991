"""What every house on the wire promises once all is quiet: nothing is left of its calls."""

from collections.abc import Iterator
from math import inf

from core.machines.hotspot import Phase as HotspotPhase
from core.machines.switchboard import kind_of
from replay.replayer import verify
from service.engine import Engine
from tests.sip.stage import Stage


def check(stage: Stage) -> None:
    engine = stage.engine
    house = engine.house
    assert not house.faults, house.faults
    for stream in engine.exchange.calls.open:
        raise AssertionError(f"a call is open: {engine.exchange.calls.state(stream)}")
    assert not (left := [*leaks(engine)]), left
    assert not [stream for stream in house.board.states if kind_of(stream) == "call"]
    assert not [key for key in house.timers.running if kind_of(key[0]) == "call"]
    assert house.board.hotspot.phase is not HotspotPhase.DEACTIVATING
    divergence = verify([*stage.log.read()])
    assert divergence is None, divergence


def leaks(engine: Engine) -> Iterator[str]:
    """What is kept of a call and must go with it, by its name."""
    exchange = engine.exchange
    calls = exchange.calls
    for owner in (calls, calls.transfers, exchange.joining, exchange.media, exchange.registrar):
        for name, kept in vars(owner).items():
            if isinstance(kept, dict | list | set) and kept:
                yield f"{type(owner).__name__}.{name}: {kept}"
    transactions = engine.around.transactions
    for transaction in [*transactions._clients.values(), *transactions._servers.values()]:
        if transaction.ends_at == inf:
            yield f"a transaction without an end: {transaction.state}"
