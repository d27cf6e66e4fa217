"""schema_migrations: each fold run has one row there, which says how its fold stands, for anybody to read.

The row is written anew from the run at every change, so that it is true whatever happened to it.
"""

from __future__ import annotations

from uuid import UUID

import psycopg
from psycopg import sql

from pipelines.core.errors import Refused, StateUnknown
from pipelines.core.ledger_rows import MigrationRecord
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import Query, block, change, returned_rows

_FILE = "tracking.sql"
_SHOWN = 4
_DESCRIPTION = (
    "column id uuid NOT NULL DEFAULT gen_random_uuid()",
    "column migration_name text NOT NULL",
    "column migration_type text",
    "column status text DEFAULT 'pending'::text",
    "column started_at timestamp with time zone DEFAULT now()",
    "column completed_at timestamp with time zone",
    "column error_message text",
    "column backup_location text",
    "column rollback_script text",
    "column created_at timestamp with time zone DEFAULT now()",
    "CHECK ((migration_type = ANY (ARRAY['consolidation'::text, 'schema_change'::text, 'data_migration'::text])))",
    "CHECK ((status = ANY (ARRAY['pending'::text, 'in_progress'::text, 'completed'::text, 'failed'::text,"
    " 'rolled_back'::text])))",
    "PRIMARY KEY (id)",
)


def tracking_table(tracking_schema: str) -> TableName:
    """The name of schema_migrations."""
    return TableName(tracking_schema, "schema_migrations")


def check_tracking(connection: Connection, tracking_schema: str) -> bool:
    """Whether schema_migrations is there; writes nothing.

    Raises:
        Refused: a table of that name is another program's.
    """
    row = connection.execute(block(_FILE, "relation"), {"schema": tracking_schema}).fetchone()
    if row is None:
        return False
    oid, kind, _ = row
    if differences := _differences(connection, oid) if kind == "r" else ["it is not a plain table"]:
        raise Refused(
            f"table {tracking_table(tracking_schema)} is not the one that pgfold writes to: {_shortened(differences)}:"
            " set TRACKING_SCHEMA to another schema, for example TRACKING_SCHEMA=pgfold; the table was not touched"
        )
    return True


def ensure_tracking(connection: Connection, tracking_schema: str) -> None:
    """Make schema_migrations where it is not there.

    Raises:
        Refused: as `check_tracking`; there is no such schema; or the role may not write to the table.
    """
    if not check_tracking(connection, tracking_schema):
        _create(connection, tracking_schema)
    elif not may_write(connection, tracking_schema):
        role = connection.info.user
        grant = sql.SQL("GRANT SELECT, INSERT, UPDATE ON {} TO {};").format(
            tracking_table(tracking_schema).identifier, sql.Identifier(role)
        )
        raise Refused(f"role {role!r} may not write to {tracking_table(tracking_schema)}: {grant.as_string()}")


def may_write(connection: Connection, tracking_schema: str) -> bool:
    """Whether schema_migrations is there and the role may read and write it."""
    row = connection.execute(block(_FILE, "relation"), {"schema": tracking_schema}).fetchone()
    return row is not None and not row[2]


def write_migration(connection: Connection, fold_run: UUID) -> None:
    """Make the row of this fold run true.

    Raises:
        StateUnknown: the ledger has no such fold run.
    """
    row = connection.execute(block(_FILE, "home"), {"run": fold_run}).fetchone()
    if row is None:
        raise StateUnknown(f"the ledger holds no fold run {fold_run}: look at pgfold status, then run again")
    change(connection, _in_schema("write", str(row[0])), run=fold_run)


def migrations_of(connection: Connection, tracking_schema: str, fold: str) -> tuple[MigrationRecord, ...]:
    """The rows of schema_migrations of this consolidation, the latest first; none where there is no such table."""
    if not check_tracking(connection, tracking_schema):
        return ()
    return returned_rows(connection, MigrationRecord, _in_schema("migrations", tracking_schema), name=fold)


def _create(connection: Connection, tracking_schema: str) -> None:
    row = connection.execute(block(_FILE, "schema_exists"), {"schema": tracking_schema}).fetchone()
    if row is None or row[0] is not True:
        create = sql.SQL("CREATE SCHEMA {};").format(sql.Identifier(tracking_schema)).as_string()
        raise Refused(f"TRACKING_SCHEMA names the schema {tracking_schema!r}, which is not there: {create}")
    try:
        connection.execute(_in_schema("create_table", tracking_schema))
    except psycopg.errors.InsufficientPrivilege as error:
        role = connection.info.user
        grant = sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {};").format(*map(sql.Identifier, (tracking_schema, role)))
        raise Refused(
            f"role {role!r} may not create {tracking_table(tracking_schema)}: {error.diag.message_primary}:"
            f" {grant.as_string()} or set TRACKING_SCHEMA to a schema where it may, for example pgfold"
        ) from None


def _in_schema(name: str, tracking_schema: str) -> Query:
    return block(_FILE, name).format(schema_migrations=tracking_table(tracking_schema).identifier)


def _differences(connection: Connection, oid: object) -> list[str]:
    found = [str(row[0]) for row in connection.execute(block(_FILE, "description"), {"oid": oid})]
    more = [f"it has {line}" for line in found if line not in _DESCRIPTION]
    return [*more, *(f"it lacks {line}" for line in _DESCRIPTION if line not in found)]


def _shortened(differences: list[str]) -> str:
    more = len(differences) - _SHOWN
    return "; ".join(differences[:_SHOWN]) + (f"; and {more} more differences" if more > 0 else "")
