"""Others at the cut-over: readers that stay, writers in another order or without pause, a host that interferes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from pipelines.core.errors import ConnectionLost, LockNotAvailable, WritersOutrun
from pipelines.database.connection import Connection
from pipelines.steps.session import Progress
from tests.cutting import Cutting, nothing, staged
from tests.databases import Database
from tests.dump import dump
from tests.folding import spec_text

NewDatabase = Callable[..., Database]
TABLES = """
CREATE TABLE things (id int PRIMARY KEY, name text);
INSERT INTO things VALUES (-1, 'own');
CREATE TABLE a (id int PRIMARY KEY, name text);
INSERT INTO a SELECT g, 'a' || g FROM generate_series(1, 300) g;
CREATE TABLE parts (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
INSERT INTO parts SELECT g, g FROM generate_series(1, 300) g;
"""


@pytest.fixture
def cutting(new_database: NewDatabase) -> Cutting:
    """Staged."""
    return staged(new_database(TABLES), spec_text("things", "table: a", more="lock_timeout: 100ms\nlock_wait: 30s"))


@pytest.fixture
def hasty(new_database: NewDatabase) -> Cutting:
    """Staged, with little patience."""
    return staged(new_database(TABLES), spec_text("things", "table: a", more="lock_timeout: 50ms\nlock_wait: 500ms"))


def is_as_archived(cutting: Cutting) -> None:
    """The target has the archive's rows."""
    archived = cutting.rows("SELECT id, name FROM pgfold_things_public.a ORDER BY id")
    assert cutting.rows("SELECT id, name FROM things WHERE id > 0 ORDER BY id") == archived


def nothing_changed(cutting: Cutting, before: str) -> None:
    """The application's tables are as they were."""
    assert dump(cutting.database) == before


@contextmanager
def transaction(cutting: Cutting, statement: str) -> Iterator[Connection]:
    """An application's transaction that has done that, and stays."""
    with cutting.database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(statement.encode())
        yield connection


@pytest.mark.parametrize(
    ("statement", "table"),
    [("SELECT * FROM a LIMIT 1", "a"), ("UPDATE things SET name = name", "things"), ("SELECT FROM parts", "parts")],
)
def test_who_stays_is_named_and_nobody_waits_long_behind_us(hasty: Cutting, statement: str, table: str) -> None:
    before, longest = dump(hasty.database), 0.0

    def write(_: float) -> None:
        """Between two tries nobody holds the application up."""
        nonlocal longest
        began = time.monotonic()
        hasty.database.run("UPDATE a SET name = name WHERE id = 1")
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.03)

    with transaction(hasty, statement) as reader:
        with pytest.raises(LockNotAvailable) as refused:
            hasty.cut(between_tries=write)
        pid = reader.info.backend_pid
    assert f"public.{table}" in str(refused.value)
    assert f"process {pid}" in str(refused.value)
    assert "nothing has changed" in str(refused.value)
    assert longest < 0.5
    nothing_changed(hasty, before)
    hasty.cut()
    is_as_archived(hasty)


def test_a_reader_who_leaves_in_time_costs_only_tries(cutting: Cutting) -> None:
    with cutting.database.connect() as reader:
        reader.execute("BEGIN; SELECT * FROM a LIMIT 1")

        def leave(_: float) -> None:
            reader.execute("ROLLBACK")

        window = cutting.cut(between_tries=leave)
    assert window.tries > 1
    assert window.seconds < 0.5
    is_as_archived(cutting)


def test_what_is_written_between_two_tries_is_in_the_target(cutting: Cutting) -> None:
    with cutting.database.connect() as reader:
        reader.execute("BEGIN; SELECT * FROM a LIMIT 1")

        def leave(_: float) -> None:
            cutting.database.run("UPDATE a SET name = 'late' WHERE id <= 200; DELETE FROM a WHERE id = 250")
            reader.execute("ROLLBACK")

        passes: list[Progress] = []
        cutting.cut(between_tries=leave, after_pass=passes.append)
    is_as_archived(cutting)
    assert cutting.rows("SELECT count(*) FROM things WHERE name = 'late'") == [(200,)]
    assert passes


