"""What a column's type is made of, and what follows: its JSON encoding, its equality, its domain's rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import scalar_row

from pipelines.core.schema import ColumnType, JsonEncoding
from pipelines.database.catalog import AnyConnection, catalog_snapshot, fetch
from pipelines.database.named_sql import load_sql

_JSON, _JSONB, _XML = 114, 3802, 142  # fixed in pg_type.dat


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A type with the oids of its parts; 0 where it has no such part."""

    oid: int
    sql: str
    category: str
    kind: str
    base: int
    base_sql: str | None
    element: int
    fields: list[int]
    subtype: int
    labels: list[str]
    casts_to_json: bool
    has_equality: bool
    checks: list[str]
    not_null: bool
    default_sql: str | None


def read_types(connection: AnyConnection, texts: Iterable[str]) -> Mapping[str, ColumnType]:
    """The type that each text names in SQL (`varchar(20)`, `public.mood[]`); those that the server has not are absent.

    Names resolve with an empty search_path: without a schema only the built-in types are known.
    """
    with catalog_snapshot(connection):
        declared = {text: found for text in dict.fromkeys(texts) if (found := _read_declaration(connection, text))}
        types = read_parts(connection, (oid for oid, _ in declared.values()))
        return {text: describe_type(oid, declaration, types) for text, (oid, declaration) in declared.items()}


def read_parts(connection: AnyConnection, oids: Iterable[int]) -> Mapping[int, TypeRow]:
    """The types and all that they are made of, by oid."""
    rows = fetch(connection, "introspection.sql", "types", TypeRow, {"types": sorted(set(oids))})
    return {row.oid: row for row in rows}


def describe_type(oid: int, sql: str, types: Mapping[int, TypeRow]) -> ColumnType:
    """The type of a column whose declaration is `sql`; `types` holds it and all its parts."""
    chain = tuple(_domain_chain(oid, types))
    domains, innermost = chain[:-1], chain[-1]
    return ColumnType(
        sql=sql,
        oid=oid,
        category=types[oid].category,
        kind=types[oid].kind,
        json=_encoding(oid, types),
        bare=types[oid].sql,
        base=domains[-1].base_sql if domains else None,
        labels=tuple(innermost.labels),
        has_default_equality=_has_equality(oid, types),
        domain_checks=tuple(check for domain in domains for check in domain.checks),
        domain_not_null=any(domain.not_null for domain in domains),
        domain_default=next((d.default_sql for d in domains if d.default_sql is not None), None),
    )


def _domain_chain(oid: int, types: Mapping[int, TypeRow]) -> Iterator[TypeRow]:
    """The domain, the domain under it, and so on; last the type that is none."""
    row = types[oid]
    while row.kind == "d":
        yield row
        row = types[row.base]
    yield row


def _encoding(oid: int, types: Mapping[int, TypeRow]) -> JsonEncoding:
    """A document is exact for plain values alone: see JsonEncoding and POSTGRES.md, Equality."""
    row = types[oid]
    if row.kind == "d":
        return _encoding(row.base, types)
    if oid == _JSONB:
        return JsonEncoding.JSONB
    if oid in (_JSON, _XML) or row.casts_to_json:  # xml's output leaves out a plain declaration, its text does not
        return JsonEncoding.TEXT
    if row.element:
        return JsonEncoding.ARRAY if _is_plain(row.element, types) else JsonEncoding.TEXT
    if row.subtype:  # a range travels as its text, in which an array is exact and json is not
        native = _encoding(row.subtype, types) in (JsonEncoding.NATIVE, JsonEncoding.ARRAY)
        return JsonEncoding.NATIVE if native else JsonEncoding.TEXT
    plain = all(_is_plain(part, types) for part in row.fields)
    return JsonEncoding.NATIVE if plain else JsonEncoding.TEXT


def _is_plain(oid: int, types: Mapping[int, TypeRow]) -> bool:
    return _encoding(oid, types) is JsonEncoding.NATIVE


def _has_equality(oid: int, types: Mapping[int, TypeRow]) -> bool:
    """As the server's type cache finds it: arrays and rows compare where all their parts do."""
    row = types[oid]
    if row.kind == "d":
        return _has_equality(row.base, types)
    if row.element:
        return _has_equality(row.element, types)
    if row.kind == "c":
        return all(_has_equality(part, types) for part in row.fields)
    return row.has_equality


def _read_declaration(connection: AnyConnection, text: str) -> tuple[int, str] | None:
    """The oid of the type that `text` names and its declaration with the modifier, None where there is no such type.

    Before PostgreSQL 17 no function gives a modifier, so the server describes a column of the type (without a
    row: a domain may refuse NULL); it sees the text only when all of it was read as the name of a type.
    """
    blocks = load_sql("pipelines.database", "introspection.sql")
    try:
        with connection.transaction(force_rollback=True), connection.cursor(row_factory=scalar_row) as cursor:
            oid: int | None = cursor.execute(blocks["type_oid"], {"text": text}).fetchone()
            if oid is None:
                return None
            result = cursor.execute(sql.SQL("SELECT NULL::{} WHERE false").format(sql.SQL(text))).pgresult
            modifier = -1 if result is None or result.ftype(0) != oid else result.fmod(0)
            declaration = cursor.execute(blocks["declaration"], {"oid": oid, "modifier": modifier}).fetchone()
            return oid, str(declaration)
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError):
        return None
