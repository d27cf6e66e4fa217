"""What a step works with: a connection, the way to another one, and somebody to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from pipelines.core.statement import Statement
from pipelines.database.connection import Connection
from pipelines.database.failures import explain
from pipelines.database.failures import explained as explained
from pipelines.database.failures import reason_of as reason_of

Query = sql.Composable | str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is; `rows_total` is None where nobody knows."""

    step: str
    rows_done: int
    rows_total: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One run's working place. `connection` is in autocommit mode: every transaction is written out.

    `open_connection` gives another connection of the same kind, with the replica role set where this one has it.
    `now` is the clock; `wait` sleeps for seconds (an argument, so that tests need not).
    """

    connection: Connection
    open_connection: Callable[[], Connection]
    run: UUID
    tell: Callable[[Progress], None]
    now: Callable[[], datetime]
    wait: Callable[[float], None]

    def execute(self, statement: Statement) -> int:
        """Run one statement; the rows it touched.

        Raises:
            ConnectionLost, LockNotAvailable, DatabaseError: each names the statement's purpose.
        """
        with explained(statement.purpose):
            return self.connection.execute(statement.query).rowcount

    def execute_all(self, statements: Iterable[Statement]) -> None:
        """Run them in order."""
        for statement in statements:
            self.execute(statement)

    def together(self, statements: Iterable[Statement]) -> list[psycopg.Cursor[tuple[Any, ...]]]:
        """Send them all before waiting for any answer: where the way is long, it is gone once. Each one's cursor.

        Raises:
            ConnectionLost, LockNotAvailable, DatabaseError: each names the purpose of the first that failed.
        """
        sent: list[tuple[Statement, psycopg.Cursor[tuple[Any, ...]]]] = []
        try:
            with self.connection.pipeline():
                for statement in statements:
                    cursor = self.connection.cursor()
                    sent.append((statement, cursor))
                    cursor.execute(statement.query)
        except psycopg.Error as error:
            failed = next((statement for statement, cursor in sent if cursor.pgresult is None), sent[-1][0])
            raise explain(failed.purpose, error) from error
        return [cursor for _, cursor in sent]

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Run one query and fetch everything: only for few rows."""
        with explained(statement.purpose):
            return self.connection.execute(statement.query).fetchall()

    def one(self, statement: Statement) -> tuple[Any, ...]:
        """The only row of a query."""
        return self.rows(statement)[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, or a savepoint within one."""
        with explained("begin or commit"), self.connection.transaction():
            yield


def text_rows(rows: Sequence[Sequence[object]]) -> list[tuple[str, ...]]:
    """Rows of values as text, for messages."""
    return [tuple("NULL" if value is None else str(value) for value in row) for row in rows]
