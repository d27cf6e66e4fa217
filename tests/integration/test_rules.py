"""The rows that come against the target's own rules: each violation with its column, its values and their counts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import pytest
from psycopg import sql

from pipelines.core.findings import Severity
from pipelines.core.relations import Relation
from pipelines.core.rules import rule_checks
from pipelines.steps.proving import run_checks
from tests.databases import Database
from tests.planning import plan_of, told

KEPT = "target: t\nsources:\n  - table: s\n"
T = "CREATE TABLE t (id int PRIMARY KEY, title text, n int, meta jsonb);"
S = "CREATE TABLE s (id int PRIMARY KEY, title text);"


@dataclass(frozen=True, slots=True)
class Case:
    """A schema with rows, a spec, and the errors of its plan."""

    name: str
    schema: str
    attributes: str
    errors: tuple[str, ...] = ()


def columns(*rules: str, more: str = "") -> str:
    return f"{KEPT}    columns:\n" + "".join(f"      {rule}\n" for rule in rules) + more


VALUES = [
    Case(
        "NOT NULL",
        f"{T} ALTER TABLE t ALTER title SET NOT NULL; {S} INSERT INTO s VALUES (1, NULL), (2, NULL), (3, 'a')",
        KEPT,
        ("5: 2 rows of public.s have no title, and title of public.t is NOT NULL",),
    ),
    Case(
        "NOT NULL that is dropped",
        f"{T} ALTER TABLE t ALTER title SET NOT NULL; {S} INSERT INTO s VALUES (1, NULL)",
        f"{KEPT}drop_not_null: [title]\n",
    ),
    Case(
        "CHECK",
        f"{T} ALTER TABLE t ADD CHECK (title IN ('a', 'b')), ADD CONSTRAINT two CHECK (n > id) NOT VALID;"
        " CREATE TABLE s (id int PRIMARY KEY, title text, n int);"
        " INSERT INTO s VALUES (1, NULL, 5), (2, 'x', 1), (3, 'a', 2), (4, 'x', 100)",
        KEPT,
        (
            "5: 2 rows of public.s break the CHECK t_title_check of public.t: 'x' (2)",
            "5: 2 rows of public.s break the CHECK two of public.t: n '1' id '2' (1), n '2' id '3' (1)",
        ),
    ),
    Case(
        "CHECK of an added column",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, p text); INSERT INTO s VALUES (1, 'P1'), (2, 'P9'), (3, NULL)",
        f"{KEPT}add_columns: {{p: {{type: text, check: \"p ~ '^P[0-3]$'\"}}}}\n",
        ("5: 1 row of public.s breaks the check of the new column p: 'P9' (1)",),
    ),
    Case(
        "value without counterpart",
        f"{T}{S} INSERT INTO s VALUES (1, 'Sev1'), (2, 'Sev1'), (3, 'Sev1'), (4, 'sev 2'), (5, 'High'), (6, NULL)",
        columns("title: {to: title, values: {High: high}}"),
        ("7: 4 values of title have no counterpart: 'Sev1' (3), 'sev 2' (1)",),
    ),
    Case(
        "value kept that another becomes",
        f"{T}{S} INSERT INTO s VALUES (1, 'high'), (2, 'High'), (3, NULL), (4, 'other')",
        columns("title: {to: title, values: {High: high}, otherwise: keep}"),
        ("7: 1 value of title is kept, though another value becomes the same: 'high' (1)",),
    ),
    Case(
        "too long for a lossy column",
        f"CREATE TABLE t (id int PRIMARY KEY, title varchar(3)); {S}"
        " INSERT INTO s VALUES (1, 'abcd'), (2, 'abc'), (3, 'abc  ')",
        columns("title: {to: title, forward: '{title}', lossy: true}"),
        ("7: 1 value of public.s does not fit in title character varying(3): 'abcd' (1)",),
    ),
    Case(
        "too long a constant",
        f"CREATE TABLE t (id int PRIMARY KEY, title text, k varchar(3)); {S} INSERT INTO s VALUES (1, 'a'), (2, 'b')",
        f"{KEPT}    set: {{k: things}}\n",
        ("6: 2 values of public.s do not fit in k character varying(3): 'things' (2)",),
    ),
    Case(
        "expect_empty",
        f"{T}{S} INSERT INTO s VALUES (1, 'a'), (2, 'b')",
        f"{KEPT}    expect_empty: true\n",
        ("5: 2 rows of public.s are there, and the spec expects none",),
    ),
    Case(
        "awkward names",
        'CREATE TABLE "T {x}" (id int PRIMARY KEY, "a ""b" text, "sel%ect" int CHECK ("sel%ect" > 3));'
        ' CREATE TABLE "S\'s" ("ID" int PRIMARY KEY, "a ""b" text, "sel%ect" int);'
        " INSERT INTO \"S's\" VALUES (1, 'x', 1), (2, 'x', 9)",
        'target: "T {x}"\nsources:\n  - table: "S\'s"\n    columns: {ID: id}\n',
        ('5: 1 row of public."S\'s" breaks the CHECK T {x}_sel%ect_check of public."T {x}": \'1\' (1)',),
    ),
]

KEYS = [
    Case(
        "unique expression in the target and among the rows",
        f"{T} CREATE UNIQUE INDEX u ON t (lower(title)); INSERT INTO t VALUES (10, 'A'); {S}"
        " INSERT INTO s VALUES (1, 'b'), (2, 'a'), (3, 'x'), (4, 'X'), (5, NULL), (6, NULL)",
        KEPT,
        (
            "5: 1 row of public.s has the same lower(title) as a row of public.t: 'a' (1)",
            "5: 1 value of lower(title) is in several rows of public.s: 'x' (2)",
        ),
    ),
    Case(
        "NULLS NOT DISTINCT between sources",
        f"{T} CREATE UNIQUE INDEX u ON t (title) NULLS NOT DISTINCT; {S}"
        " CREATE TABLE s2 (id int PRIMARY KEY, title text);"
        " INSERT INTO s VALUES (1, 'b'), (2, NULL); INSERT INTO s2 VALUES (3, 'b'), (4, NULL)",
        f"{KEPT}  - table: s2\n",
        ("6: 2 values of title are in several rows of public.s, public.s2: 'b' (2), NULL (2)",),
    ),
    Case(
        "NULLS NOT DISTINCT in the target",
        f"{T} CREATE UNIQUE INDEX u ON t (title, n) NULLS NOT DISTINCT; INSERT INTO t VALUES (10, 'a'); {S}"
        " INSERT INTO s VALUES (1, 'a')",
        KEPT,
        ("5: 1 row of public.s has the same title, n as a row of public.t: title 'a' n NULL (1)",),
    ),
    Case(
        "predicate",
        f"{T} CREATE UNIQUE INDEX u ON t (title) WHERE id > 10; INSERT INTO t VALUES (11, 'a'), (5, 'b'); {S}"
        " INSERT INTO s VALUES (20, 'a'), (21, 'b'), (1, 'c'), (2, 'c'), (22, 'd'), (23, 'd')",
        KEPT,
        (
            "5: 1 row of public.s has the same title as a row of public.t: 'a' (1)",
            "5: 1 value of title is in several rows of public.s: 'd' (2)",
        ),
    ),
    Case(
        "a kept key that the target has",
        f"{T} INSERT INTO t VALUES (1), (2); {S} INSERT INTO s VALUES (1), (3)",
        KEPT,
        ("5: 1 row of public.s has the same id as a row of public.t: '1' (1)",),
    ),
    Case(
        "a new key meets nobody",
        "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, title text); INSERT INTO t VALUES (1);"
        f" {S} INSERT INTO s VALUES (1), (3)",
        f"{KEPT}    key: new\n",
    ),
    Case(
        "a value in a document",
        "CREATE TABLE t (id int PRIMARY KEY, j jsonb); CREATE UNIQUE INDEX u ON t ((j ->> 'a')) WHERE j ? 'a';"
        ' INSERT INTO t VALUES (9, \'{"a": "x"}\'); CREATE TABLE s (id int PRIMARY KEY, a text, b text);'
        " INSERT INTO s VALUES (1, 'x'), (2, 'y')",
        columns("a: j.a", "b: j.b"),
        ("5: 1 row of public.s has the same ((j ->> 'a'::text)) as a row of public.t: 'x' (1)",),
    ),
    Case(
        "collations that differ",
        "CREATE TABLE t (id int PRIMARY KEY, c text COLLATE \"C\" UNIQUE); INSERT INTO t VALUES (9, 'A');"
        ' CREATE TABLE s (id int PRIMARY KEY, c text COLLATE "POSIX"); CREATE TABLE s2 (id int PRIMARY KEY, c varchar);'
        " INSERT INTO s VALUES (1, 'A'), (2, 'x'); INSERT INTO s2 VALUES (3, 'x')",
        f"{KEPT}  - table: s2\n",
        (
            "5: 1 row of public.s has the same c as a row of public.t: 'A' (1)",
            "6: 1 value of c is in several rows of public.s, public.s2: 'x' (2)",
        ),
    ),
    Case(
        "exclusion",
        "CREATE TABLE t (id int PRIMARY KEY, r int4range, EXCLUDE USING gist (r WITH &&));"
        " INSERT INTO t VALUES (100, '[1,5)'); CREATE TABLE s (id int PRIMARY KEY, r int4range);"
        " INSERT INTO s VALUES (1, '[3,4)'), (2, '[10,20)'), (3, '[15,16)'), (4, '[30,31)'), (5, NULL), (6, NULL)",
        KEPT,
        (
            "5: 1 row of public.s conflicts with rows of public.t by the exclusion t_r_excl: '[3,4)' (1)",
            "5: 2 rows of public.s conflict with another by the exclusion t_r_excl: '[10,20)' (1), '[15,16)' (1)",
        ),
    ),
    Case(
        "exclusion with an equality and a predicate",
        "CREATE TABLE t (id int PRIMARY KEY, k int4range, r int4range,"
        " EXCLUDE USING gist (k WITH =, r WITH &&) WHERE (NOT isempty(k)));"
        " INSERT INTO t VALUES (100, '[1,2)', '[1,5)'); CREATE TABLE s (id int PRIMARY KEY, k int4range, r int4range);"
        " INSERT INTO s VALUES (1, '[2,3)', '[3,4)'), (2, '[1,2)', '[4,20)'),"
        " (3, 'empty', '[1,2)'), (4, 'empty', '[1,2)')",
        KEPT,
        ("5: 1 row of public.s conflicts with rows of public.t by the exclusion t_k_r_excl: k '[1,2)' r '[4,20)' (1)",),
    ),
    Case(
        "a key WITHOUT OVERLAPS",
        "CREATE TABLE t (id int PRIMARY KEY, k int4range, p daterange, UNIQUE (k, p WITHOUT OVERLAPS));"
        " INSERT INTO t VALUES (9, '[1,2)', '[2026-01-01,2026-02-01)');"
        " CREATE TABLE s (id int PRIMARY KEY, k int4range, p daterange);"
        " INSERT INTO s VALUES (1, '[1,2)', '[2026-01-31,2026-03-01)'), (2, '[2,3)', '[2026-01-31,2026-03-01)')",
        KEPT,
        (
            "5: 1 row of public.s conflicts with rows of public.t by the exclusion t_k_p_key:"
            " k '[1,2)' p '[2026-01-31,2026-03-01)' (1)",
        ),
    ),
]

REFERENCES = [
    Case(
        "foreign key of the target",
        f"{T} CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (7);"
        " ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES p;"
        " CREATE TABLE s (id int PRIMARY KEY, n int); INSERT INTO s VALUES (1, 7), (2, 8), (3, 8), (4, NULL)",
        KEPT,
        ("5: 2 values of n of public.s have no row in public.p (foreign key t_n_fkey): '8' (2)",),
    ),
    Case(
        "foreign key to the target itself finds rows that come too",
        f"{T} ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES t; INSERT INTO t VALUES (50);"
        " CREATE TABLE s (id int PRIMARY KEY, n int); INSERT INTO s VALUES (1, 2), (2, 50), (3, 8)",
        KEPT,
        ("5: 1 value of n of public.s has no row in public.t (foreign key t_n_fkey): '8' (1)",),
    ),
    Case(
        "MATCH FULL",
        "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE t (id int PRIMARY KEY, a int, b int,"
        " FOREIGN KEY (a, b) REFERENCES p MATCH FULL); CREATE TABLE s (id int PRIMARY KEY, a int, b int);"
        " INSERT INTO s VALUES (1, 1, NULL), (2, NULL, NULL)",
        KEPT,
        ("5: 1 value of a, b of public.s has no row in public.p (foreign key t_a_b_fkey): a '1' b NULL (1)",),
    ),
    Case(
        "a key that comes with a source must hold for the target's own rows",
        f"{T} CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (7); INSERT INTO t VALUES (90, 'x', 3);"
        " CREATE TABLE s (id int PRIMARY KEY, n int REFERENCES p); INSERT INTO s VALUES (1, 7)",
        KEPT,
        ("3: 1 value of n of public.t has no row in public.p (foreign key s_n_fkey): '3' (1)",),
    ),
    Case(
        "a key that comes with a source and cannot be made",
        "CREATE TABLE t (id int PRIMARY KEY, n text); CREATE TABLE p (id int PRIMARY KEY);"
        " CREATE TABLE s (id int PRIMARY KEY, n int REFERENCES p);"
        " INSERT INTO p VALUES (7); INSERT INTO s VALUES (1, 7)",
        KEPT,
        (
            "3: the rule foreign_key of public.t.s_n_fkey cannot be checked: operator does not exist: text = integer",
            "5: the rule foreign_key of public.t.s_n_fkey cannot be checked: operator does not exist: text = integer",
        ),
    ),
    Case(
        "a skipped row with children",
        f"{T} CREATE UNIQUE INDEX u ON t (title); INSERT INTO t VALUES (1, 'A'); {S}"
        " INSERT INTO s VALUES (1, 'b'), (2, 'A'), (3, 'x'), (4, 'x');"
        " CREATE TABLE c (s_id int REFERENCES s); INSERT INTO c VALUES (1), (4), (3)",
        f"{KEPT}    on_conflict: skip\n",
        (
            "5: 1 row of public.s stays behind, and public.c references them: '1' (1)",
            "5: 1 row of public.s stays behind, and public.c references them: '4' (1)",
        ),
    ),
    Case(
        "a skipped row that another row of its source references",
        "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text UNIQUE, up uuid REFERENCES t);"
        " CREATE TABLE s (no bigint PRIMARY KEY, code text, up bigint REFERENCES s); INSERT INTO t (code) VALUES ('a');"
        " INSERT INTO s VALUES (1, 'a', NULL), (2, 'b', 1), (3, 'c', 2)",
        f"{KEPT}    key: new\n    on_conflict: skip\n    columns:\n      up: up\n",
        ("9: 1 row of public.s stays behind, and public.s references them: '1' (1)",),
    ),
    Case(
        "a skipped row that a row of another source references",
        "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text UNIQUE, up uuid);"
        " CREATE TABLE s (no bigint PRIMARY KEY, code text); INSERT INTO t (code) VALUES ('a');"
        " CREATE TABLE r (no bigint PRIMARY KEY, code text, up bigint REFERENCES s);"
        " INSERT INTO s VALUES (1, 'a'), (2, 'b'); INSERT INTO r VALUES (1, 'c', 1), (2, 'd', 2)",
        f"{KEPT}    key: new\n    on_conflict: skip\n  - {{table: r, key: new}}\n",
        ("8: 1 row of public.s stays behind, and public.r references them: '1' (1)",),
    ),
]

ALL = [*VALUES, *KEYS, *REFERENCES]


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_a_rule_of_the_target_that_rows_would_break_is_told_with_values_and_counts(
    case: Case, database: Database
) -> None:
    database.run(case.schema)
    assert told(plan_of(database, case.attributes)) == list(case.errors)


def test_rows_that_are_skipped_are_counted_and_refuse_nothing(database: Database) -> None:
    database.run(
        f"{T} CREATE UNIQUE INDEX u ON t (title); INSERT INTO t VALUES (10, 'A'); {S}"
        " CREATE TABLE s2 (id int PRIMARY KEY, title text);"
        " INSERT INTO s VALUES (1, 'b'), (2, 'A'), (3, 'x'), (4, 'x'); INSERT INTO s2 VALUES (5, 'b'), (6, 'c')"
    )
    skipping = "target: t\nsources:\n  - {table: s, on_conflict: skip}\n  - {table: s2, on_conflict: skip}\n"
    plan = plan_of(database, skipping)
    assert told(plan) == []
    assert [m for m in told(plan, Severity.NOTE) if "behind" in m] == [
        "5: 1 row of public.s stays behind: a row of public.t has the same title: 'A' (1)",
        "6: 2 rows stay behind: an earlier row has the same title: 'b' (1), 'x' (1)",
    ]


def test_an_earlier_skipping_source_wins_over_a_later_one_that_does_not_skip(database: Database) -> None:
    database.run(
        f"{T}{S} CREATE TABLE s2 (id int PRIMARY KEY, title text); INSERT INTO s VALUES (1); INSERT INTO s2 VALUES (1)"
    )
    later_skips = "target: t\nsources:\n  - table: s\n  - {table: s2, on_conflict: skip}\n"
    assert told(plan_of(database, later_skips)) == []
    earlier_skips = "target: t\nsources:\n  - {table: s, on_conflict: skip}\n  - table: s2\n"
    assert told(plan_of(database, earlier_skips)) == [
        "6: 1 value of id is in several rows of public.s, public.s2: '1' (2)"
    ]


def test_more_than_twenty_values_are_counted_and_the_most_frequent_named(database: Database) -> None:
    database.run(
        f"{T}{S} INSERT INTO s SELECT g, 'v' || g FROM generate_series(1, 30) g;"
        " INSERT INTO s SELECT 100 + g, 'often' FROM generate_series(1, 3) g"
    )
    (message,) = told(plan_of(database, columns("title: {to: title, values: {a: b}}")))
    assert message.startswith("7: 33 values of title have no counterpart: 'often' (3), 'v1' (1), ")
    assert message.endswith(" (1), and 11 more")


def test_an_orphan_that_stays_one_is_a_warning(database: Database) -> None:
    database.run(f"{T}{S} CREATE TABLE c (owner int); INSERT INTO c VALUES (8)")
    plan = plan_of(database, f"{KEPT}foreign_keys:\n  - {{table: c, columns: [owner], references: s}}\n")
    assert told(plan) == []
    assert "7: 1 value of owner of public.c has no row in public.s: '8' (1)" in told(plan, Severity.WARNING)


def test_the_same_checks_ask_rows_that_are_staged(database: Database) -> None:
    """What a plan cannot know, a generated column or a new key, is asked of the staged rows."""
    database.run(
        "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int,"
        " g int GENERATED ALWAYS AS (a * 2) STORED UNIQUE CHECK (g < 10)); INSERT INTO t (a) VALUES (1);"
        " CREATE TABLE s (id int PRIMARY KEY, a int); INSERT INTO s VALUES (1, 1), (2, 7);"
        " CREATE TABLE staged (LIKE t INCLUDING GENERATED); INSERT INTO staged (id, a) VALUES (1, 1), (2, 7)"
    )
    plan = plan_of(database, f"{KEPT}    key: new\n")
    assert told(plan) == []
    assert plan.fold is not None
    known = frozenset({"id", "a", "g"})
    staged = {1: Relation(sql.Identifier("public", "staged"), known)}
    checks = rule_checks(plan.fold, staged, Relation(sql.Identifier("public", "t"), known))
    with closing(database.connect_as_pgfold()) as connection:
        assert [finding.message for finding in run_checks(connection, checks)] == [
            "1 row of public.s breaks the CHECK t_g_check of public.t: '14' (1)",
            "1 row of public.s has the same g as a row of public.t: '2' (1)",
            "1 row of public.s has the same id as a row of public.t: '1' (1)",
        ]
