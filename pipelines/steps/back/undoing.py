"""The way back as a person or Dagster calls it: from any point, also after drop, and once more where it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from pipelines.core.errors import BackupDamaged, Refused, StateUnknown
from pipelines.core.handing_over import hand_over
from pipelines.core.ledger_rows import FoldStanding, FoldState, Run, RunKind
from pipelines.core.reconciliation import KEEP_EDITS, RollbackBlocked, RollbackOptions, Verdict
from pipelines.core.wording import counted, duration, listed
from pipelines.database import ledger_folds, ledger_runs
from pipelines.database.backup_reader import read_manifest
from pipelines.database.backup_restore import restore_tables
from pipelines.database.backup_store import list_backups
from pipelines.database.connection import Connection
from pipelines.database.locks import hold_table_locks
from pipelines.steps.back import reconcile as looking
from pipelines.steps.back import restore, withdraw
from pipelines.steps.back.restore import Restore, Restored
from pipelines.steps.back.survey import Survey, map_is_followed, survey
from pipelines.steps.back.withdraw import Withdraw
from pipelines.steps.drop import archived_to_itself
from pipelines.steps.outcome import Outcome
from pipelines.steps.running import Working, load_working, locked_connection, note_done, noted
from pipelines.steps.standing import find_standing
from pipelines.steps.surroundings import Surroundings

STEP = "rollback"


def reconcile(surroundings: Surroundings, name: str, options: RollbackOptions = KEEP_EDITS) -> Verdict:
    """Could it be undone now, and each row that stands in the way; nothing is changed.

    Raises:
        Refused: there is nothing to undo.
    """
    with closing(surroundings.connect(f"{name} look")) as connection:
        state = ledger_folds.fold_state(connection, name)
        _refuse_nothing(state)
        assert state.run is not None
        run = ledger_runs.find_run(connection, state.run)
        if run is None:
            raise StateUnknown(f"{name}: the ledger lost run {state.run}; nothing was touched")
        work = load_working(surroundings, connection, run, STEP)
        match state.standing:
            case FoldStanding.FOLDING:
                return withdraw.look(_withdraw(work, options), work.session)
            case FoldStanding.DROPPED:
                return _look_after_drop(work, options)
            case _:
                step = _restore(work, options)
                return looking.reconcile(work.session, step.reconcile, step.survey.findings)


def rollback(surroundings: Surroundings, name: str, options: RollbackOptions = KEEP_EDITS) -> Outcome:
    """Undo the fold, with the edits made since.

    Raises:
        Refused: there is nothing to undo.
        RollbackBlocked: rows or findings stand in the way; nothing was touched.
        LockNotAvailable: no lock within `lock_wait`; nothing has changed.
    """
    _refuse_unknown(find_standing(surroundings, name).state)  # the ledger is made below, and nothing was to be touched
    with locked_connection(surroundings, name, STEP) as connection:
        state = ledger_folds.fold_state(connection, name)
        unfinished = ledger_runs.find_unfinished_run(connection, name, RunKind.ROLLBACK)
        if state.standing is FoldStanding.ROLLED_BACK and unfinished is not None:
            return _finish_again(surroundings, connection, unfinished)
        _refuse_nothing(state)
        run = unfinished or _start(surroundings, connection, state)
        ledger_runs.resume_run(connection, run, dagster_run_id=surroundings.dagster_run_id)
        work = load_working(surroundings, connection, run, STEP)
        hold_table_locks(connection, work.fold.spec.table_names)
        with _forgotten_when_blocked(work), noted(work, STEP):
            outcome = _withdrawn(work, options) if state.standing is FoldStanding.FOLDING else _restored(work, options)
            ledger_runs.finish_run(connection, work.run, surroundings.now())
        return outcome


@contextmanager
def _forgotten_when_blocked(work: Working) -> Iterator[None]:
    """A refusal touched nothing, so the ledger says nothing of it."""
    try:
        yield
    except RollbackBlocked:
        ledger_runs.forget_run(work.connection, work.run)
        raise


def _refuse_unknown(state: FoldState) -> None:
    if state.standing is FoldStanding.NONE:
        raise Refused(f"{state.name} was never run here, so there is nothing to undo; pgfold status")


def _refuse_nothing(state: FoldState) -> None:
    _refuse_unknown(state)
    if state.standing is FoldStanding.ROLLED_BACK:
        raise Refused(f"{state.name} is undone already; pgfold run {state.name} folds it again")


def _start(surroundings: Surroundings, connection: Connection, state: FoldState) -> Run:
    folded = ledger_runs.find_run(connection, state.run) if state.run is not None else None
    if folded is None:
        raise StateUnknown(f"{state.name}: the ledger lost run {state.run}; nothing was touched")
    return ledger_runs.start_run(
        connection,
        id=surroundings.new_id(),
        fold=state.name,
        kind=RunKind.ROLLBACK,
        plan_hash=folded.plan_hash,
        spec_sha256=folded.spec_sha256,
        tracking_schema=folded.tracking_schema,
        started_by=surroundings.person,
        at=surroundings.now(),
        dagster_run_id=surroundings.dagster_run_id,
    )


def _withdraw(work: Working, options: RollbackOptions) -> Withdraw:
    runs = ledger_runs.runs_of(work.connection, work.fold.name)
    remembered = any(run.cut_over_at is not None for run in runs)
    found = survey(work.session, work.fold, work.recorded, archived=False)
    return Withdraw(work.fold, work.recorded, options, found, remembered)


def _restore(work: Working, options: RollbackOptions) -> Restore:
    found = survey(work.session, work.fold, work.recorded)
    found = replace(found, findings=(*found.findings, *map_is_followed(work.session, work.fold)))
    return Restore(work.fold, work.recorded, options, found, _folder(work))


def _folder(work: Working) -> Path:
    """The run's first backup, where rollback.sql saves to as well."""
    folded = ledger_runs.find_run(work.connection, work.run.migration_id)
    if folded is None or folded.backup_location is None:
        return work.surroundings.backups / work.fold.name
    return Path(folded.backup_location)


