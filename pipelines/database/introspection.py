"""Reads the part of the catalog that a spec concerns into core.schema, by a few queries for all tables at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from psycopg import sql
from psycopg.rows import tuple_row

from pipelines.core.schema import Column, OwnedSequence, Schema, Table, TableName
from pipelines.database.catalog import AnyConnection, by_relation, catalog_snapshot, fetch
from pipelines.database.catalog_rows import (
    ColumnRow,
    ConstraintRow,
    GrantRow,
    IndexRow,
    PolicyRow,
    PublicationRow,
    RelationRow,
    ScopeRow,
    SequenceRow,
    TriggerRow,
    table_names,
)
from pipelines.database.column_types import describe_type, read_parts, read_types
from pipelines.database.dependents import read_dependents
from pipelines.database.expressions import expression_volatility, function_oids, read_functions
from pipelines.database.privileges import read_server

__all__ = ["expression_volatility", "read_schema", "read_types"]

_FILE = "introspection.sql"
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which relations are read and why, by oid; `inbound` are oids of foreign keys that reference a named one."""

    named: tuple[int, ...]
    children: tuple[int, ...]
    parents: tuple[int, ...]
    inbound: tuple[int, ...]

    @property
    def tables(self) -> list[int]:
        """Every relation that is read, each once."""
        return list(dict.fromkeys((*self.named, *self.children, *self.parents)))


def read_schema(connection: AnyConnection, names: Iterable[TableName]) -> Schema:
    """The named tables that exist, the tables that reference them or are referenced by them, and what reads them.

    One snapshot: the caller's transaction, or a REPEATABLE READ READ ONLY one of its own. Partitions of a child are
    folded into their root: their copies of its keys are left out. Within a READ COMMITTED transaction the caller's
    locks keep the tables as they are. Settings are afterwards as they were.

    Raises:
        Transient: another session changed the tables meanwhile.
        LockNotAvailable: another session holds one of them exclusively.
    """
    with catalog_snapshot(connection):
        scope = _read_scope(connection, names)
        constraints = _read(connection, "constraints", ConstraintRow, scope.tables, inbound=list(scope.inbound))
        found = {table.oid: table for table in _read_tables(connection, scope.tables, constraints)}
        readable = {oid: found[oid].name for oid in dict.fromkeys((*scope.named, *scope.children))}
        return Schema(
            tables={table.name: table for table in found.values()},
            inbound=tuple(row.constraint for row in constraints if row.oid in scope.inbound),
            dependents=read_dependents(connection, readable),
            server=read_server(connection, scope.named, scope.children, scope.parents),
        )


def _read_scope(connection: AnyConnection, names: Iterable[TableName]) -> Scope:
    wanted = sorted(set(names))
    parameters = {"schemas": [table.schema for table in wanted], "names": [table.name for table in wanted]}
    members: dict[str, list[int]] = {}
    for row in fetch(connection, _FILE, "scope", ScopeRow, parameters):
        members.setdefault(row.part, []).append(row.oid)
    named, children, parents, inbound = (sorted(members.get(p, ())) for p in ("named", "child", "parent", "inbound"))
    return Scope(tuple(named), tuple(children), tuple(parents), tuple(inbound))


def _read(
    connection: AnyConnection, block: str, row: type[_Row], tables: Sequence[int], **parameters: object
) -> list[_Row]:
    return fetch(connection, _FILE, block, row, {"tables": tables, **parameters})


@dataclass(frozen=True, slots=True)
class Parts:
    """What hangs on the relations, by a relation's oid."""

    columns: Mapping[int, tuple[Column, ...]]
    constraints: Mapping[int, list[ConstraintRow]]
    indexes: Mapping[int, list[IndexRow]]
    triggers: Mapping[int, list[TriggerRow]]
    policies: Mapping[int, list[PolicyRow]]
    grants: Mapping[int, list[GrantRow]]
    sequences: Mapping[int, tuple[OwnedSequence, ...]]
    publications: Mapping[int, list[PublicationRow]]


