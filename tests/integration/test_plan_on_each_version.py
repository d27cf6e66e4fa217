"""A plan on every supported PostgreSQL, with types whose equality lives outside pg_catalog where it has them."""

from __future__ import annotations

import pytest

from pipelines.core.findings import Severity
from pipelines.sample import sample_sql
from tests.databases import Database, Templates
from tests.planning import first_plan, plan_of, told


def test_the_first_users_folds_can_be_planned(templates_of_each_version: Templates) -> None:
    with templates_of_each_version.clone(*sample_sql()) as database:
        for name in ("issues", "files"):
            plan = first_plan(database, name)
            assert told(plan) == []
            assert all(not proof.differing for proof in plan.proofs)


def test_failing_values_are_sifted(templates_of_each_version: Templates) -> None:
    with templates_of_each_version.clone() as database:
        database.run(
            "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE s (id int PRIMARY KEY, a text);"
            " INSERT INTO s VALUES (1, 'x'), (2, '07'), (3, 'x')"
        )
        assert told(plan_of(database, "target: t\nsources:\n  - table: s\n")) == [
            "5: 2 values of a of public.s cannot become integer for public.t.a: 'x' (2)"
            ' (invalid input syntax for type integer: "x")',
            "5: 1 value of a does not read back from public.t.a: '07' becomes '7' (1)",
        ]


def test_a_type_with_an_equality_of_its_own_is_compared_by_it(templates_of_each_version: Templates) -> None:
    with templates_of_each_version.clone() as database:
        need_extension(database, "citext")
        database.run(
            "CREATE TABLE t (id int PRIMARY KEY, c citext UNIQUE); INSERT INTO t VALUES (9, 'Ab');"
            " CREATE TABLE p (c citext PRIMARY KEY); INSERT INTO p VALUES ('ab'), ('x');"
            " ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES p;"
            " CREATE TABLE s (id int PRIMARY KEY, c text); INSERT INTO s VALUES (1, 'aB'), (2, 'x'), (3, 'X')"
        )
        assert told(plan_of(database, "target: t\nsources:\n  - table: s\n")) == [
            "5: 1 row of public.s has the same c as a row of public.t: 'aB' (1)",
            "5: 1 value of c is in several rows of public.s: 'x' (2)",
        ]


def test_an_exclusion_with_an_operator_of_an_extension_is_checked(templates_of_each_version: Templates) -> None:
    with templates_of_each_version.clone() as database:
        need_extension(database, "btree_gist")
        database.run(
            "CREATE TABLE t (id int PRIMARY KEY, room int, r int4range, EXCLUDE USING gist (room WITH =, r WITH &&));"
            " INSERT INTO t VALUES (9, 1, '[1,5)'); CREATE TABLE s (id int PRIMARY KEY, room int, r int4range);"
            " INSERT INTO s VALUES (1, 1, '[4,6)'), (2, 2, '[1,5)'), (3, 2, '[2,3)')"
        )
        assert len(told(plan_of(database, "target: t\nsources:\n  - table: s\n"))) == 2


def test_remembered_statements_that_nobody_may_read_are_no_matter(templates_of_each_version: Templates) -> None:
    with templates_of_each_version.clone() as database:
        need_extension(database, "pg_stat_statements")  # made, but not preloaded: reading it is an error
        database.run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE s (id int PRIMARY KEY)")
        plan = plan_of(database, "target: t\nsources:\n  - table: s\n")
        assert told(plan, Severity.ERROR, Severity.WARNING) == []


def need_extension(database: Database, name: str) -> None:
    """Make it, or skip where this build has none."""
    if database.value(f"SELECT count(*) FROM pg_available_extensions WHERE name = '{name}'") == 0:
        pytest.skip(f"this PostgreSQL has no {name}")
    database.run(f"CREATE EXTENSION {name}")
