"""Key ranges: without a gap, taken by one worker each, free again when it dies, done together with their rows."""

from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import timedelta

import psycopg
import pytest

from pipelines.core.errors import StateUnknown
from pipelines.core.ledger_rows import Batch, BatchTotals, Key, Run
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.ledger_batches import add_batches, batch_totals, batches_of, finish_batch, take_batch
from tests.databases import Database
from tests.fix_ledger import BEGUN

ISSUES = TableName("public", "issues")
TRACKER = TableName("public", "exai_issues_tracker")
LATER = BEGUN + timedelta(minutes=1)
AWKWARD: Key = ('a "b" {c},\\', "NULL", "", "ü\n")


@pytest.mark.parametrize("bounds", [[], [("7",)], [("10", "b"), ("9", "a"), AWKWARD]])
def test_ranges_follow_each_other_from_start_to_end(ledger: Connection, fold_run: Run, bounds: list[Key]) -> None:
    add_batches(ledger, fold_run.id, ISSUES, bounds)
    found = batches_of(ledger, fold_run.id)
    assert [batch.number for batch in found] == list(range(1, len(bounds) + 2))
    assert [batch.from_key for batch in found] == [None, *bounds]
    assert [batch.to_key for batch in found] == [*bounds, None]
    assert {(batch.rows, batch.done_at) for batch in found} == {(None, None)}


def test_a_source_is_cut_once_a_run(ledger: Connection, fold_run: Run) -> None:
    add_batches(ledger, fold_run.id, ISSUES, [("7",)])
    with pytest.raises(psycopg.errors.UniqueViolation), ledger.transaction():
        add_batches(ledger, fold_run.id, ISSUES, [("8",)])
    assert batches_of(ledger, fold_run.id)[0].to_key == ("7",)


def take(connection: Connection, run: Run, source: TableName | None = None) -> int | None:
    batch = take_batch(connection, run.id, source)
    return batch.number if batch else None


def test_each_worker_gets_another_one(ledger: Connection, database: Database, fold_run: Run) -> None:
    add_batches(ledger, fold_run.id, ISSUES, [("7",)])
    with closing(database.connect_as_pgfold()) as one, closing(database.connect_as_pgfold()) as other:
        with one.transaction(), other.transaction():
            assert [take(one, fold_run), take(other, fold_run)] == [1, 2]
            with ledger.transaction():
                assert take(ledger, fold_run) is None
            assert not batch_totals(ledger, fold_run.id)[0].complete
        with ledger.transaction():
            assert take(ledger, fold_run) == 1  # nobody finished it


def test_a_killed_workers_batch_is_free_again(ledger: Connection, database: Database, fold_run: Run) -> None:
    add_batches(ledger, fold_run.id, ISSUES, [])
    with closing(database.connect_as_pgfold()) as worker:
        with suppress(psycopg.OperationalError), worker.transaction():
            assert take(worker, fold_run) == 1
            # waits until the process is gone
            ledger.execute("SELECT pg_catalog.pg_terminate_backend(%s, 30000)", [worker.info.backend_pid])
            worker.execute("SELECT 1")
        assert worker.closed
    with ledger.transaction():
        assert take(ledger, fold_run) == 1


def test_a_batch_is_done_with_its_rows_or_not_at_all(ledger: Connection, database: Database, fold_run: Run) -> None:
    database.run("CREATE TABLE staged (key text)")
    add_batches(ledger, fold_run.id, ISSUES, [("7",)])
    for rolled_back in (True, False):
        with ledger.transaction(force_rollback=rolled_back):
            batch = take_batch(ledger, fold_run.id)
            assert batch is not None
            ledger.execute("INSERT INTO public.staged VALUES ('1')")
            finish_batch(ledger, batch, 1, LATER)
    assert database.value("SELECT count(*) FROM staged") == 1
    done, open_ = batches_of(ledger, fold_run.id)
    assert done == Batch(fold_run.id, ISSUES, 1, None, ("7",), 1, LATER)
    assert open_.done_at is None


def test_a_batch_is_done_once(ledger: Connection, fold_run: Run) -> None:
    add_batches(ledger, fold_run.id, ISSUES, [])
    (batch,) = batches_of(ledger, fold_run.id)
    finish_batch(ledger, batch, 3, LATER)
    with pytest.raises(StateUnknown, match=r"no open batch 1 of public\.issues"):
        finish_batch(ledger, batch, 3, LATER)
    with ledger.transaction():
        assert take(ledger, fold_run) is None


def test_a_batch_is_taken_inside_a_transaction_only(ledger: Connection, fold_run: Run) -> None:
    add_batches(ledger, fold_run.id, ISSUES, [])
    with pytest.raises(ValueError, match="open transaction"):
        take_batch(ledger, fold_run.id)


def test_a_worker_may_ask_for_one_source(ledger: Connection, fold_run: Run) -> None:
    add_batches(ledger, fold_run.id, TRACKER, [])
    add_batches(ledger, fold_run.id, ISSUES, [("7",)])
    with ledger.transaction():
        assert take_batch(ledger, fold_run.id) == batches_of(ledger, fold_run.id)[0]
        batch = take_batch(ledger, fold_run.id, ISSUES)
        assert batch is not None
        assert (batch.source, batch.number) == (ISSUES, 1)
        assert take_batch(ledger, fold_run.id, TableName("public", "others")) is None


def finish_all(connection: Connection, run: Run, rows: Sequence[int]) -> None:
    for count in rows:
        with connection.transaction():
            batch = take_batch(connection, run.id)
            assert batch is not None
            finish_batch(connection, batch, count, LATER)


def test_totals_count_what_is_done(ledger: Connection, fold_run: Run) -> None:
    assert batch_totals(ledger, fold_run.id) == ()
    add_batches(ledger, fold_run.id, TRACKER, [("1",), ("2",)])
    add_batches(ledger, fold_run.id, ISSUES, [])
    assert batch_totals(ledger, fold_run.id)[1] == BatchTotals(ISSUES, 1, 0, 0)
    finish_all(ledger, fold_run, [20_000, 5, 7])
    tracker, issues = batch_totals(ledger, fold_run.id)
    assert (tracker, tracker.complete) == (BatchTotals(TRACKER, 3, 3, 20_012), True)
    assert (issues, issues.complete) == (BatchTotals(ISSUES, 1, 0, 0), False)
