"""A database with a ledger, and a run in it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

import pytest

from pipelines.core.ledger_rows import Run, RunKind
from pipelines.database.connection import Connection
from pipelines.database.ledger import ensure_ledger
from pipelines.database.ledger_runs import start_run
from tests.databases import Database

BEGUN = datetime(2026, 11, 24, 20, 15, tzinfo=UTC)


@pytest.fixture
def ledger(database: Database) -> Iterator[Connection]:
    """A session with pgfold's settings on an empty database with an empty ledger, schema_migrations in public."""
    with closing(database.connect_as_pgfold()) as connection:
        ensure_ledger(connection, "public")
        yield connection


@pytest.fixture
def fold_run(ledger: Connection) -> Run:
    """A fold run of `issues` in progress."""
    return begin_run(ledger)


def begin_run(
    connection: Connection,
    fold: str = "issues",
    kind: RunKind = RunKind.FOLD,
    number: int = 1,
    at: datetime = BEGUN,
) -> Run:
    """A run that begins; its id is `number`."""
    return start_run(
        connection,
        id=UUID(int=number),
        fold=fold,
        kind=kind,
        plan_hash="3f9a1c",
        spec_sha256="9" * 64,
        tracking_schema="public",
        started_by="ada",
        at=at,
    )
