"""How folds stand, which share a table, what they recorded, and what is left when one is forgotten."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from pipelines.core.errors import StateUnknown
from pipelines.core.ledger_rows import FoldStanding, FoldState, FoldTable, PlanRecord, Run, RunKind, TableRole
from pipelines.core.recorded import Recorded
from pipelines.core.schema import Schema, Table, TableKind, TableName
from pipelines.database.approvals import approvals_of, approve, load_plan, save_plan
from pipelines.database.connection import Connection
from pipelines.database.ledger_batches import add_batches, batches_of
from pipelines.database.ledger_folds import (
    fold_state,
    fold_states,
    folds_on_table,
    forget,
    load_recorded,
    save_recorded,
    set_fold_state,
)
from pipelines.database.ledger_runs import finish_run, runs_of
from pipelines.database.ledger_steps import start_step, steps_of
from pipelines.database.set_aside import Leftover, set_aside, set_aside_rows
from pipelines.database.tracking import migrations_of
from tests.databases import Database
from tests.dump import dump
from tests.fix_ledger import BEGUN, begin_run

TARGET = TableName("public", "exai_issues")
ODD = TableName('a "b".c', "Ünïcode")
RECORDED = Recorded(
    "issues", "target: public.exai_issues\n", Schema({TARGET: Table(TARGET, 1, TableKind.TABLE, ())}), {}
)


def state(name: str = "issues", standing: FoldStanding = FoldStanding.FOLDED, hours: int | None = 0) -> FoldState:
    """A fold on the same target, cut over so many hours after the beginning; None: not yet."""
    return FoldState(
        name=name,
        standing=standing,
        target=TARGET,
        cut_over_at=None if hours is None else BEGUN + timedelta(hours=hours),
        drop_after=timedelta(days=7, hours=1),
        backup_location=f"backups/{name}/one",
        sealed_location=f"backups/{name}/one-sealed",
        tables=(FoldTable(ODD, TableRole.CHILD), FoldTable(ODD, TableRole.SOURCE), FoldTable(TARGET, TableRole.TARGET)),
    )


def in_order(found: FoldState) -> FoldState:
    return replace(found, tables=tuple(sorted(found.tables)))


def test_a_fold_stands_as_it_was_set(ledger: Connection, fold_run: Run) -> None:
    assert fold_state(ledger, "issues") == FoldState("issues", FoldStanding.NONE)
    first = replace(state(), run=fold_run.id)
    set_fold_state(ledger, first)
    assert in_order(fold_state(ledger, "issues")) == first
    assert fold_state(ledger, "issues").tables_of(TableRole.SOURCE) == (ODD,)

    bare = FoldState("issues", FoldStanding.ROLLED_BACK)
    set_fold_state(ledger, bare)
    assert fold_state(ledger, "issues") == bare


@pytest.mark.parametrize("standing", FoldStanding)
def test_every_standing_is_kept_and_two_are_in_force(ledger: Connection, standing: FoldStanding) -> None:
    set_fold_state(ledger, FoldState("issues", standing))
    found = fold_state(ledger, "issues")
    assert found.standing is standing
    assert found.in_force is (standing in {FoldStanding.FOLDED, FoldStanding.DROPPED})


def test_a_state_is_set_with_the_callers_transaction(ledger: Connection) -> None:
    set_fold_state(ledger, state())
    with ledger.transaction(force_rollback=True):
        set_fold_state(ledger, FoldState("issues", FoldStanding.ROLLED_BACK))
    assert in_order(fold_state(ledger, "issues")) == state()


def test_folds_on_a_table_come_in_order_of_cut_over(ledger: Connection) -> None:
    for made in (
        state("late", hours=9),
        state("early", FoldStanding.DROPPED, hours=1),
        state("under_way", FoldStanding.FOLDING, hours=None),
        state("undone", FoldStanding.ROLLED_BACK, hours=2),
        state("mine", hours=3),
        replace(state("elsewhere"), tables=(FoldTable(TableName("other", "exai_issues"), TableRole.TARGET),)),
    ):
        set_fold_state(ledger, made)
    for table in (TARGET, ODD):
        found = folds_on_table(ledger, table, besides="mine")
        assert [fold.name for fold in found] == ["early", "late", "under_way"]
    assert folds_on_table(ledger, TableName("public", "nobody"), besides="mine") == ()
    assert [fold.name for fold in fold_states(ledger)] == ["elsewhere", "early", "undone", "mine", "late", "under_way"]


def test_what_was_recorded_outlasts_every_change_of_state(ledger: Connection) -> None:
    with pytest.raises(StateUnknown, match="no fold issues"):
        save_recorded(ledger, "issues", RECORDED)
    set_fold_state(ledger, state())
    assert load_recorded(ledger, "issues") is None
    save_recorded(ledger, "issues", RECORDED)
    set_fold_state(ledger, replace(state(), standing=FoldStanding.ROLLED_BACK))
    assert load_recorded(ledger, "issues") == RECORDED


ROW_MAP = TableName("pgfold", "map_issues")


def fill(connection: Connection, fold: str, number: int) -> Run:
    """Something of this fold in every table of the ledger, and two runs."""
    run = begin_run(connection, fold=fold, number=number)
    set_fold_state(connection, replace(state(fold), run=run.id))
    finish_run(connection, run, BEGUN)
    begin_run(connection, fold=fold, kind=RunKind.ROLLBACK, number=number + 1)
    start_step(connection, run.id, "export", BEGUN)
    add_batches(connection, run.id, ODD, [("1",)])
    save_plan(connection, PlanRecord(fold, "3f9a1c", "spec", "document", BEGUN))
    approve(connection, fold, "drop", "3f9a1c", "grace", BEGUN)
    set_aside(connection, run, [Leftover(ODD, {"id": "1", "note": None}, "no counterpart")], BEGUN)
    return run


def counts(database: Database) -> dict[str, object]:
    """How many rows each of the ledger's tables has."""
    names = [name for (name,) in database.rows("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'pgfold'")]
    return {str(name): database.value(f'SELECT count(*) FROM pgfold."{name}"') for name in names}


