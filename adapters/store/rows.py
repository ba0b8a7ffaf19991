"""How the log lies in SQLite, and how it is read, whoever has it open.

A row is a turn.  Its position is a key of ours: without one a row may change its rowid,
and so its place in the log, at VACUUM.
"""

import json
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, NotSupportedError

EVENTS = "stored_events"
COLUMNS = ("position", "originator_id", "originator_version", "topic", "state")
CREATE = """
    CREATE TABLE IF NOT EXISTS {name} (
        position           INTEGER PRIMARY KEY,
        originator_id      TEXT NOT NULL,
        originator_version INTEGER NOT NULL,
        topic              TEXT NOT NULL,
        state              BLOB NOT NULL,
        UNIQUE (originator_id, originator_version)
    )
"""
HIGHEST = "\U0010ffff"  # Sorts behind every text with the same beginning.


class Rows(ApplicationRecorder):
    """The reading half of a recorder; who inherits says how a statement is run."""

    table = EVENTS

    def fetch(self, statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        raise NotSupportedError("who has the rows open says how they are fetched")

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[Notification]:
        where = {
            "originator_id = ?": originator_id,
            "originator_version > ?": gt,
            "originator_version <= ?": lte,
        }
        return self.select(where, f"originator_version {'DESC' if desc else 'ASC'}", limit)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        where = {
            f"position {'>=' if inclusive_of_start else '>'} ?": start,
            "position <= ?": stop,
            "topic IN (SELECT value FROM json_each(?))": json.dumps(topics) if topics else None,
        }
        return self.select(where, "position ASC", limit)

    def select(self, where: dict[str, Any], order: str, limit: int | None) -> list[Notification]:
        """Both kinds of reader are told the position of what they read."""
        asked = {term: value for term, value in where.items() if value is not None}
        statement = (
            "SELECT originator_id, originator_version, topic, state, position"
            f" FROM {self.table} WHERE {' AND '.join(asked) or 'TRUE'}"
            f" ORDER BY {order} LIMIT {-1 if limit is None else limit}"
        )
        rows = self.fetch(statement, list(asked.values()))
        return [Notification(stream, *others) for stream, *others in rows]

    def streams(self, beginning: str = "", last: int | None = None) -> list[str]:
        """The streams whose name begins so, in the order of their first turns.

        Where only the ``last`` are asked for the table is walked backwards and no
        further than needed, and no turn is decoded.
        """
        statement = (
            f"SELECT originator_id FROM {self.table} {'' if last is None else 'NOT INDEXED'}"
            " WHERE originator_version = 1 AND originator_id BETWEEN ? AND ?"
            f" ORDER BY position DESC LIMIT {-1 if last is None else max(last, 0)}"
        )
        names = self.fetch(statement, [beginning, beginning + HIGHEST])
        return [str(name) for (name,) in reversed(names)]

    def max_notification_id(self) -> int:
        """None where there is no turn yet, and called ``int`` as in the stock recorder."""
        ((position,),) = self.fetch(f"SELECT MAX(position) FROM {self.table}", ())
        return cast(int, position)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Any:
        raise NotSupportedError("SQLite tells nobody of a new turn: read by pages")
