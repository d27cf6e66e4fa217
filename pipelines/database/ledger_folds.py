"""Consolidations in the ledger: how each stands, what it recorded, which tables it uses; and how it is forgotten."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from pipelines.core.ledger_rows import FoldStanding, FoldState
from pipelines.core.names import OWN_SCHEMA
from pipelines.core.recorded import Recorded, from_json, to_json
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, change, change_one, ledger_exists, read_rows
from pipelines.database.ledger_tables import METADATA, VERSION_TABLE
from pipelines.database.locks import limited_lock_wait

_FILE = "ledger_folds.sql"
_SHARED = {VERSION_TABLE, "schema_migrations", *(table.name for table in METADATA.tables.values())}
_USING = (FoldStanding.FOLDING, FoldStanding.FOLDED, FoldStanding.DROPPED)
_FORGETTING = ("forget_fold", "forget_runs", "forget_approvals", "forget_plans")  # in order of references


def fold_state(connection: Connection, fold: str) -> FoldState:
    """How the fold stands: FoldStanding.NONE where it was never run."""
    return next(iter(_states(connection, name=fold)), FoldState(fold))


def fold_states(connection: Connection) -> tuple[FoldState, ...]:
    """Every fold, in order of cut-over; those without one last, by name."""
    return _states(connection)


def folds_on_table(connection: Connection, table: TableName, *, besides: str) -> tuple[FoldState, ...]:
    """The folds other than `besides` that use the table: those in force by time of cut-over, then those on the way."""
    found = _states(connection, table=table)
    return tuple(state for state in found if state.name != besides and state.standing in _USING)


def set_fold_state(connection: Connection, state: FoldState) -> None:
    """The fold stands so from now on; what it recorded stays."""
    with connection.transaction():
        change(
            connection,
            block(_FILE, "set_state"),
            name=state.name,
            standing=state.standing.value,
            target_schema=state.target.schema if state.target else None,
            target_name=state.target.name if state.target else None,
            run=state.run,
            cut_over_at=state.cut_over_at,
            drop_after=state.drop_after,
            backup_location=state.backup_location,
            sealed_location=state.sealed_location,
        )
        _set_tables(connection, state)


def save_recorded(connection: Connection, fold: str, recorded: Recorded) -> None:
    """Keep what the fold must know to be undone.

    Raises:
        StateUnknown: the fold has no state yet.
    """
    change_one(connection, f"fold {fold}", block(_FILE, "save_recorded"), name=fold, recorded=to_json(recorded))


def load_recorded(connection: Connection, fold: str) -> Recorded | None:
    """What `save_recorded` kept last."""
    if not ledger_exists(connection):
        return None
    row = connection.execute(block(_FILE, "load_recorded"), {"name": fold}).fetchone()
    return from_json(str(row[0])) if row is not None and row[0] is not None else None


def forget(connection: Connection, fold: str, tables: Sequence[TableName], *, lock_timeout_s: float = 0.3) -> None:
    """Remove everything of the fold from the ledger, and drop its own `tables` of schema pgfold, in one transaction.

    schema_migrations keeps its rows. From now on the fold cannot be undone by the ledger.

    Raises:
        ValueError: one of the tables is not a fold's own.
        psycopg.errors.LockNotAvailable: somebody uses one of them.
    """
    strangers = [str(t) for t in tables if t.schema != OWN_SCHEMA or t.name in _SHARED]
    if strangers:
        raise ValueError(f"not tables of one fold in schema {OWN_SCHEMA}: {', '.join(strangers)}")
    with connection.transaction(), limited_lock_wait(connection, lock_timeout_s):
        for table in tables:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier))
        for name in _FORGETTING:
            change(connection, block(_FILE, name), name=fold)


def _states(
    connection: Connection, *, name: str | None = None, table: TableName | None = None
) -> tuple[FoldState, ...]:
    return read_rows(
        connection,
        FoldState,
        block(_FILE, "states"),
        name=name,
        table_schema=table.schema if table else None,
        table_name=table.name if table else None,
    )


def _set_tables(connection: Connection, state: FoldState) -> None:
    rows = [
        {"fold": state.name, "schema": used.table.schema, "name": used.table.name, "role": used.role.value}
        for used in state.tables
    ]
    change(connection, block(_FILE, "clear_tables"), fold=state.name)
    with connection.cursor() as cursor:
        cursor.executemany(block(_FILE, "add_table"), rows)
