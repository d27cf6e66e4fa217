"""A drill: a backup is restored into a scratch schema, compared, and gone again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psycopg
from psycopg import sql

from pipelines.core.digest import Digest
from pipelines.core.errors import BackupDamaged, DatabaseError, RowsDiffer
from pipelines.core.expression import trusted
from pipelines.core.manifest import Manifest, SavedTable
from pipelines.core.schema import TableName
from pipelines.database.backup_reader import load_rows, read_manifest, verify_scripts
from pipelines.database.backup_restore import make_schema
from pipelines.database.connection import Connection
from pipelines.database.failures import explained, reason_of
from pipelines.database.table_digest import digest

SCRATCH_PREFIX = "pgfold_drill_"


@dataclass(frozen=True, slots=True)
class TableDrill:
    """One table that came back equal; `live` is the digest of the table it was compared with, if any."""

    name: TableName
    saved: Digest
    restored: Digest
    live: Digest | None

    @property
    def rows(self) -> int:
        """How many came back."""
        return self.restored.rows


@dataclass(frozen=True, slots=True)
class DrillResult:
    """Every table of the backup, in the manifest's order; all equal."""

    folder: Path
    tables: tuple[TableDrill, ...]

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(table.rows for table in self.tables)


def drill(
    connection: Connection,
    folder: Path,
    against: Mapping[TableName, TableName] = MappingProxyType({}),
    *,
    with_schema: bool = False,
) -> DrillResult:
    """Restore every table's columns and rows into a scratch schema, and compare digests and files with the manifest.

    `against` (saved name -> name of a table that is there) compares those with live tables too; `with_schema` also
    makes all that the tables own: keys, indexes, triggers, policies. All of it in a transaction, or a savepoint of the
    caller's, that is rolled back: a killed drill leaves nothing either.

    Raises:
        BackupDamaged: the backup is altered, does not give back what it says, or needs a type that is gone.
        RowsDiffer: a live table holds something else than the backup.
        ConnectionLost, DatabaseError: the server went away or refused.
    """
    manifest = read_manifest(folder)
    verify_scripts(folder, manifest)
    scratch = SCRATCH_PREFIX + secrets.token_hex(8)
    with explained(f"drill {folder}"), connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(scratch)))
        found = tuple(
            _drill_table(connection, folder, table, TableName(scratch, str(number)), against.get(table.name))
            for number, table in enumerate(manifest.tables, start=1)
        )
        if with_schema:
            _make_schema(connection, folder, manifest, scratch)
    return DrillResult(folder, found)


def _drill_table(
    connection: Connection, folder: Path, saved: SavedTable, copy: TableName, live: TableName | None
) -> TableDrill:
    plain = saved.plain()
    _make_table(connection, folder, plain, copy)
    load_rows(connection, folder, plain, copy.identifier)
    restored = digest(connection, copy, saved.rows.column_names)
    # Its room is free at once, where DROP TABLE frees it at the end of the transaction.
    connection.execute(sql.SQL("TRUNCATE {}").format(copy.identifier))
    if restored != saved.digest:
        raise BackupDamaged(
            f"{folder} does not give back {saved.name}: {restored} came back, and {saved.digest} were saved; make"
            " another backup"
        )
    return TableDrill(saved.name, saved.digest, restored, _compare(connection, folder, saved, live))


def _make_schema(connection: Connection, folder: Path, manifest: Manifest, scratch: str) -> None:
    """One schema for each that was saved: equal names of tables and indexes stay apart."""
    saved = sorted({table.name.schema for table in manifest.tables})
    schemas = {schema: f"{scratch}_{number}" for number, schema in enumerate(saved, start=1)}
    names = {table.name: TableName(schemas[table.name.schema], table.name.name) for table in manifest.tables}
    try:
        make_schema(connection, folder, manifest, names)
    except DatabaseError as error:
        raise BackupDamaged(
            f"{folder} cannot be restored now: {error}; make again what is missing, as schema.sql in that folder has it"
        ) from error


def _make_table(connection: Connection, folder: Path, saved: SavedTable, copy: TableName) -> None:
    """Columns only, and unlogged: it never outlives the transaction."""
    columns = [sql.SQL("{} {}").format(sql.Identifier(c.name), trusted(c.type)) for c in saved.rows.columns]
    statement = sql.SQL("CREATE UNLOGGED TABLE {} ({})").format(copy.identifier, sql.SQL(", ").join(columns))
    try:
        connection.execute(statement)
    except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedTable) as error:
        raise BackupDamaged(
            f"{folder} cannot be restored: a column of {saved.name} has a type that is gone: {reason_of(error)}: make"
            " the type again, as schema.sql in that folder has it"
        ) from error


def _compare(connection: Connection, folder: Path, saved: SavedTable, live: TableName | None) -> Digest | None:
    if live is None:
        return None
    found = digest(connection, live, saved.rows.column_names)
    if found != saved.digest:
        raise RowsDiffer(
            f"{live} holds {found}, and its backup {folder} {saved.digest}: rows were changed since; make another"
            " backup"
        )
    return found
