"""Around every step: the locks, the run it belongs to, and the ledger's word of how it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg
from pydantic import JsonValue

from pipelines.core.errors import ApprovalNeeded, PgfoldError, Refused, StateUnknown
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import FoldState, Run, RunKind, StepRecord, StepStatus
from pipelines.core.reconciliation import RollbackBlocked
from pipelines.core.recorded import Recorded
from pipelines.database import approvals, ledger, ledger_folds, ledger_runs, ledger_steps
from pipelines.database.connection import Connection
from pipelines.database.locks import hold_fold_lock, hold_table_locks, release_every_lock
from pipelines.database.pooler import refuse_transaction_pooler
from pipelines.steps.rebuild import rebuild_fold
from pipelines.steps.session import Session, explained
from pipelines.steps.surroundings import Surroundings

# Done once in a run, and told again from the ledger; verify and cut_over look anew each time.
ONCE = frozenset({"export", "add_columns", "map_fields"})


@dataclass(frozen=True, slots=True)
class Working:
    """A step at work: its run, the fold as recorded, and the session."""

    surroundings: Surroundings
    session: Session
    run: Run
    state: FoldState
    recorded: Recorded
    fold: Fold

    @property
    def connection(self) -> Connection:
        """The session's."""
        return self.session.connection

    def step(self, name: str) -> StepRecord | None:
        """What the ledger says of a step of this run."""
        steps = ledger_steps.steps_of(self.connection, self.run.id)
        return next((step for step in steps if step.name == name), None)

    def done(self, name: str) -> StepRecord | None:
        """The same, if it is done."""
        step = self.step(name)
        return step if step is not None and step.status is StepStatus.DONE else None

    def need(self, name: str, before: str) -> StepRecord:
        """The step that must be done before this one.

        Raises:
            Refused: it is not; nothing was touched.
        """
        step = self.done(name)
        if step is None:
            raise Refused(f"{self.fold.name}: {before} needs {name} first; run pgfold run {self.fold.name}")
        return step


@contextmanager
def locked_connection(surroundings: Surroundings, fold: str, step: str) -> Iterator[Connection]:
    """A connection that holds the consolidation, with the ledger in place.

    Raises:
        AlreadyRunning: another run holds it.
        Refused: a pooler stands between, or the ledger may not be made.
    """
    with closing(surroundings.connect(f"{fold} {step}")) as connection, explained(step):
        refuse_transaction_pooler(surroundings.database_url)
        ledger.ensure_ledger(connection, surroundings.tracking_schema)
        hold_fold_lock(connection, fold)
        try:
            yield connection
        finally:
            release_every_lock(connection)


@contextmanager
def working(surroundings: Surroundings, fold: str, step: str) -> Iterator[Working]:
    """Go on with the fold's unfinished run: rebuild the fold, hold its tables, and write down how the step goes.

    Raises:
        Refused: there is no run to go on with.
    """
    with locked_connection(surroundings, fold, step) as connection:
        run = ledger_runs.find_unfinished_run(connection, fold, RunKind.FOLD)
        if run is None:
            raise Refused(
                f"{fold}: no run is under way, so there is nothing for {step} to go on with; pgfold run {fold}"
            )
        ledger_runs.resume_run(connection, run, dagster_run_id=surroundings.dagster_run_id)
        found = load_working(surroundings, connection, run, step)
        hold_table_locks(connection, found.fold.spec.table_names)
        with noted(found, step):
            yield found


def load_working(surroundings: Surroundings, connection: Connection, run: Run, step: str) -> Working:
    """The fold as recorded, with a session for it.

    Raises:
        StateUnknown: the ledger knows the run but not what it recorded.
    """
    recorded = ledger_folds.load_recorded(connection, run.fold)
    if recorded is None:
        raise StateUnknown(f"{run.fold}: run {run.id} recorded nothing; pgfold rollback {run.fold}, then run it again")
    state = ledger_folds.fold_state(connection, run.fold)
    session = surroundings.session(connection, f"{run.fold} {step}", run.id)
    return Working(surroundings, session, run, state, recorded, rebuild_fold(recorded))


@contextmanager
def noted(work: Working, step: str) -> Iterator[None]:
    """The ledger's word: running, then done by `note_done`, or failed with the reason; nothing of a refusal."""
    if step not in ONCE or work.done(step) is None:
        ledger_steps.start_step(work.connection, work.run.id, step, work.surroundings.now())
    try:
        with explained(step):
            yield
    except (ApprovalNeeded, RollbackBlocked):
        raise
    except PgfoldError as error:
        note_failure(work, step, str(error))
        raise


def note_failure(work: Working, step: str, message: str) -> None:
    """Write the failure down, on another connection where this one is gone; where the server is gone, nowhere."""
    at = work.surroundings.now()
    try:
        with closing(work.surroundings.connect(f"{work.fold.name} {step}")) as connection:
            ledger_steps.fail_step(connection, work.run.id, step, message, at)
            ledger_runs.fail_run(connection, work.run, message, at)
    except (PgfoldError, psycopg.Error):
        # The server is away: the run stays `in_progress`, and its lock tells that nobody works on it.
        return


def note_done(work: Working, step: str, facts: Mapping[str, JsonValue]) -> None:
    """The step is done; in a transaction of the step's own where it must be true with the rows."""
    ledger_steps.finish_step(work.connection, work.run.id, step, work.surroundings.now(), facts)


def need_approval(work: Working, step: str) -> None:
    """Go on only with a person's yes to this run's plan.

    Raises:
        ApprovalNeeded: nobody gave one yet; the request is written down.
    """
    hash, fold = work.run.plan_hash, work.fold.name
    if approvals.approval_of(work.connection, fold, step, hash) is None:
        approvals.request_approval(work.connection, fold, step, hash, work.surroundings.now())
        raise ApprovalNeeded(
            f"{fold}: {step} waits for a person's approval of plan {hash[:6]}; pgfold approve {fold} {step}"
        )
