"""Backups of a run: everything the fold concerns before it starts, and the archived rows after the cut-over."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import JsonValue

from pipelines.core.checks import Check
from pipelines.core.errors import BackupDamaged
from pipelines.core.fold import Fold
from pipelines.core.manifest import BackupFacts, Manifest
from pipelines.core.schema import Table, TableKind, TableName
from pipelines.database import ledger_folds, ledger_runs
from pipelines.database.backup_drill import drill
from pipelines.database.backup_reader import read_manifest
from pipelines.database.backup_writer import write_backup
from pipelines.database.connection import Connection
from pipelines.database.durable_files import make_folder, replace_file, writing
from pipelines.database.introspection import read_schema
from pipelines.steps.back.rollback_script import rollback_script
from pipelines.steps.running import Working
from pipelines.steps.session import Progress

SEALED = "-sealed"


def folder_name(at: datetime, run: UUID) -> str:
    """`20261124T201500Z-7c2e41aa`."""
    return f"{at:%Y%m%dT%H%M%SZ}-{str(run)[:8]}"


def concerned(fold: Fold) -> tuple[Table, ...]:
    """Sources, target, and the tables that reference them; in that order."""
    schema = fold.schema
    named = [*fold.spec.source_names, fold.spec.target, *fold.children]
    named += [constraint.table for constraint in schema.inbound]
    tables = (schema[name] for name in dict.fromkeys(named))
    return tuple(table for table in tables if table.kind in (TableKind.TABLE, TableKind.PARTITIONED))


def export_tables(work: Working) -> dict[str, JsonValue]:
    """The first backup of a run; its folder is in the ledger before a byte of it is written."""
    fold, run = work.fold, work.run
    folder = work.surroundings.backups / fold.name / folder_name(run.started_at, run.id)
    ledger_runs.record_backup(work.connection, run, str(folder), str(folder / "rollback.sql"))
    manifest = _write(work, folder, concerned(fold), sealed=False)
    return _facts(folder, manifest)


def seal_tables(work: Working) -> dict[str, JsonValue]:
    """The archived tables as they are at the cut-over, frozen: the sealed backup, with the script that undoes it."""
    folder = sealed_folder(work)
    if (folder / "manifest.json").exists():
        manifest = read_manifest(folder)
    else:
        manifest = _write(work, folder, archived_tables(work.connection, work.fold), sealed=True)
    state = ledger_folds.fold_state(work.connection, work.fold.name)
    ledger_folds.set_fold_state(work.connection, replace(state, sealed_location=str(folder)))
    write_rollback_script(work, folder)
    return {f"sealed_{name}": value for name, value in _facts(folder, manifest).items()}


def write_rollback_script(work: Working, sealed: Path) -> None:
    """rollback.sql in the run's first backup, whatever was made of it since.

    Raises:
        BackupDamaged: it cannot be written.
    """
    folder = sealed.with_name(sealed.name.removesuffix(SEALED))
    with writing(folder):
        make_folder(folder)
        replace_file(folder, "rollback.sql", rollback_script(work.fold, work.recorded, sealed))


def sealed_folder(work: Working) -> Path:
    """Beside the first backup of the run."""
    fold, run = work.fold, work.run
    return work.surroundings.backups / fold.name / (folder_name(run.started_at, run.id) + SEALED)


def archived_tables(connection: Connection, fold: Fold) -> tuple[Table, ...]:
    """The archived tables as the catalog has them now."""
    names: tuple[TableName, ...] = tuple(fold.archived(table.name) for table in fold.lens.archived)
    schema = read_schema(connection, names)
    return tuple(schema[name] for name in names)


def backup_restores(work: Working) -> Check:
    """Restore the run's backup into a scratch schema and compare every table's digest."""
    started = work.surroundings.now()
    folder = Path(str(work.need("export", "verify").facts["folder"]))
    details: tuple[str, ...] = ()
    rows = 0
    try:
        with closing(work.surroundings.connect(f"{work.fold.name} drill")) as connection:
            result = drill(connection, folder)
        rows = sum(table.rows for table in result.tables)
    except BackupDamaged as error:
        details = (str(error),)
    took_s = (work.surroundings.now() - started).total_seconds()
    sentence = "The backup restores" if not details else "The backup does not restore"
    return Check("backup_restores", sentence, not details, rows, len(details), took_s, details=details)


def _write(work: Working, folder: Path, tables: tuple[Table, ...], *, sealed: bool) -> Manifest:
    step = "sealing" if sealed else "export"

    def tell(table: TableName, done: int, total: int) -> None:
        work.session.tell(Progress(step, done, total, str(table)))

    facts = BackupFacts(work.fold.name, str(work.run.id), sealed, work.recorded.spec_text)
    return write_backup(lambda: work.surroundings.connect(f"{work.fold.name} export"), folder, tables, facts, tell)


def _facts(folder: Path, manifest: Manifest) -> dict[str, JsonValue]:
    return {
        "folder": str(folder),
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "size_bytes": manifest.size_bytes,
    }
