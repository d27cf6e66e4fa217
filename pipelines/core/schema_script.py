"""schema.sql: DDL in entries that say whose they are, so that a part of them can be run, or under other names.

The file is plain SQL, for psql and for a driver. A comment before each entry holds what a program needs of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from pipelines.core.ddl_text import moved, tokens
from pipelines.core.schema import TableName

_MARK = "-- entry "

PREAMBLE = """\
-- What pg_dump says of these tables, and what it leaves out: inbound foreign keys, views, publications, statistics,
-- and the rights exactly as they were. The entries `before` come before the rows, the entries `after` behind them.
-- restore.sql is this with the rows in between.

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = off;
SET xmloption = content;
SET client_min_messages = warning;
SET default_tablespace = '';
SET default_table_access_method = heap;
"""


class Phase(StrEnum):
    """When an entry runs: before the rows are loaded, or after."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class SchemaEntry:
    """One object's DDL, statements that end in semicolons.

    `roots` are the saved tables that it is for, `relation` the table or view that it belongs to, None where it is
    shared (a type). `surrounding`: it is not of a saved table but about one (a child's foreign key, a view, a
    publication), and comes back only where the table does under its own name. `needs` is a further relation that
    must be there: the one that a foreign key references.
    """

    kind: str  # pg_dump's word (TABLE, INDEX, ...) or one of ours
    name: TableName
    phase: Phase
    roots: tuple[TableName, ...]
    text: str
    relation: TableName | None = None
    surrounding: bool = False
    needs: TableName | None = None


_ADAPTER = TypeAdapter(SchemaEntry)
_RELATIONS = ("TABLE", "SEQUENCE", "INDEX", "STATISTICS")
VIEWS = ("VIEW", "MATERIALIZED VIEW")


def render(entries: Iterable[SchemaEntry]) -> str:
    """The file's text; those before the rows come first."""
    ordered = sorted(entries, key=lambda entry: entry.phase is Phase.AFTER)
    return PREAMBLE + "".join(f"\n{_header(entry)}\n{entry.text.strip()}\n" for entry in ordered)


def parse(text: str) -> tuple[SchemaEntry, ...]:
    """From `render`'s text, in its order; the preamble is left out.

    Raises:
        ValueError: an entry's comment cannot be read.
    """
    found: list[SchemaEntry] = []
    starts = [t for t in tokens(text) if t.kind == "comment" and t.text.startswith(_MARK)]
    ends = [*(token.start for token in starts[1:]), len(text)]
    for token, end in zip(starts, ends, strict=True):
        body = text[token.start + len(token.text) : end].strip()
        found.append(_entry(token.text.removeprefix(_MARK), body))
    return tuple(found)


def choose(
    entries: Iterable[SchemaEntry], names: Mapping[TableName, TableName], there: Collection[TableName]
) -> Iterator[SchemaEntry]:
    """The entries that bring back the tables of `names` (name when saved -> name now).

    `there` are the relations that exist already: a view among them is left as it is.
    """
    schemas = {name.schema for name in names.values()}
    for entry in entries:
        roots = [root for root in entry.roots if root in names]
        moves = all(names[root] != root for root in roots)
        if (
            roots
            and (not entry.surrounding or _comes_back(entry, names, there))
            # A copy's foreign key to what is not copied with it would bind the copy to a live table.
            and not (moves and entry.needs is not None and entry.needs not in names)
            and not (entry.kind == "SCHEMA" and entry.name.schema not in schemas)
        ):
            yield entry


def renamed(entries: Iterable[SchemaEntry], names: Mapping[TableName, TableName]) -> Iterator[SchemaEntry]:
    """The same entries about the tables' new names; their indexes, sequences and statistics follow them."""
    listed = tuple(entries)
    every = dict(_names_that_move(listed, names))
    for entry in listed:
        yield SchemaEntry(
            entry.kind,
            every.get(entry.name, entry.name),
            entry.phase,
            tuple(names.get(root, root) for root in entry.roots),
            moved(entry.text, every),
            every.get(entry.relation, entry.relation) if entry.relation else None,
            entry.surrounding,
            names.get(entry.needs, entry.needs) if entry.needs else None,
        )


def _names_that_move(
    entries: Iterable[SchemaEntry], names: Mapping[TableName, TableName]
) -> Iterator[tuple[TableName, TableName]]:
    """A partition is of its root, though a relation of its own: it goes where the root goes."""
    for entry in entries:
        (root, *_) = entry.roots
        new = names.get(root, root)
        if entry.kind in _RELATIONS and entry.relation and not entry.surrounding and new != root:
            yield entry.name, new if entry.name == root else TableName(new.schema, entry.name.name)


def _comes_back(entry: SchemaEntry, names: Mapping[TableName, TableName], there: Collection[TableName]) -> bool:
    """Whether all that it is about is there again under its own name, and it is not."""
    return (
        entry.relation not in there
        and all(names.get(root, root) == root for root in entry.roots)
        and all(root in names or root in there for root in entry.roots)
    )


def _header(entry: SchemaEntry) -> str:
    return _MARK + _ADAPTER.dump_json(entry, exclude={"text"}, exclude_defaults=True).decode()


def _entry(header: str, body: str) -> SchemaEntry:
    try:
        return _ADAPTER.validate_json(json.dumps({**json.loads(header), "text": body}))
    except (ValidationError, ValueError, TypeError) as error:
        raise ValueError(f"an entry's comment cannot be read: {header[:80]}") from error
