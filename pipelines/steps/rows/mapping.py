"""Source rows become staged target rows: the statements that `map_fields`, catch-up and the cut-over share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.expression import Expression, cast, trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import Making, Placement, SourceLens
from pipelines.core.lens_rules import bare
from pipelines.core.names import Keeping
from pipelines.core.placement import default_of
from pipelines.core.relations import identifiers, joined, key_names
from pipelines.core.schema import Column
from pipelines.core.spec import KeyMode
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import kept

_SQL = load_sql("pipelines.steps.rows", "mapping.sql")

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Keys after `start` up to and with `end`, in output form; None is open."""

    start: Key | None = None
    end: Key | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """Some keys of a source, in output form."""

    keys: tuple[Key, ...]


def map_rows(fold: Fold, source: SourceLens, rows: Range, *, fresh: bool, refold: bool = False) -> Statement:
    """Give each source row its key in the target; a row that was folded before keeps the one it had.

    `fresh`: the row map has no keys yet, and no row of these ranges stands in it.
    """
    new = source.spec.key is KeyMode.NEW
    target_key = [_target_key_value(fold, source, column, refold=refold) for column in fold.lens.key]
    again_key = sql.SQL(", {0} = COALESCE(m.{0}, EXCLUDED.{0})" if new else ", {0} = EXCLUDED.{0}")
    kept_key = joined([again_key.format(sql.Identifier(c)) for c in relations.target_key_in_map(fold.lens)], "")
    again = sql.SQL(_SQL["map_again"]).format(key=identifiers(relations.source_key_in_map(source)), kept_key=kept_key)
    return Statement(
        f"give the rows of {source.name} their keys in the target",
        sql.SQL(_SQL["map_rows"]).format(
            map=row_map(fold, source),
            columns=identifiers((*relations.source_key_in_map(source), *relations.target_key_in_map(fold.lens))),
            source_key=identifiers(key_names(source), "s"),
            target_key=joined(target_key),
            source=source.name.identifier,
            kept=kept.join(fold, source) if refold and not new else sql.SQL(""),
            rows=condition(source, rows),
            on_conflict=sql.SQL("") if fresh else again,
        ),
    )


def _target_key_value(fold: Fold, source: SourceLens, column: Column, *, refold: bool) -> sql.Composable:
    placement = next(p for p in source.placements if p.column.name == column.name)
    if placement.making is Making.NEW_KEY:
        return default_of(column, fold.lens.target).on("s")
    assert placement.value is not None
    return kept.value(placement) if refold else placement.value.on("s")


def stage_rows(fold: Fold, source: SourceLens, rows: Range, *, refold: bool) -> Statement:
    """Write source rows as target rows into the staging table."""
    columns = relations.staged_columns(fold.lens)
    return Statement(
        f"map the rows of {source.name}",
        sql.SQL(_SQL["stage_rows"]).format(
            staged=staged(fold, source),
            columns=joined([identifiers(relations.staging_keys(fold.lens, source)), *(c.identifier for c in columns)]),
            source_key=identifiers(key_names(source), "s"),
            values=joined(value_of(fold, p, refold=refold) for p in source.placements),
            source=source.name.identifier,
            joins=value_joins(fold, source, refold=refold),
            rows=condition(source, rows),
        ),
    )


def value_joins(fold: Fold, source: SourceLens, *, refold: bool) -> sql.Composable:
    """What `value_of` reads beside the source row."""
    return _join_row_map(fold, source) + (kept.join(fold, source) if refold else sql.SQL(""))


def _join_row_map(fold: Fold, source: SourceLens) -> sql.Composable:
    if source.spec.key is not KeyMode.NEW:
        return sql.SQL("")
    same = relations.same_key("s", key_names(source), "m", relations.source_key_in_map(source))
    return sql.SQL(" JOIN {} m ON {}").format(row_map(fold, source), same)


def value_of(fold: Fold, placement: Placement, *, refold: bool) -> sql.Composable:
    """One column's value over source row `s`, its home `m` and what was kept for it, `o`."""
    if placement.making is Making.NEW_KEY:
        return sql.Identifier("m", relations.target_key_in_map(fold.lens)[0])
    assert placement.value is not None
    if refold:
        return kept.value(placement)
    return assignable(placement).on("s")


def assignable(placement: Placement) -> Expression:
    """The value in the column's bare type: writing it is an assignment, which never cuts."""
    assert placement.value is not None
    return cast(placement.value, bare(placement.column.type))


def condition(source: SourceLens, rows: Range) -> sql.Composable:
    """The WHERE condition on source rows `s`."""
    bounds = []
    if rows.start is not None:
        bounds.append(_compared(source, ">", rows.start))
    if rows.end is not None:
        bounds.append(_compared(source, "<=", rows.end))
    return joined(bounds, " AND ") if bounds else sql.SQL("true")


def _compared(source: SourceLens, operator: str, bound: Key) -> sql.Composable:
    return sql.SQL("({}) {} ({})").format(
        identifiers(key_names(source), "s"),
        trusted(operator),
        joined(_typed(column, text) for column, text in zip(source.key, bound, strict=True)),
    )


def _typed(column: Column, text: str) -> sql.Composable:
    return sql.SQL("{}::{}").format(sql.Literal(text), trusted(column.type.sql))


def unnested(source: SourceLens, rows: Keys) -> sql.Composable:
    """The keys as a relation with columns k1, k2 ...; arrays, since the planner knows nothing of rows just written."""
    arrays = [
        sql.SQL("{}::pg_catalog.text[]").format(sql.Literal([key[n] for key in rows.keys]))
        for n in range(len(source.key))
    ]
    texts = [f"k{n}" for n in range(1, len(source.key) + 1)]
    typed = [
        sql.SQL("u.{0}::{1} AS {0}").format(sql.Identifier(name), trusted(column.type.sql))
        for name, column in zip(texts, source.key, strict=True)
    ]
    unnests = [sql.SQL("pg_catalog.unnest({})").format(array) for array in arrays]
    return sql.SQL("(SELECT {} FROM ROWS FROM ({}) u({}))").format(joined(typed), joined(unnests), identifiers(texts))


def unchanged(fold: Fold, source: SourceLens, alias: str = "s", key: Sequence[str] | None = None) -> sql.Composed:
    """True for a row whose key waits in no changed keys: a check between passes must leave those out."""
    columns = names.key_columns("k", len(source.key))
    return sql.SQL("NOT EXISTS (SELECT FROM {} c WHERE {})").format(
        changed(fold, source), relations.same_key("c", columns, alias, key or key_names(source))
    )


def staged(fold: Fold, source: SourceLens) -> sql.Identifier:
    """The staging table."""
    return names.keeping(Keeping.STAGED, fold.name, source.name).identifier


def changed(fold: Fold, source: SourceLens) -> sql.Identifier:
    """The table of changed keys."""
    return names.keeping(Keeping.CHANGED, fold.name, source.name).identifier


def row_map(fold: Fold, source: SourceLens) -> sql.Identifier:
    """The row map."""
    return names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier
