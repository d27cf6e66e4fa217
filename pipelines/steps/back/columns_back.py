"""The target on the way back: without the columns that the fold added, and with the NOT NULLs that it dropped."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core.fold import Fold
from pipelines.core.relations import joined
from pipelines.core.statement import Statement


def restore_columns(fold: Fold, leaving: tuple[str, ...], not_null: tuple[str, ...]) -> Iterator[Statement]:
    """One statement, so that the table is looked at once. Never CASCADE: who uses a column is asked before."""
    target = fold.lens.target.name
    actions = [sql.SQL("DROP COLUMN IF EXISTS {}").format(sql.Identifier(name)) for name in leaving]
    actions += [_not_null(fold, name) for name in not_null]
    if actions:
        words = [*(f"without {name}" for name in leaving), *(f"with {name} NOT NULL" for name in not_null)]
        yield Statement(
            f"leave {target} as it was: {', '.join(words)}",
            sql.SQL("ALTER TABLE {} {}").format(target.identifier, joined(actions)),
        )


def _not_null(fold: Fold, name: str) -> sql.Composed:
    """Under its old name, where the server names such constraints (PostgreSQL 18, manual 5.5.2)."""
    column = fold.schema[fold.lens.target.name][name]
    if column.not_null_constraint is None:
        return sql.SQL("ALTER COLUMN {} SET NOT NULL").format(column.identifier)
    return sql.SQL("ADD CONSTRAINT {} NOT NULL {}{}").format(
        sql.Identifier(column.not_null_constraint),
        column.identifier,
        sql.SQL("" if column.not_null_validated else " NOT VALID"),
    )
