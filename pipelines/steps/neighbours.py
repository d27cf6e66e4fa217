"""Reads what lies around the tables of a fold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from pipelines.core.fold import ChildChange, Fold
from pipelines.core.lens import SourceLens
from pipelines.core.neighbours import (
    KeyToChild,
    LikelyKey,
    Neighbours,
    StatementsSeen,
    likely_names,
    likely_words,
)
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.named_sql import load_sql

_SQL = load_sql("pipelines.steps", "neighbours.sql")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A word to look for, beside the number of its source and the type of its key."""

    number: int
    word: str
    type: int


def read_neighbours(connection: Connection, fold: Fold) -> Neighbours:
    """By the catalog alone; nothing is changed, and no row is read."""
    return Neighbours(
        likely_keys=(*_likely_keys(connection, fold), *_likely_arrays(connection, fold)),
        keys_to_children=tuple(_keys_to_children(connection, fold)),
        archived=tuple(_archived(connection, fold)),
        api_roles=tuple(str(role) for (role,) in connection.execute(_SQL["api_roles"])),
        publications_of_all=tuple(str(name) for (name,) in connection.execute(_SQL["publications_of_all"])),
        statements=tuple(_statements(connection, fold)),
    )


def _likely_keys(connection: Connection, fold: Fold) -> Iterator[LikelyKey]:
    wanted = [_Wanted(s.number, name, s.key[0].type.oid) for s in fold.lens.sources for name in likely_names(s)]
    fold_tables = [fold.lens.target.oid, *(table.oid for table in fold.lens.archived)]
    declared = {(repoint.child, c.column.name) for repoint in fold.repoints for c in repoint.columns}
    parameters = {
        "numbers": [w.number for w in wanted],
        "names": [w.word for w in wanted],
        "types": [w.type for w in wanted],
        "fold": fold_tables,
    }
    for likely in _found(connection, fold, "likely_keys", parameters):
        if (likely.table, likely.column) not in declared:
            yield likely


def _likely_arrays(connection: Connection, fold: Fold) -> Iterator[LikelyKey]:
    wanted = [_Wanted(s.number, word, s.key[0].type.oid) for s in fold.lens.sources for word in likely_words(s)]
    parameters = {
        "numbers": [w.number for w in wanted],
        "words": [w.word for w in wanted],
        "types": [w.type for w in wanted],
    }
    yield from _found(connection, fold, "likely_arrays", parameters)


def _found(connection: Connection, fold: Fold, block: str, parameters: dict[str, object]) -> Iterator[LikelyKey]:
    for number, schema, name, column, type_sql, is_array in connection.execute(_SQL[block], parameters).fetchall():
        source: SourceLens = fold.lens.numbered(int(str(number)))
        table = TableName(str(schema), str(name))
        yield LikelyKey(source.name, table, str(column), str(type_sql), bool(is_array))


def _keys_to_children(connection: Connection, fold: Fold) -> Iterator[KeyToChild]:
    moved = [
        (fold.schema[repoint.child].oid, c.column.name)
        for repoint in fold.repoints
        if repoint.change is not ChildChange.NONE
        for c in repoint.columns
        if c.forward is not None
    ]
    parameters = {"tables": [oid for oid, _ in moved], "columns": [name for _, name in moved]}
    for schema, name, constraint, *child, column in connection.execute(_SQL["keys_to_children"], parameters):
        table = TableName(str(schema), str(name))
        yield KeyToChild(table, str(constraint), TableName(*map(str, child)), str(column))


def _archived(connection: Connection, fold: Fold) -> Iterator[TableName]:
    places = [fold.archived(table.name) for table in fold.lens.archived]
    parameters = {"schemas": [place.schema for place in places], "names": [place.name for place in places]}
    for schema, name in connection.execute(_SQL["archived"], parameters):
        yield TableName(str(schema), str(name))


def _statements(connection: Connection, fold: Fold) -> Iterator[StatementsSeen]:
    found = connection.execute(_SQL["statements_schema"]).fetchone()
    if found is None:
        return
    view = sql.Identifier(str(found[0]), "pg_stat_statements")
    for name in fold.spec.source_names:
        pattern = sql.Literal(rf"\m{re.escape(name.name)}\M")
        query = sql.SQL(_SQL["statements_seen"]).format(view=view, pattern=pattern)
        try:
            with connection.transaction():
                row = connection.execute(query).fetchone()
        except psycopg.DatabaseError:
            return  # made, but not preloaded, or not for this role: then nobody knows
        count = int(str(row[0])) if row is not None else 0
        if count:
            yield StatementsSeen(name, count)
