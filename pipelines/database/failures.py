"""What the driver raises, as errors of ours that name the purpose of the statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pipelines.core.errors import ConnectionLost, DatabaseError, LockNotAvailable, PgfoldError
from pipelines.database.connection import redact

# Connection exceptions, and an operator's or the server's own ending (PostgreSQL manual, appendix A). Without any
# code libpq itself found the connection broken.
_GOING_AWAY = ("08", "57P")


@contextmanager
def explained(purpose: str) -> Iterator[None]:
    """Turn what the driver raises into an error of ours that names the purpose."""
    try:
        yield
    except psycopg.Error as error:
        raise explain(purpose, error) from error


def explain(purpose: str, error: psycopg.Error) -> PgfoldError:
    """One error of the driver as one of ours."""
    match error:
        case psycopg.errors.LockNotAvailable():
            return LockNotAvailable(f"{purpose}: {reason_of(error)}")
        case psycopg.errors.DeadlockDetected() | psycopg.errors.SerializationFailure():
            return LockNotAvailable(f"{purpose}: {reason_of(error)}; nothing was changed, run it again")
        case psycopg.errors.InsufficientPrivilege():
            return DatabaseError(f"{purpose}: {reason_of(error)}: let the owner grant it, or connect as another role")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return _operational(purpose, error)
        case _:
            return DatabaseError(f"{purpose}: {reason_of(error)}")


def reason_of(error: psycopg.Error) -> str:
    """The server's own words in one line, with its detail, and without any password."""
    lines = [error.diag.message_primary or str(error).strip().splitlines()[0] if str(error).strip() else "no reason"]
    if error.diag.message_detail:
        lines.append(error.diag.message_detail)
    return redact("; ".join(line.strip().rstrip(".") for line in lines))


def _operational(purpose: str, error: psycopg.Error) -> PgfoldError:
    if isinstance(error, psycopg.errors.DiskFull):
        return DatabaseError(f"{purpose}: {reason_of(error)}: make room on the server's disk, then run it again")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return ConnectionLost(f"{purpose}: {reason_of(error)}: the host ended the statement; run it again")
    if error.sqlstate is not None and not error.sqlstate.startswith(_GOING_AWAY):
        return DatabaseError(f"{purpose}: {reason_of(error)}")
    return ConnectionLost(f"{purpose}: {reason_of(error)}: what was committed stays, run it again to go on")
