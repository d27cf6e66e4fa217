"""One rule at a time: the forward and inverse expressions of a source column (SPEC.md, Rules)."""

from __future__ import annotations

from dataclasses import replace

from psycopg import sql

from pipelines.core import value_map
from pipelines.core.expression import Expression, Ref, authored, cast, column, compose
from pipelines.core.json_value import decode, encode
from pipelines.core.lens import Constant, Rule, Treatment
from pipelines.core.place import Place
from pipelines.core.schema import Column, ColumnType, Table
from pipelines.core.spec import ColumnRule, CustomSql, Otherwise, SetRule, ValueMap
from pipelines.core.value_map import text_of

JSONB = "pg_catalog.jsonb"


def plain_rule(source: Column, place: Place, target: Table, lossy: bool, line: int | None) -> Rule:
    """As it is: the same type, a cast both ways, or a value in a document."""
    goal = target[place.column]
    if place.path:
        return Rule(
            source,
            place,
            Treatment.PATH,
            forward=encode(column(source.name), source.type),
            inverse=decode(document_at(place, goal), source.type),
            lossy=lossy,
            line=line,
        )
    same = source.type.sql == goal.type.sql
    return Rule(
        source,
        place,
        Treatment.SAME if same else Treatment.CAST,
        forward=column(source.name) if same else convert(column(source.name), source.type, goal.type),
        inverse=column(goal.name) if same else _exactly(convert(column(goal.name), goal.type, source.type), source),
        lossy=lossy,
        line=line,
    )


def value_map_rule(source: Column, rule: ColumnRule, values: ValueMap, target: Table) -> Rule:
    """By a value map; lossy where the spec says so, or where `otherwise` loses the value."""
    goal = target[rule.place.column]
    goal_type = None if rule.place.path else goal.type
    read = document_at(rule.place, goal) if rule.place.path else column(goal.name)
    return Rule(
        source,
        rule.place,
        Treatment.VALUE_MAP,
        forward=value_map.forward(values, source.name, source.type, goal_type),
        inverse=value_map.inverse(values, read, source.type, goal_type),
        lossy=rule.lossy or values.otherwise in (Otherwise.NULL, Otherwise.VALUE),
        values=values,
        line=rule.line,
    )


# COALESCE gives a bare literal, whose type is unknown, the type text (manual 10.5).
def custom_rule(source: Column, rule: ColumnRule, custom: CustomSql, target: Table) -> Rule:
    """By the author's own pair."""
    goal = target[rule.place.column]
    made = authored(custom.forward)
    forward = compose("pg_catalog.to_jsonb(COALESCE({x}))", x=made) if rule.place.path else cast(made, bare(goal.type))
    inverse = None if custom.inverse is None else cast(authored(custom.inverse), source.type.sql)
    return Rule(source, rule.place, Treatment.CUSTOM, forward, inverse, lossy=rule.lossy, line=rule.line)


def constant_rule(rule: SetRule, target: Table) -> Constant:
    """What `set` writes: a scalar, or an expression over the source row."""
    goal = target[rule.place.column]
    if rule.expression is not None:
        made = authored(rule.expression)
        in_document = compose("pg_catalog.to_jsonb(COALESCE({x}))", x=made)
        value = in_document if rule.place.path else cast(made, bare(goal.type))
    elif rule.place.path:
        value = value_map.json_literal(rule.constant)
    else:
        value = cast(Expression((sql.Literal(text_of(rule.constant)),)), bare(goal.type))
    return Constant(rule.place, value, rule.line)


def follow(rule: Rule, forward: Expression, inverse: Expression, key: ColumnType, target: Table) -> Rule:
    """The same rule for a column that holds a key of a source: `forward` and `inverse` follow the key."""
    assert rule.place is not None
    goal = target[rule.place.column]
    if rule.place.path:
        there = encode(forward, key)
        back = substitute(inverse, decode(document_at(rule.place, goal), key))
    else:
        there = forward if key.sql == goal.type.sql else convert(forward, key, goal.type)
        read = column(goal.name) if key.sql == goal.type.sql else convert(column(goal.name), goal.type, key)
        back = substitute(inverse, read)
    return replace(rule, treatment=Treatment.REFERENCE, forward=there, inverse=back, reads_row_map=True)


def substitute(outer: Expression, inner: Expression) -> Expression:
    """`outer`, which reads one column, with `inner` in that column's place."""
    parts = [piece for part in outer.parts for piece in (inner.parts if isinstance(part, Ref) else (part,))]
    return Expression(tuple(parts))


def document_at(place: Place, goal: Column) -> Expression:
    """The jsonb at a path of the target row; SQL NULL where nothing was ever written there."""
    return compose("({c} #> {path}::pg_catalog.text[])", c=as_jsonb(goal), path=sql.Literal(list(place.path)))


def as_jsonb(goal: Column) -> Expression:
    """A json or jsonb column as jsonb."""
    return column(goal.name) if goal.type.bare == "jsonb" else cast(column(goal.name), JSONB)


def convert(value: Expression, source: ColumnType, goal: ColumnType) -> Expression:
    """A cast to the bare type, so that nothing is cut; enums go by their text, as no cast joins two of them."""
    by_text = "e" in (source.kind, goal.kind) and source.oid != goal.oid
    inner = compose("{x}::pg_catalog.text", x=value) if by_text else value
    return cast(inner, bare(goal))


def bare(of: ColumnType) -> str:
    """The type's name without a length or precision."""
    return of.bare or of.sql


def _exactly(value: Expression, source: Column) -> Expression:
    return value if bare(source.type) == source.type.sql else cast(value, source.type.sql)
