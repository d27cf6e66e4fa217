"""What the rows say, read by hand-written SQL that knows nothing of the lens; every value in output form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from pipelines.core.names import Keeping, keeping
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from tests.laws.consolidations import NAME, Consolidation, Source
from tests.laws.mappings import Follow, Rule, forward, inverse
from tests.laws.schemas import Table
from tests.laws.world import Key, output

Place = tuple[str, ...]
Said = Mapping[Key, Mapping[Place, str | None]]
Homes = dict[TableName, dict[Key, Key | None]]  # source key -> target key; None: that place was taken by another row

NULL = "()"
CANNOT = "(cannot be said)"


def said(connection: Connection, source: Source) -> Said:
    """By source key, what a source's rows become at each place; a reference to another row as the source has it."""
    made: dict[Key, dict[Place, str | None]] = {}
    for rule in source.rules:
        value = (
            output(sql.Identifier("s", rule.column.name)) if isinstance(rule.how, Follow) else _at(forward(rule), rule)
        )
        for key, text in _of_each(connection, source.table, value).items():
            made.setdefault(key, {})[rule.place] = text
    return made or {key: {} for key in _of_each(connection, source.table, sql.SQL("''"))}


def _of_each(connection: Connection, table: Table, value: sql.Composable) -> dict[Key, str | None]:
    """A value of each row; where one cannot be computed, of none: then no plan is to be had."""
    try:
        found = by_key(connection, table.name, table.key, "s", [value])
    except (psycopg.DataError, psycopg.IntegrityError):
        return dict.fromkeys(by_key(connection, table.name, table.key, "s", []), CANNOT)
    return {key: texts[0] for key, texts in found.items()}


def seen(connection: Connection, case: Consolidation, source: Source) -> Said:
    """By target key, what stands at each place that the source's rules write."""
    values = [_at(_place(rule), rule) for rule in source.rules]
    rows = by_key(connection, case.target.name, case.target.key, "t", values)
    return {
        key: {rule.place: text for rule, text in zip(source.rules, texts, strict=True)} for key, texts in rows.items()
    }


def back(connection: Connection, case: Consolidation, source: Source) -> Mapping[Key, Mapping[str, str]]:
    """By target key, what each column of the source would be; CANNOT where the inverse raises."""
    found: dict[Key, dict[str, str]] = {}
    for rule in source.rules:
        value = inverse(rule)
        if value is None:
            continue
        for key in by_key(connection, case.target.name, case.target.key, "t", []):
            found.setdefault(key, {})[rule.column.name] = _back(connection, case.target, key, value)
    return found


def _back(connection: Connection, target: Table, key: Key, value: sql.Composed) -> str:
    query = sql.SQL("SELECT {} FROM {} t WHERE {}").format(
        output(value), target.name.identifier, is_row("t", target.key, key)
    )
    try:
        ((text,),) = connection.execute(query).fetchall()
    except (psycopg.DataError, psycopg.IntegrityError):
        return CANNOT
    return str(text)


def _place(rule: Rule) -> sql.Composable:
    value = sql.Identifier("t", rule.to.name)
    return sql.SQL("({}::jsonb #> {})").format(value, sql.Literal(list(rule.path))) if rule.path else value


def _at(value: sql.Composable, rule: Rule) -> sql.Composed:
    """A missing path is NULL; a NULL at a column is not."""
    return sql.SQL("({})::text").format(value) if rule.path else output(value)


def by_key(
    connection: Connection, table: TableName, key: Sequence[str], alias: str, values: Sequence[sql.Composable]
) -> dict[Key, Sequence[str | None]]:
    """Some values of every row."""
    keys = [output(sql.Identifier(alias, name)) for name in key]
    query = sql.SQL("SELECT ARRAY[{}]::text[], ARRAY[{}]::text[] FROM {} {}").format(
        sql.SQL(", ").join(keys), sql.SQL(", ").join(values), table.identifier, sql.Identifier(alias)
    )
    return {tuple(of): texts for of, texts in connection.execute(query).fetchall()}  # type: ignore[arg-type, misc]


def is_row(alias: str, names: Sequence[str], key: Key) -> sql.Composed:
    """True for the row with that key, which is in output form."""
    keys = [output(sql.Identifier(alias, name)) for name in names]
    return sql.SQL("ARRAY[{}]::text[] = {}::text[]").format(sql.SQL(", ").join(keys), sql.Literal(list(key)))


def read_homes(connection: Connection, case: Consolidation) -> Homes:
    """The row map, as the fold left it."""
    return {source.table.name: _homes(connection, case, source) for source in case.sources}


def _homes(connection: Connection, case: Consolidation, source: Source) -> dict[Key, Key | None]:
    own = [output(sql.Identifier(f"s{n}")) for n in range(1, len(source.table.key) + 1)]
    goal = [output(sql.Identifier(f"t{n}")) for n in range(1, len(case.target.key) + 1)]
    query = sql.SQL("SELECT ARRAY[{}]::text[], ARRAY[{}]::text[] FROM {} WHERE state = 'mapped'").format(
        sql.SQL(", ").join(own), sql.SQL(", ").join(goal),
        keeping(Keeping.ROW_MAP, NAME, source.table.name).identifier,
    )  # fmt: skip
    return {tuple(key): tuple(home) for key, home in connection.execute(query).fetchall()}  # type: ignore[arg-type]
