"""Hindrances: queries that find what stands in the way of going home, and what they found, in a temporary table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.reconciliation import LISTED, Blocked, Blocking, Obstacles
from pipelines.core.rule_check import show_value
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.homeward import TEMPORARY, Homeward
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.back", "hindrances.sql")
FOUND = sql.Identifier(TEMPORARY, "pgfold_found")


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One reason why rows cannot go home.

    `rows` is a query: the home row's id or NULL, its key as text[], the value to show (NULL for none), and for a row
    that stands in a table of the application its tableoid and ctid, else NULL. `{value}` in the reason is that value.
    `blame` are the source columns whose edited values could be set aside to make it right, of `home`.
    """

    kind: Blocking
    table: TableName
    reason: str
    remedy: str
    rows: sql.Composed
    home: Homeward | None = None
    blame: tuple[str, ...] = ()


def create() -> Iterator[Statement]:
    """Where what is found stands; before a transaction that may only read."""
    yield drop()
    yield Statement("make the table of rows in the way", sql.SQL(_SQL["create"]).format(found=FOUND))


def drop() -> Statement:
    """When nobody looks at it any more."""
    return Statement("drop the table of rows in the way", sql.SQL("DROP TABLE IF EXISTS {}").format(FOUND))


def clear() -> Statement:
    """Forget what was found and not set aside, to look again."""
    return Statement("look again for rows in the way", sql.SQL("DELETE FROM {} WHERE NOT aside").format(FOUND))


def set_rows_aside() -> Statement:
    """Rows of the application's tables that stand in the way are set aside whole."""
    return Statement(
        "set rows aside that cannot stay", sql.SQL("UPDATE {} SET aside = true WHERE place IS NOT NULL").format(FOUND)
    )


def find(number: int, hindrance: Hindrance) -> Statement:
    """Note the rows of one hindrance."""
    return Statement(
        f"look for rows that {hindrance.kind} keeps from going home ({hindrance.table})",
        sql.SQL(_SQL["find"]).format(
            found=FOUND,
            number=sql.Literal(number),
            rows=hindrance.rows,
            source=sql.Literal(hindrance.home.source.number if hindrance.home else 0),
            blame=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(list(hindrance.blame))),
        ),
    )


def found(session: Session, looked: Sequence[Hindrance], *, aside: bool) -> tuple[Obstacles, ...]:
    """What was found, in the order looked for: the counts of all, and the first rows of each by key."""
    query = sql.SQL(_SQL["count"]).format(found=FOUND, aside=sql.Literal(aside))
    counts = dict(session.rows(Statement("count the rows in the way", query)))
    return tuple(
        Obstacles(counts[number], tuple(_listed(session, number, hindrance, aside)))
        for number, hindrance in enumerate(looked)
        if number in counts
    )


def _listed(session: Session, number: int, hindrance: Hindrance, aside: bool) -> Iterator[Blocked]:
    query = sql.SQL(_SQL["list"]).format(
        found=FOUND, number=sql.Literal(number), aside=sql.Literal(aside), limit=sql.Literal(LISTED)
    )
    for key, value in session.rows(Statement("name the rows in the way", query)):
        reason = hindrance.reason.replace("{value}", show_value(value))
        yield Blocked(hindrance.table, tuple(key), reason, hindrance.remedy, hindrance.kind)
