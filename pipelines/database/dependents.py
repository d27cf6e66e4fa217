"""What reads a table from outside it: by pg_depend, and, where a body is only text, by the table's name in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipelines.core.schema import Dependent, DependentKind, TableName
from pipelines.database.catalog import AnyConnection, fetch
from pipelines.database.catalog_rows import optional_name

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
# A name before the dot before the table's; none where the dot follows a quote or a placeholder, as in '%I.issues'.
_QUALIFIER = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")+)"|(?<![%\w$])(?P<bare>[^\W\d][\w$]*))\s*\.\s*$')
_QUALIFIER_LENGTH = 160  # a quoted name of 63 bytes, all of them doubled quotes, and some blanks


@dataclass(frozen=True, slots=True)
class DependentRow:
    """An object that pg_depend leads to."""

    table: int
    kind: str
    name: str
    definition: str
    relation: list[str] | None
    columns: list[str]


@dataclass(frozen=True, slots=True)
class FunctionBodyRow:
    """A function whose body is text; `tables` are those whose triggers call it."""

    name: str
    definition: str
    body: str
    is_trigger_function: bool
    tables: list[int]


def read_dependents(connection: AnyConnection, tables: Mapping[int, TableName]) -> tuple[Dependent, ...]:
    """What reads each of the tables, ordered by table, kind and name; views on views, and what reads those, too."""
    by_text = tuple(_named_in_bodies(connection, tables))
    # A string-bodied function that also uses the row type is found both ways; that its text breaks is what matters.
    breaks = {(dependent.table, dependent.name) for dependent in by_text}
    by_catalog = (d for d in _in_catalog(connection, tables) if (d.table, d.name) not in breaks)
    return tuple(sorted((*by_catalog, *by_text), key=lambda d: (d.table, d.kind, d.name, d.definition)))


def mentions(body: str, table: TableName) -> bool:
    """Whether a function's text names the table: as a word, without a schema or with its own.

    A name that needs no quotes is found in any case outside them; `other.issues` and `new.issues` are another thing.
    """
    return any(_is_table(body, found, table) for found in _name_pattern(table.name).finditer(body))


def _name_pattern(name: str) -> re.Pattern[str]:
    plain = _PLAIN_NAME.fullmatch(name) is not None
    spellings = sorted({name, name.replace('"', '""')}, key=len, reverse=True)
    text = "|".join(re.escape(spelling) for spelling in spellings)
    return re.compile(rf"(?<![\w$])(?:{text})(?![\w$])", re.IGNORECASE if plain else re.NOFLAG)


def _is_table(body: str, found: re.Match[str], table: TableName) -> bool:
    start, end = found.span()
    if body[start - 1 : start] == '"' and body[end : end + 1] == '"':
        if found.group().replace('""', '"') != table.name:
            return False
        start -= 1
    qualifier = _QUALIFIER.search(body[max(0, start - _QUALIFIER_LENGTH) : start])
    if qualifier is None:
        return True
    if qualifier["quoted"] is not None:
        return qualifier["quoted"].replace('""', '"') == table.schema
    return qualifier["bare"].lower() == table.schema


def _in_catalog(connection: AnyConnection, tables: Mapping[int, TableName]) -> Iterator[Dependent]:
    for row in fetch(connection, "dependents.sql", "dependents", DependentRow, {"tables": list(tables)}):
        yield Dependent(
            table=tables[row.table],
            kind=DependentKind(row.kind),
            name=row.name,
            definition=row.definition,
            columns=tuple(row.columns),
            relation=optional_name(row.relation),
        )


def _named_in_bodies(connection: AnyConnection, tables: Mapping[int, TableName]) -> Iterator[Dependent]:
    names = sorted({table.name for table in tables.values()})
    for row in fetch(connection, "dependents.sql", "function_bodies", FunctionBodyRow, {"names": names}):
        yield from _readers(row, tables.items())


def _readers(row: FunctionBodyRow, tables: Iterable[tuple[int, TableName]]) -> Iterator[Dependent]:
    kind = DependentKind.TRIGGER_FUNCTION if row.is_trigger_function else DependentKind.STRING_FUNCTION
    for oid, table in tables:
        if row.tables != [oid] and mentions(row.body, table):  # its own trigger's function is listed by that
            yield Dependent(table=table, kind=kind, name=row.name, definition=row.definition)
