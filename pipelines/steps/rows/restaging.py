"""Staged rows follow fresh ones: in a catch-up pass, and where rows may stay behind also in a pass over the target."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import relations
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.relations import identifiers, joined
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import fresh_rows, mapping
from pipelines.steps.rows.fresh_rows import Onto

_SQL = load_sql("pipelines.steps.rows", "restaging.sql")


def restage(fold: Fold, source: SourceLens, onto: Onto) -> Iterator[Statement]:
    """Let the staging table say what the fresh rows say; `onto` is what these were taken for."""
    keys = relations.staging_keys(fold.lens, source)
    columns = [column.name for column in relations.staged_columns(fold.lens)]
    written = [*keys, *columns]
    row = fresh_rows.book(fold, "row")
    shared: dict[str, sql.Composable] = {
        "staged": mapping.staged(fold, source),
        "fresh": fresh_rows.table(source),
        "there": fresh_rows.book(fold, "there"),
        "differs": fresh_rows.book(fold, "differs"),
    }
    match onto:
        case Onto.STAGING:
            same = sql.SQL("g.ctid = f.{}").format(row)
            missing = sql.SQL("f.{} IS NULL").format(row)
        case Onto.TARGET:
            same = relations.same_key("g", keys, "f", keys)
            missing = sql.SQL(_SQL["not_staged"]).format(same=same, **shared)
    yield Statement(
        f"let go of rows that {source.name} no longer has", sql.SQL(_SQL["unstage"]).format(same=same, **shared)
    )
    changes = joined(sql.SQL("{0} = f.{0}").format(sql.Identifier(name)) for name in columns)
    yield Statement(
        f"map changed rows of {source.name} again",
        sql.SQL(_SQL["restage"]).format(same=same, changes=changes, **shared),
    )
    yield Statement(
        f"map new rows of {source.name}",
        sql.SQL(_SQL["stage"]).format(
            columns=identifiers(written), values=identifiers(written, "f"), missing=missing, **shared
        ),
    )
