"""drop: the archived tables go, once their sealed backup has given every row back. The row map stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import sql
from pydantic import JsonValue

from pipelines.core.errors import Refused, StateUnknown
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import FoldStanding, FoldState, RunKind
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.core.wording import counted
from pipelines.database import ledger_folds, ledger_runs
from pipelines.database.backup_drill import DrillResult, drill
from pipelines.steps import archive
from pipelines.steps.backup_step import write_rollback_script
from pipelines.steps.outcome import Outcome
from pipelines.steps.running import Working, load_working, locked_connection, need_approval, note_done, noted
from pipelines.steps.session import Session
from pipelines.steps.standing import find_standing, needs_approval
from pipelines.steps.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Drop:
    """What leaves; `sealed` is the backup that must give it back first."""

    fold: Fold
    sealed: Path


def statements(step: Drop) -> Iterator[Statement]:
    """The SQL, in order, after the drill. Never CASCADE: what depends on an archived table stops it."""
    for table in step.fold.lens.archived:
        archived = step.fold.archived(table.name)
        yield Statement(f"drop {archived}", sql.SQL("DROP TABLE {}").format(archived.identifier))
    yield from archive.drop_schemas(step.fold)


def apply(step: Drop, session: Session) -> DrillResult:
    """Restore the sealed backup whole into a scratch schema, compare it with the archive, and drop the archive.

    The caller's transaction holds both, so that nothing is dropped but what was just compared.

    Raises:
        BackupDamaged: the backup does not give back what it says; nothing was dropped.
        RowsDiffer: the archive holds something else; nothing was dropped.
    """
    drilled = drill(session.connection, step.sealed, archived_to_itself(step.fold), with_schema=True)
    session.execute_all(statements(step))
    return drilled


def archived_to_itself(fold: Fold) -> dict[TableName, TableName]:
    """The sealed backup saved the archived tables under the names they stand under."""
    return {fold.archived(table.name): fold.archived(table.name) for table in fold.lens.archived}


def drop(surroundings: Surroundings, name: str, *, now: bool = False) -> Outcome:
    """Drop the archived tables of a fold in force, after its grace period (`now`: before it) and a person's approval.

    Raises:
        Refused: not in force, dropped already, not sealed, or the grace period is not over; nothing was touched.
        ApprovalNeeded: nobody approved it yet.
    """
    refuse_early(find_standing(surroundings, name).state, surroundings.now(), now=now)  # before a ledger is made
    with locked_connection(surroundings, name, "drop") as connection:
        state = ledger_folds.fold_state(connection, name)
        refuse_early(state, surroundings.now(), now=now)
        assert state.run is not None
        folded = ledger_runs.find_run(connection, state.run)
        if folded is None:
            raise StateUnknown(f"{name}: the ledger lost run {state.run}; nothing was touched")
        work = load_working(surroundings, connection, folded, "drop")
        if needs_approval(work.fold.spec, "drop"):
            need_approval(work, "drop")
        return _drop(_drop_run(work), state)


def refuse_early(state: FoldState, at: datetime, *, now: bool) -> None:
    """Let a fold be dropped only when it is in force, sealed, and its grace period over.

    Raises:
        Refused: it is not.
    """
    if state.standing is FoldStanding.DROPPED:
        raise Refused(
            f"{state.name}: the archived tables were dropped already; pgfold rollback {state.name} still works"
        )
    if not state.in_force or state.cut_over_at is None:
        raise Refused(f"{state.name} is not folded, so there is nothing to drop; pgfold run {state.name}")
    if state.sealed_location is None:
        raise Refused(f"{state.name}: the sealed backup is missing; pgfold run {state.name} writes it")
    ends = state.cut_over_at + (state.drop_after or timedelta())
    if at < ends and not now:
        raise Refused(
            f"{state.name}: the grace period lasts until {ends:%Y-%m-%d %H:%M} UTC;"
            f" wait, or pgfold drop {state.name} --now"
        )


def _drop_run(work: Working) -> Working:
    """The same work under a run of its own; a killed one goes on."""
    unfinished = ledger_runs.find_unfinished_run(work.connection, work.fold.name, RunKind.DROP)
    if unfinished is not None:
        ledger_runs.resume_run(work.connection, unfinished, dagster_run_id=work.surroundings.dagster_run_id)
        return replace(work, run=unfinished)
    run = ledger_runs.start_run(
        work.connection,
        id=work.surroundings.new_id(),
        fold=work.fold.name,
        kind=RunKind.DROP,
        plan_hash=work.run.plan_hash,
        spec_sha256=work.run.spec_sha256,
        tracking_schema=work.run.tracking_schema,
        started_by=work.surroundings.person,
        at=work.surroundings.now(),
        dagster_run_id=work.surroundings.dagster_run_id,
    )
    return replace(work, run=run)


def _drop(work: Working, state: FoldState) -> Outcome:
    started = work.surroundings.now()
    assert state.sealed_location is not None
    with noted(work, "drop"):
        write_rollback_script(work, Path(state.sealed_location))
        with work.session.transaction():
            drilled = apply(Drop(work.fold, Path(state.sealed_location)), work.session)
            ledger_folds.set_fold_state(work.connection, replace(state, standing=FoldStanding.DROPPED))
        rows = drilled.rows
        facts: dict[str, JsonValue] = {"tables": len(work.fold.lens.archived), "rows": rows}
        note_done(work, "drop", facts)
        ledger_runs.finish_run(work.connection, work.run, work.surroundings.now())
    seconds = (work.surroundings.now() - started).total_seconds()
    tables = counted(len(work.fold.lens.archived), "archived table")
    sentence = f"{counted(rows, 'row')} of the sealed backup restored equal; dropped {tables}"
    return Outcome("drop", sentence, seconds, facts)
