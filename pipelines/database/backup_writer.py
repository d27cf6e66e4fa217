"""Writes a backup: one snapshot of all tables, and the manifest when everything else is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from pipelines.core.digest import Digest, sum_digests
from pipelines.core.errors import BackupDamaged, StateUnknown
from pipelines.core.file_names import DATA, MANIFEST, RESTORE, SCHEMA, data_paths
from pipelines.core.json_rows import SavedRows, saved_rows
from pipelines.core.manifest import BackupFacts, Manifest, SavedTable, to_json
from pipelines.core.portions import WHOLE, Portion, divide, leading_key
from pipelines.core.recorded import SequenceState
from pipelines.core.restore_script import restore_script
from pipelines.core.schema import Table, TableName
from pipelines.core.schema_script import SchemaEntry, render
from pipelines.database.connection import SESSION_SETTINGS, Connection
from pipelines.database.data_files import Part, join_parts
from pipelines.database.durable_files import make_folder, replace_file, sync_folder, write_file, writing
from pipelines.database.export_workers import Counted, Export, Exported, Measure, Measured, News, Task, export_workers
from pipelines.database.failures import explained
from pipelines.database.named_sql import load_sql
from pipelines.database.saved_relations import read_relations
from pipelines.database.snapshot import Snapshot, shared_snapshot
from pipelines.database.table_ddl import read_sequences, schema_entries

Told = Callable[[TableName, int, int], None]
Sequences = Mapping[TableName, tuple[SequenceState, ...]]


def write_backup(
    open_connection: Callable[[], Connection],
    folder: Path,
    tables: Sequence[Table],
    facts: BackupFacts,
    progress: Told,
) -> Manifest:
    """Write the tables into `folder`, which is made or left over from a killed run, and return its manifest.

    `tables` are as introspection describes them; `progress` gets a table, its rows so far, and its rows as estimated,
    in the caller's thread. Memory does not grow with rows.

    Raises:
        BackupDamaged: the folder cannot be written to, or holds a backup already.
        StateUnknown: a table is not as `tables` describes it.
        LockNotAvailable: another session holds a table exclusively.
        ConnectionLost, DatabaseError: the server went away or refused; nothing there counts as a backup.
    """
    with _fresh(folder):
        with shared_snapshot(open_connection, tables) as snapshot:
            manifest, entries = _write_content(open_connection, snapshot, folder, tables, facts, progress)
        with writing(folder):
            script = write_file(folder, RESTORE, restore_script(manifest, entries, SESSION_SETTINGS))
            manifest = replace(manifest, restore=script)
            sync_folder(folder / DATA)
            sync_folder(folder)
            replace_file(folder, MANIFEST, to_json(manifest))
            sync_folder(folder.parent)
    return manifest


def _write_content(
    open_connection: Callable[[], Connection],
    snapshot: Snapshot,
    folder: Path,
    tables: Sequence[Table],
    facts: BackupFacts,
    progress: Told,
) -> tuple[Manifest, tuple[SchemaEntry, ...]]:
    """The rows are written by workers while this thread reads the schema."""
    with export_workers(open_connection, snapshot.name, folder, _tasks(snapshot, tables)) as news:
        entries, sequences = _read_schema(snapshot, [table.name for table in tables])
        with writing(folder):
            schema = write_file(folder, SCHEMA, render(entries))
        written = _collect(news, tables, progress)
    with writing(folder):
        saved = tuple(_saved(folder, table, written, sequences[table.name]) for table in tables)
    version = snapshot.connection.info.server_version
    return Manifest(facts, version, snapshot.name, snapshot.taken_at, schema, saved), entries


def _tasks(snapshot: Snapshot, tables: Sequence[Table]) -> Iterator[Task]:
    """The largest first, rows before digests, and a large table in two: both workers have work until the end."""
    paths = data_paths(table.name for table in tables)
    for table in sorted(tables, key=lambda table: table.size_bytes, reverse=True):
        rows = saved_rows(table)
        portions = _portions(snapshot, table, rows)
        for portion in portions:
            suffix = f".{portion.number}" if portion.number else ""
            yield Export(rows, portion, paths[table.name] + suffix)
        for portion in portions:
            yield Measure(rows, portion)


def _portions(snapshot: Snapshot, table: Table, rows: SavedRows) -> tuple[Portion, ...]:
    """Divided where the planner's statistics have the middle of its keys."""
    leading = leading_key(table, rows.key_order)
    if leading is None:
        return WHOLE
    parameters = {"schema": table.name.schema, "table": table.name.name, "column": leading.name}
    query = load_sql("pipelines.database", "snapshot.sql")["middle"]
    with explained(f"read the statistics of {table.name}"):
        found = snapshot.connection.execute(query, parameters).fetchall()
    return next((divide(leading, str(bound)) for (bound,) in found), WHOLE)


def _read_schema(snapshot: Snapshot, names: Sequence[TableName]) -> tuple[tuple[SchemaEntry, ...], Sequences]:
    connection = snapshot.connection
    with explained("read what belongs to the tables"):
        relations = read_relations(connection, names)
        sequences = read_sequences(connection, relations)
    return schema_entries(connection, relations, sequences, snapshot.name), sequences


@dataclass(frozen=True, slots=True)
class _Written:
    """What the workers made, by table and portion."""

    parts: dict[TableName, dict[int, Part]]
    digests: dict[TableName, dict[int, Digest]]


def _collect(news: Iterable[News], tables: Sequence[Table], progress: Told) -> _Written:
    estimated = {table.name: table.estimated_rows for table in tables}
    counts: dict[TableName, dict[int, int]] = {table.name: {} for table in tables}
    written = _Written({table.name: {} for table in tables}, {table.name: {} for table in tables})
    for item in news:
        match item:
            case Counted(table, portion, count):
                counts[table][portion.number] = count
                done = sum(counts[table].values())
                progress(table, done, max(done, estimated[table]))
            case Exported(table, portion, part):
                written.parts[table][portion.number] = part
            case Measured(table, portion, digest):
                written.digests[table][portion.number] = digest
            case _:
                assert_never(item)
    return written


def _saved(folder: Path, table: Table, written: _Written, sequences: tuple[SequenceState, ...]) -> SavedTable:
    parts = [part for _, part in sorted(written.parts[table.name].items())]
    joined = join_parts(folder, parts)
    digest = sum_digests(written.digests[table.name].values())
    if joined.rows != digest.rows:
        raise StateUnknown(
            f"table {table.name}: {joined.rows} rows were written and {digest.rows} counted in one snapshot;"
            " nothing counts as a backup, run it again"
        )
    return SavedTable(saved_rows(table), joined.file, digest, sequences)


@contextmanager
def _fresh(folder: Path) -> Iterator[None]:
    """A folder for a new backup; what a failure left in it is removed, to give back room on a full disk."""
    if (folder / MANIFEST).exists():
        raise BackupDamaged(f"{folder} holds a backup already: choose another folder")
    with writing(folder):
        _remove_content(folder)
        make_folder(folder / DATA)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            _remove_content(folder)
            (folder / DATA).rmdir()
            folder.rmdir()
        raise


def _remove_content(folder: Path) -> None:
    """What a writer writes, and nothing else."""
    for path in (*(folder / DATA).glob("*.jsonl.zst*"), *(folder / name for name in (SCHEMA, RESTORE))):
        path.unlink(missing_ok=True)
    (folder / f"{MANIFEST}.unfinished").unlink(missing_ok=True)
