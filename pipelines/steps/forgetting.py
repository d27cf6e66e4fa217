"""Forgetting a fold: its row map and kept values go, and with them the way back by the ledger."""

from __future__ import annotations

from psycopg import sql

from pipelines.core import names
from pipelines.core.errors import Refused
from pipelines.core.ledger_rows import FoldStanding, FoldState
from pipelines.core.names import Keeping
from pipelines.core.schema import TableName
from pipelines.database import ledger_folds
from pipelines.database.connection import Connection
from pipelines.database.locks import hold_fold_lock
from pipelines.steps import archive
from pipelines.steps.rebuild import rebuild_fold
from pipelines.steps.rows.capture import regclass


def forget(connection: Connection, name: str) -> list[str]:
    """Remove what pgfold keeps of a fold; the lines say what can no longer be done.

    Raises:
        Refused: nothing is known of it, or its tables are still archived: then a drop or rollback comes first.
    """
    hold_fold_lock(connection, name)
    state, recorded = ledger_folds.fold_state(connection, name), ledger_folds.load_recorded(connection, name)
    if state.standing is FoldStanding.NONE or recorded is None:
        raise Refused(f"{name}: nothing is known of it, so there is nothing to forget")
    if state.standing in (FoldStanding.FOLDED, FoldStanding.FOLDING):
        raise Refused(
            f"{name}: its archived tables or a run under way need the row map;"
            f" pgfold drop {name}, or pgfold rollback {name}"
        )
    fold = rebuild_fold(recorded)
    tables = [
        names.keeping(kind, name, table)
        for table in (*fold.spec.source_names, fold.spec.target)
        for kind in (Keeping.ROW_MAP, Keeping.KEPT)
    ]
    with connection.transaction():
        if fold.lens.sources and state.in_force:
            for statement in archive.stop_following_keys(fold):
                connection.execute(statement.query)
        ledger_folds.forget(connection, name, [table for table in tables if _exists(connection, table)])
    return _said(name, state)


def _exists(connection: Connection, table: TableName) -> bool:
    query = sql.SQL("SELECT pg_catalog.to_regclass({}) IS NOT NULL").format(sql.Literal(regclass(table)))
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _said(name: str, state: FoldState) -> list[str]:
    if state.standing is FoldStanding.DROPPED:
        return [
            f"Forgotten: {name} can no longer be undone by pgfold rollback.",
            f"The rows at cut-over are still in {state.sealed_location}; pgfold restore brings them back.",
        ]
    return [
        f"Forgotten: the next fold of {name} gives new keys to rows whose keys are new,",
        "and what the target alone said (kept values, rows set aside) is gone.",
    ]
