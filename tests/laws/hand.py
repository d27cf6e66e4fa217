"""Folding by hand, with a plain INSERT ... SELECT: what a plan refuses must not work that way either."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import psycopg
from psycopg import sql

from pipelines.core.findings import Finding
from pipelines.database.connection import Connection
from tests.laws.consolidations import Source
from tests.laws.mappings import Rule, Values, forward, inverse
from tests.laws.world import World, output

# What is about the rows as a whole, and shows when all of them are inserted into a copy of the target.
_RULES = frozenset({"unique", "not_null", "check", "exclusion", "foreign_key", "length"})
_COLUMNS = frozenset({"read_back", "cannot_convert", "value_map"})
_STATIC = frozenset({"expression"})  # the server itself refuses to read it


def explain_refusal(world: World, findings: Sequence[Finding]) -> None:
    """Every finding must be true.

    Raises:
        AssertionError: a plan cried wolf.
    """
    with closing(world.surroundings.connect("by hand")) as connection:
        for finding in findings:
            if finding.rule in _COLUMNS:
                rules = _rules(world, finding)
                assert any(_fails(connection, source, rule) for source, rule in rules), f"cried wolf: {finding}"
            elif finding.rule in _RULES:
                assert _whole_fails(connection, world), f"cried wolf: {finding}"
            else:
                assert finding.rule in _STATIC, f"refused for another reason: {finding}"


def _rules(world: World, finding: Finding) -> list[tuple[Source, Rule]]:
    """The rules of the column that a finding names."""
    found = [
        (source, rule)
        for source in world.case.sources
        for rule in source.rules
        if finding.object == f"{source.table.name}.{rule.column.name}"
    ]
    assert found, f"about no column of ours: {finding}"
    return found


def _fails(connection: Connection, source: Source, rule: Rule) -> bool:
    """Whether some row cannot be inserted, or is not read back as it was."""
    back = inverse(rule)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("CREATE TEMPORARY TABLE hand (n bigint, {} {})").format(
                rule.to.identifier, _bare(rule)))  # fmt: skip
            rows = sql.SQL("(SELECT row_number() OVER (ORDER BY x.ctid) AS {}, x.* FROM {} x) s").format(
                sql.Identifier("by hand"), source.table.name.identifier
            )
            connection.execute(
                sql.SQL("INSERT INTO hand SELECT s.{}, {} FROM {}").format(sql.Identifier("by hand"), _made(rule), rows)
            )
            query = sql.SQL("SELECT count(*) FROM {} JOIN hand t ON t.n = s.{} WHERE {}").format(
                rows, sql.Identifier("by hand"), _differs(rule, back)
            )
            ((count,),) = connection.execute(query).fetchall()
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError):
        return True
    return bool(count)


def _bare(rule: Rule) -> sql.Composable:
    return sql.SQL("jsonb") if rule.path else rule.to.kind.type_sql


def _made(rule: Rule) -> sql.Composed:
    if not rule.path:
        return forward(rule)
    made: sql.Composed = forward(rule)
    for part in reversed(rule.path):
        made = sql.SQL("jsonb_build_object({}, {})").format(sql.Literal(part), made)
    return made


def _differs(rule: Rule, back: sql.Composed | None) -> sql.Composed:
    source = sql.Identifier("s", rule.column.name)
    tests = [sql.SQL("false")]
    if back is not None:
        tests.append(sql.SQL("{} <> {}").format(output(source), output(back)))  # type: ignore[arg-type]
    if isinstance(rule.how, Values) and rule.how.otherwise == "error":
        named = [given for given, _ in rule.how.pairs if given is not None]
        tests.append(sql.SQL("({} IS NOT NULL AND {}::text <> ALL ({}))").format(source, source, sql.Literal(named)))  # type: ignore[arg-type]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(tests))


def _whole_fails(connection: Connection, world: World) -> bool:
    """Whether inserting every source's rows into the target fails, with the columns that the spec adds."""
    try:
        with connection.transaction(force_rollback=True):
            _prepare(connection, world)
            for source in world.case.sources:
                _insert(connection, world, source)
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except (psycopg.DataError, psycopg.IntegrityError):
        return True
    return False


def _prepare(connection: Connection, world: World) -> None:
    target = world.case.target.name.identifier
    for column in world.case.added:
        connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(target, column.definition()))
    for name in world.case.drop_not_null:
        connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL").format(target, sql.Identifier(name)))


def _insert(connection: Connection, world: World, source: Source) -> None:
    made = {rule.to.name: forward(rule) for rule in source.rules if not rule.path}
    made |= {setting.column.name: setting.value for setting in source.settings}
    names = sql.SQL(", ").join(sql.Identifier(name) for name in made)
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} s").format(
            world.case.target.name.identifier, names, sql.SQL(", ").join(made.values()), source.table.name.identifier
        )
        if made
        else sql.SQL("INSERT INTO {} SELECT FROM {} s").format(
            world.case.target.name.identifier, source.table.name.identifier
        )
    )
