"""How the server plans a pass: it has no statistics of rows that were just written, and would guess wrong."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core.statement import Statement


def by_index() -> Iterator[Statement]:
    """Until the transaction ends or `freely`: look each row up by its key, never read a whole table for a few."""
    yield Statement("look rows up by their keys", sql.SQL("SET LOCAL enable_hashjoin TO off"))
    yield Statement("look rows up by their keys", sql.SQL("SET LOCAL enable_mergejoin TO off"))


def freely() -> Iterator[Statement]:
    """As the server sees fit, for what reads whole tables."""
    yield Statement("read whole tables where that is faster", sql.SQL("SET LOCAL enable_hashjoin TO DEFAULT"))
    yield Statement("read whole tables where that is faster", sql.SQL("SET LOCAL enable_mergejoin TO DEFAULT"))
