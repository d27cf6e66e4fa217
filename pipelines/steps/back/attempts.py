"""Attempts: expressions over edited values, which may raise; the error becomes an answer and stops nothing."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import three_way
from pipelines.core.expression import trusted
from pipelines.core.lens import Rule
from pipelines.core.relations import inverse_of
from pipelines.core.schema import Column, Constraint, Index
from pipelines.core.statement import Statement
from pipelines.core.three_way import said
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.homeward import TEMPORARY, Homeward, undomained

_SQL = load_sql("pipelines.steps.back", "attempts.sql")


def function(home: Homeward, kind: str, number: int) -> sql.Identifier:
    """The name of an attempt: `back`, `forth`, `computed`, `check` or `index` of this source."""
    return sql.Identifier(TEMPORARY, f"pgfold_{kind}_{home.source.number}_{number}")


def read_documents() -> Iterator[Statement]:
    """What `three_way` calls for json columns: a document that jsonb cannot hold is an edit like another."""
    document = sql.SQL("document pg_catalog.json")
    for function, given, value, otherwise in (
        (
            three_way.AT_PATH,
            sql.SQL("{}, path pg_catalog.text[]").format(document),
            sql.SQL("document::pg_catalog.jsonb #> path"),
            sql.SQL("pg_catalog.to_jsonb(document::pg_catalog.text)"),
        ),
        (three_way.READ_DOCUMENT, document, sql.SQL("document::pg_catalog.jsonb"), sql.SQL("NULL")),
    ):
        yield Statement(
            "make a function that reads a document",
            sql.SQL(_SQL["read_document"]).format(function=function, given=given, value=value, otherwise=otherwise),
        )


def back(home: Homeward, number: int, rule: Rule) -> Statement:
    """The inverse of a rule, in its column's type."""
    rows = sql.SQL("{} h JOIN {} t ON {}").format(home.table, home.fold.lens.target.name.identifier, home.same_target())
    value = sql.SQL("{}::{}").format(inverse_of(rule), trusted(undomained(rule.column.type)))
    return _attempt(home, "back", number, undomained(rule.column.type), value, rows, "h")


def forth(home: Homeward, number: int, rule: Rule) -> Statement:
    """The forward of a rule, of the row as it would go home."""
    assert rule.place is not None
    goal = home.fold.lens.target[rule.place.column]
    result = "pg_catalog.jsonb" if rule.place.path else undomained(goal.type)
    value = sql.SQL("{}::{}").format(said(home.fold.lens, rule, "h"), trusted(result))
    return _attempt(home, "forth", number, result, value, sql.SQL("{} h").format(home.table), "h")


def computed(home: Homeward, number: int, column: Column) -> Statement:
    """A generated column, of the row as it would go home."""
    value = trusted(f"({column.generation})")
    return _of_row(home, "computed", number, undomained(column.type), value)


def check(home: Homeward, number: int, constraint: Constraint) -> Statement:
    """Whether the row as it would go home keeps a CHECK, which holds for NULL (manual 5.5.1)."""
    return _of_row(home, "check", number, "boolean", trusted(f"({constraint.expression}) IS NOT FALSE"))


def index(home: Homeward, number: int, of: Index) -> Statement:
    """What an index computes of the row as it would go home; its text does not matter, only whether it raises."""
    keys = sql.SQL(", ").join(
        sql.Identifier(column) if column is not None else trusted(f"({text})")
        for text, column in zip(of.keys, of.columns, strict=True)
    )
    among = trusted(f"({of.predicate})") if of.predicate else sql.SQL("true")
    value = sql.SQL("CASE WHEN {} THEN ROW({})::pg_catalog.text END").format(among, keys)
    return _of_row(home, "index", number, "text", value)


def _of_row(home: Homeward, kind: str, number: int, result: str, value: sql.Composable) -> Statement:
    """Over the columns under the table's own name, which the server's texts may use."""
    alias = home.source.name.name
    rows = sql.SQL("{} AS {}").format(home.table, sql.Identifier(alias))
    return _attempt(home, kind, number, result, value, rows, alias)


def _attempt(
    home: Homeward, kind: str, number: int, result: str, value: sql.Composable, rows: sql.Composable, alias: str
) -> Statement:
    body = sql.SQL(_SQL["body"]).format(value=value, rows=rows, id=home.at("id", alias)).as_string(None)
    return Statement(
        f"make an attempt at {kind} {number} of {home.source.name}",
        sql.SQL(_SQL["attempt"]).format(
            function=function(home, kind, number), type=trusted(result), body=sql.Literal(body)
        ),
    )
