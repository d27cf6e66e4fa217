"""Which relations a backup concerns, by oid: the saved tables, their partitions, the views that read them, and the
indexes, constraints and the like that belong to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from psycopg.rows import class_row

from pipelines.core.errors import DatabaseError
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.named_sql import load_sql

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Owned:
    """An object that belongs to a relation; `needs` is the table that a foreign key references."""

    relation: TableName
    name: TableName
    needs: TableName | None


@dataclass(frozen=True, slots=True)
class SavedRelations:
    """`names` holds tables, then partitions, then views; `roots` says for each which saved tables it is of."""

    tables: tuple[TableName, ...]
    table_oids: tuple[int, ...]
    view_oids: tuple[int, ...]
    saved_oids: tuple[int, ...]  # tables and partitions
    names: Mapping[int, TableName]
    roots: Mapping[TableName, tuple[TableName, ...]]
    owned: Mapping[tuple[int, int], Owned]
    sequences: tuple[tuple[TableName, TableName], ...]  # table and the sequence that a column of it owns

    @property
    def saved(self) -> frozenset[TableName]:
        """The tables and their partitions, by name."""
        return frozenset(self.names[oid] for oid in self.saved_oids)

    def roots_of(self, relation: TableName) -> tuple[TableName, ...]:
        """The saved tables that a relation is of; a table's own is itself."""
        return self.roots.get(relation, ())

    def tables_of(self, oids: Iterable[int]) -> tuple[TableName, ...]:
        """The names of saved tables, each once, in the order of names."""
        return tuple(sorted({self.names[oid] for oid in oids}))


@dataclass(frozen=True, slots=True)
class _TableRow:
    oid: int
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class _PartitionRow:
    root: int
    oid: int
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class _ViewRow:
    oid: int
    schema: str
    name: str
    roots: list[int]


@dataclass(frozen=True, slots=True)
class _OwnedRow:
    class_oid: int
    oid: int
    relation: int
    schema: str
    name: str
    needs_schema: str | None
    needs_name: str | None


@dataclass(frozen=True, slots=True)
class _SequenceRow:
    relation: int
    schema: str
    name: str


def read_relations(connection: Connection, tables: Sequence[TableName]) -> SavedRelations:
    """Read them from the catalog.

    Raises:
        DatabaseError: a table is not there.
    """
    found = _read_tables(connection, tables)
    oids = [row.oid for row in found]
    partitions = _read(connection, "partitions", _PartitionRow, tables=oids)
    views = _read(connection, "dependents", _ViewRow, tables=oids)
    names = {row.oid: TableName(row.schema, row.name) for row in found}
    names |= {row.oid: TableName(row.schema, row.name) for row in partitions}
    names |= {row.oid: TableName(row.schema, row.name) for row in views}
    roots: dict[TableName, tuple[TableName, ...]] = {names[row.oid]: (names[row.oid],) for row in found}
    roots |= {names[row.oid]: (names[row.root],) for row in partitions}
    roots |= {names[row.oid]: tuple(sorted(names[root] for root in row.roots)) for row in views}
    return SavedRelations(
        tables=tuple(names[oid] for oid in oids),
        table_oids=tuple(oids),
        view_oids=tuple(row.oid for row in views),
        saved_oids=(*oids, *(row.oid for row in partitions)),
        names=names,
        roots=roots,
        owned=_owned(_read(connection, "owned", _OwnedRow, relations=list(names)), names),
        sequences=tuple(
            (names[row.relation], TableName(row.schema, row.name))
            for row in _read(connection, "sequences", _SequenceRow, tables=oids)
        ),
    )


def _read_tables(connection: Connection, tables: Sequence[TableName]) -> list[_TableRow]:
    parameters = {"schemas": [table.schema for table in tables], "names": [table.name for table in tables]}
    found = _read(connection, "tables", _TableRow, **parameters)
    missing = set(tables) - {TableName(row.schema, row.name) for row in found}
    if missing:
        raise DatabaseError(f"table {min(missing)} is not there: it was dropped or renamed meanwhile")
    return found


def _owned(rows: Iterable[_OwnedRow], names: Mapping[int, TableName]) -> Mapping[tuple[int, int], Owned]:
    return {
        (row.class_oid, row.oid): Owned(
            names[row.relation],
            TableName(row.schema, row.name),
            TableName(row.needs_schema, row.needs_name) if row.needs_schema and row.needs_name else None,
        )
        for row in rows
    }


def _read(connection: Connection, block: str, row: type[_Row], **parameters: object) -> list[_Row]:
    with connection.cursor(row_factory=class_row(row)) as cursor:
        return cursor.execute(load_sql("pipelines.database", "saved_relations.sql")[block], parameters).fetchall()