def test_a_fold_is_forgotten_without_a_trace_and_others_are_not(ledger: Connection, database: Database) -> None:
    fill(ledger, "files", 10)
    kept = dump(database, with_own=True)
    forgotten = fill(ledger, "issues", 20)
    ledger.execute("CREATE TABLE pgfold.map_issues (s1 text)")
    with ledger.transaction():
        forget(ledger, "issues", [ROW_MAP, TableName("pgfold", "never_made")])
    for found in (runs_of(ledger, "issues"), approvals_of(ledger, "issues"), set_aside_rows(ledger, "issues")):
        assert found == ()
    assert (steps_of(ledger, forgotten.id), batches_of(ledger, forgotten.id)) == ((), ())
    assert load_plan(ledger, "issues", "3f9a1c") is None
    assert fold_state(ledger, "issues") == FoldState("issues")
    assert [m.status for m in migrations_of(ledger, "public", "issues")] == ["completed"]
    ledger.execute("DELETE FROM public.schema_migrations WHERE migration_name = 'issues'")
    assert without_sequences(dump(database, with_own=True)) == without_sequences(kept)


def without_sequences(text: str) -> list[str]:
    return [line for line in text.splitlines() if "pg_catalog.setval" not in line]


def test_forgetting_fills_every_table_it_empties(ledger: Connection, database: Database) -> None:
    fill(ledger, "issues", 1)
    before = counts(database)
    assert all(before.values())
    forget(ledger, "issues", [])
    assert counts(database) == {name: 1 if name == "alembic_version" else 0 for name in before}


@pytest.mark.parametrize(
    "table", [TARGET, TableName("pgfold", "runs"), TableName("pgfold", "alembic_version"), TableName("pgfold_a", "t")]
)
def test_only_a_folds_own_tables_are_dropped(ledger: Connection, database: Database, table: TableName) -> None:
    fill(ledger, "issues", 1)
    before = dump(database, with_own=True)
    with pytest.raises(ValueError, match=f"not tables of one fold in schema pgfold: {table}"):
        forget(ledger, "issues", [ROW_MAP, table])
    assert dump(database, with_own=True) == before


def test_a_table_in_use_is_not_waited_for_without_end(ledger: Connection, database: Database) -> None:
    fill(ledger, "issues", 1)
    ledger.execute("CREATE TABLE pgfold.map_issues (s1 text)")
    with closing(database.connect()) as other, other.transaction():
        other.execute("SELECT * FROM pgfold.map_issues")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            forget(ledger, "issues", [ROW_MAP], lock_timeout_s=0.01)
    assert fold_state(ledger, "issues").run == UUID(int=1)
    assert ledger.execute("SHOW lock_timeout").fetchone() == ("0",)
