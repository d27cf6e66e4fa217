"""Portions of a table's rows, so that two sessions can read one table: those below a key, and those from it on."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from pipelines.core.expression import Expression, cast, column, compose, constant
from pipelines.core.schema import Column, Table, TableKind

_WORTH_IT_BYTES = 32 << 20
_FIRST_OWN_OID = 16384  # types below it are PostgreSQL's (manual, transam.h)


@dataclass(frozen=True, slots=True)
class Portion:
    """One of the portions, in key order from 0; without a condition it is all rows."""

    number: int = 0
    condition: Expression | None = None

    def where(self, alias: str) -> sql.Composed:
        """The WHERE clause over the table's alias; empty for all rows."""
        if self.condition is None:
            return sql.SQL("").format()
        return sql.SQL(" WHERE {}").format(self.condition.on(alias))


WHOLE = (Portion(),)


def leading_key(table: Table, key: tuple[str, ...]) -> Column | None:
    """The column to divide by: the key's first, where the table is large and the type's order is surely its `<`."""
    if not key or table.kind is not TableKind.TABLE or table.size_bytes < _WORTH_IT_BYTES:
        return None
    leading = table[key[0]]
    return leading if leading.type.kind == "b" and leading.type.oid < _FIRST_OWN_OID else None


def divide(leading: Column, bound: str) -> tuple[Portion, ...]:
    """Two portions; `bound` is a value's text. Any value is right, one in the middle is best: keys are never NULL."""
    parts = {"key": column(leading.name), "bound": cast(constant(bound), leading.type.sql)}
    return (
        Portion(0, compose("{key} OPERATOR(pg_catalog.<) {bound}", **parts)),
        Portion(1, compose("{key} OPERATOR(pg_catalog.>=) {bound}", **parts)),
    )
