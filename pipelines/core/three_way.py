"""Three ways: what the target says now, what the source said, and whether somebody edited it (DESIGN.md, section 3).

Aliases: `s` the source row, `t` the target row. Only rules with a place take part.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from pipelines.core.equality import rows_differ
from pipelines.core.expression import cast, compose
from pipelines.core.lens import Lens, Rule, SourceLens
from pipelines.core.lens_rules import document_at
from pipelines.core.place import Place
from pipelines.core.relations import joined
from pipelines.core.schema import Column

# Functions over a json document, in the session that looks: \u0000 and a few others are no error there.
AT_PATH = sql.Identifier("pg_temp", "pgfold_at_path")
READ_DOCUMENT = sql.Identifier("pg_temp", "pgfold_read_document")


def placed(source: SourceLens) -> tuple[Rule, ...]:
    """The rules that write something into the target."""
    return tuple(rule for rule in source.rules if rule.place is not None and rule.forward is not None)


def seen(lens: Lens, rule: Rule, alias: str = "t") -> sql.Composable:
    """What stands at the rule's place in a target row; for a path jsonb, SQL NULL where it is missing."""
    assert rule.place is not None
    if rule.place.path:
        return document_seen(rule.place, lens.target[rule.place.column], alias)
    return sql.Identifier(alias, rule.place.column)


def document_seen(place: Place, goal: Column, alias: str) -> sql.Composable:
    """The jsonb at a path; in a json column a text that jsonb cannot hold is the whole of it, which no source says."""
    if goal.type.bare == "jsonb":
        return document_at(place, goal).on(alias)
    return sql.SQL("{}({}, {}::pg_catalog.text[])").format(
        AT_PATH, sql.Identifier(alias, goal.name), sql.Literal(list(place.path))
    )


def readable_document(goal: Column, alias: str) -> sql.Composable:
    """A json or jsonb column as jsonb; NULL also where it is a text that jsonb cannot hold."""
    column = sql.Identifier(alias, goal.name)
    return column if goal.type.bare == "jsonb" else sql.SQL("{}({})").format(READ_DOCUMENT, column)


def said(lens: Lens, rule: Rule, alias: str = "s") -> sql.Composed:
    """What a source row's forward writes there, in the type that `seen` has."""
    assert rule.place is not None
    assert rule.forward is not None
    if rule.place.path:
        return compose("COALESCE({x}, 'null'::pg_catalog.jsonb)", x=rule.forward).on(alias)
    return cast(rule.forward, lens.target[rule.place.column].type.sql).on(alias)


def is_edited(lens: Lens, rule: Rule) -> sql.Composed:
    """True where the target says something else; a missing path says nothing."""
    assert rule.place is not None
    differs = rows_differ([seen(lens, rule)], [said(lens, rule)])
    if not rule.place.path:
        return differs
    return sql.SQL("({} IS NOT NULL AND {})").format(seen(lens, rule), differs)


def any_edited(lens: Lens, source: SourceLens) -> sql.Composed:
    """True where any rule's place was edited: one comparison of whole rows."""
    rules = placed(source)
    if not rules:
        return sql.Composed([sql.SQL("false")])
    return rows_differ([_present(lens, rule) for rule in rules], [said(lens, rule) for rule in rules])


def edited_columns(lens: Lens, source: SourceLens) -> sql.Composed:
    """The source columns whose places were edited, as a text array."""
    return names_where((rule.column.name, is_edited(lens, rule)) for rule in placed(source))


def names_where(tests: Iterable[tuple[str, sql.Composable]]) -> sql.Composed:
    """A text array of the names whose test is true."""
    cases = [
        sql.SQL("CASE WHEN {} THEN {}::pg_catalog.text END").format(test, sql.Literal(name)) for name, test in tests
    ]
    return sql.SQL("pg_catalog.array_remove(ARRAY[{}]::pg_catalog.text[], NULL)").format(joined(cases))


def _present(lens: Lens, rule: Rule) -> sql.Composable:
    assert rule.place is not None
    if not rule.place.path:
        return seen(lens, rule)
    return sql.SQL("COALESCE({}, {})").format(seen(lens, rule), said(lens, rule))