def test_writers_that_never_pause_are_told_from_a_lock(new_database: NewDatabase) -> None:
    more = "INSERT INTO a SELECT g, 'a' FROM generate_series(301, 15000) g"
    cutting = staged(new_database(TABLES, more), spec_text("things", "table: a", more="lock_wait: 1s"))
    before = dump(cutting.database)

    def write(_: Progress | None = None) -> None:
        cutting.database.run("UPDATE a SET name = name || '.'")

    with pytest.raises(WritersOutrun, match=r"public\.a: written faster .* \d+ pass.* 15,000 changed keys still wait"):
        cutting.cut(once_inserted=write, after_pass=write)
    cutting.database.run("UPDATE a SET name = rtrim(name, '.')")
    nothing_changed(cutting, before)
    cutting.cut()
    is_as_archived(cutting)


def test_who_waits_for_our_rows_and_has_what_we_need_is_let_go_first(cutting: Cutting) -> None:
    """A deadlock in the making: the application's statement must not be the one that dies."""
    failures: list[Exception] = []
    done = threading.Event()

    def application() -> None:
        try:
            with transaction(cutting, "UPDATE a SET name = 'theirs' WHERE id = 1") as connection:
                connection.execute("INSERT INTO things VALUES (7, 'theirs')")  # our row has that key, unseen
        except Exception as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)
        finally:
            done.set()

    def begin() -> None:
        if not started:
            started.append(threading.Thread(target=application))
            started[0].start()
            wait_until(cutting, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                " AND query LIKE 'INSERT INTO things%'")  # fmt: skip

    def let_them_end(_: float) -> None:
        assert done.wait(10)

    started: list[threading.Thread] = []
    cutting.cut(once_inserted=begin, between_tries=let_them_end)
    started[0].join(10)
    assert failures == []
    is_as_archived(cutting)


def wait_until(cutting: Cutting, query: str) -> None:
    """Ask until it is so."""
    end = time.monotonic() + 10
    while cutting.rows(query) != [(True,)]:
        assert time.monotonic() < end, query
        time.sleep(0.005)


def test_writers_that_lock_in_another_order_do_not_die(cutting: Cutting) -> None:
    """Children first, then parents, and the other way round."""
    stop, failures = threading.Event(), []

    def application(row: int, tables: tuple[str, str]) -> None:
        with cutting.database.connect() as connection:
            while not stop.wait(0.002):
                try:
                    with connection.transaction():
                        for table in tables:
                            connection.execute(f"UPDATE {table} SET id = id WHERE id = {row}".encode())
                except psycopg.errors.UndefinedTable:
                    return
                except psycopg.Error as error:
                    failures.append(f"{tables}: {error}")
                    return

    orders = ((1, ("parts", "a")), (2, ("a", "parts")))
    threads = [threading.Thread(target=application, args=each) for each in orders]
    for thread in threads:
        thread.start()
    try:
        cutting.cut(between_tries=time.sleep)
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert failures == []
    is_as_archived(cutting)


@pytest.mark.parametrize("moment", ["caught_up", "once_inserted", "under_the_lock"])
def test_a_host_that_ends_the_session_costs_a_rerun(cutting: Cutting, moment: str) -> None:
    before = dump(cutting.database)

    def end(*_: object) -> None:
        signal(cutting, "pg_terminate_backend")

    with pytest.raises(ConnectionLost, match="run it again to go on"):
        cutting.cut(
            caught_up=end if moment == "caught_up" else nothing,
            once_inserted=end if moment == "once_inserted" else nothing,
            under_the_lock=end if moment == "under_the_lock" else nothing,
        )
    nothing_changed(cutting, before)
    cutting.cut()
    is_as_archived(cutting)


def test_a_host_that_ends_a_statement_costs_a_rerun(new_database: NewDatabase) -> None:
    cutting = staged(new_database(TABLES), spec_text("things", "table: a", more="lock_timeout: 10s"))
    before = dump(cutting.database)

    def end_it() -> None:
        wait_until(cutting, "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pgfold'"
                            " AND datname = current_database() AND wait_event_type = 'Lock'")  # fmt: skip
        signal(cutting, "pg_cancel_backend")

    host = threading.Thread(target=end_it)
    with transaction(cutting, "LOCK TABLE things IN SHARE MODE"):
        host.start()
        told = r"write the rows of public\.a .*the host ended the statement; run it again"
        with pytest.raises(ConnectionLost, match=told):
            cutting.cut()
    host.join(10)
    nothing_changed(cutting, before)
    cutting.cut()
    is_as_archived(cutting)


def signal(cutting: Cutting, function: str) -> None:
    """Call it for every session of pgfold's in this database."""
    query = "SELECT {}(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgfold'"
    with cutting.database.connect() as connection:
        connection.execute(sql.SQL(query).format(sql.SQL(function)))
