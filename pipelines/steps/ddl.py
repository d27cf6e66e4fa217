"""DDL on tables that the application uses: one statement a transaction, a short lock_timeout, many tries."""

from __future__ import annotations

from pipelines.core.errors import LockNotAvailable
from pipelines.core.schema import TableName
from pipelines.core.spec import Spec
from pipelines.core.statement import Statement
from pipelines.database.locks import Patience, run_ddl
from pipelines.steps.session import Session, explained


def patience_of(session: Session, spec: Spec) -> Patience:
    """How long this session waits for a lock."""
    return Patience(spec.lock_timeout_s, spec.lock_wait_s, lambda: session.now().timestamp(), session.wait)


def run_short(session: Session, statement: Statement, spec: Spec, *tables: TableName) -> None:
    """Run one statement that locks these tables (those of the spec where none is named), in a transaction of its own.

    Raises:
        LockNotAvailable: not had within lock_wait; the message names who is in the way. Nothing has changed.
    """
    locked = tables or spec.table_names
    try:
        with explained(statement.purpose):
            run_ddl(session.connection, statement.query, locked, patience_of(session, spec))
    except LockNotAvailable as error:
        raise LockNotAvailable(f"{statement.purpose}: {error}") from error
