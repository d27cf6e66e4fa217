"""The tables of schema pgfold that every fold shares, and the revisions that made them.

A fold's own tables (staging, row map, changed keys, kept values) are made and dropped by its steps.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Interval,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pipelines.core.names import OWN_SCHEMA

VERSION_TABLE = "alembic_version"
REVISIONS = ("0001",)  # oldest first; the last is what this program reads and writes

METADATA = MetaData(
    schema=OWN_SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    },
)


def _time(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


RUNS = Table(
    "runs",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("fold", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("fold_run", Uuid, ForeignKey("pgfold.runs.id", ondelete="CASCADE")),
    Column("plan_hash", Text, nullable=False),
    Column("spec_sha256", Text, nullable=False),
    Column("tracking_schema", Text, nullable=False),
    Column("status", Text, nullable=False),
    _time("started_at", nullable=False),
    Column("started_by", Text, nullable=False),
    _time("cut_over_at"),
    _time("finished_at"),
    Column("error_message", Text),
    Column("dagster_run_id", Text),
    Column("backup_location", Text),
    Column("rollback_script", Text),
    CheckConstraint("kind IN ('fold', 'rollback', 'drop')", name="kind"),
    CheckConstraint("status IN ('in_progress', 'completed', 'failed', 'rolled_back')", name="status"),
    CheckConstraint("(kind = 'fold') = (fold_run IS NULL)", name="fold_run"),
    Index(None, "fold", "kind", "started_at"),
    Index(None, "fold_run"),
)

FOLDS = Table(
    "folds",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("standing", Text, nullable=False),
    Column("target_schema", Text),
    Column("target_name", Text),
    Column("run", Uuid, ForeignKey("pgfold.runs.id")),
    _time("cut_over_at"),
    Column("drop_after", Interval),
    Column("backup_location", Text),
    Column("sealed_location", Text),
    Column("recorded", Text),  # text, not jsonb, which cannot hold every string and orders keys anew
    CheckConstraint("standing IN ('none', 'folding', 'folded', 'dropped', 'rolled_back')", name="standing"),
)

FOLD_TABLES = Table(
    "fold_tables",
    METADATA,
    Column("fold", Text, ForeignKey("pgfold.folds.name", ondelete="CASCADE"), primary_key=True),
    Column("table_schema", Text, primary_key=True),
    Column("table_name", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    CheckConstraint("role IN ('source', 'target', 'child', 'empty')", name="role"),
    Index(None, "table_schema", "table_name"),
)

STEPS = Table(
    "steps",
    METADATA,
    Column("run", Uuid, ForeignKey("pgfold.runs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("status", Text, nullable=False),
    _time("started_at", nullable=False),
    _time("finished_at"),
    Column("rows_done", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_total", BigInteger),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("error", Text),
    CheckConstraint("status IN ('running', 'done', 'failed')", name="status"),
)

BATCHES = Table(
    "batches",
    METADATA,
    Column("run", Uuid, primary_key=True),
    Column("source_schema", Text, primary_key=True),
    Column("source_name", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("from_key", ARRAY(Text)),
    Column("to_key", ARRAY(Text)),
    Column("rows", BigInteger),
    _time("done_at"),
    ForeignKeyConstraint(["run"], ["pgfold.runs.id"], ondelete="CASCADE"),
)

PLANS = Table(
    "plans",
    METADATA,
    Column("fold", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("spec_text", Text, nullable=False),
    Column("document", Text, nullable=False),
    _time("created_at", nullable=False),
)

APPROVALS = Table(
    "approvals",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("fold", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("plan_hash", Text, nullable=False),
    _time("requested_at"),
    Column("person", Text),
    _time("approved_at"),
    _time("withdrawn_at"),
    CheckConstraint("(person IS NULL) = (approved_at IS NULL)", name="person"),
    Index(
        "approvals_standing_idx",
        "fold",
        "step",
        "plan_hash",
        unique=True,
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
)

SET_ASIDE = Table(
    "set_aside",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("fold", Text, nullable=False),
    Column("run", Uuid, nullable=False),
    Column("table_schema", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("row", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    _time("set_aside_at", nullable=False),
    _time("put_back_at"),
    ForeignKeyConstraint(["run"], ["pgfold.runs.id"], ondelete="CASCADE"),
    Index(None, "fold"),
)
