"""DDL on tables that the application uses: one statement a transaction, a short lock_timeout, many tries."""

from __future__ import annotations

import random

from psycopg import sql

from pipelines.core.errors import LockNotAvailable
from pipelines.core.spec import Spec
from pipelines.core.statement import Statement
from pipelines.steps.session import Session


def run_short(session: Session, statement: Statement, spec: Spec) -> None:
    """Run one statement that locks, never waiting longer than lock_timeout in the queue.

    Raises:
        LockNotAvailable: not had within lock_wait; nothing has changed.
    """
    started = session.now()
    tries = 0
    while True:
        tries += 1
        try:
            with session.transaction():
                session.execute(limit_lock_wait(spec.lock_timeout_s))
                session.execute(statement)
            return
        except LockNotAvailable as error:
            waited_s = (session.now() - started).total_seconds()
            if waited_s >= spec.lock_wait_s:
                raise LockNotAvailable(f"{error}: {tries} tries in {waited_s:.0f} s; nothing was changed") from error
            session.wait(min(0.05 * 2 ** min(tries, 5), 1.0) * random.uniform(0.5, 1.0))


def limit_lock_wait(timeout_s: float) -> Statement:
    """For this transaction."""
    milliseconds = sql.Literal(f"{max(1, round(timeout_s * 1000))}ms")
    return Statement("limit the wait for a lock", sql.SQL("SET LOCAL lock_timeout = {}").format(milliseconds))
