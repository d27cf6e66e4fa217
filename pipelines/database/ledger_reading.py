"""Statements on the ledger, and their rows as frozen objects, made once.

Every function here and in the ledger's other modules takes part in the caller's transaction, and leaves it to the
caller to commit. Where the database has no ledger, it is read as an empty one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from psycopg import Cursor, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import RowMaker
from pydantic import TypeAdapter

from pipelines.core.errors import Refused, StateUnknown
from pipelines.core.names import OWN_SCHEMA
from pipelines.database.connection import Connection
from pipelines.database.ledger_tables import REVISIONS
from pipelines.database.named_sql import load_blocks

T = TypeVar("T")
Query = sql.SQL | sql.Composed

_PACKAGE = "pipelines.database"


def block(file: str, name: str) -> sql.SQL:
    """The named block of a `.sql` file beside this module."""
    return sql.SQL(load_blocks(_PACKAGE, file)[name].text)


def ledger_exists(connection: Connection) -> bool:
    """Whether the database has a versioned schema pgfold; asks the catalog only, and needs no privilege."""
    row = connection.execute(block("ledger.sql", "exists")).fetchone()
    return row is not None and row[0] is True


def revision_of(connection: Connection) -> str | None:
    """The revision that the ledger is at; None before its first one. It must be there.

    Raises:
        Refused: a newer program made it, so that what it says may mean something else.
    """
    row = connection.execute(block("ledger.sql", "revision")).fetchone()
    if row is not None and row[0] not in REVISIONS:
        raise Refused(
            f"schema {OWN_SCHEMA} is at revision {row[0]}, which this program does not know (it knows {REVISIONS[-1]}):"
            " it was made by a newer pgfold: use that version, or a newer one"
        )
    return str(row[0]) if row is not None else None


def read_rows(connection: Connection, of: type[T], query: Query, /, **parameters: object) -> tuple[T, ...]:
    """The query's rows, whose columns are the fields of `of`; none where there is no ledger.

    Raises:
        Refused: a newer program made the ledger.
    """
    if not ledger_exists(connection):
        return ()
    revision_of(connection)
    return returned_rows(connection, of, query, **parameters)


def read_row(connection: Connection, of: type[T], query: Query, /, **parameters: object) -> T | None:
    """The query's only row, or None."""
    return next(iter(read_rows(connection, of, query, **parameters)), None)


def returned_rows(connection: Connection, of: type[T], query: Query, /, **parameters: object) -> tuple[T, ...]:
    """As `read_rows`, for a statement that writes or locks: the ledger must be there."""

    def make_row(cursor: Cursor[Any]) -> RowMaker[T]:
        names = [column.name for column in cursor.description or ()]
        validate = _adapter(cast(Hashable, of)).validate_python

        def make(values: Sequence[Any]) -> T:
            made: T = validate(dict(zip(names, values, strict=True)))
            return made

        return make

    with connection.cursor(row_factory=make_row) as cursor:
        return tuple(cursor.execute(query, parameters).fetchall())


def change(connection: Connection, query: Query, /, **parameters: object) -> int:
    """Run a statement that writes, and count its rows."""
    return connection.execute(query, parameters).rowcount


def change_one(connection: Connection, what: str, query: Query, /, **parameters: object) -> None:
    """Run a statement that must change one row, which `what` names.

    Raises:
        StateUnknown: the ledger has no such row.
    """
    if change(connection, query, **parameters) != 1:
        raise StateUnknown(
            f"the ledger holds no {what}: it was changed or removed meanwhile: look at pgfold status, then run again"
        )


def require_transaction(connection: Connection, what: str) -> None:
    """See that a transaction is open, without which `what` has no meaning.

    Raises:
        ValueError: none is: the caller is wrong.
    """
    if connection.info.transaction_status is TransactionStatus.IDLE:
        raise ValueError(f"{what} needs an open transaction: call it inside connection.transaction()")


@cache
def _adapter(of: Any) -> TypeAdapter[Any]:
    """Turns the server's plain values into enums, table names and tuples."""
    return TypeAdapter(of)
