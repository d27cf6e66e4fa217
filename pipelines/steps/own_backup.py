"""Backups on their own: made now, restored, drilled, and old ones removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
from pydantic import JsonValue

from pipelines.core.errors import BackupDamaged, DatabaseError, Refused
from pipelines.core.manifest import BackupFacts, Manifest
from pipelines.core.schema import Table, TableKind, TableName
from pipelines.core.spec import Spec
from pipelines.core.wording import counted
from pipelines.database import ledger_folds
from pipelines.database.backup_drill import DrillResult, drill
from pipelines.database.backup_reader import read_manifest
from pipelines.database.backup_restore import restore_tables
from pipelines.database.backup_store import (
    Backup,
    choose_expired,
    find_newest,
    folder_of,
    list_backups,
    remove_backup,
)
from pipelines.database.backup_writer import write_backup
from pipelines.database.connection import Connection
from pipelines.database.introspection import read_schema
from pipelines.steps.outcome import Outcome
from pipelines.steps.session import Progress
from pipelines.steps.surroundings import Surroundings


def back_up(surroundings: Surroundings, spec: Spec) -> Outcome:
    """Back up the tables of a consolidation that are there, and those that reference them.

    Raises:
        Refused: none of its tables exists.
    """
    started, id = surroundings.now(), surroundings.new_id()
    folder = folder_of(surroundings.backups, spec.name, started, str(id)[:8])
    with closing(surroundings.connect(f"{spec.name} backup")) as connection:
        tables = tables_there(connection, spec)
    if not tables:
        raise Refused(f"{spec.name}: none of its tables is in the database; check --database-url and the spec")

    def tell(table: TableName, done: int, total: int) -> None:
        surroundings.tell(Progress("backup", done, total, str(table)))

    facts = BackupFacts(spec.name, str(id), False, spec.text)
    made = write_backup(lambda: surroundings.connect(f"{spec.name} backup"), folder, tables, facts, tell)
    sentence = f"{counted(len(made.tables), 'table')}, {counted(made.rows, 'row')}, {folder}"
    told: dict[str, JsonValue] = {"folder": str(folder), "bytes": made.size_bytes}
    return Outcome("backup", sentence, (surroundings.now() - started).total_seconds(), told)


def tables_there(connection: Connection, spec: Spec) -> tuple[Table, ...]:
    """What a backup of the consolidation saves now: its tables that are there, and those that reference them."""
    schema = read_schema(connection, spec.table_names)
    wanted = dict.fromkeys([*spec.table_names, *(c.table for c in schema.inbound)])
    found = [table for name in wanted if (table := schema.table(name)) is not None]
    return tuple(table for table in found if table.kind in (TableKind.TABLE, TableKind.PARTITIONED))


def restore(surroundings: Surroundings, folder: Path, into: str | None) -> Manifest:
    """Bring every table of a backup back, in one transaction.

    Raises:
        DatabaseError: a table of that name is there; nothing was restored.
        BackupDamaged: the backup is incomplete or altered.
    """
    manifest = read_manifest(folder)
    names = {table.name: TableName(into or table.name.schema, table.name.name) for table in manifest.tables}
    try:
        with closing(surroundings.connect("restore")) as connection, connection.transaction():
            restore_tables(connection, folder, manifest, names)
    except DatabaseError as error:
        if not isinstance(error.__cause__, _THERE):
            raise
        raise DatabaseError(f"{error}; nothing was restored: {_elsewhere(folder, into)}") from error
    return manifest


_THERE = (psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject, psycopg.errors.DuplicateSchema)


def _elsewhere(folder: Path, into: str | None) -> str:
    if into is not None:
        return f"choose another schema than {into}, one that does not hold these tables"
    return f"drop or rename what is there, or pgfold restore {folder} --into a schema of another name"


def drill_newest(surroundings: Surroundings, name: str | None) -> Iterator[DrillResult]:
    """Restore the newest backup of each consolidation into a scratch schema and compare digests.

    Raises:
        BackupDamaged: one does not give back what it says.
    """
    names = (name,) if name else tuple(sorted({backup.name for backup in list_backups(surroundings.backups)}))
    for one in names:
        backup, _ = find_newest(surroundings.backups, one)
        with closing(surroundings.connect(f"{one} drill")) as connection:
            yield drill(connection, backup.folder)


def damaged_backups(surroundings: Surroundings, name: str | None) -> Iterator[Backup]:
    """Those whose manifest cannot be read, newest first."""
    for backup in list_backups(surroundings.backups, name):
        try:
            read_manifest(backup.folder)
        except BackupDamaged:
            yield backup


def prune(surroundings: Surroundings, name: str | None, keep: int) -> Iterator[Path]:
    """Remove all but the newest `keep` backups of each consolidation, never one that a fold in force needs.

    A damaged one is none of those, and stays: whether something can be saved from it is for a person to say.
    """
    with closing(surroundings.connect("prune")) as connection:
        states = ledger_folds.fold_states(connection)
    needed = {
        Path(place)
        for state in states
        for place in (state.backup_location, state.sealed_location)
        if place is not None and state.in_force
    }
    needed |= {folder.with_name(folder.name.removesuffix("-sealed")) for folder in needed}
    damaged = {backup.folder for backup in damaged_backups(surroundings, name)}
    for backup in choose_expired(list_backups(surroundings.backups, name), keep, needed | damaged):
        remove_backup(backup)
        yield backup.folder
