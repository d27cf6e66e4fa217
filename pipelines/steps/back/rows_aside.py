"""Rows that are set aside: they leave their tables, are kept in the ledger, and come back with the next cut-over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql

from pipelines.core.fold import Fold
from pipelines.core.relations import joined
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.hindrances import FOUND, Hindrance
from pipelines.steps.back.kept_writing import text_of
from pipelines.steps.rows.capture import regclass
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.back", "rows_aside.sql")


def set_aside(fold: str, run: UUID, looked: Sequence[Hindrance], session: Session) -> int:
    """Keep every row that was found and set aside in the ledger, and take it out of its table; how many."""
    rows = session.rows(Statement("name the tables of rows aside", sql.SQL(_SQL["tables"]).format(found=FOUND)))
    return sum(
        session.execute(statement)
        for schema, name, columns in rows
        for statement in _leave(fold, run, TableName(schema, name), tuple(columns), looked, session.now())
    )


def _leave(
    fold: str, run: UUID, table: TableName, columns: tuple[str, ...], looked: Sequence[Hindrance], at: datetime
) -> Iterator[Statement]:
    reasons = [
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(number), sql.Literal(hindrance.reason))
        for number, hindrance in enumerate(looked)
        if hindrance.home is None
    ]
    yield Statement(
        f"set rows of {table} aside",
        sql.SQL(_SQL["set_aside"]).format(
            fold=sql.Literal(fold),
            run=sql.Literal(run),
            schema=sql.Literal(table.schema),
            name=sql.Literal(table.name),
            names=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(list(columns))),
            values=joined(text_of(sql.Identifier("r", column)) for column in columns),
            reasons=joined(reasons, " "),
            table=table.identifier,
            regclass=sql.Literal(regclass(table)),
            at=sql.Literal(at),
            found=FOUND,
        ),
    )


def make_functions() -> Iterator[Statement]:
    """What `put_back` calls; they touch only schema pgfold, so they are made before any lock."""
    for name in ("put_back_row_function", "put_back_function"):
        yield Statement("make the functions that put rows back", sql.SQL(_SQL[name]).format())


def put_back(fold: Fold) -> Iterator[Statement]:
    """Under the cut-over's lock, when the rows they reference are there again.

    A row whose place is taken, or whose parent is gone, stays set aside.
    """
    yield Statement(
        f"put back the rows that {fold.name} set aside",
        sql.SQL("SELECT pgfold.put_back({})").format(sql.Literal(fold.name)),
    )
