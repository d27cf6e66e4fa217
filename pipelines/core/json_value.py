"""Values of any type in a JSON document, exactly: what goes in comes back image-equal (POSTGRES.md, Equality)."""

from __future__ import annotations

from typing import LiteralString, assert_never

from psycopg import sql

from pipelines.core.expression import Expression, cast, compose, trusted
from pipelines.core.schema import ColumnType, JsonEncoding

# An array's text, not its JSON, tells where its bounds start; six dimensions are the most there are (manual 8.15).
_BOUND: LiteralString = "pg_catalog.array_lower({x}, {n}) <> 1"


def encode(value: Expression, of: ColumnType) -> Expression:
    """The jsonb that stands for `value`; SQL NULL for NULL, which jsonb_build_object writes as JSON null."""
    match of.json:
        case JsonEncoding.NATIVE if _has_minus_zero(of):
            return compose(
                "CASE WHEN {x} = 0 AND {x}::pg_catalog.text = '-0' THEN pg_catalog.to_jsonb({x}::pg_catalog.text)"
                " ELSE pg_catalog.to_jsonb({x}) END",
                x=value,
            )
        case JsonEncoding.NATIVE:
            return compose("pg_catalog.to_jsonb({x})", x=value)
        case JsonEncoding.ARRAY:
            return compose(
                "CASE WHEN {odd} THEN pg_catalog.to_jsonb({x}::pg_catalog.text) ELSE pg_catalog.to_jsonb({x}) END",
                odd=_odd_array(value, of),
                x=value,
            )
        case JsonEncoding.JSONB:
            return compose(
                "CASE WHEN pg_catalog.jsonb_typeof({x}) IN ('null', 'string')"
                " THEN pg_catalog.to_jsonb({x}::pg_catalog.text) ELSE {x}::pg_catalog.jsonb END",
                x=value,
            )
        case JsonEncoding.TEXT:
            return compose("pg_catalog.to_jsonb({x}::pg_catalog.text)", x=value)
        case _:
            assert_never(of.json)


def decode(document: Expression, of: ColumnType) -> Expression:
    """The value that `encode` put there; NULL where the document is SQL NULL or JSON null."""
    text = compose("({d} #>> '{{}}')", d=document)
    match of.json:
        case JsonEncoding.NATIVE if of.kind == "c":
            return _by_record(document, of)
        case JsonEncoding.NATIVE | JsonEncoding.TEXT:
            return cast(text, of.sql)
        case JsonEncoding.ARRAY:
            return compose(
                "CASE WHEN pg_catalog.jsonb_typeof({d}) = 'string' THEN {by_text} ELSE {by_record} END",
                d=document,
                by_text=cast(text, of.sql),
                by_record=_by_record(document, of),
            )
        case JsonEncoding.JSONB:
            return compose(
                "CASE pg_catalog.jsonb_typeof({d}) WHEN 'string' THEN {by_text} WHEN 'null' THEN NULL"
                " ELSE {d}::{type} END",
                d=document,
                by_text=cast(text, of.sql),
                type=trusted(of.sql),
            )
        case _:
            assert_never(of.json)


def _has_minus_zero(of: ColumnType) -> bool:
    """A floating point number, or an array of them: jsonb keeps a number as numeric, which has no -0."""
    return (of.base or of.bare).removesuffix("[]") in ("real", "double precision")


def _odd_array(value: Expression, of: ColumnType) -> Expression:
    tests = [compose(_BOUND, x=value, n=sql.Literal(n)) for n in range(1, 7)]
    if _has_minus_zero(of):
        tests.append(compose("{x}::pg_catalog.text ~ '[{{,]-0[,}}]'", x=value))
    parts = [*tests[0].parts]
    for test in tests[1:]:
        parts += [sql.SQL(" OR "), *test.parts]
    return Expression(tuple(parts))


def _by_record(document: Expression, of: ColumnType) -> Expression:
    return compose(
        "(SELECT r.v FROM pg_catalog.jsonb_to_record(pg_catalog.jsonb_build_object('v', {d})) AS r(v {type}))",
        d=document,
        type=trusted(of.sql),
    )
