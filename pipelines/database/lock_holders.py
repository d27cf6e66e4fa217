"""Who holds a lock that is in the way: read from pg_locks and pg_stat_activity (PostgreSQL manual 53.13, 27.2.3).

What a role may not see of others' sessions is told as unknown. Nobody's query text is shown: it may hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, returned_rows

_FILE = "locks.sql"
_SHOWN = 5


class LockMode(StrEnum):
    """The table locks that pgfold takes, as LOCK TABLE spells them (PostgreSQL manual 13.3.1)."""

    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"


_WEAKER = ("ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
_CONFLICTS: Mapping[LockMode, tuple[str, ...]] = MappingProxyType(
    {
        LockMode.ACCESS_EXCLUSIVE: ("AccessShareLock", "RowShareLock", "RowExclusiveLock", *_WEAKER),
        LockMode.EXCLUSIVE: ("RowShareLock", "RowExclusiveLock", *_WEAKER),
        LockMode.SHARE_ROW_EXCLUSIVE: ("RowExclusiveLock", *_WEAKER),
        LockMode.SHARE_UPDATE_EXCLUSIVE: _WEAKER,
    }
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A session in the way; `pid` is None for a prepared transaction."""

    pid: int | None
    application: str | None
    backend_type: str | None
    state: str | None
    connected_at: datetime | None
    transaction_at: datetime | None
    query_at: datetime | None

    def __str__(self) -> str:
        if self.pid is None:
            return "a prepared transaction (see pg_prepared_xacts)"
        facts = (
            self.application or self.backend_type,
            self.state,
            _since("connected since", self.connected_at),
            _since("transaction since", self.transaction_at),
            _since("query since", self.query_at),
        )
        known = ", ".join(fact for fact in facts if fact)
        return f"process {self.pid} ({known or 'not visible to this role'})"

    @property
    def ending(self) -> str:
        """What ends it."""
        return f"SELECT pg_terminate_backend({self.pid});" if self.pid else "COMMIT or ROLLBACK PREPARED"


def table_holders(connection: Connection, table: TableName, mode: LockMode) -> tuple[Holder, ...]:
    """The other sessions whose locks on the table, or on a partition or child of it, exclude `mode`.

    Those in the oldest transaction come first.
    """
    connection.execute(block(_FILE, "fresh_activity"))
    modes = list(_CONFLICTS[mode])
    query = block(_FILE, "table_holders")
    return returned_rows(connection, Holder, query, schema=table.schema, name=table.name, modes=modes)


def advisory_holders(connection: Connection, key: int) -> tuple[Holder, ...]:
    """The other sessions that hold this advisory lock: one, or none when it was given back meanwhile."""
    connection.execute(block(_FILE, "fresh_activity"))
    return returned_rows(connection, Holder, block(_FILE, "advisory_holders"), key=key)


def name_holders(holders: Sequence[Holder]) -> str:
    """Some of them in words."""
    more = len(holders) - _SHOWN
    return "; ".join(map(str, holders[:_SHOWN])) + (f"; and {more} more" if more > 0 else "")


def _since(what: str, at: datetime | None) -> str | None:
    return f"{what} {at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else None
