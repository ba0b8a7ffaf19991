"""The log, read by somebody who may change nothing: while the service runs, and after.

A write-ahead log needs its index beside it, and SQLite makes one for whoever opens the
store, if only to read.  So where the service has left no such log (it ended in order),
the file is opened as one that nobody changes, and nothing appears beside it.  Where
there is one (the service runs, or was killed), the turns in it are read as well.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from eventsourcing import sqlite as stock
from eventsourcing.persistence import NotSupportedError, StoredEvent

from adapters.store.errors import StoreError, named_errors
from adapters.store.rows import COLUMNS, EVENTS, Rows
from core.events.log import Log

NAME_IT = "name the store of a service (siphotspot.db in its state folder)"


class ReadOnlyLog(Log):
    """A ``Log`` that can be asked which streams it holds, and appends nothing."""

    def streams(self, beginning: str = "", last: int | None = None) -> list[str]:
        """The streams whose name begins so, the oldest first; only the ``last`` of them."""
        return cast(ReadOnlyRecorder, self.recorder).streams(beginning, last)

    def last_position(self) -> int:
        return self.recorder.max_notification_id() or 0


def reader(path: str | Path) -> ReadOnlyLog:
    """The log in this file, or a ``StoreError`` that says why there is none."""
    return ReadOnlyLog({"PERSISTENCE_MODULE": __name__, "SQLITE_DBNAME": str(path)})


class ReadOnlyRecorder(Rows):
    def __init__(self, path: str) -> None:
        self.path = path
        self.connection = self.open()
        self.check()

    def open(self) -> sqlite3.Connection:
        """A name may hold anything, so it is quoted: a URI is the only way to say ``ro``."""
        with named_errors(self.path):
            if not os.path.exists(self.path):
                raise StoreError(self.path, "there is no such file", NAME_IT)
            if not os.path.isfile(self.path):
                raise StoreError(self.path, "this is not a file", NAME_IT)
            if not os.access(self.path, os.R_OK):
                raise PermissionError
        self.immutable = not self.has_wal()
        uri = f"file://{quote(os.path.abspath(self.path))}?mode=ro"
        uri += "&immutable=1" if self.immutable else ""
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)

    def has_wal(self) -> bool:
        return os.path.exists(f"{self.path}-wal")

    def check(self) -> None:
        rows = self.fetch("SELECT name FROM pragma_table_info(?)", [EVENTS])
        if not {name for (name,) in rows}.issuperset(COLUMNS):
            self.connection.close()
            raise StoreError(self.path, "this database is not a log of ours", NAME_IT)

    def fetch(self, statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        with named_errors(self.path):
            if self.immutable and self.has_wal():  # A service has started meanwhile.
                self.connection.close()
                self.connection = self.open()
            return self.connection.execute(statement, values).fetchall()

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        raise NotSupportedError(f"{self.path} was opened to be read")


class ReadOnlyFactory(stock.SQLiteFactory):
    """What ``eventsourcing`` looks for in a persistence module."""

    recorder: ReadOnlyRecorder | None = None

    def application_recorder(self) -> ReadOnlyRecorder:
        self.recorder = ReadOnlyRecorder(self.env.get(self.SQLITE_DBNAME, ""))
        return self.recorder

    def close(self) -> None:
        super().close()
        if self.recorder is not None:
            self.recorder.connection.close()
