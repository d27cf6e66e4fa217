"""Brings tables back from a backup, whole, and proves it before anything is committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from psycopg import sql

from pipelines.core.ddl_text import moved
from pipelines.core.errors import BackupDamaged
from pipelines.core.manifest import Manifest, SavedTable
from pipelines.core.schema import TableName
from pipelines.core.schema_script import Phase, SchemaEntry, choose, renamed
from pipelines.database.backup_reader import load_rows, read_entries
from pipelines.database.connection import Connection
from pipelines.database.failures import explained
from pipelines.database.table_digest import digest

_LOCK_WAIT = "10s"
_SETTINGS: Mapping[str, str] = {
    "search_path": "",
    "check_function_bodies": "off",  # a body may name what comes back after it
    "xmloption": "content",
    "default_tablespace": "",
    "default_table_access_method": "heap",
    "row_security": "off",
}


def restore_tables(
    connection: Connection, folder: Path, manifest: Manifest, names: Mapping[TableName, TableName]
) -> None:
    """Make the saved tables of `names` again, each under the name it is given there, in one transaction.

    Under its own name a table comes back with all that was about it: inbound foreign keys, views, publications.
    Under another, with what it owns alone. Either way with its rows, constraints, indexes, triggers, policies, rights,
    statistics, comments and sequences; foreign keys of a renamed one only to tables restored with it. Each table's
    digest is compared with the manifest's.

    Raises:
        BackupDamaged: the backup is altered, lacks a table, or does not give back what it says.
        LockNotAvailable: a table that a foreign key concerns is locked.
        ConnectionLost, DatabaseError: the server went away or refused, for example because a table is there.
    """
    saved = [_saved(folder, manifest, name, names) for name in names]
    entries = read_entries(folder, manifest)
    with explained("restore the tables"), connection.transaction(), _settings(connection):
        chosen = [*renamed(choose(entries, names, _existing(connection, entries)), names)]
        _make_schemas(connection, names.values(), chosen)
        _run(connection, chosen, Phase.BEFORE)
        for table in saved:
            load_rows(connection, folder, table, names[table.name].identifier)
            # Before row security is on again: its owner may be bound by it.
            _prove(connection, folder, table, names[table.name])
        _run(connection, chosen, Phase.AFTER)


def make_schema(connection: Connection, folder: Path, manifest: Manifest, names: Mapping[TableName, TableName]) -> None:
    """Make the saved tables of `names` as `restore_tables` does, and leave them empty.

    Raises:
        BackupDamaged: schema.sql is altered.
        ConnectionLost, DatabaseError: the server went away or refused, for example because a function is gone.
    """
    entries = read_entries(folder, manifest)
    with explained(f"restore the schema of {folder}"), connection.transaction(), _settings(connection):
        chosen = [*renamed(choose(entries, names, _existing(connection, entries)), names)]
        _make_schemas(connection, names.values(), chosen)
        _run(connection, chosen, Phase.BEFORE)
        _run(connection, chosen, Phase.AFTER)


def _saved(folder: Path, manifest: Manifest, name: TableName, names: Mapping[TableName, TableName]) -> SavedTable:
    found = manifest.table(name)
    if found is None:
        there = ", ".join(str(table.name) for table in manifest.tables)
        raise BackupDamaged(f"{folder} holds no table {name}, only {there}; use another backup")
    # A column may be of another table's row type, which moves with that table.
    columns = tuple(replace(column, type=moved(column.type, names)) for column in found.rows.columns)
    return replace(found, rows=replace(found.rows, columns=columns))


def _run(connection: Connection, entries: Iterable[SchemaEntry], phase: Phase) -> None:
    for entry in entries:
        if entry.phase is phase:
            with explained(f"restore {entry.kind} {entry.name}"):
                connection.execute(entry.text.encode())


def _prove(connection: Connection, folder: Path, saved: SavedTable, name: TableName) -> None:
    found = digest(connection, name, saved.rows.column_names)
    if found != saved.digest:
        raise BackupDamaged(
            f"{folder} does not give back {saved.name}: {found} were restored, and {saved.digest} were saved;"
            " a function of a generated column or of a type may have changed since; nothing was restored"
        )


def _existing(connection: Connection, entries: Iterable[SchemaEntry]) -> frozenset[TableName]:
    """Which of the views and tables that surrounding entries name are there."""
    named = {name for e in entries if e.surrounding for name in (*e.roots, *([e.relation] if e.relation else []))}
    query = sql.SQL("SELECT to_regclass({}) IS NOT NULL")
    return frozenset(
        name
        for name in named
        if connection.execute(query.format(sql.Literal(name.identifier.as_string(None)))).fetchall() == [(True,)]
    )


def _make_schemas(connection: Connection, names: Iterable[TableName], entries: Iterable[SchemaEntry]) -> None:
    """Those that no entry makes. Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to make one in any case."""
    made = {entry.name.schema for entry in entries if entry.kind == "SCHEMA"}
    for schema in sorted({name.schema for name in names} - made):
        if not connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchall():
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))


@contextmanager
def _settings(connection: Connection) -> Iterator[None]:
    """Settings for the restore; as they were afterwards, though the transaction goes on."""
    names = [*_SETTINGS, "lock_timeout"]
    before = {name: _setting(connection, name) for name in names}
    # The caller's own lock_timeout holds.
    lock_timeout = _LOCK_WAIT if before["lock_timeout"] == "0" else before["lock_timeout"]
    _set(connection, {**_SETTINGS, "lock_timeout": lock_timeout})
    yield
    _set(connection, before)


def _setting(connection: Connection, name: str) -> str:
    ((value,),) = connection.execute("SELECT current_setting(%s)", (name,)).fetchall()
    return str(value)


def _set(connection: Connection, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