@contextmanager
def _archive_there(work: Working) -> Iterator[None]:
    """After drop, the archive comes from the sealed backup, in one transaction with what is done with it.

    Raises:
        BackupDamaged: the backup does not give back what it says; nothing was touched.
    """
    if work.state.standing is not FoldStanding.DROPPED:
        yield
        return
    if work.state.sealed_location is None:
        raise StateUnknown(f"{work.fold.name}: the ledger knows no sealed backup; nothing was touched")
    folder = Path(work.state.sealed_location)
    with work.session.transaction():
        try:
            restore_tables(work.connection, folder, read_manifest(folder), archived_to_itself(work.fold))
        except BackupDamaged as error:
            raise BackupDamaged(
                f"{str(error).removesuffix('; use another backup')}; {_instead(work, folder)}"
            ) from error
        yield


def _instead(work: Working, folder: Path) -> str:
    """What a person can do when the archive was dropped and its backup is damaged."""
    name = work.fold.name
    others = [backup for backup in list_backups(work.surroundings.backups, name) if backup.folder != folder]
    remedy = "the archive is dropped, so put a whole copy of that folder in its place"
    if not others:
        return f"{remedy}; there is no other backup of {name}"
    be = "is" if len(others) == 1 else "are"
    return f"{remedy}; there {be} {counted(len(others), 'other backup')} of {name}: pgfold backups list {name}"


def _look_after_drop(work: Working, options: RollbackOptions) -> Verdict:
    """In a transaction that is rolled back: the archive is there for as long as somebody looks."""
    with work.connection.transaction(force_rollback=True), _archive_there(work):
        step = _restore(work, options)
        work.session.execute_all(looking.prepare(step.reconcile))
        return looking.look(work.session, step.reconcile, step.survey.findings)


