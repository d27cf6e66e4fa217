"""Everything that reads a table from outside it is found, and nothing that only looks like it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipelines.core.schema import Dependent, DependentKind, TableName
from pipelines.database.dependents import mentions
from pipelines.database.introspection import read_schema
from tests.databases import Database, Templates

ISSUES = TableName("public", "issues")
ODD = TableName("public", 'Odd "One" x')

SCRIPT = """
CREATE TABLE issues (id bigserial PRIMARY KEY, title text, state text, done boolean);
CREATE TABLE "Odd ""One"" x" (id integer);
CREATE TABLE visits (id integer, issue issues, number bigint DEFAULT nextval('issues_id_seq'), issues text);
CREATE SCHEMA other;
CREATE TABLE other.issues (id integer);
CREATE SCHEMA pgfold_issues_public;
CREATE SCHEMA pgfold;

CREATE VIEW open_issues AS SELECT id, title FROM issues WHERE NOT done;
CREATE VIEW on_view AS SELECT title FROM open_issues;
CREATE MATERIALIZED VIEW "Kept" AS SELECT count(*) AS n FROM on_view;
CREATE VIEW of_other AS SELECT id FROM other.issues;
CREATE VIEW pgfold_issues_public.old AS SELECT id FROM issues;
CREATE VIEW on_old AS SELECT id FROM pgfold_issues_public.old;
CREATE RULE copy AS ON INSERT TO visits DO ALSO UPDATE issues SET state = 'seen' WHERE id = new.id;
CREATE RULE own AS ON DELETE TO issues DO ALSO SELECT id FROM issues;

CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(id) FROM issues; END;
CREATE FUNCTION on_atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT atomic(); END;
CREATE VIEW calls_atomic AS SELECT on_atomic() AS n;
CREATE FUNCTION of_row(issues) RETURNS text LANGUAGE sql AS 'SELECT ($1).title';
CREATE FUNCTION all_of_them() RETURNS SETOF issues LANGUAGE sql AS 'SELECT * FROM issues';
CREATE FUNCTION by_text() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM Public.Issues); END';
CREATE FUNCTION of_other_schema() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM other.issues';
CREATE FUNCTION of_longer_name() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT ''open_issues''); END';
CREATE FUNCTION odd() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM "Odd ""One"" x"';
CREATE FUNCTION pgfold.capture() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM FROM public.issues; END';
CREATE FUNCTION own_trigger() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM FROM issues; RETURN NULL; END';
CREATE TRIGGER own AFTER INSERT ON issues EXECUTE FUNCTION own_trigger();
CREATE FUNCTION far_trigger() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE issues SET done = true; RETURN NULL; END';
CREATE TRIGGER far AFTER INSERT ON visits EXECUTE FUNCTION far_trigger();