def _read_tables(
    connection: AnyConnection, oids: Sequence[int], constraints: Iterable[ConstraintRow]
) -> Iterator[Table]:
    parts = Parts(
        columns=_read_columns(connection, oids),
        constraints=by_relation(row for row in constraints if not row.is_copy),
        indexes=by_relation(_read(connection, "indexes", IndexRow, oids)),
        triggers=by_relation(_read(connection, "triggers", TriggerRow, oids)),
        policies=by_relation(_read(connection, "policies", PolicyRow, oids)),
        grants=by_relation(_read(connection, "grants", GrantRow, oids)),
        sequences=_read_sequences(connection, oids),
        publications=by_relation(_read(connection, "publications", PublicationRow, oids)),
    )
    for relation in _read(connection, "relations", RelationRow, oids):
        yield _table(relation, parts)


def _table(row: RelationRow, parts: Parts) -> Table:
    parents = table_names(row.parents)
    return Table(
        name=TableName(row.schema, row.name),
        oid=row.oid,
        kind=row.table_kind,
        columns=parts.columns.get(row.oid, ()),
        constraints=tuple(found.constraint for found in parts.constraints.get(row.oid, ())),
        indexes=tuple(found.index for found in parts.indexes.get(row.oid, ())),
        triggers=tuple(found.trigger for found in parts.triggers.get(row.oid, ())),
        policies=tuple(found.policy for found in parts.policies.get(row.oid, ())),
        grants=tuple(found.grant for found in parts.grants.get(row.oid, ())),
        sequences=parts.sequences.get(row.oid, ()),
        publications=tuple(found.name for found in parts.publications.get(row.oid, ())),
        updates_shipped_by=tuple(found.name for found in parts.publications.get(row.oid, ()) if found.updates),
        deletes_shipped_by=tuple(found.name for found in parts.publications.get(row.oid, ()) if found.deletes),
        owner=row.owner,
        row_security=row.row_security,
        force_row_security=row.force_row_security,
        replica_identity=row.replica_identity,
        persistence=row.persistence,
        partition_of=parents[0] if row.is_partition else None,
        inherits=() if row.is_partition else parents,
        inherited_by=table_names(row.heirs),
        partition_key=tuple(row.partition_key),
        estimated_rows=row.estimated_rows,
        size_bytes=row.size_bytes,
        comment=row.comment,
        rules=tuple(row.rules),
    )


def _read_columns(connection: AnyConnection, oids: Sequence[int]) -> Mapping[int, tuple[Column, ...]]:
    rows = _read(connection, "columns", ColumnRow, oids)
    types = read_parts(connection, (row.type for row in rows))
    functions = read_functions(connection, (oid for row in rows for oid in function_oids(row.tree or "")))
    return {
        oid: tuple(
            row.column(
                describe_type(row.type, row.type_sql, types),
                default_is_volatile=any(functions[f].volatility == "v" for f in function_oids(row.tree or "")),
            )
            for row in owned
        )
        for oid, owned in by_relation(rows).items()
    }


def _read_sequences(connection: AnyConnection, oids: Sequence[int]) -> Mapping[int, tuple[OwnedSequence, ...]]:
    rows = _read(connection, "sequences", SequenceRow, oids)
    positions = _read_positions(connection, [row.table_name for row in rows if row.readable])
    return {
        oid: tuple(row.sequence(*positions.get(row.table_name, (None, False))) for row in owned)
        for oid, owned in by_relation(rows).items()
    }


def _read_positions(connection: AnyConnection, sequences: Sequence[TableName]) -> Mapping[TableName, tuple[int, bool]]:
    """last_value and is_called of each, in one query: no catalog function gives both before PostgreSQL 18."""
    if not sequences:
        return {}
    query = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}::int, last_value, is_called FROM {}").format(sql.Literal(number), sequence.identifier)
        for number, sequence in enumerate(sequences)
    )
    with connection.cursor(row_factory=tuple_row) as cursor:
        return {sequences[number]: (last, called) for number, last, called in cursor.execute(query)}
