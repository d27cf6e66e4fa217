"""Reads a backup: its manifest, its schema, its rows; each compared with what the manifest says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from psycopg import Copy, sql

from pipelines.core.errors import BackupDamaged
from pipelines.core.file_names import MANIFEST
from pipelines.core.json_rows import COPY_FORMAT
from pipelines.core.manifest import Manifest, SavedTable, from_json
from pipelines.core.restore_script import LINES, create_lines, insert_rows
from pipelines.core.schema_script import SchemaEntry, parse
from pipelines.database.connection import Connection
from pipelines.database.data_files import read_chunks, verify_file
from pipelines.database.failures import explained

# Lines wait in a temporary table until there are so many: it is the room that a restore takes beside the table.
_BATCH_BYTES = 64 << 20


def read_manifest(folder: Path) -> Manifest:
    """Read a backup's manifest.

    Raises:
        BackupDamaged: there is none, so that the folder is no backup; or it was altered, or is of a newer format.
    """
    path = folder / MANIFEST
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BackupDamaged(f"{folder} is not a backup: it has no {MANIFEST}; use another backup") from None
    except OSError as error:
        raise BackupDamaged(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BackupDamaged(f"{path} cannot be used: {error}; use another backup") from error


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file's bytes and number of rows with the manifest.

    Raises:
        BackupDamaged: one differs; the message names it.
    """
    verify_scripts(folder, manifest)
    for table in manifest.tables:
        verify_file(folder, table.file)
        for _ in read_chunks(folder, table):
            pass


def verify_scripts(folder: Path, manifest: Manifest) -> None:
    """Compare the bytes of schema.sql and restore.sql with the manifest.

    Raises:
        BackupDamaged: one differs; the message names it.
    """
    for script in manifest.scripts:
        verify_file(folder, script)


def read_entries(folder: Path, manifest: Manifest) -> tuple[SchemaEntry, ...]:
    """The entries of schema.sql.

    Raises:
        BackupDamaged: it is missing or altered.
    """
    verify_file(folder, manifest.schema)
    try:
        return parse((folder / manifest.schema.path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BackupDamaged(f"{folder / manifest.schema.path} cannot be used: {error}") from error


def load_rows(connection: Connection, folder: Path, table: SavedTable, into: sql.Composable) -> None:
    """Insert the rows of a saved table into an empty table of the same columns, within the caller's transaction.

    Raises:
        BackupDamaged: the file is missing or altered; the message names it.
        ConnectionLost, DatabaseError: the server went away or refused a row.
    """
    verify_file(folder, table.file)
    copied = sql.SQL("COPY {} FROM STDIN {}").format(LINES, sql.SQL(COPY_FORMAT))
    chunks = read_chunks(folder, table)
    rest: bytes | None = b""
    with explained(f"restore the rows of {table.name}"):
        connection.execute(create_lines())
        while rest is not None:
            with connection.cursor().copy(copied) as copy:
                rest = _fill(copy, rest, chunks)
            connection.execute(insert_rows(table, into))
            connection.execute(sql.SQL("TRUNCATE {}").format(LINES))
        connection.execute(sql.SQL("DROP TABLE {}").format(LINES))


def _fill(copy: Copy, rest: bytes, chunks: Iterator[bytes]) -> bytes | None:
    """Send whole lines until a batch is full; what is left of the last chunk, None when there are no more."""
    copy.write(rest)
    sent = len(rest)
    for chunk in chunks:
        sent += len(chunk)
        end = chunk.rfind(b"\n") + 1
        if sent >= _BATCH_BYTES and end:
            copy.write(chunk[:end])
            return chunk[end:]
        copy.write(chunk)
    return None
