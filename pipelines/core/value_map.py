"""Value maps as SQL, both ways. Values are compared as text under collation C, so that none is equal by locale."""

from __future__ import annotations

import json
from collections.abc import Iterable

from psycopg import sql

from pipelines.core.expression import Expression, cast, column, compose, constant
from pipelines.core.schema import ColumnType
from pipelines.core.spec import Otherwise, Scalar, ValueMap


def text_of(value: Scalar) -> str | None:
    """A scalar as PostgreSQL prints it."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def forward(values: ValueMap, name: str, source: ColumnType, target: ColumnType | None) -> Expression:
    """Source column -> target value; `target` None stands for jsonb. A value without counterpart gives NULL."""
    read = column(name)
    nulls = [_target_literal(value, target) for key, value in values.pairs if key is None]
    null = nulls[0] if nulls else _null(target)
    arms = [(_equals(read, key), _target_literal(value, target)) for key, value in values.pairs if key is not None]
    return _case(read, null, arms, _otherwise(values, read, target), _type_name(target))


def inverse(values: ValueMap, read: Expression, source: ColumnType, target: ColumnType | None) -> Expression:
    """Target value -> source column; of several source values with one counterpart, the first listed."""
    null: Expression = _null(source)
    arms = []
    for key, value in values.pairs:
        if value is None and target is not None:
            null = _source_literal(key, source)
            continue
        test = _equals(read, value) if target is not None else _equals_json(read, value)
        arms.append((test, _source_literal(key, source)))
    kept = values.otherwise is Otherwise.KEEP
    other = _unkept(read, source, target) if kept else _null(source)
    return _case(read, null, arms, other, source.sql)


def json_literal(value: Scalar) -> Expression:
    """A scalar as a jsonb literal; None is JSON null."""
    return cast(constant(json.dumps(value)), "pg_catalog.jsonb")


def without_counterpart(values: ValueMap, name: str) -> Expression:
    """True for a value that the map must name and does not."""
    named = [key for key, _ in values.pairs if key is not None]
    read = column(name)
    if not named:
        return compose("({c} IS NOT NULL)", c=read)
    listed = _listed(text_of(key) for key in named)
    return compose('({c} IS NOT NULL AND ({c})::pg_catalog.text COLLATE "C" NOT IN ({listed}))', c=read, listed=listed)


def collides_with_kept(values: ValueMap, name: str, *, in_document: bool) -> Expression:
    """True for a kept value that equals what another value becomes; a document tells 1 and "1" apart."""
    kept = column(name)
    if in_document:
        taken = _listed(json.dumps(value) for _, value in values.pairs)
        same = compose("pg_catalog.to_jsonb({c}) = ANY (ARRAY[{taken}]::pg_catalog.jsonb[])", c=kept, taken=taken)
    else:
        taken = _listed(text_of(value) for _, value in values.pairs)
        text = compose('({c})::pg_catalog.text COLLATE "C"', c=kept)
        same = compose("{text} = ANY (ARRAY[{taken}]::pg_catalog.text[])", text=text, taken=taken)
    return compose("({known} AND {same})", known=without_counterpart(values, name), same=same)


def _listed(values: Iterable[str | None]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Literal(value) for value in values)


def _case(
    read: Expression,
    null: Expression,
    arms: Iterable[tuple[Expression, Expression]],
    other: Expression,
    type_name: str,
) -> Expression:
    parts = [*compose("CASE WHEN {c} IS NULL THEN {null}", c=read, null=null).parts]
    for test, value in arms:
        parts += compose(" WHEN {test} THEN {value}", test=test, value=value).parts
    parts += compose(" ELSE {other} END", other=other).parts
    return cast(Expression(tuple(parts)), type_name)


def _otherwise(values: ValueMap, read: Expression, target: ColumnType | None) -> Expression:
    match values.otherwise:
        case Otherwise.KEEP:
            return _kept(read, target)
        case Otherwise.VALUE:
            return _target_literal(values.otherwise_value, target)
        case Otherwise.NULL | Otherwise.ERROR:
            return _null(target)


def _kept(read: Expression, target: ColumnType | None) -> Expression:
    if target is None:
        return compose("pg_catalog.to_jsonb({c})", c=read)
    return cast(compose("{c}::pg_catalog.text", c=read), target.bare or target.sql)


def _unkept(read: Expression, source: ColumnType, target: ColumnType | None) -> Expression:
    text = compose("({c} #>> '{{}}')", c=read) if target is None else compose("{c}::pg_catalog.text", c=read)
    return cast(text, source.sql)


def _equals(read: Expression, value: Scalar) -> Expression:
    return compose('({c})::pg_catalog.text COLLATE "C" = {v}', c=read, v=sql.Literal(text_of(value)))


def _equals_json(read: Expression, value: Scalar) -> Expression:
    return compose("{c} = {v}::pg_catalog.jsonb", c=read, v=sql.Literal(json.dumps(value)))


def _target_literal(value: Scalar, target: ColumnType | None) -> Expression:
    if target is None:
        return json_literal(value)
    return cast(constant(text_of(value)), target.bare or target.sql)


def _source_literal(value: Scalar, source: ColumnType) -> Expression:
    return cast(constant(text_of(value)), source.sql)


def _null(of: ColumnType | None) -> Expression:
    return cast(constant(None), _type_name(of))


def _type_name(of: ColumnType | None) -> str:
    return "pg_catalog.jsonb" if of is None else (of.bare or of.sql)
