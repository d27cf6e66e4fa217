"""The content digest of a table that is there."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from pipelines.core.digest import Digest, digest_of, digest_query
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.failures import explained


def digest(connection: Connection, table: TableName, columns: Sequence[str]) -> Digest:
    """The digest of these columns, in this order, under the session's settings (connection.SESSION_SETTINGS).

    Raises:
        DatabaseError: the table or a column is not there.
        ConnectionLost: the server went away.
    """
    with explained(f"compute the digest of {table}"):
        query = digest_query(table, columns, descendants=_is_partitioned(connection, table))
        return read_digest(connection, query)


def read_digest(connection: Connection, query: sql.Composed) -> Digest:
    """Run digest_query's query."""
    ((rows, first, second),) = connection.execute(query).fetchall()
    return digest_of(int(str(rows)), int(str(first)), int(str(second)))


def _is_partitioned(connection: Connection, table: TableName) -> bool:
    query = sql.SQL("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass({})").format(
        sql.Literal(table.identifier.as_string(None))
    )
    return any(partitioned for (partitioned,) in connection.execute(query).fetchall())