CREATE POLICY seen ON visits USING (EXISTS (SELECT FROM issues i WHERE i.id = visits.id AND i.done));
CREATE POLICY own ON issues USING (id > (SELECT min(i.id) FROM issues i));
CREATE PUBLICATION shipped FOR TABLE issues (title, id) WHERE (id > 7);
CREATE PUBLICATION everything FOR ALL TABLES;
"""


@pytest.fixture(scope="module")
def readers(templates_of_each_version: Templates) -> Iterator[Database]:
    """A table and its readers on each version, only to be read."""
    with templates_of_each_version.clone(SCRIPT) as made:
        yield made


def dependents_of(database: Database, table: TableName) -> list[Dependent]:
    with database.connect() as connection:
        return list(read_schema(connection, [table, TableName("public", "visits")]).dependents_of([table]))


def test_every_reader_is_found_once_and_with_its_columns(readers: Database) -> None:
    found = [(d.kind.value, d.name, d.columns, str(d.relation or "")) for d in dependents_of(readers, ISSUES)]
    assert found == [
        ("column", "issue of public.visits", (), "public.visits"),
        ("column", "number of public.visits", (), "public.visits"),
        ("function", "public.atomic()", ("id",), ""),
        ("function", "public.of_row(public.issues)", (), ""),
        ("function", "public.on_atomic()", (), ""),
        ("function body", "public.all_of_them()", (), ""),
        ("function body", "public.by_text()", (), ""),
        ("materialized view", 'public."Kept"', (), 'public."Kept"'),
        ("policy", "seen on public.visits", ("done", "id"), "public.visits"),
        ("publication", "shipped", ("id", "title"), ""),
        ("rule", "copy on public.visits", ("id", "state"), "public.visits"),
        ("trigger function", "public.far_trigger()", (), ""),
        ("view", "public.calls_atomic", (), "public.calls_atomic"),
        ("view", "public.on_view", (), "public.on_view"),
        ("view", "public.open_issues", ("done", "id", "title"), "public.open_issues"),
    ]


def test_definitions_are_the_servers_own(readers: Database) -> None:
    found = {dependent.name: dependent.definition for dependent in dependents_of(readers, ISSUES)}
    assert "FROM public.issues\n" in found["public.open_issues"]
    assert found["public.by_text()"].startswith("CREATE OR REPLACE FUNCTION public.by_text()")
    assert found["copy on public.visits"].startswith("CREATE RULE copy AS")
    assert found["number of public.visits"] == "bigint DEFAULT nextval('public.issues_id_seq'::regclass)"
    assert found["seen on public.visits"].startswith("USING (")
    assert "FROM public.issues i" in found["seen on public.visits"]


def test_a_publication_can_be_told_again(readers: Database) -> None:
    [shipped] = [d for d in dependents_of(readers, ISSUES) if d.kind is DependentKind.PUBLICATION]
    with readers.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("ALTER PUBLICATION shipped DROP TABLE issues")
        connection.execute(shipped.definition.encode())
        again = connection.execute("SELECT pubname, attnames, rowfilter FROM pg_publication_tables").fetchall()
    assert ("shipped", ["id", "title"], "(id > 7)") in again


def test_a_quoted_name_is_found_in_a_body(readers: Database) -> None:
    assert [d.name for d in dependents_of(readers, ODD)] == ["public.odd()"]


@pytest.mark.parametrize(
    "body",
    [
        "SELECT * FROM issues",
        "select * from ISSUES;",
        'SELECT * FROM "issues"',
        "SELECT * FROM public.issues",
        'SELECT * FROM "public" . "issues"',
        "SELECT * FROM db.public.issues",
        "INSERT INTO issues(title) VALUES (1)",
        "SELECT issues.title FROM issues",
        "EXECUTE 'DELETE FROM issues'",
        "EXECUTE format('SELECT 1 FROM %I.issues', s)",
        "EXECUTE 'SELECT 1 FROM ' || s || '.issues'",
        "UPDATE other.issues SET a = 1; UPDATE issues SET a = 1",
    ],
)
def test_a_body_names_the_table(body: str) -> None:
    assert mentions(body, ISSUES)


@pytest.mark.parametrize(
    "body",
    [
        "SELECT * FROM other.issues",
        'SELECT * FROM "Public".issues',
        'SELECT * FROM "Issues"',
        "SELECT new.issues",
        "SELECT * FROM open_issues, issues_old, issues2, $issues",
        "SELECT my$issues",
    ],
)
def test_a_body_names_another_thing(body: str) -> None:
    assert not mentions(body, ISSUES)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('SELECT * FROM "Odd ""One"" x"', True),
        ("EXECUTE format('SELECT * FROM %I', 'Odd \"One\" x')", True),
        ('SELECT * FROM public."Odd ""One"" x"', True),
        ('SELECT * FROM "odd ""one"" x"', False),
    ],
)
def test_a_name_that_needs_quotes(body: str, found: bool) -> None:
    assert mentions(body, ODD) is found
