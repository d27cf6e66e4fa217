"""The proof of the lens on every row, by reading alone: what does not read back is told, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pipelines.core.findings import Severity
from tests.databases import Database
from tests.planning import plan_of, told

KEPT = "target: t\nsources:\n  - table: s\n"
T = "CREATE TABLE t (id int PRIMARY KEY, title text, n int, meta jsonb);"


@dataclass(frozen=True, slots=True)
class Case:
    """Tables with rows, a spec, and the errors of its plan."""

    name: str
    schema: str
    attributes: str
    errors: tuple[str, ...] = ()


def columns(*rules: str, more: str = "") -> str:
    return f"{KEPT}    columns:\n" + "".join(f"      {rule}\n" for rule in rules) + more


LOST = [
    Case(
        "an assignment that rounds",
        "CREATE TABLE t (id int PRIMARY KEY, a numeric(10,2), b int); CREATE TABLE s (id int PRIMARY KEY, a numeric,"
        " b numeric); INSERT INTO s VALUES (1, 1.239, 2.5), (2, 1.20, 3), (3, NULL, NULL)",
        KEPT,
        (
            "5: 1 value of a does not read back from public.t.a: '1.239' becomes '1.24' (1, key 1)",
            "5: 1 value of b does not read back from public.t.b: '2.5' becomes '3' (1, key 1)",
        ),
    ),
    Case(
        "text that does not fit",
        "CREATE TABLE t (id int PRIMARY KEY, a varchar(3)); CREATE TABLE s (id int PRIMARY KEY, a text);"
        " INSERT INTO s VALUES (1, 'abcd'), (2, 'abc'), (3, 'abc  ')",
        KEPT,
        (
            "5: 2 values of a do not read back from public.t.a: 'abc  ' becomes 'abc' (1, key 3),"
            " 'abcd' becomes 'abc' (1, key 1)",
        ),
    ),
    Case(
        "blanks at the end of a char",
        "CREATE TABLE t (id int PRIMARY KEY, a char(5)); CREATE TABLE s (id int PRIMARY KEY, a text);"
        " INSERT INTO s VALUES (1, 'abc'), (2, 'abc  ')",
        KEPT,
        (
            "5: 1 value of a does not read back from public.t.a: 'abc  ' becomes 'abc  '"
            " and comes back as 'abc' (1, key 2)",
        ),
    ),
    Case(
        "a time zone that is lost",
        "CREATE TABLE t (id int PRIMARY KEY, a date); CREATE TABLE s (id int PRIMARY KEY, a timestamp);"
        " INSERT INTO s VALUES (1, '2026-01-01 00:00'), (2, '2026-01-01 10:00')",
        KEPT,
        (
            "5: 1 value of a does not read back from public.t.a: '2026-01-01 10:00:00' becomes '2026-01-01'"
            " and comes back as '2026-01-01 00:00:00' (1, key 2)",
        ),
    ),
    Case(
        "a forward over two columns that is not one-to-one",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a text, b text); INSERT INTO s VALUES (1, 'x', 'yz'), (2, 'xy', 'z')",
        columns("a: {to: title, forward: '{a} || {b}', inverse: 'left({title}, 1)'}", "b: meta.b"),
        (
            "7: 1 value of a does not read back from public.t.title: 'xy' becomes 'xyz'"
            " and comes back as 'x' (1, key 2)",
        ),
    ),
    Case(
        "a composite key, and values counted together",
        "CREATE TABLE t (a int, b text, n int, PRIMARY KEY (a, b)); CREATE TABLE s (a int, b text, n numeric,"
        " PRIMARY KEY (a, b)); INSERT INTO s VALUES (1, 'x', 0.5), (2, 'y z', 0.5), (3, 'x', 1), (1, 'w', 2.5)",
        KEPT,
        (
            "5: 3 values of n do not read back from public.t.n: '0.5' becomes '1' (2, key 1, x),"
            " '2.5' becomes '3' (1, key 1, w)",
        ),
    ),
]

FAILING = [
    Case(
        "values that cannot be converted",
        "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int); CREATE TABLE s (id int PRIMARY KEY, a text, b text,"
        " c text); INSERT INTO s VALUES (1, 'x', 'ok', '5'), (2, '12', 'ok', '07'), (3, NULL, NULL, 'y'),"
        " (4, 'x', '', '1'), (5, '99999999999', '', '1')",
        KEPT,
        (
            "5: 3 values of a of public.s cannot become integer for public.t.a: 'x' (2), '99999999999' (1)"
            ' (invalid input syntax for type integer: "x"; value "99999999999" is out of range for type integer)',
            "5: 1 value of c of public.s cannot become integer for public.t.c: 'y' (1)"
            ' (invalid input syntax for type integer: "y")',
            "5: 1 value of c does not read back from public.t.c: '07' becomes '7' (1)",
        ),
    ),
    Case(
        "an enum",
        "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (id int PRIMARY KEY, a e);"
        " CREATE TABLE s (id int PRIMARY KEY, a text); INSERT INTO s VALUES (1, 'x'), (2, 'a')",
        KEPT,
        (
            "5: 1 value of a of public.s cannot become public.e for public.t.a: 'x' (1)"
            ' (invalid input value for enum public.e: "x")',
        ),
    ),
    Case(
        "a domain",
        "CREATE DOMAIN d AS int CHECK (VALUE > 0) NOT NULL; CREATE TABLE t (id int PRIMARY KEY, a d);"
        " CREATE TABLE s (id int PRIMARY KEY, a int); INSERT INTO s VALUES (1, 0), (2, 1), (3, NULL)",
        KEPT,
        (
            "5: 2 values of a of public.s cannot become public.d for public.t.a: NULL (1), '0' (1)"
            " (domain public.d does not allow null values;"
            ' value for domain public.d violates check constraint "d_check")',
        ),
    ),
    Case(
        "a forward that divides by zero",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a int); INSERT INTO s VALUES (1, 4), (2, 0), (3, 0), (4, 3)",
        columns("a: {to: n, forward: '100 / {a}', inverse: '100 / {n}'}"),
        ("7: 2 values of a of public.s cannot become integer for public.t.n: '0' (2) (division by zero)",),
    ),
    Case(
        "an inverse that divides by zero",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a int); INSERT INTO s VALUES (2, 100), (3, 100)",
        columns("a: {to: n, forward: '100 - {a}', inverse: '100 / {n}'}"),
        (
            "7: 2 values of public.t.n, as mapped from public.s, cannot come back as integer a: '0' (2)"
            " (division by zero)",
        ),
    ),
    Case(
        "a function that raises, in a document",
        f"""{T} CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        'BEGIN IF $1 > 50 THEN RAISE ''no %'', $1; END IF; RETURN $1; END';
        CREATE TABLE s (id int PRIMARY KEY, a int, b text);
        INSERT INTO s VALUES (1, 4, 'q'), (2, 100, 'r'), (3, -7, 'e')""",
        columns("a: {to: meta.a, forward: 'public.f({a})', inverse: \"abs(({meta} ->> 'a')::int)\"}", "b: meta.b"),
        (
            "7: 1 value of a of public.s cannot become jsonb for public.t.meta.a: '100' (1) (no 100)",
            "7: 1 value of a does not read back from public.t.meta.a: '-7' becomes '-7' and comes back as '7' (1)",
        ),
    ),
    Case(
        "what set computes, though nothing reads it back",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a int); INSERT INTO s VALUES (1, 4), (2, 0), (3, NULL)",
        columns("a: meta.a", more="    set: {n: {expression: '1 / {a}'}}\n"),
        (
            "8: 1 value of a of public.s, which set reads, cannot become integer for public.t.n: '0' (1)"
            " (division by zero)",
        ),
    ),
    Case(
        "a lossy column that cannot be computed",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a int); INSERT INTO s VALUES (1, 4), (2, 0)",
        columns("a: {to: n, forward: '1 / {a}', lossy: true}"),
        ("7: 1 value of a of public.s cannot become integer for public.t.n: '0' (1) (division by zero)",),
    ),
    Case(
        "text that JSON cannot carry",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a json); INSERT INTO s VALUES (1, '\"\\u0000\"'), (2, '\"x\"')",
        columns("a: {to: meta.a, forward: '{a}::jsonb', lossy: true}"),
        (
            "7: 1 value of a of public.s cannot become jsonb for public.t.meta.a: '\"\\u0000\"' (1)"
            " (unsupported Unicode escape sequence)",
        ),
    ),
]


@pytest.mark.parametrize("case", [*LOST, *FAILING], ids=lambda case: case.name)
def test_what_is_lost_or_fails_is_told_with_values_and_counts(case: Case, database: Database) -> None:
    database.run(case.schema)
    assert told(plan_of(database, case.attributes)) == list(case.errors)


EXACT = [
    Case(
        "arrays built in plpgsql, composites older than their type",
        """CREATE TYPE c AS (x int); CREATE TABLE t (id int PRIMARY KEY, meta jsonb, b text);
        CREATE TABLE s (id int PRIMARY KEY, a int[], b int[], k c);
        CREATE FUNCTION f() RETURNS int[] LANGUAGE plpgsql AS
        'DECLARE r int[]; BEGIN r[1] := 1; r[3] := 3; RETURN r; END';
        INSERT INTO s VALUES (1, f(), f(), ROW(1)); ALTER TYPE c ADD ATTRIBUTE y int;
        INSERT INTO s VALUES (2, '[2:3]={1,2}', '{}', ROW(1, 2)), (3, '{{1,2},{3,NULL}}', NULL, NULL)""",
        columns("a: meta.a", "k: meta.k"),
    ),
    Case(
        "json as it was written, JSON null, backslashes",
        f"""{T} CREATE TABLE s (id int PRIMARY KEY, j json, b jsonb, c text);
        INSERT INTO s VALUES (1, '{{"b":1,  "a":2, "a":3}}', 'null', '\\u0000'), (2, 'null', '"null"', ''),
            (3, NULL, NULL, NULL), (4, '"\\u0000"', '{{"x": [1.50, null]}}', E'\\r\\n\\t"\\\\')""",
        f"{KEPT}    rest: meta.all\n    columns: {{id: id}}\n",
    ),
    Case(
        "numbers and times at their limits",
        f"""{T} CREATE TABLE s (id int PRIMARY KEY, a numeric, b float8, c float4, d timestamptz, e date, f interval);
        INSERT INTO s VALUES (1, 'NaN', 'NaN', '-0', 'infinity', '0044-03-15 BC', '1 mon'),
            (2, 1.00, -0.0, 'Infinity', '2026-10-25 02:30:00.000001+02', 'infinity', '30 days'),
            (3, '-Infinity', 1e-320, 1.1754944e-38, '-infinity', NULL, '-1 year 2 days -00:00:00.5'),
            (4, 0, '-0', 0, NULL, NULL, NULL);
        ALTER TABLE s ADD g float8[], ADD h float4[]; UPDATE s SET g = '{{1.5,-0}}', h = '{{0,NULL}}' WHERE id < 3;
        UPDATE s SET g = '{{-0}}', h = '{{{{-0,1}},{{-0.5,2}}}}' WHERE id = 3""",
        f"{KEPT}    rest: meta.all\n    columns: {{id: id}}\n",
    ),
    Case(
        "a value map over NULL and a document",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a text, b int); INSERT INTO s VALUES (1, NULL, 1), (2, 'x', NULL)",
        columns("a: {to: title, values: {null: none, x: y}}", "b: {to: meta.b, values: {1: one, null: null}}"),
    ),
    Case(
        "braces, quotes and per cent signs",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a text); INSERT INTO s VALUES (1, '{{x}} %s %(y)s'), (2, NULL)",
        columns("a: {to: title, forward: \"{a} || '{{}} % ''q'''\", inverse: 'left({title}, -10)'}"),
    ),
]


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.name)
def test_a_proof_does_not_cry_wolf(case: Case, database: Database) -> None:
    database.run(case.schema)
    plan = plan_of(database, case.attributes)
    assert told(plan) == []
    assert all(proof.columns and proof.rows and not proof.differing for proof in plan.proofs)


def test_a_stable_function_and_a_locale_do_not_matter(database: Database) -> None:
    database.run(
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a timestamptz);"
        " INSERT INTO s VALUES (1, '2026-01-01 12:00:00.25+00');"
        f" ALTER DATABASE {database.name} SET TimeZone = 'Australia/Lord_Howe';"
        f" ALTER DATABASE {database.name} SET DateStyle = 'German';"
        f" ALTER DATABASE {database.name} SET extra_float_digits = 0"
    )
    assert (
        told(plan_of(database, columns("a: {to: title, forward: '{a}::text', inverse: '{title}::timestamptz'}"))) == []
    )


def test_only_what_can_differ_is_computed(database: Database) -> None:
    database.run(
        "CREATE TABLE t (id int PRIMARY KEY, title text, n bigint);"
        " CREATE TABLE s (id int PRIMARY KEY, name text, n int);"
        " INSERT INTO s VALUES (1, 'a', 1)"
    )
    (proof,) = plan_of(database, columns("name: title")).proofs
    assert (proof.rows, proof.differing, proof.columns) == (1, 0, ("n",))


def test_a_sequence_that_the_target_draws_from_is_not_moved(database: Database) -> None:
    database.run(
        "CREATE TABLE t (id serial PRIMARY KEY, title text, k int GENERATED ALWAYS AS IDENTITY);"
        " CREATE TABLE s (id int PRIMARY KEY, title text); INSERT INTO s VALUES (1, 'a'), (2, 'b')"
    )
    assert told(plan_of(database, f"{KEPT}    key: new\n")) == []
    assert database.rows(
        "SELECT last_value, is_called FROM t_id_seq UNION ALL SELECT last_value, is_called FROM t_k_seq"
    ) == [
        (1, False),
        (1, False),
    ]


def test_an_expression_that_would_write_is_refused_by_the_server(database: Database) -> None:
    database.run(
        f"{T} CREATE TABLE log (x text); CREATE TABLE s (id int PRIMARY KEY, a text); INSERT INTO s VALUES (1, 'a');"
        " CREATE FUNCTION w(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " 'BEGIN PERFORM public.w2($1); RETURN $1; END';"
        " CREATE FUNCTION w2(text) RETURNS void LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO public.log VALUES ($1); END'"
    )
    (message,) = told(plan_of(database, columns("a: {to: title, forward: 'public.w({a})', inverse: '{title}'}")))
    assert message.endswith("(cannot execute INSERT in a read-only transaction)")
    assert database.value("SELECT count(*) FROM log") == 0


def test_what_a_lossy_column_loses_is_counted(database: Database) -> None:
    database.run(
        f"{T} CREATE TABLE s (id int PRIMARY KEY, a text, b text, c text); INSERT INTO s VALUES (1, 'x', 'one', 'p'),"
        " (2, 'y', 'uno', NULL), (3, 'x', 'two', 'q'), (4, NULL, NULL, 'q')"
    )
    plan = plan_of(
        database,
        columns(
            "a: {to: title, forward: \"'other'\", lossy: true}",
            "b: {to: meta.b, values: {one: 1, uno: 1, two: 2}, lossy: true}",
            more="    rest: drop\n",
        ).replace("columns:\n", "columns:\n      id: id\n"),
    )
    assert told(plan) == []
    lost = {
        c.column: (c.place, c.loss.values if c.loss else None, c.loss.becomes if c.loss else None) for c in plan.lossy
    }
    assert lost == {"a": ("title", 2, "other"), "b": ("meta.b", 1, "1"), "c": (None, 2, None)}
    assert len([m for m in told(plan, Severity.NOTE) if "is lossy" in m]) == 3
