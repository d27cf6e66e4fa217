"""A fold as the page shows it, read from the database at each of its steps, with what the run tells laid over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon.health import microseconds
from daemon.migrations.ledger import Books, read_books
from daemon.migrations.live import LiveFolds
from daemon.migrations.showing import Surroundings, show_migrations
from daemon.probes.finding import Status
from daemon.probes.postgres import PostgresLimits, look_at_postgres
from monitoring.wire import Event, Migration
from pipelines.database import approvals
from tests.chaos.stepping import Place
from tests.daemons import running
from tests.databases import Database
from tests.fix_dagster import Shop
from tests.fix_pooler import Pooler
from tests.folding import spec_text
from tests.observing import wait_until

AROUND = Surroundings(ZoneInfo("Australia/Melbourne"), "http://127.0.0.1:3000/")
TABLES = """
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO things SELECT -g, 'own ' || g FROM generate_series(1, 20) g;
CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO a SELECT g, 'a' || g FROM generate_series(1, 500) g;
ANALYZE things, a;
"""
NAME = "things"
TEXT = spec_text("things", "table: a\nset: {origin: a}", more="batch_rows: 100\nadd_columns: {origin: {type: text}}")


def read(database: Database) -> Books:
    return asyncio.run(read_books(database.url, "public", 5))


def shown(database: Database, live: LiveFolds | None = None) -> Migration:
    (migration,) = show_migrations(read(database), live.folds if live is not None else {}, AROUND)
    return migration


def states(migration: Migration) -> str:
    """One letter a step, from plan to drop: the state's first."""
    return " ".join(f"{step.title}:{step.state}" for step in migration.steps)


def assert_empty(books: Books) -> None:
    assert (books.folds, books.tracked, books.drills) == ((), (), ())
    assert " · PostgreSQL 18." in books.database


@pytest.fixture
def tables(database: Database) -> Database:
    database.run(TABLES)
    return database


def test_a_database_without_books_has_no_folds(database: Database) -> None:
    assert_empty(read(database))


def test_a_fold_is_shown_at_each_of_its_steps(tables: Database, tmp_path: Path) -> None:
    place = Place(tables, tmp_path, TEXT)
    place.plan()
    place.take("export")
    exported = shown(tables)
    assert exported.state == "running"
    assert states(exported).startswith("Plan:done Export:done Add columns:to_come")
    assert exported.steps[1].sentence.startswith("2 tables, ")
    assert [(s.table, s.rows) for s in exported.sources] == [("a", 500)]
    assert exported.target is not None
    assert (exported.target.table, exported.target.rows_before) == ("things", 20)
    assert exported.undo is not None
    assert exported.undo.possible is None

    for step in ("add_columns", "map_fields", "verify"):
        place.take(step)
    verified = shown(tables)
    assert [step.sentence for step in verified.steps[2:5]] == ["1 column, capture on", "500 rows", "0 rows differ"]
    assert {check.state for check in verified.checks} == {"passed"}
    assert any("500 of 500" in check.sentence for check in verified.checks)

    place.take("cut_over")
    folded = shown(tables)
    assert folded.state == "folded"
    assert folded.steps[5].state == "done"
    assert folded.locks is not None
    assert folded.locks.window_ms is not None
    assert folded.locks.planned_ms == 10
    assert folded.target is not None
    assert folded.target.rows_before == 20
    assert folded.steps[0].sentence.endswith(", 500 rows proven")
    assert folded.locks.sentence == "2 tables locked in 1 try; 0 changed rows replayed."
    assert "sealed" in [check.name for check in folded.checks]
    assert all(step.took_ns is not None for step in folded.steps[1:6])
    assert folded.steps[6].state == "waiting"
    assert folded.waits_for is not None
    assert folded.waits_for.command == f"pgfold approve {NAME} drop"
    assert folded.waits_for.sentence == "Dropping the 1 archived table needs a person:"
    assert folded.undo is not None
    assert folded.undo.sentence.startswith("Not computed since the cut-over: ")

    place.take("rollback")
    back = shown(tables)
    assert (back.state, back.steps[-1].title, back.steps[-1].state) == ("rolled_back", "Roll back", "done")
    assert back.waits_for is None


def test_what_a_run_tells_is_newer_than_the_books(tables: Database, tmp_path: Path) -> None:
    place = Place(tables, tmp_path, TEXT)
    place.plan()
    for step in ("export", "add_columns"):
        place.take(step)
    name = NAME
    now_us = microseconds(datetime.now(UTC))
    live = LiveFolds()
    about = {
        "pgfold.fold": name,
        "pgfold.step": "map_fields",
        "pgfold.state": "running",
        "pgfold.dagster_run": "7c2e41",
    }
    live.hear([
        Event(at_us=now_us, name="migration.step", kind="migration", attributes={**about}),
        Event(at_us=now_us + 9, name="migration.step", kind="migration", attributes={
            **about, "pgfold.rows_done": 300, "pgfold.rows_total": 500, "pgfold.rows_per_s": 100}),
        Event(at_us=now_us + 10, name="migration.check", kind="migration", attributes={
            "pgfold.fold": name, "pgfold.check": "can_roll_back", "pgfold.passed": True,
            "pgfold.sentence": "2 edited rows would go home with their edits"}),
    ])  # fmt: skip
    running = shown(tables, live)
    assert (running.state, running.steps[3].state, running.steps[3].at_us) == ("running", "running", now_us)
    assert running.progress is not None
    progress = running.progress
    assert (progress.rows_done, progress.rows_total, progress.rows_per_s, progress.time_left_s) == (300, 500, 100, 2.0)
    assert running.dagster_url == "http://127.0.0.1:3000/runs/7c2e41"
    assert running.undo is not None
    assert (running.undo.possible, running.undo.sentence) == (True, "2 edited rows would go home with their edits.")

    place.take("map_fields")
    assert shown(tables, live).steps[3].state == "done"


