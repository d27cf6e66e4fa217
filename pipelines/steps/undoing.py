"""Undoing as a person or Dagster calls it: from any point, also after drop; and the look at whether it can be done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from pipelines.core.errors import Refused, StateUnknown
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import FoldStanding, FoldState, Run, RunKind
from pipelines.core.reconciliation import KEEP_EDITS, RollbackOptions, Verdict
from pipelines.core.wording import counted, duration
from pipelines.database import ledger_folds, ledger_runs
from pipelines.database.backup_reader import read_manifest
from pipelines.database.backup_restore import restore_tables
from pipelines.database.connection import Connection
from pipelines.steps import abandon, restore
from pipelines.steps import reconcile as reconcile_step
from pipelines.steps.abandon import Abandon
from pipelines.steps.archive import freeze
from pipelines.steps.drop import archived_to_itself
from pipelines.steps.outcome import Outcome
from pipelines.steps.restore import Restore, Restored
from pipelines.steps.running import Working, load_working, locked_connection, note_done, noted
from pipelines.steps.surroundings import Surroundings
from pipelines.steps.survey import survey

STEP = "rollback"


def rollback(surroundings: Surroundings, name: str, options: RollbackOptions) -> Outcome:
    """Unfold, or go on with a rollback that was stopped.

    Raises:
        Refused: nothing is folded or under way; nothing was touched.
        RollbackBlocked: rows or findings stand in the way; nothing was touched.
    """
    started = surroundings.now()
    with locked_connection(surroundings, name, STEP) as connection:
        work = _work(surroundings, connection, name)
        unfinished = ledger_runs.find_unfinished_run(connection, name, RunKind.ROLLBACK)
        folded = work.run
        work = replace(work, run=_undo_run(work, unfinished))
        with noted(work, STEP):
            if unfinished is not None and _took_hold(connection, folded):
                return _finish(work, options, started, None)
            if work.state.in_force:
                return _unfold(work, folded, options, started)
            return _abandon(work, folded, started)


def reconcile(surroundings: Surroundings, name: str, options: RollbackOptions = KEEP_EDITS) -> Verdict:
    """Can it be undone now? Computed as the rollback would, and not applied.

    Raises:
        Refused: nothing is folded or under way.
    """
    with closing(surroundings.connect(f"{name} look")) as connection:
        work = _work(surroundings, connection, name)
        if not work.state.in_force:
            return Verdict(findings=survey(work.session, work.fold, work.recorded, archived=False).findings)
        with _archive_for_a_look(work):
            step = _restore(work, options)
            if work.state.standing is FoldStanding.DROPPED:
                work.session.execute_all(reconcile_step.prepare(step.reconcile))
                return reconcile_step.look(work.session, step.reconcile, step.survey.findings)
            return reconcile_step.reconcile(work.session, step.reconcile, step.survey.findings)


@contextmanager
def _archive_for_a_look(work: Working) -> Iterator[None]:
    """After drop the archive is made again from the sealed backup, for as long as the look takes."""
    if work.state.standing is not FoldStanding.DROPPED:
        yield
        return
    with work.connection.transaction(force_rollback=True):
        restore_archive(work.connection, work.fold, work.state)
        yield


def restore_archive(connection: Connection, fold: Fold, state: FoldState) -> None:
    """Make the archived tables again from the sealed backup, frozen, in the caller's transaction.

    Raises:
        BackupDamaged: it does not give back what it says.
    """
    folder = Path(str(state.sealed_location))
    restore_tables(connection, folder, read_manifest(folder), archived_to_itself(fold))
    for table in fold.lens.archived:
        for statement in freeze(fold.archived(table.name), fold.name):
            connection.execute(statement.query)


def _work(surroundings: Surroundings, connection: Connection, name: str) -> Working:
    """The fold that is in force, or on its way, or whose rollback has not finished."""
    state = ledger_folds.fold_state(connection, name)
    undoing = ledger_runs.find_unfinished_run(connection, name, RunKind.ROLLBACK)
    over = state.standing in (FoldStanding.NONE, FoldStanding.ROLLED_BACK)
    if over and undoing is None:
        raise Refused(f"{name} is not folded and no run of it is under way, so there is nothing to undo")
    run = ledger_runs.find_run(connection, state.run) if state.run else None
    if run is None:
        raise StateUnknown(f"{name}: the ledger lost run {state.run}; nothing was touched")
    return load_working(surroundings, connection, run, STEP)


def _undo_run(work: Working, unfinished: Run | None) -> Run:
    if unfinished is not None:
        ledger_runs.resume_run(work.connection, unfinished, dagster_run_id=work.surroundings.dagster_run_id)
        return unfinished
    return ledger_runs.start_run(
        work.connection,
        id=work.surroundings.new_id(),
        fold=work.fold.name,
        kind=RunKind.ROLLBACK,
        plan_hash=work.run.plan_hash,
        spec_sha256=work.run.spec_sha256,
        tracking_schema=work.run.tracking_schema,
        started_by=work.surroundings.person,
        at=work.surroundings.now(),
        dagster_run_id=work.surroundings.dagster_run_id,
    )


def _took_hold(connection: Connection, folded: Run) -> bool:
    """Whether the rows are home already, and only what comes after the commit is left."""
    return ledger_folds.fold_state(connection, folded.fold).standing is FoldStanding.ROLLED_BACK


def _unfold(work: Working, folded: Run, options: RollbackOptions, started: datetime) -> Outcome:
    if work.state.standing is FoldStanding.DROPPED:
        with work.session.transaction():
            restore_archive(work.connection, work.fold, work.state)
            ledger_folds.set_fold_state(work.connection, replace(work.state, standing=FoldStanding.FOLDED))
        work = replace(work, state=replace(work.state, standing=FoldStanding.FOLDED))

    def record(_: Restored) -> None:
        _record(work)

    restored = restore.apply(_restore(work, options, folded), work.session, record)
    return _finish(work, options, started, restored)


def _restore(work: Working, options: RollbackOptions, folded: Run | None = None) -> Restore:
    found = survey(work.session, work.fold, work.recorded)
    run = folded or work.run
    folder = Path(run.backup_location) if run.backup_location else work.surroundings.backups / work.fold.name
    return Restore(work.fold, work.recorded, options, found, folder)


def _record(work: Working) -> None:
    """In the transaction in which the rollback takes hold."""
    state = replace(work.state, standing=FoldStanding.ROLLED_BACK)
    ledger_folds.set_fold_state(work.connection, state)
    ledger_runs.record_rolled_back(work.connection, work.run, work.surroundings.now())


def _finish(work: Working, options: RollbackOptions, started: datetime, restored: Restored | None) -> Outcome:
    restore.finish(_restore_after(work, options), work.session)
    facts: dict[str, JsonValue] = {} if restored is None else _facts(restored)
    note_done(work, STEP, facts)
    ledger_runs.finish_run(work.connection, work.run, work.surroundings.now())
    seconds = (work.surroundings.now() - started).total_seconds()
    sentence = "the rows were home already" if restored is None else _sentence(work, restored)
    return Outcome(STEP, sentence, seconds, facts)


def _restore_after(work: Working, options: RollbackOptions) -> Restore:
    found = survey(work.session, work.fold, work.recorded, archived=False)
    return Restore(work.fold, work.recorded, options, found, work.surroundings.backups / work.fold.name)


def _facts(restored: Restored) -> dict[str, JsonValue]:
    verdict = restored.verdict
    return {
        "unchanged": verdict.unchanged,
        "edited": verdict.edited_rows,
        "deleted": verdict.deleted,
        "born": verdict.born,
        "set_aside": restored.rows_aside,
        "locked_ms": round(restored.seconds * 1000, 1),
        "tries": restored.tries,
        "saved": [str(path) for path in restored.saved],
    }


def _sentence(work: Working, restored: Restored) -> str:
    verdict, tables = restored.verdict, counted(len(work.fold.lens.archived), "table")
    rows = f"{tables} back; {counted(verdict.unchanged, 'row')} unchanged, {verdict.edited_rows:,} with edits"
    rows += f", {verdict.deleted:,} deleted" if verdict.deleted else ""
    rows += f", {restored.rows_aside:,} set aside" if restored.rows_aside else ""
    return f"{rows}; locked {duration(restored.seconds)}"


def _abandon(work: Working, folded: Run, started: datetime) -> Outcome:
    found = survey(work.session, work.fold, work.recorded, archived=False)
    before = any(run.cut_over_at is not None for run in ledger_runs.runs_of(work.connection, work.fold.name))
    step = Abandon(work.fold, work.recorded, found.leaving, found.not_null, before)
    abandon.apply(step, work.session)
    with work.session.transaction():
        _record(work)
    note_done(work, STEP, {"abandoned": True})
    ledger_runs.finish_run(work.connection, work.run, work.surroundings.now())
    seconds = (work.surroundings.now() - started).total_seconds()
    return Outcome(STEP, f"run {str(folded.id)[:8]} given up before its cut-over; nothing of it is left", seconds)
