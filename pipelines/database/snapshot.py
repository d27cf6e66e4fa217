"""One snapshot of several tables, for several sessions at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from psycopg import sql
from psycopg.rows import kwargs_row

from pipelines.core.errors import StateUnknown
from pipelines.core.schema import Table
from pipelines.database.connection import Connection
from pipelines.database.failures import explained
from pipelines.database.named_sql import load_sql

_LOCK_WAIT = "10s"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot for as long as its context is open; `connection` is in its transaction."""

    connection: Connection
    name: str
    taken_at: datetime


@contextmanager
def shared_snapshot(open_connection: Callable[[], Connection], tables: Sequence[Table]) -> Iterator[Snapshot]:
    """Take a snapshot of the tables and keep it for others to join.

    They are locked (ACCESS SHARE, as pg_dump does) before it is taken: a TRUNCATE or a rewrite that commits between
    snapshot and reading would leave a table empty in it (manual 13.4, Caveats).

    Raises:
        LockNotAvailable: another session holds a table exclusively.
        StateUnknown: a table is not as `tables` describes it.
        ConnectionLost, DatabaseError: the server went away or refused.
    """
    with open_connection() as connection:
        with explained("take a snapshot of the tables"):
            snapshot = _take(connection, tables)
            _require_unchanged(connection, tables)
        yield snapshot


@contextmanager
def joined_snapshot(open_connection: Callable[[], Connection], name: str) -> Iterator[Connection]:
    """Another session that sees what the snapshot of that name sees."""
    with open_connection() as connection:
        with explained("join the snapshot"):
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(name)))
        yield connection


def _take(connection: Connection, tables: Sequence[Table]) -> Snapshot:
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_WAIT)))
    for table in tables:
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(table.name.identifier))
    with connection.cursor(row_factory=kwargs_row(partial(Snapshot, connection))) as cursor:
        return cursor.execute("SELECT pg_export_snapshot() AS name, clock_timestamp() AS taken_at").fetchall()[0]


def _require_unchanged(connection: Connection, tables: Sequence[Table]) -> None:
    """Columns of the catalog as it was read before the lock: one added since would be missing from the rows."""
    query = load_sql("pipelines.database", "snapshot.sql")["columns"]
    found = connection.execute(query, {"tables": [table.oid for table in tables]}).fetchall()
    for table in tables:
        name = (table.oid, table.name.schema, table.name.name)
        described: list[tuple[object, ...]] = [(*name, c.name, c.type.sql, c.generated) for c in table.columns]
        if [row for row in found if row[0] == table.oid] != (described or [(*name, None, None, None)]):
            raise StateUnknown(f"table {table.name} was changed since its description was read: run it again")
