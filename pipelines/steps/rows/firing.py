"""Triggers that fire for a session in the replica role too: silent while we write, then as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows.capture import regclass
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.rows", "firing.sql")
_ENABLE = {"A": "ENABLE ALWAYS TRIGGER", "R": "ENABLE REPLICA TRIGGER"}


@dataclass(frozen=True, slots=True)
class Firing:
    """A trigger of the application's that ENABLE ALWAYS or ENABLE REPLICA keeps awake; `enabled` is A or R."""

    table: TableName
    name: str
    enabled: str


def firing(session: Session, tables: Iterable[TableName]) -> tuple[Firing, ...]:
    """Those of these tables, as the catalog has them now."""
    listed = sql.SQL(", ").join(sql.SQL("pg_catalog.to_regclass({})").format(sql.Literal(regclass(t))) for t in tables)
    rows = session.rows(Statement("read which triggers would fire", sql.SQL(_SQL["firing"]).format(tables=listed)))
    return tuple(Firing(TableName(schema, table), name, enabled) for schema, table, name, enabled in rows)


def silence(triggers: Iterable[Firing]) -> Iterator[Statement]:
    """Under a lock that nobody else writes under."""
    for trigger in triggers:
        yield _alter(trigger, "DISABLE TRIGGER")


def wake(triggers: Iterable[Firing]) -> Iterator[Statement]:
    """Before the lock is given back; ENABLE TRIGGER alone would make an ordinary one of it."""
    for trigger in triggers:
        yield _alter(trigger, _ENABLE[trigger.enabled])


def _alter(trigger: Firing, action: str) -> Statement:
    return Statement(
        f"{action.lower()} {trigger.name} of {trigger.table}",
        sql.SQL("ALTER TABLE {} {} {}").format(trigger.table.identifier, sql.SQL(action), sql.Identifier(trigger.name)),
    )
