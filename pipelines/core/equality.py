"""Equality that does not cry wolf: record image as the screen, output form to say which column (POSTGRES.md)."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql


def row_of(values: Sequence[sql.Composable]) -> sql.Composed:
    """A record; the cast keeps the parser from comparing column by column."""
    return sql.SQL("ROW({})::pg_catalog.record").format(sql.SQL(", ").join(values))


def images_differ(left: Sequence[sql.Composable], right: Sequence[sql.Composable]) -> sql.Composed:
    """True where the images differ; both sides must have the same types. NULL equals NULL."""
    return sql.SQL("{} OPERATOR(pg_catalog.*<>) {}").format(row_of(left), row_of(right))


def output_of(value: sql.Composable) -> sql.Composed:
    """A value's exact text: `(...)` around it keeps NULL apart from empty, and bpchar its blanks."""
    return sql.SQL('(ROW({})::pg_catalog.record::pg_catalog.text COLLATE "C")').format(value)


def outputs_differ(left: sql.Composable, right: sql.Composable) -> sql.Composed:
    """True where two values print differently."""
    return sql.SQL("{} <> {}").format(output_of(left), output_of(right))


def rows_differ(left: Sequence[sql.Composable], right: Sequence[sql.Composable]) -> sql.Composed:
    """True where the images differ and the output too: the image alone gives false alarms for some arrays."""
    return sql.SQL("({} AND {} <> {})").format(images_differ(left, right), _text_of(left), _text_of(right))


def _text_of(values: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL('({}::pg_catalog.text COLLATE "C")').format(row_of(values))
