"""Expressions over one row: SQL with holes where that row's columns stand, so that one text serves any alias."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import LiteralString

from psycopg import sql

from pipelines.core.expression_text import Placeholder, split


@dataclass(frozen=True, slots=True)
class Ref:
    """A column of the row that the expression reads."""

    column: str


Part = sql.Composable | Ref


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL parts in order; `on(alias)` names the row."""

    parts: tuple[Part, ...]

    def on(self, alias: str) -> sql.Composed:
        """The SQL with every column qualified by `alias`."""
        return sql.Composed([self._part(part, alias) for part in self.parts])

    @staticmethod
    def _part(part: Part, alias: str) -> sql.Composable:
        match part:
            case Ref(column):
                return sql.Identifier(alias, column)
            case sql.Composable():
                return part

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns read, each once, in order of appearance."""
        return tuple(dict.fromkeys(part.column for part in self.parts if isinstance(part, Ref)))


def column(name: str) -> Expression:
    """The column itself."""
    return Expression((Ref(name),))


def constant(value: object) -> Expression:
    """A literal."""
    return Expression((sql.Literal(value),))


def compose(template: LiteralString, **holes: Expression | sql.Composable) -> Expression:
    """An expression from a template of ours whose `{holes}` are expressions or SQL."""
    parts: list[Part] = []
    for text, name, _spec, _conversion in Formatter().parse(template):
        if text:
            parts.append(_trusted(text))
        if name:
            hole = holes[name]
            parts.extend(hole.parts if isinstance(hole, Expression) else (hole,))
    return Expression(tuple(parts))


def authored(text: str) -> Expression:
    """An author's expression; `{name}` is a column of the row. In parentheses, so that it composes."""
    inner = [Ref(part.name) if isinstance(part, Placeholder) else _trusted(part) for part in split(text)]
    return Expression((_trusted("("), *inner, _trusted(")")))


def cast(inner: Expression, type_sql: str) -> Expression:
    """An explicit cast; `type_sql` is the catalog's own spelling (format_type)."""
    return Expression((_trusted("("), *inner.parts, _trusted(")::" + type_sql)))


def trusted(text: str) -> sql.Composable:
    """SQL text from the catalog or from a scanned spec, which cannot be a literal of ours."""
    return _trusted(text)


def _trusted(text: str) -> sql.SQL:
    return sql.SQL(text)  # the catalog's or a scanned author's text
