"""Where the log is kept: a persistence module for ``eventsourcing``, over SQLite.

The stock recorder takes a pooled connection, a lock and a statement a row, and leaves
``synchronous`` as it finds it.  Ours has one writer, which commits whatever waits in
one transaction; readers use the stock pool and are never in its way (WAL).

A service opens its store by ``writer``; anybody else reads it by ``reader``, also while
the service runs.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from eventsourcing import sqlite as stock
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import Environment

from adapters.store.errors import StoreError, named_errors, translated
from adapters.store.lock import StoreLock
from adapters.store.reading import reader
from adapters.store.rows import CREATE, EVENTS, Rows
from core.events.log import Log

__all__ = ["Checkpoint", "Factory", "Recorder", "StoreError", "reader", "settings", "writer"]

SYNCHRONOUS = {
    "process": "NORMAL",  # Survives kill -9: the system still has what was written.
    "power": "FULL",  # Survives a power cut: every commit waits for the disk.
}


def settings(path: str = ":memory:", durability: str = "process") -> dict[str, str]:
    """The ``env`` of a ``Log`` that is kept in this file, or in memory."""
    return {"PERSISTENCE_MODULE": __name__, "SQLITE_DBNAME": path, "DURABILITY": durability}


@contextmanager
def writer(path: str | Path, durability: str = "process") -> Iterator[Log]:
    """The log of a service: its own, as long as it runs.

    Raises ``StoreError``, and so does every append that the file or its disk refuses.
    """
    with StoreLock(path):
        log = Log(settings(str(path), durability))
        try:
            yield log
        finally:
            log.close()


ROWS_AT_ONCE = 32  # Each number of rows has a statement that SQLite has compiled already.


class Checkpoint(NamedTuple):
    """How many pages the write-ahead log holds, and how many of them the database has."""

    pages: int
    moved: int


class Recorder(Rows, stock.SQLiteApplicationRecorder):
    """One connection that writes, one transaction for all the turns that wait."""

    def __init__(self, datastore: stock.SQLiteDatastore, durability: str = "process") -> None:
        super().__init__(datastore)
        self.table = self.events_table_name
        self.path = datastore.pool.db_name
        self.inserts = [insert_statement(self.table, rows) for rows in range(ROWS_AT_ONCE + 1)]
        self.writer = self.connect()
        self.writer.execute("PRAGMA journal_mode = WAL")
        self.writer.execute(f"PRAGMA synchronous = {SYNCHRONOUS[durability]}")
        self.writer.execute("PRAGMA wal_autocheckpoint = 0")  # See ``checkpoint``.

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )

    def construct_create_table_statements(self) -> list[str]:
        return [CREATE.format(name=self.events_table_name)]

    # -- Writing -------------------------------------------------------------------------

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """All of it or none of it; errors bear the names that eventsourcing gives them.

        Rows that one statement can hold are a transaction by themselves, which is cheaper.
        """
        last = 0
        try:
            if not stored_events:
                return ()
            if len(stored_events) <= ROWS_AT_ONCE:
                last = self.insert(stored_events)
            else:
                self.writer.execute("BEGIN IMMEDIATE")
                for start in range(0, len(stored_events), ROWS_AT_ONCE):
                    last = self.insert(stored_events[start : start + ROWS_AT_ONCE])
                self.writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        finally:
            if self.writer.in_transaction:
                self.writer.execute("ROLLBACK")
        return range(last - len(stored_events) + 1, last + 1)

    def insert(self, stored_events: Sequence[StoredEvent]) -> int:
        """The position of the last of these."""
        values: list[Any] = []
        for event in stored_events:
            values += (event.originator_id, event.originator_version, event.topic, event.state)
        return self.writer.execute(self.inserts[len(stored_events)], values).lastrowid or 0

    def checkpoint(self) -> Checkpoint:
        """Bring what was written into the database, so that the write-ahead log starts anew.

        To be called from a thread, now and then: on a connection of its own it stalls the
        writer by a few milliseconds, where a commit that does it by the way takes tens.
        It waits for nobody (PASSIVE), so what a reader still needs stays for the next time.
        """
        if self.datastore.pool.is_sqlite_memory_mode:
            return Checkpoint(0, 0)
        with named_errors(self.path), closing(self.connect()) as connection:
            row = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return Checkpoint(*row[1:])

    # -- Reading -------------------------------------------------------------------------

    def fetch(self, statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, values)
            return [tuple(row) for row in cursor.fetchall()]


class Factory(stock.SQLiteFactory):
    """What ``eventsourcing`` looks for in a persistence module."""

    recorder: Recorder | None = None

    def __init__(self, env: Environment) -> None:
        path = env.get(self.SQLITE_DBNAME, "")
        if path == ":memory:":  # One that reader and writer share.
            env[self.SQLITE_DBNAME] = f"file:{uuid4().hex}?mode=memory&cache=shared"
        else:
            prepare(path)
        super().__init__(env)

    def application_recorder(self) -> Recorder:
        path = self.datastore.pool.db_name
        with named_errors(path):
            if not self.datastore.pool.is_sqlite_memory_mode:
                refuse_a_stranger(path)
                keep_private(path)
            self.recorder = Recorder(self.datastore, self.env.get("DURABILITY", "process"))
            self.recorder.create_table()
        return self.recorder

    def close(self) -> None:
        super().close()
        if self.recorder is not None:
            self.recorder.writer.close()


def insert_statement(table: str, rows: int) -> str:
    values = ",".join(["(?,?,?,?)"] * rows)
    return f"INSERT INTO {table} (originator_id, originator_version, topic, state) VALUES {values}"


def prepare(path: str) -> None:
    """Make a new file for its owner alone; what SQLite puts beside it takes after it.

    One that exists is never opened here: to close it again would take away the locks
    that another connection of this process holds on it.
    """
    with named_errors(path):
        if not os.path.exists(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def keep_private(path: str) -> None:
    """Only for a file that is known to be ours."""
    with named_errors(path):
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            os.chmod(path, mode & 0o700)


def refuse_a_stranger(path: str) -> None:
    """A file that is no database, or one of something else, stays exactly as it is."""
    with closing(sqlite3.connect(path, uri=True)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if names and EVENTS not in names:
        raise StoreError(path, "this database is not a log of ours", "name another file")
