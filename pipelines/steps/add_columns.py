"""add_columns: the target gets its new columns, and changes of the sources are captured from now on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.schema import TableName
from pipelines.core.spec import AddColumn
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps import added_values
from pipelines.steps.ddl import run_short
from pipelines.steps.rows import capture, keeping_tables
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps", "add_columns.sql")


@dataclass(frozen=True, slots=True)
class AddColumns:
    """What the target gets before any row does."""

    fold: Fold


def statements(step: AddColumns) -> Iterator[Statement]:
    """The SQL, in order, as `plan` shows it and `apply` runs it."""
    yield from own_statements(step)
    yield from shared_statements(step)
    yield from added_values.statements(step.fold)
    yield from checks(step.fold)


def own_statements(step: AddColumns) -> Iterator[Statement]:
    """What touches only schema pgfold."""
    for source in step.fold.lens.sources:
        yield from keeping_tables.create_row_map(step.fold, source)
        yield from keeping_tables.create_changed_keys(step.fold, source)
        yield from capture.start_capture(step.fold, source)


def shared_statements(step: AddColumns) -> Iterator[Statement]:
    """What locks tables that the application uses: each runs alone, with many short tries."""
    target = step.fold.lens.target.name
    for added in step.fold.added:
        yield from add_column(step.fold, added)
    for name in step.fold.dropped_not_null:
        yield Statement(
            f"let {target}.{name} be NULL",
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL").format(target.identifier, sql.Identifier(name)),
        )
    for source in step.fold.lens.sources:
        yield from capture.start_triggers(step.fold, source)


def add_column(fold: Fold, added: AddColumn) -> Iterator[Statement]:
    """The column and its default; one that is drawn is set apart, for new rows alone, in the same statement."""
    target, column = fold.lens.target.name, fold.lens.target[added.name]
    default = trusted(f" DEFAULT ({added.default})") if added.default else sql.SQL("")
    not_null = sql.SQL(" NOT NULL") if added.not_null else sql.SQL("")
    if added in added_values.drawn(fold):
        default = sql.SQL(", ALTER COLUMN {} SET{}").format(column.identifier, default)
        not_null = sql.SQL("")
    yield Statement(
        f"add column {added.name} to {target}",
        sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}{}{}").format(
            target.identifier, column.identifier, trusted(column.type.sql), default, not_null
        ),
    )


def checks(fold: Fold) -> Iterator[Statement]:
    """The rules of the new columns, once their rows have values."""
    target = fold.lens.target.name
    for added in fold.added:
        if added.check:
            yield Statement(
                f"check column {added.name} of {target} from now on",
                sql.SQL(_SQL["add_check"]).format(
                    table_literal=sql.Literal(capture.regclass(target)),
                    name_literal=sql.Literal(check_name(target, added.name)),
                    table=target.identifier,
                    name=sql.Identifier(check_name(target, added.name)),
                    check=trusted(added.check),
                ),
            )


def validate_checks(fold: Fold) -> Iterator[Statement]:
    """Read the target's rows once, under a lock that lets everybody write; new rows keep the checks already."""
    target = fold.lens.target.name
    for added in fold.added:
        if added.check:
            yield Statement(
                f"validate the check of column {added.name} of {target}",
                sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(
                    target.identifier, sql.Identifier(check_name(target, added.name))
                ),
            )


def check_name(target: TableName, column: str) -> str:
    """The name of an added column's CHECK, in 63 bytes."""
    return f"{target.name[:25]}_{column[:25]}_pgfold"


def apply(step: AddColumns, session: Session) -> None:
    """Run it; a rerun leaves what is there.

    Raises:
        LockNotAvailable: a table's lock was not had within lock_wait; a rerun goes on.
    """
    with session.transaction():
        session.execute_all(own_statements(step))
    for statement in shared_statements(step):
        run_short(session, statement, step.fold.spec)
    added_values.apply(step.fold, session)
    for statement in checks(step.fold):
        run_short(session, statement, step.fold.spec)
