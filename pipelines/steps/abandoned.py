"""A run whose process was killed could write nothing down: the ledger learns of it from whoever noticed."""

from __future__ import annotations

from contextlib import closing

from pipelines.core.errors import AlreadyRunning
from pipelines.core.ledger_rows import Run, RunKind, RunStatus
from pipelines.database import ledger_runs
from pipelines.database.connection import Connection
from pipelines.database.locks import hold_fold_lock
from pipelines.steps.surroundings import Surroundings


def note_abandoned(surroundings: Surroundings, fold: str, dagster_run_id: str, reason: str) -> bool:
    """Record the fold's run of that Dagster run as failed, unless it told its own end or somebody goes on with it."""
    with closing(surroundings.connect(f"{fold} look")) as connection:
        run = _in_progress(connection, fold, dagster_run_id)
        if run is None:
            return False
        try:
            hold_fold_lock(connection, fold)  # the session's end lets go of it
        except AlreadyRunning:
            return False
        # asked again under the lock: who held it may have gone on with the run, or ended it
        run = _in_progress(connection, fold, dagster_run_id)
        if run is not None:
            ledger_runs.fail_run(connection, run, reason, surroundings.now())
        return run is not None


def _in_progress(connection: Connection, fold: str, dagster_run_id: str) -> Run | None:
    kinds = (RunKind.FOLD, RunKind.ROLLBACK, RunKind.DROP)
    found = (ledger_runs.find_unfinished_run(connection, fold, kind) for kind in kinds)
    stuck = (r for r in found if r is not None and r.status is RunStatus.IN_PROGRESS)
    return next((run for run in stuck if run.dagster_run_id == dagster_run_id), None)
