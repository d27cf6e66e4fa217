"""Rows set aside by a rollback, and put back by the next fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from pipelines.core.errors import StateUnknown
from pipelines.core.ledger_rows import Run, SetAsideRow
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, change, read_rows

_FILE = "set_aside.sql"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A row that is to be set aside: each column's value in output form (None for NULL), and why."""

    table: TableName
    row: Mapping[str, str | None]
    reason: str


def set_aside(connection: Connection, run: Run, leftovers: Iterable[Leftover], at: datetime) -> None:
    """Keep these rows, in this order."""
    rows = [
        {
            "fold": run.fold,
            "run": run.id,
            "schema": leftover.table.schema,
            "name": leftover.table.name,
            "row": Jsonb(dict(leftover.row)),
            "reason": leftover.reason,
            "at": at,
        }
        for leftover in leftovers
    ]
    with connection.cursor() as cursor:
        cursor.executemany(block(_FILE, "add"), rows)


def set_aside_rows(connection: Connection, fold: str, *, put_back_too: bool = False) -> tuple[SetAsideRow, ...]:
    """The fold's rows that are set aside, in the order they were; also those put back since, if asked for."""
    return read_rows(connection, SetAsideRow, block(_FILE, "of_fold"), fold=fold, put_back_too=put_back_too)


def mark_put_back(connection: Connection, rows: Iterable[SetAsideRow], at: datetime) -> None:
    """These rows are in their tables again, in this transaction.

    Raises:
        StateUnknown: one of them was put back before, or is gone.
    """
    ids = [row.id for row in rows]
    if change(connection, block(_FILE, "put_back"), ids=ids, at=at) != len(ids):
        raise StateUnknown("a row that was set aside is gone or was put back meanwhile: run again")
