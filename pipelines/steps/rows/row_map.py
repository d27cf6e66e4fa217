"""The row map follows the fresh rows of a pass: rows that are gone, new, or somewhere else."""

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
from pipelines.steps.rows.fresh_rows import Taken

_SQL = load_sql("pipelines.steps.rows", "row_map.sql")


def follow(fold: Fold, taken: Taken) -> Iterator[Statement]:
    """What there is to do for these fresh rows."""
    if taken.gone:
        yield mark_gone(fold, taken.source)
    if taken.new:
        yield add_new(fold, taken.source)
    if taken.moved:
        yield move(fold, taken.source)


def statements(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """All of it, as a plan shows it."""
    yield mark_gone(fold, source)
    yield add_new(fold, source)
    yield move(fold, source)


def mark_gone(fold: Fold, source: SourceLens) -> Statement:
    """Rows that the source no longer has."""
    return Statement(f"mark the rows that {source.name} no longer has as gone", _query(fold, source, "gone"))


def add_new(fold: Fold, source: SourceLens) -> Statement:
    """Rows that are new."""
    return Statement(f"give new rows of {source.name} their keys in the target", _query(fold, source, "new"))


def move(fold: Fold, source: SourceLens) -> Statement:
    """Rows that are back, or whose target key is another."""
    return Statement(f"follow rows of {source.name} to their keys in the target", _query(fold, source, "moved"))


def _query(fold: Fold, source: SourceLens, block: str) -> sql.Composed:
    own, there = relations.source_key_in_map(source), relations.staging_keys(fold.lens, source)
    home, to = relations.target_key_in_map(fold.lens), relations.target_key(fold.lens)
    return sql.SQL(_SQL[block]).format(
        map=mapping.row_map(fold, source),
        fresh=fresh_rows.table(source),
        same=relations.same_key("m", own, "f", there),
        there=fresh_rows.book(fold, "there"),
        state=fresh_rows.book(fold, "state"),
        columns=identifiers((*own, *home)),
        keys=identifiers((*there, *to), "f"),
        homes=joined(
            sql.SQL("{} = f.{}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in zip(home, to, strict=True)
        ),
        other=joined(
            (
                sql.SQL("m.{} IS DISTINCT FROM f.{}").format(sql.Identifier(a), sql.Identifier(b))
                for a, b in zip(home, to, strict=True)
            ),
            " OR ",
        ),
    )