def test_a_step_that_waits_for_a_person_names_the_command(tables: Database, tmp_path: Path) -> None:
    place = Place(tables, tmp_path, TEXT)
    place.plan()
    place.take("export")
    fold = read(tables).folds[0].fold
    assert fold.plan_hash is not None
    with tables.connect() as connection:
        approvals.request_approval(connection, fold.name, "cut_over", fold.plan_hash, datetime.now(UTC))
    waiting = shown(tables)
    assert waiting.waits_for is not None
    assert waiting.waits_for.command == f"pgfold approve {fold.name} cut_over"
    assert fold.plan_hash[:6] in waiting.waits_for.sentence


def test_a_run_that_nobody_works_on_any_more_says_so(tables: Database, tmp_path: Path) -> None:
    place = Place(tables, tmp_path, TEXT)
    place.plan()
    place.take("export")
    tables.run("""
        UPDATE pgfold.steps SET started_at = started_at - interval '1 h', finished_at = finished_at - interval '1 h';
        UPDATE pgfold.runs SET started_at = started_at - interval '1 h';
        INSERT INTO pgfold.steps (run, name, status, started_at)
            SELECT id, 'add_columns', 'running', started_at + interval '1 min' FROM pgfold.runs
    """)
    stopped = shown(tables)
    assert (stopped.state, stopped.steps[2].state) == ("waiting", "waiting")
    assert stopped.waits_for is not None
    assert stopped.waits_for.command == f"pgfold run {NAME}"


def test_a_role_that_may_read_nothing_gets_an_empty_answer(tables: Database, tmp_path: Path) -> None:
    place = Place(tables, tmp_path, TEXT)
    place.plan()
    place.take("export")
    tables.run("CREATE ROLE onlooker LOGIN")
    conninfo = make_conninfo(tables.url, user="onlooker")
    try:
        assert_empty(asyncio.run(read_books(conninfo, "public", 5)))
        tables.run("GRANT SELECT ON schema_migrations TO onlooker")
        tracked = asyncio.run(read_books(conninfo, "public", 5))
        (migration,) = show_migrations(tracked, {}, AROUND)
        assert (migration.fold, migration.state, migration.steps) == (NAME, "running", [])
    finally:
        tables.run("REVOKE ALL ON schema_migrations FROM onlooker; DROP ROLE onlooker")


def test_reading_waits_for_no_lock(tables: Database, tmp_path: Path) -> None:
    place = Place(tables, tmp_path, TEXT)
    place.plan()
    place.take("export")
    with tables.connect() as holder, holder.transaction():
        holder.execute("LOCK TABLE pgfold.steps")
        began = time.monotonic()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            asyncio.run(read_books(tables.url, "public", 0.2))
        assert time.monotonic() - began < 2


def test_another_programs_tracking_table_is_no_error(database: Database) -> None:
    database.run("CREATE TABLE schema_migrations (version bigint); INSERT INTO schema_migrations VALUES (1)")
    assert_empty(read(database))


def test_a_run_is_seen_on_the_daemon_while_it_goes_on_and_after(new_shop: Callable[..., Shop], tmp_path: Path) -> None:
    shop = new_shop()
    settings = {"DATABASE_URL": shop.settings.database_url or "", "BACKUPS": str(shop.settings.backups)}
    with running(tmp_path / "daemon", **settings, DAGSTER_URL="http://127.0.0.1:1") as daemon:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("MONITORING_INGEST", daemon.ingest)
            ended = shop.command("run", shop.name)
        assert ended.returncode == 0, ended.stderr
        seen = [
            (event["attributes"]["pgfold.step"], event["attributes"]["pgfold.state"])
            for event in daemon.get("api/events?kind=migration&limit=500")[1]["events"]
            if event["name"] == "migration.step"
        ]
        assert {("plan", "running"), ("map_fields", "done"), ("cut_over", "done")} <= set(seen)
        wait_until(lambda: "folded" in str(daemon.get("api/migrations")[1]), 10, "the fold is not shown")
        wait_until(lambda: daemon.get("api/backups")[1]["backups"]["kept"] == 2, 10, "the backups are not shown")
        (fold,) = daemon.get("api/migrations")[1]["migrations"]
        assert [step["state"] for step in fold["steps"]] == ["done"] * 6 + ["waiting"]
        assert all(step["took_ns"] for step in fold["steps"][:6])
        assert fold["undo"]["possible"] is True
        assert fold["dagster_url"].startswith("http://127.0.0.1:1/runs/")
        backups = daemon.get("api/backups")[1]["backups"]
        assert {one["state"] for one in backups["list"]} == {"good"}
        assert daemon.get("api/page")[1]["hello"]["title"].startswith(f"{shop.database.name} · PostgreSQL 18.")


def test_a_transaction_pooler_is_read_through_and_keeps_none_of_the_limits(
    tables: Database, tmp_path: Path, new_pooler: Callable[[bool], Pooler]
) -> None:
    place = Place(tables, tmp_path, TEXT)
    place.plan()
    place.take("export")
    url = new_pooler(True).url
    assert [books.fold.name for books in asyncio.run(read_books(url, "public", 5)).folds] == [NAME]
    assert asyncio.run(look_at_postgres(url, PostgresLimits(), 5)).status is Status.HEALTHY
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as next_client:
        left = next_client.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        assert left.fetchone() == ("0", "0")
