"""The lens as relations: source rows as target rows, and target rows read back. Aliases: `s` source, `t` target."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names
from pipelines.core.equality import outputs_differ, rows_differ
from pipelines.core.expression import Expression, cast, compose, constant, trusted
from pipelines.core.lens import Lens, Making, Placement, Rule, SourceLens
from pipelines.core.lens_rules import bare
from pipelines.core.placement import default_of
from pipelines.core.schema import Column, TableName

_COLLATABLE = ("text", "character varying", "bpchar")


@dataclass(frozen=True, slots=True)
class Relation:
    """Something with the target's columns: `known` are those whose values are there already."""

    query: sql.Composable  # usable after FROM, without an alias
    known: frozenset[str]


def joined(parts: Iterable[sql.Composable], separator: str = ", ") -> sql.Composed:
    """SQL parts with a separator of ours between them."""
    return sql.SQL(separator).join(parts)


def identifiers(columns: Iterable[str], alias: str | None = None) -> sql.Composed:
    """Column names, qualified by `alias` where one is given."""
    return joined(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in columns)


def same_key(left: str, left_columns: Sequence[str], right: str, right_columns: Sequence[str]) -> sql.Composed:
    """`left.a = right.b AND ...`, for keys, which are never NULL."""
    pairs = zip(left_columns, right_columns, strict=True)
    return joined(
        (sql.SQL("{} = {}").format(sql.Identifier(left, a), sql.Identifier(right, b)) for a, b in pairs), " AND "
    )


def key_names(source: SourceLens) -> tuple[str, ...]:
    """The source's key columns by their own names."""
    return tuple(column.name for column in source.key)


def mapped_rows(source: SourceLens) -> Relation:
    """Source rows as target rows by reading only: no default is drawn, no row map is read; those columns are NULL."""
    known = readable_columns(source)
    values = [sql.SQL("{} AS {}").format(collated(p).on("s"), p.column.identifier) for p in source.placements]
    query = sql.SQL("(SELECT {} FROM {} s)").format(joined(values), source.name.identifier)
    return Relation(query, known)


def live_rows(lens: Lens, added: Collection[str]) -> Relation:
    """The target's own rows as they will be: with the columns that it lacks now, at their defaults."""
    known = frozenset(c.name for c in lens.target.columns if c.name not in added or not c.default_is_volatile)
    values = [
        sql.SQL("{} AS {}").format(_added_value(lens, c), c.identifier)
        if c.name in added
        else sql.SQL("o.{}").format(c.identifier)
        for c in lens.target.columns
    ]
    return Relation(sql.SQL("(SELECT {} FROM {} o)").format(joined(values), lens.target.name.identifier), known)


def _added_value(lens: Lens, column: Column) -> sql.Composed:
    if column.default_is_volatile:
        return cast(constant(None), bare(column.type)).on("o")
    return cast(default_of(column, lens.target), column.type.sql).on("o")


def collated(placement: Placement) -> Expression:
    """A readable value that compares as the target's column does: a cast would keep the source's collation."""
    value = readable_value(placement)
    if placement.column.collation is not None:
        return compose("({v}) COLLATE {c}", v=value, c=trusted(placement.column.collation))
    if placement.column.type.bare in _COLLATABLE:
        return compose('({v}) COLLATE pg_catalog."default"', v=value)
    return value


def readable_value(placement: Placement) -> Expression:
    """What a placement gives without drawing a default that is volatile and without the row map; else NULL.

    In the column's full type: what would not fit there is cut, and so does not read back.
    """
    if _readable(placement) and placement.value is not None:
        return cast(placement.value, placement.column.type.sql)
    return cast(constant(None), bare(placement.column.type))


def _readable(placement: Placement) -> bool:
    drawn = placement.making is Making.DEFAULT and (placement.column.default_is_volatile or placement.column.identity)
    return not drawn and placement.making is not Making.NEW_KEY and not placement.reads_row_map


def readable_columns(source: SourceLens) -> frozenset[str]:
    """The target columns whose values are known by reading the source alone."""
    return frozenset(p.column.name for p in source.placements if _readable(p))


def provable(source: SourceLens) -> tuple[Rule, ...]:
    """The rules whose way there and back can be computed by reading the source alone."""
    known = readable_columns(source)
    return tuple(
        rule
        for rule in source.proven
        if not rule.reads_row_map and rule.inverse is not None and known.issuperset(rule.inverse.columns)
    )


def read_back_differs(rules: Sequence[Rule]) -> sql.Composed:
    """True for a pair of rows `s`, `t` of which some proven column does not read back equal."""
    if not rules:
        return sql.Composed([sql.SQL("false")])
    left = [sql.Identifier("s", rule.column.name) for rule in rules]
    return rows_differ(left, [inverse_of(rule) for rule in rules])


def differing_columns(rules: Sequence[Rule]) -> sql.Composed:
    """A text array of the columns of the pair `s`, `t` that do not read back equal."""
    if not rules:
        return sql.Composed([sql.SQL("'{}'::pg_catalog.text[]")])
    cases = [
        sql.SQL("CASE WHEN {} THEN {}::pg_catalog.text END").format(
            outputs_differ(sql.Identifier("s", rule.column.name), inverse_of(rule)), sql.Literal(rule.column.name)
        )
        for rule in rules
    ]
    return sql.SQL("pg_catalog.array_remove(ARRAY[{}], NULL)").format(joined(cases))


def inverse_of(rule: Rule, alias: str = "t") -> sql.Composed:
    """The inverse over the target row, in the source column's own type."""
    assert rule.inverse is not None
    return cast(rule.inverse, rule.column.type.sql).on(alias)


def proof_rows(source: SourceLens) -> sql.Composed:
    """`FROM` clause of every source row `s` beside what it would be in the target, `t`; OFFSET 0 computes it once."""
    values = [sql.SQL("{} AS {}").format(collated(p).on("s"), p.column.identifier) for p in source.placements]
    return sql.SQL("{} s CROSS JOIN LATERAL (SELECT {} OFFSET 0) t").format(source.name.identifier, joined(values))


def staged_columns(lens: Lens) -> tuple[Column, ...]:
    """The target columns that are written, in the target's order."""
    return tuple(column for column in lens.target.columns if not column.generated)


def staging_keys(lens: Lens, source: SourceLens) -> tuple[str, ...]:
    """The source key's columns in the staging table."""
    return names.staging_key_columns(lens.target, len(source.key))


def source_key_in_map(source: SourceLens) -> tuple[str, ...]:
    """The source key's columns in the row map."""
    return names.key_columns("s", len(source.key))


def target_key_in_map(lens: Lens) -> tuple[str, ...]:
    """The target key's columns in the row map."""
    return names.key_columns("t", len(lens.key))


def target_key(lens: Lens) -> tuple[str, ...]:
    """The target's key columns by their own names."""
    return tuple(column.name for column in lens.key)


def output_array(columns: Sequence[sql.Composable]) -> sql.Composed:
    """A text array of values in output form, for messages and checkpoints."""
    return sql.SQL("ARRAY[{}]").format(joined(sql.SQL("{}::pg_catalog.text").format(c) for c in columns))


def key_of(table: TableName, key: Sequence[str]) -> str:
    """For messages: `public.issues 17`."""
    return f"{table} {', '.join(key)}"
