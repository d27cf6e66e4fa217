"""Columns that hold a key of a source of this fold: they follow their row to where it went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from pipelines.core import names
from pipelines.core.expression import Expression, Ref, column, compose
from pipelines.core.lens import Rule, SourceLens, Treatment
from pipelines.core.lens_rules import follow, substitute
from pipelines.core.names import Keeping
from pipelines.core.schema import Column, ColumnType, Schema, Table, TableName
from pipelines.core.spec import KeyMode, Spec


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns of `table` that hold the values of columns of `to`, which is a source; in the constraint's order."""

    table: TableName
    columns: tuple[str, ...]
    to: TableName
    to_columns: tuple[str, ...]


def references_to_sources(spec: Spec, schema: Schema) -> Iterator[Reference]:
    """Every foreign key, and every key that the spec declares, to a source of this fold."""
    sources = set(spec.source_names)
    for constraint in schema.inbound:
        if constraint.references in sources and constraint.references is not None:
            yield Reference(constraint.table, constraint.columns, constraint.references, constraint.references_columns)
    for rule in spec.foreign_keys:
        if rule.references in sources and rule.references is not None:
            key = schema[rule.references].primary_key
            if len(key) == len(rule.columns):
                yield Reference(rule.table, rule.columns, rule.references, key)


def follow_references(
    spec: Spec, schema: Schema, target: Table, key: tuple[Column, ...], sources: Sequence[SourceLens]
) -> list[SourceLens]:
    """The sources with the rules of such columns replaced; custom rules and value maps stay the author's."""
    by_name = {source.name: source for source in sources}
    found = {
        (reference.table, name): (by_name[reference.to], to_name)
        for reference in references_to_sources(spec, schema)
        if reference.table in by_name and reference.to in by_name
        for name, to_name in zip(reference.columns, reference.to_columns, strict=True)
    }
    return [
        replace(s, rules=tuple(_followed(spec, s, rule, found.get((s.name, rule.column.name)), target, key)
                               for rule in s.rules))
        for s in sources
    ]  # fmt: skip


def _followed(
    spec: Spec,
    source: SourceLens,
    rule: Rule,
    reference: tuple[SourceLens, str] | None,
    target: Table,
    key: tuple[Column, ...],
) -> Rule:
    plain = (Treatment.SAME, Treatment.CAST, Treatment.PATH)
    if reference is None or rule.place is None or rule.treatment not in plain:
        return rule
    to, to_column = reference
    pair = key_pair(spec.name, to, to_column, target, key)
    if pair is None:
        return rule
    forward, inverse, type_of = pair
    return follow(rule, substitute(forward, column(rule.column.name)), inverse, type_of, target)


def key_pair(
    fold: str, to: SourceLens, to_column: str, target: Table, key: tuple[Column, ...]
) -> tuple[Expression, Expression, ColumnType] | None:
    """How a value of `to_column` of a source becomes the target's, and back; None where it stays as it is.

    Each reads one column: the value. Through the row map where the row's key is new; else by that column's own rule.
    """
    if to.spec.key is KeyMode.NEW and [c.name for c in to.key] == [to_column]:
        return (
            _look_up(fold, to.name, given="s1", wanted="t1"),
            _look_up(fold, to.name, given="t1", wanted="s1"),
            key[0].type,
        )
    rule = to.rule(to_column)
    if rule.place is None or rule.place.path or rule.forward is None or rule.inverse is None:
        return None
    if rule.treatment is Treatment.SAME:
        return None
    if len(rule.forward.columns) != 1 or len(rule.inverse.columns) != 1:
        return None
    return rule.forward, rule.inverse, target[rule.place.column].type


def _look_up(fold: str, source: TableName, given: str, wanted: str) -> Expression:
    return compose(
        "(SELECT m.{wanted} FROM {map} m WHERE m.{given} = {value} AND m.state = 'mapped')",
        wanted=sql.Identifier(wanted),
        given=sql.Identifier(given),
        map=names.keeping(Keeping.ROW_MAP, fold, source).identifier,
        value=Expression((Ref("value"),)),
    )