def _withdrawn(work: Working, options: RollbackOptions) -> Outcome:
    started = work.surroundings.now()
    step = _withdraw(work, options)
    verdict = withdraw.apply(step, work.session, lambda _: _note_undone(work, step.survey))
    withdraw.finish(step, work.session)
    facts: dict[str, JsonValue] = {"before_cut_over": True, "rows_aside": verdict.rows_aside}
    note_done(work, STEP, facts)
    seconds = (work.surroundings.now() - started).total_seconds()
    return Outcome(STEP, "nothing had moved; everything is as it was", seconds, facts)


def _restored(work: Working, options: RollbackOptions) -> Outcome:
    started = work.surroundings.now()
    with _archive_there(work):
        step = _restore(work, options)
        restored = restore.apply(step, work.session, lambda _: _note_undone(work, step.survey))
    restore.finish(step, work.session)
    facts = _facts(restored)
    note_done(work, STEP, facts)
    seconds = (work.surroundings.now() - started).total_seconds()
    return Outcome(STEP, _sentence(restored, options), seconds, facts)


def _note_undone(work: Working, found: Survey) -> None:
    """In the rollback's transaction. What another fold still uses of the target is undone with that one."""
    at, target = work.surroundings.now(), work.fold.lens.target.name
    ledger_folds.set_fold_state(work.connection, replace(work.state, standing=FoldStanding.ROLLED_BACK))
    ledger_runs.record_rolled_back(work.connection, work.run, at)
    if not (found.staying or found.staying_null or found.shared):
        return
    was = [work.fold.schema[target][name] for name in found.staying_null]
    for other in ledger_folds.folds_on_table(work.connection, target, besides=work.fold.name):
        recorded = ledger_folds.load_recorded(work.connection, other.name)
        if recorded is not None and other.target == target:
            handed = hand_over(recorded, target, found.staying, was, work.recorded.sequences_before)
            ledger_folds.save_recorded(work.connection, other.name, handed)


def _finish_again(surroundings: Surroundings, connection: Connection, run: Run) -> Outcome:
    """It was killed after its commit: what comes after it is done again."""
    ledger_runs.resume_run(connection, run, dagster_run_id=surroundings.dagster_run_id)
    work = load_working(surroundings, connection, run, STEP)
    folded = ledger_runs.find_run(connection, run.migration_id)
    with noted(work, STEP):
        if folded is not None and folded.cut_over_at is not None:
            restore.finish(_restore_nothing(work), work.session)
        else:
            withdraw.finish(_withdraw(work, KEEP_EDITS), work.session)
        note_done(work, STEP, {"finished_again": True})
        ledger_runs.finish_run(connection, run, surroundings.now())
    return Outcome(STEP, "was done, and is finished now", 0.0, {}, already=True)


def _restore_nothing(work: Working) -> Restore:
    found = survey(work.session, work.fold, work.recorded, archived=False)
    return Restore(work.fold, work.recorded, KEEP_EDITS, found, _folder(work))


def _facts(restored: Restored) -> dict[str, JsonValue]:
    verdict = restored.verdict
    return {
        "unchanged": verdict.unchanged,
        "edited": verdict.edited_rows,
        "deleted": verdict.deleted,
        "born": verdict.born,
        "rows_aside": restored.rows_aside,
        "locked_ms": round(restored.seconds * 1000, 1),
        "tries": restored.tries,
        "saved": [str(path) for path in restored.saved],
    }


def _sentence(restored: Restored, options: RollbackOptions) -> str:
    verdict = restored.verdict
    rows = verdict.unchanged + verdict.edited_rows + verdict.born
    if options.to_backup:
        dropped = verdict.edited_rows + verdict.deleted + verdict.born
        told = [f"rows as at the cut-over; {counted(dropped, 'later edit')} saved beside the backup"]
    else:
        parts = (("edited", verdict.edited_rows), ("deleted", verdict.deleted), ("new", verdict.born))
        said = [f"{count:,} {what}" for what, count in parts if count]
        told = [f"{counted(rows, 'row')} home" + (f", {listed(said)}" if said else "")]
    if restored.rows_aside:
        told.append(f"{counted(restored.rows_aside, 'row')} set aside")
    told.append(f"locked {duration(restored.seconds)}")
    return "; ".join(told)
