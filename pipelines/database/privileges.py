"""What the server is and what the connected role may do, with the statements that would give what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from pipelines.core.schema import ServerFacts
from pipelines.database.catalog import AnyConnection, fetch
from pipelines.database.named_sql import load_sql


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One statement that is missing."""

    statement: str


def read_server(
    connection: AnyConnection, named: Iterable[int], children: Iterable[int], parents: Iterable[int]
) -> ServerFacts:
    """The server's facts; `missing_privileges` are for folding the named tables, in the order to run them.

    Named tables and children are altered, so the role must be able to act as their owner; parents are read, locked
    FOR KEY SHARE and referenced. Run by a superuser, the statements together leave nothing missing.
    """
    [facts] = fetch(connection, "privileges.sql", "server", ServerFacts, {})
    may_replicate = facts.may_replicate or _replica_is_let_through(connection)
    named = list(named)
    parameters = {"named": named, "altered": [*named, *children], "parents": list(parents)}
    missing = tuple(row.statement for row in fetch(connection, "privileges.sql", "missing", StatementRow, parameters))
    if not may_replicate:
        grant = sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}")
        missing = (*missing, grant.format(sql.Identifier(facts.role)).as_string(connection))
    return replace(facts, may_replicate=may_replicate, missing_privileges=missing)


def _replica_is_let_through(connection: AnyConnection) -> bool:
    """Managed services let a plain SET through that the catalog denies (POSTGRES.md, Locks): so it is tried."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(load_sql("pipelines.database", "privileges.sql")["try_replica"])
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True
