"""A table's rows as lines of JSON, and back: exact for every type, and as fast as the server can write them.

A line is what `row_to_json` makes of the row. Its json keeps what jsonb would not (the sign of a float's zero,
the spelling of a number); where JSON itself cannot carry a value, `encoding` puts the value's text in its place, as
pipelines.core.json_value does. A line never holds a raw newline: the types in which one could stand travel as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString, assert_never

from psycopg import sql

from pipelines.core.expression import trusted
from pipelines.core.portions import Portion
from pipelines.core.schema import JsonEncoding, Table, TableKind, TableName

# QUOTE and DELIMITER never occur in JSON, which escapes control characters: COPY writes and reads each line as it is.
COPY_FORMAT: LiteralString = r"(FORMAT csv, QUOTE e'\x01', DELIMITER e'\x02')"

# Bounds other than 1 are lost in JSON. Only arrays of several dimensions have the further five (manual 8.15).
_ODD_BOUNDS: LiteralString = (
    "pg_catalog.array_lower({x}, 1) <> 1 OR (pg_catalog.array_ndims({x}) > 1 AND ("
    + " OR ".join(("pg_catalog.array_lower({x}, 2) <> 1", "pg_catalog.array_lower({x}, 3) <> 1",
                   "pg_catalog.array_lower({x}, 4) <> 1", "pg_catalog.array_lower({x}, 5) <> 1",
                   "pg_catalog.array_lower({x}, 6) <> 1"))
    + "))"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SavedColumn:
    """A column as it stands in a file: `type` is format_type's text; a generated one is computed again on restore."""

    name: str
    type: str
    encoding: JsonEncoding
    generated: bool = False


@dataclass(frozen=True, slots=True)
class SavedRows:
    """Which rows are saved and how; `key_order` is empty where no key puts them in order."""

    table: TableName
    columns: tuple[SavedColumn, ...]
    key_order: tuple[str, ...]
    partitioned: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """In attnum order, generated ones too."""
        return tuple(column.name for column in self.columns)


def saved_rows(table: Table) -> SavedRows:
    """Every column, in the order of the primary key, else of the first NOT NULL unique key."""
    keys = [table.primary_key] if table.primary_key else [*table.not_null_unique_keys]
    return SavedRows(
        table=table.name,
        columns=tuple(SavedColumn(c.name, c.type.sql, c.type.json, c.generated) for c in table.columns),
        key_order=keys[0] if keys else (),
        partitioned=table.kind is TableKind.PARTITIONED,
    )


def lines_query(saved: SavedRows, portion: Portion) -> sql.Composed:
    """The rows of a portion, one json each; sorted before they are written out: lines are far more bytes to sort."""
    whole = _free_name("line", saved.column_names)
    return sql.SQL("SELECT pg_catalog.row_to_json({whole}) FROM ({rows}) AS {whole}").format(
        whole=sql.Identifier(whole), rows=_encoded_rows(saved, portion)
    )


def decoded_query(columns: Sequence[SavedColumn], lines: sql.Composable, line: sql.Composable) -> sql.Composed:
    """Back from `lines`, whose json column is `line`: the values of `columns`, in their order and of their types."""
    if not columns:
        return sql.SQL("SELECT FROM {}").format(lines)
    return sql.SQL(
        "SELECT {values} FROM {lines} CROSS JOIN LATERAL pg_catalog.json_to_record({line}) AS saved({fields})"
    ).format(
        values=sql.SQL(", ").join(map(_decoded, columns)),
        lines=lines,
        line=line,
        fields=sql.SQL(", ").join(map(_field, columns)),
    )


def _encoded_rows(saved: SavedRows, portion: Portion) -> sql.Composed:
    values = [sql.SQL("{} AS {}").format(_encoded(column), sql.Identifier(column.name)) for column in saved.columns]
    order = [sql.Identifier("saved", name) for name in saved.key_order]
    return sql.SQL("SELECT {values} FROM {only}{table} AS saved{where}{order} OFFSET 0").format(
        values=sql.SQL(", ").join(values),
        only=sql.SQL("" if saved.partitioned else "ONLY "),
        table=saved.table.identifier,
        where=portion.where("saved"),
        order=sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(order)) if order else sql.SQL(""),
    )


def _encoded(column: SavedColumn) -> sql.Composable:
    x = sql.Identifier("saved", column.name)
    match column.encoding:
        case JsonEncoding.NATIVE:
            return x
        case JsonEncoding.ARRAY:
            return sql.SQL(
                f"CASE WHEN {_ODD_BOUNDS} THEN pg_catalog.to_json({{x}}::pg_catalog.text)"
                " ELSE pg_catalog.to_json({x}) END"
            ).format(x=x)
        case JsonEncoding.JSONB:
            return sql.SQL(
                "CASE WHEN pg_catalog.jsonb_typeof({x}) IN ('null', 'string')"
                " THEN pg_catalog.to_jsonb({x}::pg_catalog.text) ELSE {x}::pg_catalog.jsonb END"
            ).format(x=x)
        case JsonEncoding.TEXT:
            return sql.SQL("{x}::pg_catalog.text").format(x=x)
        case _:
            assert_never(column.encoding)


def _field(column: SavedColumn) -> sql.Composed:
    """json_to_record gives a string to the type's own input function, for arrays and composites too."""
    read_as = column.type if column.encoding in (JsonEncoding.NATIVE, JsonEncoding.ARRAY) else "pg_catalog.text"
    return sql.SQL("{} {}").format(sql.Identifier(column.name), trusted(read_as))


def _decoded(column: SavedColumn) -> sql.Composable:
    value = sql.Identifier("saved", column.name)
    if column.encoding in (JsonEncoding.NATIVE, JsonEncoding.ARRAY):
        return value
    return sql.SQL("{}::{}").format(value, trusted(column.type))


def _free_name(wanted: str, taken: Sequence[str]) -> str:
    """A column of the alias's own name would be taken for the whole row."""
    while wanted in taken:
        wanted += "_"
    return wanted
