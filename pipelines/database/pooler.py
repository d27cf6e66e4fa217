"""Transaction-pooling endpoints: found by what they do to two sessions, and refused.

Behind one (PgBouncer's or Supavisor's transaction mode) each transaction may run on another server session, so
settings, advisory locks and temporary tables are lost between two statements of ours.
"""

from __future__ import annotations

from contextlib import closing

from psycopg.conninfo import conninfo_to_dict

from pipelines.core.errors import Refused
from pipelines.database.connection import Connection, connect, name_database, normalize_url

_TRANSACTION_POOL_PORT = "6543"  # Supabase's, by its documentation of connection strings


def refuse_transaction_pooler(url: str) -> None:
    """Open two sessions and see whether each keeps a server process of its own.

    Raises:
        Refused: it does not; the message names the port to use.
    """
    with closing(connect(url)) as one, closing(connect(url)) as other:
        shared = _process(one) == _process(other) or _swaps(one, other)
    if shared:
        raise Refused(
            f"{name_database(url)} is a transaction pooler, where session settings and locks are lost:"
            f" {describe_remedy(url)}"
        )


def describe_remedy(url: str) -> str:
    """Which port to use instead, in words."""
    if str(conninfo_to_dict(normalize_url(url)).get("port", "")) == _TRANSACTION_POOL_PORT:
        return "use port 5432, the direct connection or the session pooler, instead of 6543"
    return "use the server's own port (often 5432) or a pooler in session mode"


def _process(connection: Connection) -> object:
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return row[0] if row else None


def _swaps(one: Connection, other: Connection) -> bool:
    """Whether a session lands on another process after both were busy at once.

    A pool that hands out the process freed first moves `one`; a pool that hands out the one freed last moves `other`.
    """
    with one.transaction(), other.transaction():
        before = _process(one), _process(other)
    return (_process(one), _process(other)) != before
