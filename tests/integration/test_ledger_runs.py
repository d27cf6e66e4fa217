"""A run's life in the ledger, and schema_migrations true at each turn of it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest

from pipelines.core.errors import StateUnknown
from pipelines.core.ledger_rows import Facts, MigrationRecord, Run, RunKind, RunStatus, StepStatus
from pipelines.database.approvals import approval_of, approve, withdraw_approvals
from pipelines.database.connection import Connection
from pipelines.database.ledger_runs import (
    fail_run,
    find_run,
    find_unfinished_run,
    finish_run,
    record_backup,
    record_cut_over,
    record_rolled_back,
    resume_run,
    runs_of,
)
from pipelines.database.ledger_steps import fail_step, finish_step, report_progress, start_step, steps_of
from pipelines.database.tracking import migrations_of
from tests.databases import Database
from tests.fix_ledger import BEGUN, begin_run

LATER = BEGUN + timedelta(minutes=5)
LAST = BEGUN + timedelta(minutes=9)


def migration(connection: Connection) -> MigrationRecord:
    """The only row of schema_migrations."""
    (only,) = migrations_of(connection, "public", "issues")
    return only


def found(connection: Connection, run: Run) -> Run:
    """The run as it stands now."""
    again = find_run(connection, run.id)
    assert again is not None
    return again


def test_a_run_that_begins_is_in_progress_with_a_migration_of_its_id(ledger: Connection, fold_run: Run) -> None:
    assert found(ledger, fold_run) == fold_run
    assert fold_run.status is RunStatus.IN_PROGRESS
    assert migration(ledger) == MigrationRecord(
        id=fold_run.migration_id,
        migration_name="issues",
        migration_type="consolidation",
        status="in_progress",  # type: ignore[arg-type]  # equal to its enum member
        started_at=BEGUN,
        completed_at=None,
        error_message=None,
        backup_location=None,
        rollback_script=None,
        created_at=BEGUN,
    )


Turn = Callable[[Connection, Run], None]


def cut(connection: Connection, run: Run) -> None:
    record_cut_over(connection, run, LATER)


def fail(connection: Connection, run: Run) -> None:
    fail_run(connection, run, "the disk is full", LAST)


def resume(connection: Connection, run: Run) -> None:
    resume_run(connection, run)


def finish(connection: Connection, run: Run) -> None:
    finish_run(connection, run, LAST)


def undo(connection: Connection, run: Run) -> None:
    rollback = begin_run(connection, kind=RunKind.ROLLBACK, number=2, at=LATER)
    finish_run(connection, rollback, LAST)


def drop(connection: Connection, run: Run) -> None:
    finish_run(connection, begin_run(connection, kind=RunKind.DROP, number=3, at=LATER), LAST)


@pytest.mark.parametrize(
    ("turns", "run_status", "status", "completed", "error"),
    [
        ([cut], "in_progress", "completed", True, None),
        ([cut, finish], "completed", "completed", True, None),
        ([finish], "completed", "completed", True, None),
        ([fail], "failed", "failed", False, "the disk is full"),
        ([fail, fail], "failed", "failed", False, "the disk is full"),
        ([fail, resume], "in_progress", "in_progress", False, None),
        ([resume], "in_progress", "in_progress", False, None),
        ([fail, resume, cut, finish], "completed", "completed", True, None),
        ([cut, fail], "failed", "completed", True, "the disk is full"),
        ([cut, fail, resume], "in_progress", "completed", True, None),
        ([cut, finish, undo], "rolled_back", "rolled_back", True, None),
        ([cut, finish, drop], "completed", "completed", True, None),
        ([cut, finish, drop, undo], "rolled_back", "rolled_back", True, None),
        ([fail, undo], "rolled_back", "rolled_back", False, "the disk is full"),
        ([undo], "rolled_back", "rolled_back", False, None),
    ],
)
def test_a_migration_tells_the_truth_after(
    ledger: Connection,
    fold_run: Run,
    turns: list[Turn],
    run_status: str,
    status: str,
    completed: bool,
    error: str | None,
) -> None:
    for turn in turns:
        turn(ledger, fold_run)
    assert found(ledger, fold_run).status == run_status
    told = migration(ledger)
    assert (told.status, told.completed_at is not None, told.error_message) == (status, completed, error)
    assert told.started_at == BEGUN


def test_a_migration_is_completed_when_the_cut_over_was_not_when_the_run_ended(
    ledger: Connection, fold_run: Run
) -> None:
    record_cut_over(ledger, fold_run, LATER)
    finish_run(ledger, fold_run, LAST)
    assert migration(ledger).completed_at == LATER
    assert found(ledger, fold_run).finished_at == LAST


def test_a_migration_that_somebody_removed_is_there_again(ledger: Connection, fold_run: Run) -> None:
    ledger.execute("DELETE FROM public.schema_migrations")
    record_cut_over(ledger, fold_run, LATER)
    assert (migration(ledger).id, migration(ledger).status) == (fold_run.id, "completed")


def test_a_migration_stays_in_the_schema_it_was_begun_in(ledger: Connection, fold_run: Run) -> None:
    ledger.execute("CREATE SCHEMA elsewhere; ALTER TABLE public.schema_migrations SET SCHEMA elsewhere")
    ledger.execute("UPDATE pgfold.runs SET tracking_schema = 'elsewhere'")
    rollback = begin_run(ledger, kind=RunKind.ROLLBACK, number=2, at=LATER)  # told of public, as the first run was
    assert rollback.tracking_schema == "elsewhere"
    finish_run(ledger, rollback, LAST)
    assert [m.status for m in migrations_of(ledger, "elsewhere", "issues")] == ["rolled_back"]


def test_the_backup_and_the_way_back_are_told(ledger: Connection, fold_run: Run) -> None:
    record_backup(ledger, fold_run, "backups/issues/one", "backups/issues/one/rollback.sql")
    record_backup(ledger, fold_run, "backups/issues/one-sealed")
    told, run = migration(ledger), found(ledger, fold_run)
    assert told.backup_location == run.backup_location == "backups/issues/one-sealed"
    assert told.rollback_script == run.rollback_script == "backups/issues/one/rollback.sql"


@pytest.mark.parametrize("turn", [cut, fail, resume, finish])
@pytest.mark.parametrize("end", [finish, undo])
def test_a_finished_run_does_not_change(ledger: Connection, fold_run: Run, end: Turn, turn: Turn) -> None:
    end(ledger, fold_run)
    before = found(ledger, fold_run), migration(ledger)
    with pytest.raises(StateUnknown, match=r"fold run 0.*1 of issues"):
        turn(ledger, fold_run)
    assert (found(ledger, fold_run), migration(ledger)) == before


@pytest.mark.parametrize("turn", [cut, fail, resume, finish, undo])
def test_a_run_and_its_migration_are_written_with_the_callers_transaction(
    ledger: Connection, database: Database, fold_run: Run, turn: Turn
) -> None:
    before = found(ledger, fold_run), migration(ledger)
    with ledger.transaction(force_rollback=True):
        turn(ledger, fold_run)
        assert database.value("SELECT status FROM pgfold.runs WHERE kind = 'fold'") == "in_progress"
    assert (found(ledger, fold_run), migration(ledger)) == before
    assert len(runs_of(ledger, "issues")) == 1


@pytest.mark.parametrize("kind", [RunKind.ROLLBACK, RunKind.DROP])
def test_a_fold_that_was_never_run_has_no_way_back(ledger: Connection, kind: RunKind) -> None:
    begin_run(ledger, fold="files")
    with pytest.raises(StateUnknown, match=f"issues was never run, so no {kind} is due"):
        begin_run(ledger, kind=kind, number=2)
    assert runs_of(ledger, "issues") == ()


def test_a_rollback_is_about_the_latest_fold_run(ledger: Connection, fold_run: Run) -> None:
    finish_run(ledger, fold_run, LATER)
    first = begin_run(ledger, kind=RunKind.ROLLBACK, number=2, at=LATER)
    finish_run(ledger, first, LATER)
    again = begin_run(ledger, number=3, at=LATER)
    finish_run(ledger, again, LAST)
    second = begin_run(ledger, kind=RunKind.ROLLBACK, number=4, at=LAST)
    assert (first.fold_run, second.fold_run) == (fold_run.id, again.id)
    assert [m.status for m in migrations_of(ledger, "public", "issues")] == ["completed", "rolled_back"]
    finish_run(ledger, second, LAST)
    assert [m.status for m in migrations_of(ledger, "public", "issues")] == ["rolled_back", "rolled_back"]
    assert [run.id.int for run in runs_of(ledger, "issues")] == [4, 3, 2, 1]


def test_a_failed_rollback_leaves_the_fold_in_force(ledger: Connection, fold_run: Run) -> None:
    finish_run(ledger, fold_run, LATER)
    rollback = begin_run(ledger, kind=RunKind.ROLLBACK, number=2, at=LATER)
    fail_run(ledger, rollback, "blocked", LAST)
    assert migration(ledger).status == "completed"
    assert find_unfinished_run(ledger, "issues", RunKind.ROLLBACK) == found(ledger, rollback)


def test_only_a_rollback_undoes(ledger: Connection, fold_run: Run) -> None:
    finish_run(ledger, fold_run, LATER)
    dropping = begin_run(ledger, kind=RunKind.DROP, number=2, at=LATER)
    for run in (fold_run, dropping):
        with pytest.raises(StateUnknown):
            record_rolled_back(ledger, run, LAST)
    assert migration(ledger).status == "completed"


def test_an_approval_for_one_fold_is_none_for_the_next(ledger: Connection, fold_run: Run) -> None:
    approve(ledger, "issues", "drop", "3f9a1c", "grace", LATER)
    approve(ledger, "files", "drop", "3f9a1c", "grace", LATER)
    undo(ledger, fold_run)
    assert approval_of(ledger, "issues", "drop", "3f9a1c") is None
    assert approval_of(ledger, "files", "drop", "3f9a1c") is not None


def test_a_rollback_recorded_before_it_ends_withdraws_only_what_was_approved_then(
    ledger: Connection, fold_run: Run
) -> None:
    rollback = begin_run(ledger, kind=RunKind.ROLLBACK, number=2, at=LATER)
    record_rolled_back(ledger, rollback, LATER)
    approve(ledger, "issues", "cut_over", "3f9a1c", "grace", LATER)
    finish_run(ledger, rollback, LAST)
    assert approval_of(ledger, "issues", "cut_over", "3f9a1c") is not None
    assert migration(ledger).status == "rolled_back"
    assert found(ledger, rollback).status is RunStatus.COMPLETED
    withdraw_approvals(ledger, "issues", LAST)
    assert approval_of(ledger, "issues", "cut_over", "3f9a1c") is None


@pytest.mark.parametrize(
    ("turns", "unfinished"), [([], True), ([fail], True), ([fail, resume], True), ([finish], False), ([undo], False)]
)
def test_the_run_to_go_on_with_is_the_one_that_is_not_finished(
    ledger: Connection, fold_run: Run, turns: list[Turn], unfinished: bool
) -> None:
    for turn in turns:
        turn(ledger, fold_run)
    again = find_unfinished_run(ledger, "issues", RunKind.FOLD)
    assert (again is not None and again.id == fold_run.id) is unfinished
    assert find_unfinished_run(ledger, "files", RunKind.FOLD) is None


def test_a_run_that_another_one_followed_is_not_gone_on_with(ledger: Connection, fold_run: Run) -> None:
    fail(ledger, fold_run)
    finish_run(ledger, begin_run(ledger, number=2, at=LATER), LAST)
    assert find_unfinished_run(ledger, "issues", RunKind.FOLD) is None


def test_going_on_remembers_the_newest_dagster_run(ledger: Connection, fold_run: Run) -> None:
    resume_run(ledger, fold_run, dagster_run_id="b2")
    resume_run(ledger, fold_run)
    assert found(ledger, fold_run).dagster_run_id == "b2"


def test_a_step_is_begun_reported_failed_and_done(ledger: Connection, fold_run: Run) -> None:
    start_step(ledger, fold_run.id, "map_fields", BEGUN, rows_total=100)
    report_progress(ledger, fold_run.id, "map_fields", 40)
    fail_step(ledger, fold_run.id, "map_fields", "killed", LATER)
    (failed,) = steps_of(ledger, fold_run.id)
    assert (failed.status, failed.rows_done, failed.rows_total) == (StepStatus.FAILED, 40, 100)
    assert (failed.error, failed.duration) == ("killed", timedelta(minutes=5))

    start_step(ledger, fold_run.id, "map_fields", LATER)
    (again,) = steps_of(ledger, fold_run.id)
    assert (again.status, again.rows_done, again.rows_total) == (StepStatus.RUNNING, 40, 100)
    assert (again.error, again.finished_at, again.started_at) == (None, None, LATER)

    report_progress(ledger, fold_run.id, "map_fields", 120, 120)
    facts: Facts = {"rate": 1.5, "sources": [{"rows": 120, "lossy": None}], "text": 'a "quoted" ü', "equal": True}
    finish_step(ledger, fold_run.id, "map_fields", LAST, facts)
    (done,) = steps_of(ledger, fold_run.id)
    assert (done.status, done.rows_done, done.rows_total, done.facts) == (StepStatus.DONE, 120, 120, facts)
    assert (done.finished_at, done.error, done.duration) == (LAST, None, timedelta(minutes=4))


def test_steps_come_in_the_order_they_began(ledger: Connection, fold_run: Run) -> None:
    for minutes, name in enumerate(["export", "add_columns", "map_fields"]):
        start_step(ledger, fold_run.id, name, BEGUN + timedelta(minutes=minutes))
    assert [step.name for step in steps_of(ledger, fold_run.id)] == ["export", "add_columns", "map_fields"]
    assert steps_of(ledger, UUID(int=9)) == ()


def test_a_step_that_was_not_begun_cannot_end(ledger: Connection, fold_run: Run) -> None:
    ends: list[Callable[[], None]] = [
        lambda: finish_step(ledger, fold_run.id, "verify", LATER, {}),
        lambda: fail_step(ledger, fold_run.id, "verify", "no", LATER),
        lambda: report_progress(ledger, fold_run.id, "verify", 1),
    ]
    for end in ends:
        with pytest.raises(StateUnknown, match="no step verify of run"):
            end()
    with suppress(StateUnknown), ledger.transaction():
        start_step(ledger, fold_run.id, "verify", LATER)
        finish_step(ledger, fold_run.id, "plan", LATER, {})
    assert steps_of(ledger, fold_run.id) == ()
