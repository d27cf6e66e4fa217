"""The ledger as a whole: made, brought up to date, and checked before anybody trusts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import psycopg
from psycopg import sql

from pipelines.core.errors import LockNotAvailable, Refused
from pipelines.core.names import OWN_SCHEMA
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, ledger_exists, revision_of
from pipelines.database.ledger_tables import REVISIONS
from pipelines.database.locks import limited_lock_wait, lock_ledger
from pipelines.database.tracking import check_tracking, ensure_tracking, may_write

_FILE = "ledger.sql"


class LedgerStanding(StrEnum):
    """Whether the ledger can be used as it is."""

    MISSING = "missing"  # this database has no folds
    BEHIND = "behind"  # an older program made it: `ensure_ledger` brings it up to date
    CURRENT = "current"


def check_ledger(connection: Connection, tracking_schema: str) -> LedgerStanding:
    """How schema pgfold and schema_migrations stand; writes nothing.

    Raises:
        Refused: a newer program made schema pgfold, it is somebody else's, the role may not read it, or the
            schema_migrations in `tracking_schema` is another program's.
    """
    with _privileges_named(connection):
        check_tracking(connection, tracking_schema)
        return _standing(connection)


def ensure_ledger(connection: Connection, tracking_schema: str, *, lock_timeout_s: float = 10.0) -> None:
    """Make schema pgfold and schema_migrations, or bring them up to date; writes nothing where they are.

    Two processes may do it at once: the second waits, then finds it done.

    Raises:
        Refused: as `check_ledger`, or the role may not create them; the message names the GRANT.
        LockNotAvailable: another process is at it for longer than `lock_timeout_s`.
    """
    with _privileges_named(connection):
        check_tracking(connection, tracking_schema)
        if _standing(connection) is not LedgerStanding.CURRENT or not may_write(connection, tracking_schema):
            _make(connection, tracking_schema, lock_timeout_s)


def _make(connection: Connection, tracking_schema: str, lock_timeout_s: float) -> None:
    try:
        with connection.transaction(), limited_lock_wait(connection, lock_timeout_s):
            lock_ledger(connection)
            # under the lock everything is asked again: the process that had it may have done the work
            if _standing(connection) is not LedgerStanding.CURRENT:
                _upgrade(connection)
            ensure_tracking(connection, tracking_schema)
    except psycopg.errors.LockNotAvailable:
        raise LockNotAvailable(
            f"schema {OWN_SCHEMA} is being prepared by another process for more than {lock_timeout_s:g} s: run again"
        ) from None


def _upgrade(connection: Connection) -> None:
    from pipelines.database.ledger_upgrade import upgrade_ledger  # Alembic is slow to import, and rarely needed

    if not _asks(connection, "schema_exists"):
        connection.execute(block(_FILE, "create_schema"))
        connection.execute(block(_FILE, "close_schema"))
        connection.execute(block(_FILE, "explain_schema"))
    upgrade_ledger(connection)


def _standing(connection: Connection) -> LedgerStanding:
    if not ledger_exists(connection):
        _refuse_foreign_schema(connection)
        return LedgerStanding.MISSING
    return LedgerStanding.CURRENT if revision_of(connection) == REVISIONS[-1] else LedgerStanding.BEHIND


def _refuse_foreign_schema(connection: Connection) -> None:
    found = [str(row[0]) for row in connection.execute(block(_FILE, "relations"))]
    strangers = [name for name in found if name != "schema_migrations"]
    if strangers:
        raise Refused(
            f"schema {OWN_SCHEMA} holds {', '.join(strangers[:5])} but not pgfold's version table, so it is not"
            f" pgfold's: rename it (ALTER SCHEMA {OWN_SCHEMA} RENAME TO ...)"
        )


def _asks(connection: Connection, name: str) -> bool:
    row = connection.execute(block(_FILE, name)).fetchone()
    return row is not None and row[0] is True


@contextmanager
def _privileges_named(connection: Connection) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        role, database = (sql.Identifier(name).as_string() for name in (connection.info.user, connection.info.dbname))
        raise Refused(
            f"role {connection.info.user!r} may not keep pgfold's records: {error.diag.message_primary}: let the owner"
            f" of the database run GRANT CREATE ON DATABASE {database} TO {role}; and, where they are another role's,"
            f" GRANT ALL ON SCHEMA {OWN_SCHEMA} TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA {OWN_SCHEMA} TO {role};"
        ) from None
