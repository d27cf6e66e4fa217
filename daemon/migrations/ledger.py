"""The books of folds in the database: schema pgfold, or schema_migrations alone where only that may be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row, scalar_row

from daemon.named_sql import load_sql

Row = TypeVar("Row")

_SQL = load_sql("daemon.migrations", "ledger.sql")
_NAME = "pgfold watch"
_CONNECT_S = 5


@dataclass(frozen=True, slots=True)
class FoldRow:
    """A fold, its latest fold run, and what this ran; `at_work` says whether a session works on it now."""

    name: str
    standing: str
    target_schema: str | None
    target_name: str | None
    cut_over_at: datetime | None
    drop_after: timedelta | None
    run: UUID | None
    plan_hash: str | None
    status: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error_message: str | None
    dagster_run_id: str | None
    spec_text: str | None
    plan_document: str | None
    planned_at: datetime | None
    at_work: bool
    read_at: datetime


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table of a fold; `role` is source, target, child or empty."""

    fold: str
    table_schema: str
    table_name: str
    role: str
    estimated_rows: int | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a run, as last tried; `kind` is the run's: fold, rollback or drop."""

    fold: str
    kind: str
    run_status: str
    run_started_at: datetime
    name: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    facts: dict[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class BatchRow:
    """How far one source is staged."""

    run: UUID
    source_schema: str
    source_name: str
    rows: int
    complete: bool
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A step that waits for a person, or a person's yes."""

    fold: str
    step: str
    plan_hash: str
    requested_at: datetime | None
    person: str | None
    approved_at: datetime | None


@dataclass(frozen=True, slots=True)
class DrillRow:
    """A backup was restored and compared; `folder` is the path it had on the machine that made it."""

    folder: str
    at: datetime
    passed: bool
    took_s: float | None
    detail: str | None

    @property
    def place(self) -> tuple[str, str]:
        """Fold and folder name: what stays the same wherever the backups are mounted."""
        parts = PurePath(self.folder).parts
        return (parts[-2], parts[-1]) if len(parts) > 1 else ("", self.folder)


@dataclass(frozen=True, slots=True)
class TrackedRow:
    """A consolidation as schema_migrations has it."""

    id: UUID
    migration_name: str
    status: str | None
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class FoldBooks:
    """Everything that the books say of one fold."""

    fold: FoldRow
    tables: tuple[TableRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    batches: tuple[BatchRow, ...] = ()
    approvals: tuple[ApprovalRow, ...] = ()

    def step(self, name: str, kind: str = "fold") -> StepRow | None:
        """The latest try of a step."""
        return next((s for s in reversed(self.steps) if (s.name, s.kind) == (name, kind)), None)

    def approval(self, step: str) -> ApprovalRow | None:
        """That of the plan that the fold stands on."""
        return next((a for a in self.approvals if (a.step, a.plan_hash) == (step, self.fold.plan_hash)), None)

    def in_role(self, *roles: str) -> tuple[TableRow, ...]:
        """Its tables of these roles."""
        return tuple(t for t in self.tables if t.role in roles)


@dataclass(frozen=True, slots=True)
class Books:
    """Folds, latest first, and consolidations that are only tracked; all empty where nothing may be read.

    `database` is its name and version, as the page's title has it.
    """

    folds: tuple[FoldBooks, ...] = ()
    tracked: tuple[TrackedRow, ...] = ()
    drills: tuple[DrillRow, ...] = ()
    database: str = ""


async def read_books(conninfo: str, tracking_schema: str, timeout_s: float) -> Books:
    """Read them in one snapshot, without writing and without waiting for locks.

    Raises:
        psycopg.Error: the database does not answer, or too slowly; a schema that is not there is no error.
    """
    connection = await psycopg.AsyncConnection.connect(
        conninfo, application_name=_NAME, connect_timeout=_CONNECT_S, prepare_threshold=None
    )
    async with connection:
        await connection.set_read_only(True)
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        limit_ms = max(2, round(timeout_s * 1000))
        await _value(connection, "limits", {"statement_ms": f"{limit_ms}", "lock_ms": f"{limit_ms // 2}"})
        database = str(await _value(connection, "about"))
        there = bool(await _value(connection, "there"))
        folds = await _folds(connection) if there else ()
        drills = await _drills(connection) if there else ()
        tracked = await _tracked(connection, tracking_schema)
    known = {books.fold.name for books in folds}
    return Books(folds, tuple(row for row in tracked if row.migration_name not in known), drills, database)


async def _folds(connection: psycopg.AsyncConnection[Any]) -> tuple[FoldBooks, ...]:
    folds = await _rows(connection, FoldRow, "folds")
    runs = {"runs": [fold.run for fold in folds if fold.run is not None]}
    tables = await _rows(connection, TableRow, "tables")
    steps = await _rows(connection, StepRow, "steps", runs)
    batches = await _rows(connection, BatchRow, "batches", runs)
    approvals = await _rows(connection, ApprovalRow, "approvals")
    return tuple(
        FoldBooks(
            fold,
            tuple(t for t in tables if t.fold == fold.name),
            tuple(s for s in steps if s.fold == fold.name),
            tuple(b for b in batches if b.run == fold.run),
            tuple(a for a in approvals if a.fold == fold.name),
        )
        for fold in folds
    )


async def _tracked(connection: psycopg.AsyncConnection[Any], schema: str) -> list[TrackedRow]:
    if not await _value(connection, "tracked", {"schema": schema}):
        return []
    query = sql.SQL(_SQL["tracked_rows"]).format(schema_migrations=sql.Identifier(schema, "schema_migrations"))
    async with connection.cursor(row_factory=class_row(TrackedRow)) as cursor:
        try:
            await cursor.execute(query)
        except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction):  # another program's table
            await connection.rollback()
            return []
        return await cursor.fetchall()


async def _drills(connection: psycopg.AsyncConnection[Any]) -> tuple[DrillRow, ...]:
    cursor = await connection.execute(_SQL["drills"])
    return tuple([_drill(folder, at, check) async for _, folder, at, check in cursor if isinstance(folder, str)])


def _drill(folder: str, at: datetime, check: dict[str, Any]) -> DrillRow:
    took, details = check.get("took_s"), check.get("details")
    detail = str(details[0]) if isinstance(details, list) and details else None
    return DrillRow(folder, at, check.get("passed") is True, took if isinstance(took, float) else None, detail)


async def _value(
    connection: psycopg.AsyncConnection[Any], name: str, parameters: Mapping[str, object] | None = None
) -> object:
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_SQL[name], parameters)
        return await cursor.fetchone()


async def _rows(
    connection: psycopg.AsyncConnection[Any],
    kind: type[Row],
    name: str,
    parameters: Mapping[str, object] | None = None,
) -> list[Row]:
    async with connection.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(_SQL[name], parameters)
        return await cursor.fetchall()
