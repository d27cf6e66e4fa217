"""The values of rows that differ: taken back through the inverse, computed again, or set aside."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core.expression import trusted
from pipelines.core.lens import Rule, Treatment
from pipelines.core.relations import joined
from pipelines.core.statement import Statement
from pipelines.core.three_way import placed, seen
from pipelines.database.named_sql import load_sql
from pipelines.steps.back import attempts
from pipelines.steps.back.hindrances import FOUND
from pipelines.steps.back.homeward import EVERY_ROW, Homeward, undomained

_SQL = load_sql("pipelines.steps.back", "home_values.sql")


def make_attempts(home: Homeward) -> Iterator[Statement]:
    """Everything that is evaluated over edited values and may raise."""
    for number, rule in enumerate(home.source.rules):
        if may_fail(home, rule):
            yield attempts.back(home, number, rule)
            yield attempts.forth(home, number, rule)
    for number, column in enumerate(home.source.table.columns):
        if column.generation:
            yield attempts.computed(home, number, column)
    for number, constraint in enumerate(home.source.table.constraints):
        if constraint.expression:
            yield attempts.check(home, number, constraint)
    for number, index in enumerate(home.source.table.indexes):
        if index.expression_columns:
            yield attempts.index(home, number, index)


def may_fail(home: Homeward, rule: Rule) -> bool:
    """Whether an edited value may have no counterpart: not where it goes home as it is."""
    return rule in placed(home.source) and rule.inverse is not None and rule.treatment is not Treatment.SAME


def take_back(home: Homeward, among: sql.Composable = EVERY_ROW) -> Iterator[Statement]:
    """Every edited value through its inverse; where that raises, the reason instead. `among`: of which rows `h`."""
    taken = [(n, r) for n, r in enumerate(home.source.rules) if r in placed(home.source) and r.inverse is not None]
    if taken:
        yield Statement(
            f"take the edited values of {home.source.name} back",
            sql.SQL(_SQL["take_back"]).format(
                changes=joined(
                    sql.SQL("{} = x.{}").format(rule.column.identifier, _numbered("v", n)) for n, rule in taken
                ),
                values=joined(_taken(home, n, rule) for n, rule in taken),
                reasons=_reasons([(n, r.column.name) for n, r in taken if may_fail(home, r)]),
                attempts=joined([_attempt(home, n, rule) for n, rule in taken if may_fail(home, rule)], ""),
                among=among,
                **_shared(home),
            ),
        )
    yield from compute(home)


def compute(home: Homeward) -> Iterator[Statement]:
    """Generated columns, as the table would compute them."""
    columns = [(n, c) for n, c in enumerate(home.source.table.columns) if c.generation]
    if columns:
        yield Statement(
            f"compute the generated columns of {home.source.name}",
            sql.SQL(_SQL["compute"]).format(
                changes=joined(sql.SQL("{} = x.{}").format(c.identifier, _numbered("v", n)) for n, c in columns),
                values=joined(
                    sql.SQL("{}.value AS {}").format(_numbered("a", n), _numbered("v", n)) for n, _ in columns
                ),
                names=sql.Literal([c.name for _, c in columns]),
                reasons=_reasons([(n, c.name) for n, c in columns]),
                attempts=joined([
                    sql.SQL(" CROSS JOIN LATERAL {}({}) {}").format(
                        attempts.function(home, "computed", n), home.at("id"), _numbered("a", n)
                    ) for n, _ in columns
                ], ""),
                **_shared(home),
            ),
        )  # fmt: skip


def set_aside(home: Homeward) -> Statement:
    """Where something stands in the way of a row, its archived values go home instead of the edited ones."""
    columns = [rule.column for rule in home.source.rules if rule in placed(home.source)]
    keep = sql.SQL("{0} = CASE WHEN {1} = ANY (b.columns) THEN s.{0} ELSE h.{0} END")
    return Statement(
        f"set edited values of {home.source.name} aside that cannot go home",
        sql.SQL(_SQL["set_aside"]).format(
            aside=sql.Identifier(home.book("aside")),
            old_aside=home.at("aside"),
            edited=home.at("edited"),
            changes=joined([sql.SQL(""), *(keep.format(c.identifier, sql.Literal(c.name)) for c in columns)], ", ")
            if columns
            else sql.SQL(""),
            archived=home.archived.identifier,
            same_archived=home.same_source("s"),
            source=sql.Literal(home.source.number),
            found=FOUND,
            **_shared(home),
        ),
    )


def _taken(home: Homeward, number: int, rule: Rule) -> sql.Composed:
    edited = sql.SQL("{} = ANY ({})").format(sql.Literal(rule.column.name), home.at("edited"))
    new: sql.Composable = sql.SQL("{}.value").format(_numbered("a", number))
    if not may_fail(home, rule):
        new = sql.SQL("{}::{}").format(seen(home.fold.lens, rule), trusted(undomained(rule.column.type)))
    return sql.SQL("CASE WHEN {} THEN {} ELSE {} END AS {}").format(
        edited, new, sql.Identifier("h", rule.column.name), _numbered("v", number)
    )


def _attempt(home: Homeward, number: int, rule: Rule) -> sql.Composed:
    """A LATERAL that calls the inverse for edited values only."""
    return sql.SQL(" LEFT JOIN LATERAL {}({}) {} ON {} = ANY ({})").format(
        attempts.function(home, "back", number),
        home.at("id"),
        _numbered("a", number),
        sql.Literal(rule.column.name),
        home.at("edited"),
    )


def _reasons(columns: list[tuple[int, str]]) -> sql.Composed:
    """Which columns failed and why; one object a column, as a call takes at most 100 arguments."""
    empty = sql.SQL("'{}'::pg_catalog.jsonb")
    parts = [
        sql.SQL(
            "CASE WHEN {0}.failure IS NULL THEN {2} ELSE pg_catalog.jsonb_build_object({1}, {0}.failure) END"
        ).format(_numbered("a", n), sql.SQL("{}::pg_catalog.text").format(sql.Literal(name)), empty)
        for n, name in columns
    ]
    return joined(parts or [empty], " || ")


def _numbered(prefix: str, number: int) -> sql.Identifier:
    return sql.Identifier(f"{prefix}{number}")


def _shared(home: Homeward) -> dict[str, sql.Composable]:
    return {
        "home": home.table,
        "id": home.at("id"),
        "id_alone": sql.Identifier(home.book("id")),
        "fate": home.at("fate"),
        "failures": sql.Identifier(home.book("failures")),
        "old_failures": home.at("failures"),
        "target": home.fold.lens.target.name.identifier,
        "same": home.same_target(),
    }
