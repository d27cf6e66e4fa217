"""The tables that the benchmarks measure: the same rows every time, made within the server."""

from __future__ import annotations

from psycopg import sql

from pipelines.core.schema import TableName
from pipelines.database.connection import Connection

ROWS = 500_000
SCHEMA = "bench"
TICKETS = TableName(SCHEMA, "tickets")
PEOPLE = TableName(SCHEMA, "people")
PEOPLE_ROWS = 1_000

_MAKE = """
CREATE TABLE {table} (
    id uuid PRIMARY KEY,
    title text NOT NULL,
    description text,
    status text NOT NULL,
    labels text[],
    watchers integer[] NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    due_on timestamp,
    reporter_id bigint NOT NULL
)
"""

# About 500 bytes a row. The key is in no order, as uuids are.
_FILL = r"""
INSERT INTO {table}
SELECT
    md5('ticket ' || n)::uuid,
    'Ticket ' || n || ': ' || (ARRAY['export hangs', 'login fails', 'wrong total', 'slow page', 'no row'])[1 + n % 5],
    repeat(md5('line ' || n) || E' says "quoted"\n', 1 + n % 6),
    (ARRAY['open', 'in_progress', 'resolved', 'closed'])[1 + n % 4],
    CASE WHEN n % 7 > 0 THEN ARRAY['area/' || n % 13, 'team-' || n % 17, 'x "y"'] END,
    ARRAY[n, n * 3 % 1000, n % 17],
    jsonb_build_object(
        'source', 'importer', 'score', (n % 1000) / 10.0, 'flags', jsonb_build_array(n % 2 = 0, n % 3),
        'origin', jsonb_build_object('host', 'h' || n % 50, 'build', n % 9999),
        'note', CASE WHEN n % 5 > 0 THEN 'n' || n END),
    timestamptz '2026-01-01 00:00:00+00' + n * interval '37.123457 s',
    CASE WHEN n % 3 > 0 THEN timestamp '2026-02-01' + n * interval '1 minute' END,
    1 + n % {people}
FROM generate_series(1::integer, {rows}::integer) AS n
"""

_PEOPLE = """
CREATE TABLE {table} (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO {table} SELECT n, 'Person ' || n FROM generate_series(1, {rows}) AS n;
"""


def make_people(connection: Connection, table: TableName = PEOPLE) -> None:
    """The table that `reporter_id` references."""
    _make_schema(connection, table)
    connection.execute(sql.SQL(_PEOPLE).format(table=table.identifier, rows=sql.Literal(PEOPLE_ROWS)))


def make_tickets(connection: Connection, rows: int = ROWS, table: TableName = TICKETS) -> None:
    """Ten columns (uuid, text, arrays, jsonb, timestamps, a number), vacuumed and analysed."""
    _make_schema(connection, table)
    connection.execute(sql.SQL(_MAKE).format(table=table.identifier))
    connection.execute(
        sql.SQL(_FILL).format(table=table.identifier, rows=sql.Literal(rows), people=sql.Literal(PEOPLE_ROWS))
    )
    connection.execute(sql.SQL("VACUUM (ANALYZE, FREEZE) {}").format(table.identifier))
    connection.execute("CHECKPOINT")


def _make_schema(connection: Connection, table: TableName) -> None:
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(table.schema)))
