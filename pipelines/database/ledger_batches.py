"""Checkpoints in the ledger: a source's key ranges, each committed together with the rows it describes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from pipelines.core.ledger_rows import Batch, BatchTotals, Key
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, change_one, read_rows, require_transaction, returned_rows

_FILE = "ledger_batches.sql"


def add_batches(connection: Connection, run: UUID, source: TableName, bounds: Sequence[Key]) -> None:
    """Cut a source at `bounds`, in key order, into len(bounds) + 1 ranges without a gap or an overlap.

    A bound belongs to the range that it ends. Without bounds there is one range, which holds every key.

    Raises:
        psycopg.errors.UniqueViolation: the run has ranges of this source already.
    """
    edges: tuple[Key | None, ...] = (None, *bounds, None)
    rows = [
        {
            "run": run,
            "schema": source.schema,
            "name": source.name,
            "number": number,
            "from_key": None if start is None else list(start),
            "to_key": None if end is None else list(end),
        }
        for number, (start, end) in enumerate(pairwise(edges), start=1)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(block(_FILE, "add"), rows)


def take_batch(connection: Connection, run: UUID, source: TableName | None = None) -> Batch | None:
    """A range that is to be done, of `source` or of any, held until the caller's transaction ends; None: none is free.

    Two workers never get the same one, and that of a killed worker is free again when its transaction is gone. So None
    means that none is left for this worker, not that all are done: `batch_totals` tells.

    Raises:
        ValueError: no transaction is open, so that the range would be free again at once.
    """
    require_transaction(connection, "take_batch")
    taken = returned_rows(
        connection,
        Batch,
        block(_FILE, "take"),
        run=run,
        schema=source.schema if source else None,
        name=source.name if source else None,
    )
    return taken[0] if taken else None


def finish_batch(connection: Connection, batch: Batch, rows: int, at: datetime) -> None:
    """The range is done, with so many rows of the source: in the transaction that took it and wrote them.

    Raises:
        StateUnknown: it was done before, or is gone.
    """
    change_one(
        connection,
        f"open batch {batch.number} of {batch.source} in run {batch.run}",
        block(_FILE, "finish"),
        run=batch.run,
        schema=batch.source.schema,
        name=batch.source.name,
        number=batch.number,
        rows=rows,
        at=at,
    )


def batches_of(connection: Connection, run: UUID) -> tuple[Batch, ...]:
    """Every range of a run, by source and in key order."""
    return read_rows(connection, Batch, block(_FILE, "of_run"), run=run)


def batch_totals(connection: Connection, run: UUID) -> tuple[BatchTotals, ...]:
    """How far the run's sources are; one without ranges is not among them."""
    return read_rows(connection, BatchTotals, block(_FILE, "totals"), run=run)
