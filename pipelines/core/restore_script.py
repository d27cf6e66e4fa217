"""restore.sql: a backup restored, and proven, by psql and zstd alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import LiteralString

from psycopg import sql

from pipelines.core.digest import digest_query
from pipelines.core.expression import trusted
from pipelines.core.json_rows import COPY_FORMAT, decoded_query
from pipelines.core.manifest import Manifest, SavedTable
from pipelines.core.schema_script import PREAMBLE, Phase, SchemaEntry

_HEAD = """\
-- Restores this backup with psql and zstd, in one transaction, and proves every table by its digest:
--     cd <this folder> && psql --no-psqlrc --file=restore.sql "$DATABASE_URL"
-- The tables must not be there any more. README.md in the folder of all backups says more.

\\set ON_ERROR_STOP on
BEGIN;
"""

_PROOF: LiteralString = """\
DO {tag}
BEGIN
  IF NOT EXISTS (SELECT FROM ({digest}) AS d(rows, first, second)
                 WHERE d.rows = {rows} AND d.first = {first} AND d.second = {second}) THEN
    RAISE EXCEPTION USING MESSAGE = {message};
  END IF;
END {tag};"""

LINES = sql.Identifier("pg_temp", "saved lines")
LINE = sql.Identifier("line")


def restore_script(manifest: Manifest, entries: Iterable[SchemaEntry], settings: Mapping[str, str]) -> str:
    """The script for psql; `settings` are those under which the digests were computed."""
    listed = tuple(entries)
    return "\n".join(
        (
            _HEAD,
            *(_text(_setting(name, value)) for name, value in settings.items()),
            PREAMBLE.rpartition("\n\n")[2],
            *(entry.text + "\n" for entry in listed if entry.phase is Phase.BEFORE),
            _text(create_lines()),
            *(part for table in manifest.tables for part in (*_load(table), _text(_prove(table)))),
            *(entry.text + "\n" for entry in listed if entry.phase is Phase.AFTER),
            "COMMIT;\n",
        )
    )


def create_lines() -> sql.Composed:
    """The temporary table that lines are copied into."""
    return sql.SQL("CREATE TEMPORARY TABLE {} ({} json) ON COMMIT DROP;").format(LINES, LINE)


def insert_rows(table: SavedTable, into: sql.Composable) -> sql.Composed:
    """The rows from the copied lines; generated columns are computed again, identities are as they were."""
    columns = [column for column in table.rows.columns if not column.generated]
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    listed = sql.SQL(" ({}) OVERRIDING SYSTEM VALUE").format(names) if columns else sql.SQL("")
    return sql.SQL("INSERT INTO {into}{columns} {query};").format(
        into=into,
        columns=listed,
        query=decoded_query(columns, sql.SQL("{} AS copied").format(LINES), sql.SQL("copied.{}").format(LINE)),
    )


def _load(table: SavedTable) -> Iterator[str]:
    copied = r"\copy {lines} FROM PROGRAM 'zstd --decompress --stdout {path}' WITH {format}"
    yield copied.format(lines=_text(LINES), path=table.file.path, format=COPY_FORMAT)
    yield _text(insert_rows(table, table.name.identifier))
    yield _text(sql.SQL("TRUNCATE {};\n").format(LINES))


def _setting(name: str, value: str) -> sql.Composed:
    return sql.SQL("SET LOCAL {} TO {};").format(sql.Identifier(name), sql.Literal(value))


def _prove(table: SavedTable) -> sql.Composed:
    return sql.SQL(_PROOF).format(
        tag=trusted("$proof$"),
        digest=digest_query(table.name, table.rows.column_names, descendants=table.rows.partitioned),
        rows=sql.Literal(table.digest.rows),
        first=sql.Literal(int(table.digest.first, 16)),
        second=sql.Literal(int(table.digest.second, 16)),
        message=sql.Literal(f"{table.name} is not what was saved: nothing was restored"),
    )


def _text(part: sql.Composable) -> str:
    return part.as_string(None)
