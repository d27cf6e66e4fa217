"""Runs in the ledger: begun, gone on, cut over, finished, failed, undone; schema_migrations follows each change."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pipelines.core.errors import StateUnknown
from pipelines.core.ledger_rows import Run, RunKind, RunStatus
from pipelines.database.approvals import withdraw_approvals
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, change, change_one, read_row, read_rows, returned_rows
from pipelines.database.tracking import write_migration

_FILE = "ledger_runs.sql"


def start_run(
    connection: Connection,
    *,
    id: UUID,
    fold: str,
    kind: RunKind,
    plan_hash: str,
    spec_sha256: str,
    tracking_schema: str,
    started_by: str,
    at: datetime,
    dagster_run_id: str | None = None,
) -> Run:
    """Write down a run that begins; a fold run gets a row in schema_migrations, whose id is the run's.

    A rollback or drop is about the fold's latest fold run, and stays with the schema_migrations of that.

    Raises:
        StateUnknown: a rollback or drop of a fold that was never run.
    """
    started = returned_rows(
        connection,
        Run,
        block(_FILE, "start_fold" if kind is RunKind.FOLD else "start_other"),
        id=id,
        fold=fold,
        kind=kind.value,
        plan_hash=plan_hash,
        spec_sha256=spec_sha256,
        tracking_schema=tracking_schema,
        started_by=started_by,
        at=at,
        dagster_run_id=dagster_run_id,
    )
    if not started:
        raise StateUnknown(f"{fold} was never run, so no {kind} is due: pgfold run {fold} folds it")
    if kind is RunKind.FOLD:
        write_migration(connection, id)
    return started[0]


def forget_run(connection: Connection, run: Run) -> None:
    """A rollback that was refused before anything was touched leaves no trace; a fold run always does.

    Raises:
        StateUnknown: it is a fold run, or gone.
    """
    with connection.transaction():
        change(connection, block(_FILE, "forget_steps"), id=run.id)
        change_one(connection, f"run {run.id} of {run.fold} that could be forgotten", block(_FILE, "forget"), id=run.id)


def find_run(connection: Connection, id: UUID) -> Run | None:
    """The run of that id."""
    return read_row(connection, Run, block(_FILE, "find"), id=id)


def find_unfinished_run(connection: Connection, fold: str, kind: RunKind) -> Run | None:
    """The latest run of that kind, where it failed or was killed (or still runs: the fold's lock tells)."""
    run = read_row(connection, Run, block(_FILE, "latest"), fold=fold, kind=kind.value)
    return run if run is not None and not run.finished else None


def runs_of(connection: Connection, fold: str) -> tuple[Run, ...]:
    """The runs of a fold, the latest first."""
    return read_rows(connection, Run, block(_FILE, "of_fold"), fold=fold)


def resume_run(connection: Connection, run: Run, *, dagster_run_id: str | None = None) -> None:
    """A failed or killed run goes on: it is in progress again, and its error is forgotten.

    Raises:
        StateUnknown: the run is finished, or gone.
    """
    _change_run(connection, "resume", run, dagster_run_id=dagster_run_id)


def record_cut_over(connection: Connection, run: Run, at: datetime) -> None:
    """In the cut-over's transaction: the fold run's migration is completed, whatever becomes of what follows it.

    Raises:
        StateUnknown: the run is not a fold run in progress.
    """
    _change_run(connection, "cut_over", run, at=at)


def record_rolled_back(connection: Connection, run: Run, at: datetime) -> None:
    """In the transaction in which a rollback takes hold: its fold run is undone, and what was approved for it is over.

    Raises:
        StateUnknown: the run is not a rollback.
    """
    with connection.transaction():
        change_one(connection, f"rollback {run.id} of {run.fold}", block(_FILE, "roll_back"), id=run.id, at=at)
        withdraw_approvals(connection, run.fold, at)
        write_migration(connection, run.migration_id)


def finish_run(connection: Connection, run: Run, at: datetime) -> None:
    """Nothing is left to do: a fold run is cut over, a rollback's fold run undone, if that was not recorded before.

    Raises:
        StateUnknown: the run is not in progress.
    """
    with connection.transaction():
        if run.kind is RunKind.ROLLBACK and not _is_undone(connection, run.migration_id):
            record_rolled_back(connection, run, at)
        _change_run(connection, "finish", run, at=at)


def fail_run(connection: Connection, run: Run, message: str, at: datetime) -> None:
    """The run stopped; a fold run's migration is failed, or stays completed where the cut-over had committed.

    Raises:
        StateUnknown: the run is finished, or gone.
    """
    _change_run(connection, "fail", run, message=message, at=at)


def record_backup(connection: Connection, run: Run, backup_location: str, rollback_script: str | None = None) -> None:
    """Where the run's newest backup is, and the script that leads back; a script of None leaves what is recorded."""
    _change_run(connection, "keep_backup", run, backup_location=backup_location, rollback_script=rollback_script)


def _is_undone(connection: Connection, fold_run: UUID) -> bool:
    found = find_run(connection, fold_run)
    return found is not None and found.status is RunStatus.ROLLED_BACK


def _change_run(connection: Connection, name: str, run: Run, **parameters: object) -> None:
    """One statement on a run, and its row of schema_migrations after it."""
    with connection.transaction():
        what = f"{run.kind} run {run.id} of {run.fold} that could do this ({name})"
        change_one(connection, what, block(_FILE, name), id=run.id, **parameters)
        if run.kind is RunKind.FOLD:
            write_migration(connection, run.id)
