"""The ledger's rows: what pgfold remembers in the database of folds, runs, steps and approvals.

All times are aware and UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import JsonValue

from pipelines.core.schema import TableName

Key = tuple[str, ...]  # a row's key: its columns in output form, in key order
Facts = Mapping[str, JsonValue]  # what a step found or did, for a person to read


class FoldStanding(StrEnum):
    """Where a fold stands; in force are `folded` and `dropped`."""

    NONE = "none"  # never run, or forgotten
    FOLDING = "folding"  # something of it is in the database, the cut-over is not
    FOLDED = "folded"
    DROPPED = "dropped"  # folded, and the archived tables are gone
    ROLLED_BACK = "rolled_back"


class TableRole(StrEnum):
    """What a table is in a fold."""

    SOURCE = "source"
    TARGET = "target"
    CHILD = "child"  # references a source or the target
    EMPTY = "empty"  # a source that must hold no row


@dataclass(frozen=True, slots=True, order=True)
class FoldTable:
    """A table that a fold uses; one that has two roles stands there twice."""

    table: TableName
    role: TableRole


@dataclass(frozen=True, slots=True)
class FoldState:
    """A consolidation as it stands; `run` is the fold run it came from, `drop_after` the grace period."""

    name: str
    standing: FoldStanding = FoldStanding.NONE
    target: TableName | None = None
    run: UUID | None = None
    cut_over_at: datetime | None = None
    drop_after: timedelta | None = None
    backup_location: str | None = None
    sealed_location: str | None = None
    tables: tuple[FoldTable, ...] = ()

    @property
    def in_force(self) -> bool:
        """Whether the target stands in the sources' place."""
        return self.standing in (FoldStanding.FOLDED, FoldStanding.DROPPED)

    def tables_of(self, role: TableRole) -> tuple[TableName, ...]:
        """Its tables of that role, in order of name."""
        return tuple(sorted(t.table for t in self.tables if t.role is role))


class RunKind(StrEnum):
    """What a run does."""

    FOLD = "fold"
    ROLLBACK = "rollback"
    DROP = "drop"


class RunStatus(StrEnum):
    """How a run stands; `rolled_back` is a fold run whose fold was undone."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Run:
    """One run; a failed or killed one that goes on is the same run.

    `fold_run` is, of a rollback or drop, the fold run that it is about; of a fold, None. `cut_over_at` is when a fold
    run's cut-over committed. `tracking_schema` holds the schema_migrations that the run is recorded in.
    """

    id: UUID
    fold: str
    kind: RunKind
    plan_hash: str
    spec_sha256: str
    tracking_schema: str
    status: RunStatus
    started_at: datetime
    started_by: str
    fold_run: UUID | None = None
    cut_over_at: datetime | None = None
    finished_at: datetime | None = None
    error_message: str | None = None
    dagster_run_id: str | None = None
    backup_location: str | None = None
    rollback_script: str | None = None

    @property
    def migration_id(self) -> UUID:
        """The id of the row of schema_migrations that tells how this run's fold stands."""
        return self.fold_run or self.id

    @property
    def finished(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.status in (RunStatus.COMPLETED, RunStatus.ROLLED_BACK)


class StepStatus(StrEnum):
    """How a step of a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a run, as last tried; `rows_total` is None where it is not known."""

    run: UUID
    name: str
    status: StepStatus
    started_at: datetime
    finished_at: datetime | None
    rows_done: int
    rows_total: int | None
    facts: Facts
    error: str | None

    @property
    def duration(self) -> timedelta | None:
        """Of the last try; None while it runs."""
        return self.finished_at - self.started_at if self.finished_at else None


@dataclass(frozen=True, slots=True)
class Batch:
    """A range of a source's keys, without its `from_key` and with its `to_key`; None is the start or the end."""

    run: UUID
    source: TableName
    number: int  # 1, 2, ... in key order
    from_key: Key | None
    to_key: Key | None
    rows: int | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BatchTotals:
    """How far the batches of one source are; `rows` are those of the batches done."""

    source: TableName
    batches: int
    done: int
    rows: int

    @property
    def complete(self) -> bool:
        """Whether every batch is done."""
        return self.done == self.batches


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as a person could read it; `hash` is what an approval names."""

    fold: str
    hash: str
    spec_text: str
    document: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """A person's yes to one step of one plan, or a step that waits for it (then `approved_at` is None).

    `requested_at` is None where nobody waited yet. A rollback, or a newer plan that waits, withdraws it.
    """

    fold: str
    step: str
    plan_hash: str
    requested_at: datetime | None
    person: str | None
    approved_at: datetime | None
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class SetAsideRow:
    """A row that could not go home: each column's value in output form, None for NULL."""

    id: int
    fold: str
    run: UUID
    table: TableName
    row: Mapping[str, str | None]
    reason: str
    set_aside_at: datetime
    put_back_at: datetime | None


class MigrationStatus(StrEnum):
    """schema_migrations.status."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class MigrationRecord:
    """A row of schema_migrations, as its users read it; other programs may write there too."""

    id: UUID
    migration_name: str
    migration_type: str | None
    status: MigrationStatus | None
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None
    backup_location: str | None
    rollback_script: str | None
    created_at: datetime | None
