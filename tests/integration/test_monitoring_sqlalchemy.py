"""SQLAlchemy against a real server, over a driver that is watched itself and one that is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

import monitoring
from monitoring.integrations.psycopg import monitor_psycopg
from monitoring.integrations.sqlalchemy import monitor_sqlalchemy
from tests.databases import Database
from tests.ingest import Ingest

Monitored = Callable[[], Ingest]


@pytest.fixture(autouse=True)
def _watched() -> Iterator[None]:
    undo = monitor_sqlalchemy()
    yield
    undo()


def url(database: Database, driver: str) -> str:
    return make_url(database.url).set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)


def use(database: Database, driver: str) -> str:
    engine = create_engine(url(database, driver), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, monitoring.trace() as trace_id:
        connection.execute(text("CREATE TABLE issues (id int)"))
        connection.execute(text("INSERT INTO issues VALUES (:id)"), {"id": 1})
        with pytest.raises(ProgrammingError):
            connection.execute(text("DELETE FROM nowhere"))
    engine.dispose()
    return trace_id


EXPECTED = [
    ("db.create", "ok", None, "issues"),
    ("db.insert", "ok", None, "issues"),
    ("db.delete", "error", "UndefinedTable", "nowhere"),
]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("below", [False, True])
def test_each_statement_is_recorded_once_whatever_watches_below(
    monitored: Monitored, database: Database, driver: str, below: bool
) -> None:
    undo = monitor_psycopg() if below else lambda: None
    try:
        trace_id = use(database, driver)
    finally:
        undo()
    ingest = monitored()
    found = [
        (e.name, e.outcome, e.error_type, (e.attributes or {}).get("db.collection.name"))
        for e in ingest.events if e.trace_id == trace_id and e.name in {"db.create", "db.insert", "db.delete"}
    ]  # fmt: skip
    assert found == EXPECTED
    assert len(ingest.named("db.open")) == len(ingest.named("db.close")) == 1


def test_reads_are_a_sample_and_asyncio_engines_are_watched(monitored: Monitored, database: Database) -> None:
    async def run() -> None:
        engine = create_async_engine(url(database, "psycopg"))
        async with engine.connect() as connection:
            for _ in range(102):
                await connection.execute(text("SELECT id FROM (VALUES (1)) AS issues (id)"))
        await engine.dispose()

    asyncio.run(run())
    reads = [event for event in monitored().named("db.query") if event.weight == 5]
    assert abs(sum(event.weight for event in reads) - 102) < 12  # with the few that SQLAlchemy asks itself
