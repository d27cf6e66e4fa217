"""The first ledger: runs, folds and their tables, steps, batches, plans, approvals, rows set aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """To this revision."""
    _create_runs()
    _create_folds()
    _create_steps()
    _create_batches()
    _create_approvals()
    _create_set_aside()


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("fold", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("fold_run", sa.Uuid),
        sa.Column("plan_hash", sa.Text, nullable=False),
        sa.Column("spec_sha256", sa.Text, nullable=False),
        sa.Column("tracking_schema", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("started_by", sa.Text, nullable=False),
        sa.Column("cut_over_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("error_message", sa.Text),
        sa.Column("dagster_run_id", sa.Text),
        sa.Column("backup_location", sa.Text),
        sa.Column("rollback_script", sa.Text),
        sa.PrimaryKeyConstraint("id", name="runs_pkey"),
        sa.ForeignKeyConstraint(["fold_run"], ["pgfold.runs.id"], name="runs_fold_run_fkey", ondelete="CASCADE"),
        _check("runs_kind_check", "kind IN ('fold', 'rollback', 'drop')"),
        _check("runs_status_check", "status IN ('in_progress', 'completed', 'failed', 'rolled_back')"),
        _check("runs_fold_run_check", "(kind = 'fold') = (fold_run IS NULL)"),
        schema="pgfold",
    )
    op.create_index("runs_fold_kind_started_at_idx", "runs", ["fold", "kind", "started_at"], schema="pgfold")
    op.create_index("runs_fold_run_idx", "runs", ["fold_run"], schema="pgfold")


def _create_folds() -> None:
    op.create_table(
        "folds",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("target_schema", sa.Text),
        sa.Column("target_name", sa.Text),
        sa.Column("run", sa.Uuid),
        sa.Column("cut_over_at", _TIME),
        sa.Column("drop_after", sa.Interval),
        sa.Column("backup_location", sa.Text),
        sa.Column("sealed_location", sa.Text),
        sa.Column("recorded", sa.Text),
        sa.PrimaryKeyConstraint("name", name="folds_pkey"),
        sa.ForeignKeyConstraint(["run"], ["pgfold.runs.id"], name="folds_run_fkey"),
        _check("folds_standing_check", "standing IN ('none', 'folding', 'folded', 'dropped', 'rolled_back')"),
        schema="pgfold",
    )
    op.create_table(
        "fold_tables",
        sa.Column("fold", sa.Text, nullable=False),
        sa.Column("table_schema", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fold", "table_schema", "table_name", "role", name="fold_tables_pkey"),
        sa.ForeignKeyConstraint(["fold"], ["pgfold.folds.name"], name="fold_tables_fold_fkey", ondelete="CASCADE"),
        _check("fold_tables_role_check", "role IN ('source', 'target', 'child', 'empty')"),
        schema="pgfold",
    )
    op.create_index(
        "fold_tables_table_schema_table_name_idx", "fold_tables", ["table_schema", "table_name"], schema="pgfold"
    )


def _create_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("run", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
        sa.Column("rows_done", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("rows_total", sa.BigInteger),
        sa.Column("facts", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("run", "name", name="steps_pkey"),
        sa.ForeignKeyConstraint(["run"], ["pgfold.runs.id"], name="steps_run_fkey", ondelete="CASCADE"),
        _check("steps_status_check", "status IN ('running', 'done', 'failed')"),
        schema="pgfold",
    )


def _create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("run", sa.Uuid, nullable=False),
        sa.Column("source_schema", sa.Text, nullable=False),
        sa.Column("source_name", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("from_key", ARRAY(sa.Text)),
        sa.Column("to_key", ARRAY(sa.Text)),
        sa.Column("rows", sa.BigInteger),
        sa.Column("done_at", _TIME),
        sa.PrimaryKeyConstraint("run", "source_schema", "source_name", "number", name="batches_pkey"),
        sa.ForeignKeyConstraint(["run"], ["pgfold.runs.id"], name="batches_run_fkey", ondelete="CASCADE"),
        schema="pgfold",
    )


def _create_approvals() -> None:
    op.create_table(
        "plans",
        sa.Column("fold", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("spec_text", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("fold", "hash", name="plans_pkey"),
        schema="pgfold",
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("fold", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("plan_hash", sa.Text, nullable=False),
        sa.Column("requested_at", _TIME),
        sa.Column("person", sa.Text),
        sa.Column("approved_at", _TIME),
        sa.Column("withdrawn_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="approvals_pkey"),
        _check("approvals_person_check", "(person IS NULL) = (approved_at IS NULL)"),
        schema="pgfold",
    )
    op.create_index(
        "approvals_standing_idx",
        "approvals",
        ["fold", "step", "plan_hash"],
        unique=True,
        schema="pgfold",
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def _create_set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("fold", sa.Text, nullable=False),
        sa.Column("run", sa.Uuid, nullable=False),
        sa.Column("table_schema", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("row", JSONB, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("set_aside_at", _TIME, nullable=False),
        sa.Column("put_back_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="set_aside_pkey"),
        sa.ForeignKeyConstraint(["run"], ["pgfold.runs.id"], name="set_aside_run_fkey", ondelete="CASCADE"),
        schema="pgfold",
    )
    op.create_index("set_aside_fold_idx", "set_aside", ["fold"], schema="pgfold")


def _check(name: str, condition: str) -> sa.CheckConstraint:
    """Under its full name: a naming convention would add to it."""
    return sa.CheckConstraint(condition, name=op.f(name))
