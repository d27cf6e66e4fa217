"""The catalog as a source of rows: one snapshot, fixed deparsing, each block's rows as frozen objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row

from pipelines.core.errors import LockNotAvailable, Transient
from pipelines.database.named_sql import load_sql

AnyConnection = psycopg.Connection[Any]

_Row = TypeVar("_Row")


class OfRelation(Protocol):
    """A row about one relation."""

    @property
    def relation(self) -> int: ...


_OfRelation = TypeVar("_OfRelation", bound=OfRelation)


@contextmanager
def catalog_snapshot(connection: AnyConnection) -> Iterator[None]:
    """Read in one REPEATABLE READ READ ONLY transaction, or within the caller's, and roll back to where it began.

    Rolling back gives every setting back as it was. The server's deparsers look past a snapshot: a definition that
    another session removes meanwhile is a Transient error, never a gap.

    Raises:
        Transient: the catalog changed while it was read.
        LockNotAvailable: another session holds one of the tables exclusively.
    """
    ours = connection.info.transaction_status is TransactionStatus.IDLE
    try:
        with connection.transaction(force_rollback=True):
            if ours:
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute(load_sql("pipelines.database", "introspection.sql")["settings"])
            yield
    except psycopg.errors.LockNotAvailable as error:
        raise LockNotAvailable(
            "the catalog cannot be read while another session holds one of the tables in ACCESS EXCLUSIVE mode"
            f" ({error.diag.context or 'reading its size'}): run it again when that session is done"
        ) from error
    except psycopg.errors.InternalError_ as error:
        raise Transient(_changed(str(error.diag.message_primary))) from error


def fetch(
    connection: AnyConnection, file: str, block: str, row: type[_Row], parameters: Mapping[str, object]
) -> list[_Row]:
    """The rows of a named block of `file`, in the block's order.

    Raises:
        Transient: a row's `definition` is gone.
    """
    with connection.cursor(row_factory=class_row(row)) as cursor:
        rows = cursor.execute(load_sql("pipelines.database", file)[block], parameters).fetchall()
    for found in rows:
        if getattr(found, "definition", "") is None:
            raise Transient(_changed(f"the definition of {getattr(found, 'name', 'an object')} is gone"))
    return rows


def by_relation(rows: Iterable[_OfRelation]) -> Mapping[int, list[_OfRelation]]:
    """The rows of each relation, by its oid, in the order given."""
    grouped: dict[int, list[_OfRelation]] = {}
    for row in rows:
        grouped.setdefault(row.relation, []).append(row)
    return grouped


def _changed(what: str) -> str:
    return f"another session changed the tables while the catalog was read ({what}): run it again"
