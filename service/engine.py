"""The whole service without a socket or a clock: exchange, house and log.

Whoever drives it hands in what came and the time, and is handed what may leave: by then
it is recorded.  The trio shell (``runtime``) drives it with real sockets, the tests with a
virtual network and a virtual clock.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from eventsourcing.persistence import IntegrityError, PersistenceError

from adapters.net.beacon import Sip
from adapters.net.leaving import Leaving, Place
from adapters.net.relay import Relay
from adapters.sip.exchange import Exchange, Incoming
from adapters.sip.identifiers import Identifiers
from adapters.sip.media import MediaDesk
from adapters.sip.message import Flow
from adapters.sip.recovery import recover
from adapters.sip.surroundings import SECOND_NS, Surroundings
from core.events.base import Observed
from core.events.log import Log
from core.events.observed import MediaCounted, MediaFellSilent, ServiceStarted, SettingPostponed
from core.events.turn import Turn
from core.machines.hotspot import STREAM
from core.machines.house import House
from service import configuring
from service.config import Config, keys_in, setting
from service.directory import directory_of
from service.discovery import Discovery, is_move

Datagrams = list[tuple[Flow, bytes]]

RIDE_NS = 50_000_000  # A turn that nobody outside waits for waits this long for company.
RETRY_STORE_NS = SECOND_NS
NEVER = 2**63
SILENCE_EVERY_NS = SECOND_NS


class Engine:
    def __init__(
        self,
        log: Log,
        secret: bytes,
        config: Config,
        here: Callable[[Flow], str],
        local: Callable[[str, str], str],
        dice: Callable[[], float],
        relay: Relay | None = None,
        has_phone: bool = False,
    ) -> None:
        self.log = log
        self.file = config  # As it was read; ``config`` has the later words over it.
        self.config = config
        self.relay = relay
        self.has_phone = has_phone  # What leaves by the flow ``LOCAL`` is for it.
        self.is_attended = True  # Somebody may be there to answer it.
        self.house = House()
        self.around = Surroundings(
            self.house, Identifiers(secret), directory_of(config, has_phone), here, local, dice
        )
        if relay is not None:
            self.around.relay_inside = relay.inside
        self.exchange = Exchange(self.around, MediaDesk(relay))
        self.discovery: Discovery | None = None
        self.transport_drops: Counter[str] = Counter()  # Of sockets that it does not know.
        self.loud = False  # In tests a bug of ours is raised.
        self.held: Datagrams = []  # What must not leave before the store can be written again.
        self.turns_held = 0  # How many of the turns that wait have all they caused in there.
        self.store_failed_at: int | None = None
        self.store_failure = ""
        self.riding_since: int | None = None
        self.silence_looked_at = 0

    # -- Start ---------------------------------------------------------------------------------

    def discover(self, sip: Sip) -> Discovery:
        """Be found by clients, or find a hotspot; ``sip`` is where SIP reaches us."""
        self.discovery = Discovery(self.around, self.config.hotspot, sip)
        self.house.beside_calls += [self.discovery.carry_out, self.follow_lines]
        return self.discovery

    def start(self, at: int, version: str = "") -> int:
        """Take up where the log ends, then tell the house what the file says now.

        Returns how many turns were read.  ``around.ways`` should be filled by now.
        """
        turns = (recorded.turn for recorded in self.log.read())
        # The words of the log count before the file's, or a recovered line has no password.
        count = recover(self.exchange, turns, at)
        self.hear_all(configuring.settings_in(self.file, self.house.board), at)
        self.hear_postponed(at)
        self.apply_settings()
        self.hear(ServiceStarted(version=version), STREAM, at)
        if self.discovery is not None:  # What was lent is given back before it is ours.
            self.discovery.start(self.config.hotspot, at)
            self.renew_directory()
        self.hear_all(configuring.clients_in(self.config, self.house.board), at)
        self.hear_all(configuring.lines_in(self.config, self.house.board), at)
        self.hear_all(configuring.denied_in(self.config, self.house.board), at)
        return count

    def hear_postponed(self, at: int) -> None:
        """What waited for this start; a newer word of the file has done away with it."""
        for key, word in [*self.house.board.hotspot.postponed.items()]:
            said = configuring.changed(self.house.board, key, word.value, word.who)
            self.hear(said, STREAM, at)

    def hear(self, seen: Observed, stream: str, at: int) -> None:
        self.around.at = at
        self.house.hear(seen, at, stream)

    def hear_all(self, news: Iterable[tuple[str, Observed]], at: int) -> None:
        for stream, seen in [*news]:
            self.hear(seen, stream, at)

    def apply_settings(self) -> None:
        self.config = configuring.effective(self.file, self.house.board)
        self.renew_directory()
        self.exchange.media.takes_new = self.config.media.mode != "direct"

    def renew_directory(self) -> None:
        directory = directory_of(self.config, self.has_phone, self.is_attended)
        if self.discovery is not None:
            directory = self.discovery.completed(directory)
        self.around.directory = directory

    def attend(self, is_attended: bool) -> None:
        """Whether somebody may be there to answer the phone of this device, from now on."""
        if is_attended != self.is_attended:
            self.is_attended = is_attended
            self.renew_directory()

    def follow_lines(self, turn: Turn) -> None:
        """What a hotspot lends us are our lines."""
        if is_move(turn):
            self.renew_directory()

    # -- The owner -------------------------------------------------------------------------------

    def change(self, key: str, value: object, at: int, who: str = "owner") -> None:
        """One setting, as ``parse_setting`` understood it; ``hotspot.apply`` says when."""
        word = configuring.said(self.config, self.house.board, key, json.dumps(value), who)
        self.hear(word, STREAM, at)
        if isinstance(word, SettingPostponed):
            return
        self.apply_settings()
        if self.discovery is not None:
            self.discovery.change(self.config.hotspot, at)
            self.renew_directory()
        self.hear_all(configuring.lines_in(self.config, self.house.board), at)
        self.hear_all(configuring.insisted_on(self.config, self.house.board, key), at)

    def may_change(self, key: str) -> None:
        """Raises ``SettingError`` where the key is about a line that is not there."""
        setting(self.file, key)

    def reset(self, key: str, at: int) -> None:
        """Back to what the file says."""
        self.change(key, setting(self.file, key), at, who="reset")

    def waiting(self) -> dict[str, object]:
        """The settings that will be others from the next start on."""
        postponed = self.house.board.hotspot.postponed
        return {key: json.loads(word.value) for key, word in postponed.items()}

    def differing(self) -> dict[str, object]:
        """The settings that are not as the file has them."""
        return {
            key: setting(self.config, key)
            for key in keys_in(self.file)
            if setting(self.config, key) != setting(self.file, key)
        }

    # -- The wire and the clock ----------------------------------------------------------------

    def receive(self, incoming: Iterable[tuple[Incoming, Flow]], at: int) -> None:
        for message, flow in incoming:
            try:
                self.exchange.receive(message, flow, at)
            except Exception as error:  # A bug of ours, met by a peer: it ends one message.
                self.note(flow, error)
            if self.store_failed_at is not None:
                self.hold_new()

    def receive_discovery(self, data: bytes, source: Place, interface: int, at: int) -> None:
        if self.discovery is None:
            return
        with self.outlived(source[0]):
            self.discovery.receive(data, source, interface, at)

    @contextmanager
    def outlived(self, where: object) -> Iterator[None]:
        """A bug of ours ends what is done within, and never the service."""
        try:
            yield
        except Exception as error:
            self.note(where, error)

    def note(self, where: object, error: Exception) -> None:
        if self.loud:
            raise error
        self.around.drops["fault"] += 1
        self.house.faults.append(f"{where}: {error!r}")

    def moved(self, at: int) -> None:
        """The interfaces of this machine are others, or have other addresses."""
        with self.outlived("interfaces"):
            self.hear_all(self.exchange.registrations.moved(), at)
            if self.discovery is not None:
                self.discovery.moved(at)

    def failed(self, flow: Flow, at: int) -> None:
        with self.outlived(flow):
            self.exchange.failed(flow, at)

    def handle_timers(self, at: int) -> None:
        with self.outlived("timers"):
            self.exchange.handle_timers(at)
        if self.discovery is not None and (self.discovery.next_deadline() or NEVER) <= at:
            with self.outlived("timers of discovery"):
                self.discovery.handle_timers(at)
        if self.relay is not None and at - self.silence_looked_at >= SILENCE_EVERY_NS:
            self.silence_looked_at = at
            self.notice_silence(at)

    def notice_silence(self, at: int) -> None:
        assert self.relay is not None
        seconds = int(self.relay.silence_s)
        for call, side in self.relay.silent(self.relay.clock()):
            self.hear(MediaFellSilent(side=side, seconds=seconds), call, at)

    def next_deadline(self) -> int | None:
        """When ``handle_timers`` and ``flush`` have something to do, in Unix nanoseconds."""
        due = self.exchange.next_deadline() or NEVER
        if self.store_failed_at is not None:
            due = min(due, self.store_failed_at + RETRY_STORE_NS)
        elif self.riding_since is not None:
            due = min(due, self.riding_since + RIDE_NS)
        if self.exchange.media.relayed:
            due = min(due, self.silence_looked_at + SILENCE_EVERY_NS)
        if self.discovery is not None:
            due = min(due, self.discovery.next_deadline() or NEVER)
        return due if due < NEVER else None

    # -- Recording ---------------------------------------------------------------------------------

    def flush(self, at: int) -> Datagrams:
        """Record the turns that wait, then hand out what may leave.

        Where nobody waits for what they caused, the turns ride with the next commit.  Where the
        store cannot be written, what they caused is held until it can.
        """
        house, exchange = self.house, self.exchange
        if exchange.media.closing:
            self.close_media(at)
        if not house.unrecorded:
            self.riding_since = None
            return exchange.take_out()
        if self.may_ride(at):
            return []
        free: Datagrams = []
        if self.store_failed_at is not None:
            self.hold_new()
            free = self.not_held()
            if at - self.store_failed_at < RETRY_STORE_NS:
                return free
        try:
            self.log.append(house.unrecorded)
        except IntegrityError:
            raise  # Another writer is at work: the one that came second must stop.
        except PersistenceError as error:
            self.store_fails(error, at)
            return free
        house.unrecorded.clear()
        self.turns_held = 0
        self.riding_since = None
        self.store_failed_at = None
        exchange.refuse_new = False
        out, self.held = self.held, []
        return out + free + exchange.take_out()

    def take_leaving(self) -> list[Leaving]:
        """What discovery has to send: nothing of it before its turns are recorded."""
        if self.discovery is None or not self.discovery.is_waiting() or self.house.unrecorded:
            return []
        return self.discovery.take_out()

    def may_ride(self, at: int) -> bool:
        if self.held or self.store_failed_at is not None:
            return False
        transactions = self.around.transactions
        if len(transactions.outbox) != transactions.patient:
            return False
        if self.discovery is not None and self.discovery.is_waiting():
            return False
        if self.riding_since is None:
            self.riding_since = at
        return at - self.riding_since < RIDE_NS

    def hasten(self) -> None:
        """Somebody is told that it is done: nothing of it rides or waits for another try."""
        self.riding_since = 0
        if self.store_failed_at is not None:
            self.store_failed_at = 0

    def store_fails(self, error: Exception, at: int) -> None:
        """No new calls; those in progress wait for the disk, and their peers repeat themselves."""
        self.hold()
        self.store_failed_at = at
        self.store_failure = str(error)
        self.exchange.refuse_new = True

    def hold_new(self) -> None:
        """While the store fails, what a new turn caused waits like that of those before it."""
        if len(self.house.unrecorded) != self.turns_held:
            self.hold()

    def hold(self) -> None:
        self.held += self.not_held()
        self.turns_held = len(self.house.unrecorded)

    def not_held(self) -> Datagrams:
        """What may leave: to repeat what has not left yet would be to say it unrecorded."""
        return [one for one in self.exchange.take_out() if one not in self.held]

    def close_media(self, at: int) -> None:
        assert self.relay is not None  # It has carried what closes now.
        for call in self.exchange.media.closing:
            counts = self.relay.close(call)
            seen = MediaCounted(from_caller=counts.from_caller, from_leg=counts.from_leg)
            self.hear(seen, call, at)
        self.exchange.media.closing.clear()
