"""Backups of a test's database."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import zstandard

from pipelines.core.manifest import BackupFacts, Manifest
from pipelines.core.schema import Table, TableName
from pipelines.database.backup_drill import DrillResult, drill
from pipelines.database.backup_restore import restore_tables
from pipelines.database.backup_writer import write_backup
from pipelines.database.introspection import read_schema
from tests.databases import Database

FACTS = BackupFacts(name="things", run="7c2e41aa", sealed=False, spec_text="type: pipelines.Consolidation\n")


def describe(database: Database, names: Iterable[str | TableName]) -> tuple[Table, ...]:
    """The tables as introspection has them; a text is a name as a person writes it."""
    wanted = [TableName.parse(name) if isinstance(name, str) else name for name in names]
    with closing(database.connect_as_pgfold()) as connection:
        schema = read_schema(connection, wanted)
    return tuple(schema[name] for name in wanted)


def back_up(database: Database, folder: Path, *names: str | TableName) -> Manifest:
    """Write a backup of these tables."""
    return write_backup(database.connect_as_pgfold, folder, describe(database, names), FACTS, lambda *_: None)


def drill_against_live(database: Database, folder: Path, manifest: Manifest) -> DrillResult:
    """A drill that also compares every table with the one that is there."""
    with closing(database.connect_as_pgfold()) as connection:
        return drill(connection, folder, {table.name: table.name for table in manifest.tables})


def restore(database: Database, folder: Path, manifest: Manifest, into: str | None = None) -> None:
    """Restore every table; `into` is another schema."""
    names = {t.name: TableName(into or t.name.schema, t.name.name) for t in manifest.tables}
    with closing(database.connect_as_pgfold()) as connection:
        restore_tables(connection, folder, manifest, names)


def all_tables(database: Database, schema: str) -> list[TableName]:
    """The tables of a schema, by name."""
    rows = database.rows(f"SELECT tablename::text FROM pg_tables WHERE schemaname = '{schema}' ORDER BY 1")
    return [TableName(schema, str(name)) for (name,) in rows]


def read_data(folder: Path, path: str) -> list[str]:
    """The lines of a data file, as zstd and any JSON reader would see them."""
    with (
        (folder / path).open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader,
    ):
        return reader.read().decode().split("\n")[:-1]


def main() -> None:
    """A process of its own that writes a backup and prints its greatest memory in MB."""
    url, folder, *names = sys.argv[1:]
    back_up(Database("", url), Path(folder), *names)
    print(peak_mb())


def peak_mb() -> int:
    """The greatest memory of this process; ru_maxrss would count that of the process it was forked from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) >> 10


if __name__ == "__main__":
    main()
