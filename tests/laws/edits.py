"""Edits as people make them: any column of any row, deletes, new rows, other keys, on either side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from hypothesis import strategies as st
from psycopg import sql

from pipelines.core.schema import TableName
from tests.laws.drawing import Draw, chance, key_text
from tests.laws.reading import is_row
from tests.laws.schemas import Column, Row, Table, insert
from tests.laws.values import UUID, Kind, values, values_or_null
from tests.laws.world import Key, Rows, output

_DOCUMENTS = ("null", "{}", '{"a": null}', '{"b": 1}', '{"b": {"c": 0, "z": [1]}}', "[[1], 2]", '"x"',
              '{"0": {"y": 1}}', '{"own": "kept", "a": "it\'s"}',
              '{"x": {"y": 1}, "x.y": 2}', '{"e": {"f": {}}}', "3")  # fmt: skip
_JSON_VALUES = ("null", "1", "1.0", '"a"', "{}", "[]", '"[0:1]={7,8}"', '""', "true", '{"a": 1}', '"2024-01-01"')


@dataclass(frozen=True, slots=True)
class Edit:
    """One statement on a row of a table; `key` is the row's, None for a new row."""

    table: TableName
    key: Key | None
    changes: Mapping[str, object]

    def __repr__(self) -> str:
        return f"{self.table} {self.key}: {dict(self.changes)}"


@dataclass(frozen=True, slots=True)
class Put:
    """A value at a path of a document; None takes the path out."""

    path: tuple[str, ...]
    value: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an edit: the key of its row before and after; None where there is none."""

    before: Key | None
    after: Key | None


DELETED: Mapping[str, object] = {"(deleted)": True}


def edits(
    table: Table, rows: Rows, *, number: int = 8, paths: tuple[tuple[str, tuple[str, ...]], ...] = ()
) -> st.SearchStrategy[Edit]:
    """One edit of a table whose rows are these; `paths` are those of its documents that rules write."""

    @st.composite
    def drawn(draw: Draw) -> Edit:
        key = draw(st.sampled_from(_in_order(table, rows))) if rows else None
        what = draw(st.integers(0, 9)) if rows else 9
        match what:
            case 0 | 1 | 2 | 3 | 4:
                return Edit(table.name, key, _set(draw, table))  # type: ignore[arg-type]
            case 5 if paths:
                column, path = draw(st.sampled_from(paths))  # type: ignore[misc]
                put = Put(path, draw(st.sampled_from((*_JSON_VALUES, None))))  # type: ignore[has-type, arg-type]
                return Edit(table.name, key, {column: put})  # type: ignore[arg-type, has-type]
            case 6:
                return Edit(table.name, key, DELETED)  # type: ignore[arg-type]
            case 7:
                changed = {name: _key(draw, table.column(name), number, rows) for name in table.key}
                return Edit(table.name, key, changed)  # type: ignore[arg-type]
            case 9:
                return Edit(table.name, None, _new(draw, table, number, rows))
            case _:
                return Edit(table.name, key, {**_set(draw, table), **_set(draw, table)})  # type: ignore[arg-type]

    return drawn()


def _in_order(table: Table, rows: Rows) -> list[Key]:
    """The same in every run, also where keys are random."""
    if all(table.column(name).kind != UUID for name in table.key):
        return sorted(rows)
    return sorted(rows, key=lambda key: ([v for c, v in rows[key].items() if c not in table.key], key))


def _set(draw: Draw, table: Table) -> Mapping[str, object]:
    others = [c for c in table.written if c.name not in table.key]
    if not others:
        return DELETED
    column = draw(st.sampled_from(others))
    assert isinstance(column, Column)
    return {column.name: draw(_value(column.kind))}


def _value(kind: Kind) -> st.SearchStrategy[str | None]:
    if kind.type in ("json", "jsonb"):
        return st.one_of(values_or_null(kind), st.sampled_from(_DOCUMENTS), st.sampled_from(_DOCUMENTS))
    return values_or_null(kind)


def _key(draw: Draw, column: Column, number: int, rows: Rows) -> object:
    return key_text(column.kind, int(str(draw(st.sampled_from((number, 0, 1, 2))))), int(str(draw(st.integers(0, 5)))))


def _new(draw: Draw, table: Table, number: int, rows: Rows) -> Row:
    row: dict[str, str | None] = {}
    for column in table.written:
        if column.name in table.key:
            if column.drawn is None or chance(draw, 50):
                row[column.name] = str(_key(draw, column, number, rows))
        elif chance(draw, 80):
            some = values(column.kind) if column.not_null else _value(column.kind)
            row[column.name] = draw(some)  # type: ignore[assignment]
    return row


def _is_deletion(edit: Edit) -> bool:
    return not DELETED.keys().isdisjoint(edit.changes)


def make(connection: psycopg.Connection[tuple[object, ...]], table: Table, edit: Edit) -> Done | None:
    """Run it as an application would; None where the database refuses it, or nothing is changed by it."""
    try:
        found = connection.execute(_statement(table, edit)).fetchall()
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.GeneratedAlways):
        return None
    if not found:
        return None
    return Done(edit.key, None if _is_deletion(edit) else tuple(found[0][0]))  # type: ignore[arg-type]


def _statement(table: Table, edit: Edit) -> sql.Composed:
    name = table.name.identifier
    returning = sql.SQL(" RETURNING ARRAY[{}]::text[]").format(
        sql.SQL(", ").join(output(sql.Identifier(key)) for key in table.key)
    )
    if edit.key is None:
        return insert(table, edit.changes) + returning  # type: ignore[arg-type]
    where = is_row(table.name.name, table.key, edit.key)
    if _is_deletion(edit):
        return sql.SQL("DELETE FROM {} WHERE {}").format(name, where) + returning
    changes = [
        sql.SQL("{} = {}").format(sql.Identifier(c), _changed(table.column(c), v)) for c, v in edit.changes.items()
    ]
    return sql.SQL("UPDATE {} SET {} WHERE {}").format(name, sql.SQL(", ").join(changes), where) + returning


def _changed(column: Column, value: object) -> sql.Composed:
    if not isinstance(value, Put):
        return column.kind.literal(None if value is None else str(value))
    document = sql.SQL("{}::jsonb").format(column.identifier)
    path = sql.Literal(list(value.path))
    if value.value is None:
        made = sql.SQL("CASE WHEN jsonb_typeof({0}) = 'object' THEN {0} #- {1} ELSE {0} END").format(document, path)
    else:
        made = sql.SQL(
            "CASE WHEN jsonb_typeof({0}) = 'object' THEN jsonb_set({0}, {1}, {2}::jsonb) ELSE {0} END"
        ).format(document, path, sql.Literal(value.value))
    return sql.SQL("({})::{}").format(made, column.kind.type_sql)
