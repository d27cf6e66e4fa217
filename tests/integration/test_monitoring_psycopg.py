"""psycopg against a real server: what is done, how long it took, in which request, and how often it stands for more."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

import monitoring
from monitoring.integrations.psycopg import monitor_psycopg
from tests.databases import Database
from tests.ingest import Ingest

Monitored = Callable[[], Ingest]
TABLE = "CREATE TABLE issues (id int PRIMARY KEY, title text)"


@pytest.fixture(autouse=True)
def _watched() -> Iterator[None]:
    undo = monitor_psycopg()
    yield
    undo()


def test_each_statement_has_its_operation_table_outcome_duration_and_request(
    monitored: Monitored, database: Database
) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection, monitoring.trace() as trace_id:
        connection.execute(TABLE.encode())
        connection.execute("INSERT INTO issues VALUES (%s, %s)", (1, "a secret"))
        connection.cursor().executemany("INSERT INTO issues VALUES (%s, %s)", [(2, "b"), (3, "c")])
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("issues")))
        with connection.cursor().copy("COPY issues FROM STDIN") as copy:
            copy.write_row((9, "a secret"))
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")
    events = monitored().events
    found = [
        (e.name, e.outcome, e.error_type, (e.attributes or {}).get("db.collection.name"))
        for e in events if e.trace_id == trace_id
    ]  # fmt: skip
    assert found == [
        ("db.create", "ok", None, "issues"),
        ("db.insert", "ok", None, "issues"),
        ("db.insert", "ok", None, "issues"),
        ("db.delete", "ok", None, "issues"),
        ("db.copy", "ok", None, "issues"),
        ("db.query", "error", "UndefinedTable", "nowhere"),
    ]
    assert all(e.kind == "supabase" and e.direction == "out" and (e.duration_ns or 0) > 1000 for e in events)
    assert "secret" not in str(events)
    assert [(e.attributes or {}).get("db.response.returned_rows") for e in events if e.name == "db.insert"] == [1, 2]


def test_reads_are_a_sample_that_stands_for_all_and_writes_are_all(monitored: Monitored, database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(TABLE.encode())
        for number in range(203):
            connection.execute("SELECT * FROM issues WHERE id = %s", (number,))
        for number in range(20):
            connection.execute("INSERT INTO issues VALUES (%s)", (number,))
    ingest = monitored()
    reads, writes = ingest.named("db.query"), ingest.named("db.insert")
    assert {event.weight for event in reads} == {5}
    assert abs(sum(event.weight for event in reads) - 203) < 10  # a block begun and a block not ended
    assert [event.weight for event in writes] == [1] * 20


def test_a_slow_read_is_always_recorded_with_its_duration(monitored: Monitored, database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        for _ in range(2):
            connection.execute("SELECT pg_sleep(0.51)")
    slow = [event for event in monitored().named("db.query") if event.weight == 1]
    assert len(slow) == 2
    assert all(0.51e9 <= (event.duration_ns or 0) < 2e9 for event in slow)


def test_asyncio_cursors_are_watched_as_the_others_are(monitored: Monitored, database: Database) -> None:
    async def run() -> str:
        async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as connection:
            with monitoring.trace() as trace_id:
                await connection.execute(TABLE.encode())
                async with connection.cursor() as cursor:
                    await cursor.execute("INSERT INTO issues VALUES (1)")
                    async for _ in cursor.stream("DELETE FROM issues RETURNING id"):
                        pass
                with pytest.raises(psycopg.errors.DivisionByZero):
                    await connection.execute("SELECT 1 / 0")
            return trace_id

    trace_id = asyncio.run(run())
    found = [(event.name, event.outcome) for event in monitored().events if event.trace_id == trace_id]
    assert found == [("db.create", "ok"), ("db.insert", "ok"), ("db.delete", "ok"), ("db.query", "error")]


def test_connections_are_opened_and_closed_however_they_end(database: Database, monitored: Monitored) -> None:
    opened = [psycopg.connect(database.url) for _ in range(3)]
    opened[0].close()
    opened[0].close()
    with opened[1]:
        pass
    del opened
    gc.collect()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect("postgresql://127.0.0.1:1/nothing", connect_timeout=1)
    ingest = monitored()
    assert [len(ingest.named(name)) for name in ("db.open", "db.close", "db.connect")] == [3, 3, 1]
    assert ingest.named("db.connect")[0].outcome == "error"


def test_a_cancelled_statement_is_recorded_as_cancelled(monitored: Monitored, database: Database) -> None:
    async def run() -> None:
        connection = await psycopg.AsyncConnection.connect(database.url)
        task = asyncio.create_task(connection.execute("SELECT pg_sleep(10)"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()

    asyncio.run(run())
    assert [event.outcome for event in monitored().named("db.query")] == ["cancelled"]


def test_put_back_psycopg_is_as_it_was(database: Database, monitored: Monitored) -> None:
    monitor_psycopg()()
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE issues (id int)")
    assert not hasattr(psycopg.Cursor.execute, "__wrapped__")
    assert monitored().events == []
