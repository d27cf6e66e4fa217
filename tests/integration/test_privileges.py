"""What a role lacks for a fold is named as statements, and running these gives it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest
from psycopg import sql

from pipelines.core.schema import ServerFacts, TableName
from pipelines.database.introspection import read_schema
from tests.databases import Database, Templates

SCRIPT = """
CREATE SCHEMA app;
CREATE TABLE app.parent (id integer PRIMARY KEY);
CREATE TABLE app.source (id integer PRIMARY KEY, parent integer REFERENCES app.parent);
CREATE TABLE public.target (id integer PRIMARY KEY);
CREATE TABLE app.child (id integer, source integer REFERENCES app.source) PARTITION BY LIST (id);
CREATE TABLE app.child_1 PARTITION OF app.child FOR VALUES IN (1);
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""
NAMES = [TableName("app", "source"), TableName("public", "target")]
_numbers = count()


@pytest.fixture
def application(templates_of_each_version: Templates) -> Iterator[Database]:
    """Tables of the superuser's, on each version."""
    with templates_of_each_version.clone(SCRIPT) as made:
        yield made


@pytest.fixture
def role(application: Database) -> Iterator[str]:
    """A role that may nothing yet; roles belong to the server, so it is removed."""
    name = f"Folder {next(_numbers)}"
    execute(application, "CREATE ROLE {}", name)
    yield name
    execute(application, "DROP OWNED BY {} CASCADE", name)
    execute(application, "REVOKE ALL ON PARAMETER session_replication_role FROM {}", name)
    execute(application, "DROP ROLE {}", name)


@pytest.fixture
def owner(application: Database) -> Iterator[str]:
    """A role of no special rights that owns the tables."""
    name = f"owner_{next(_numbers)}"
    execute(application, "CREATE ROLE {}", name)
    for table in ("app.parent", "app.source", "public.target", "app.child", "app.child_1"):
        execute(application, f"ALTER TABLE {table} OWNER TO {{}}", name)
    yield name
    execute(application, "DROP OWNED BY {} CASCADE", name)
    execute(application, "DROP ROLE {}", name)


def execute(database: Database, statement: str, *names: str) -> None:
    with database.connect() as connection:
        text = sql.SQL(statement)  # this file's own text
        connection.execute(text.format(*map(sql.Identifier, names)))


def facts(database: Database, role: str) -> ServerFacts:
    with database.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        return read_schema(connection, NAMES).server


def test_a_superuser_lacks_nothing(application: Database) -> None:
    server = facts(application, "postgres")
    assert server.version >= 150000
    assert (server.role, server.database) == ("postgres", application.name)
    assert (server.is_superuser, server.may_replicate, server.may_create_schema) == (True, True, True)
    assert server.missing_privileges == ()


def test_tables_of_a_superuser_are_handed_over_not_the_superusers_rights(application: Database, role: str) -> None:
    server = facts(application, role)
    assert (server.is_superuser, server.may_replicate, server.may_create_schema) == (False, False, False)
    assert server.missing_privileges == (
        f'GRANT CREATE ON DATABASE {application.name} TO "{role}"',
        f'GRANT USAGE ON SCHEMA app TO "{role}"',
        f'GRANT USAGE ON SCHEMA public TO "{role}"',
        f'GRANT CREATE ON SCHEMA app TO "{role}"',
        f'GRANT CREATE ON SCHEMA public TO "{role}"',
        f'ALTER TABLE app.child OWNER TO "{role}"',
        f'ALTER TABLE app.child_1 OWNER TO "{role}"',
        f'ALTER TABLE app.source OWNER TO "{role}"',
        f'ALTER TABLE public.target OWNER TO "{role}"',
        f'GRANT SELECT, UPDATE, REFERENCES ON TABLE app.parent TO "{role}"',
        f'GRANT SET ON PARAMETER session_replication_role TO "{role}"',
    )


def test_running_what_is_missing_leaves_nothing_missing(application: Database, role: str) -> None:
    give(application, role)
    assert facts(application, role).missing_privileges == ()
    assert facts(application, role).may_replicate


def test_membership_is_asked_of_an_ordinary_owner(application: Database, owner: str, role: str) -> None:
    execute(application, "ALTER ROLE {} NOINHERIT", role)
    execute(application, "REVOKE TRIGGER, SELECT ON app.source FROM {}", owner)
    missing = facts(application, role).missing_privileges
    inherits = facts(application, role).version >= 160000
    assert f'GRANT {owner} TO "{role}"{" WITH INHERIT TRUE" if inherits else ""}' in missing
    assert (f'ALTER ROLE "{role}" INHERIT' in missing) is not inherits
    assert f'GRANT SELECT, TRIGGER ON TABLE app.source TO "{role}"' in missing
    give(application, role)
    assert facts(application, role).missing_privileges == ()


def test_row_security_that_hides_rows_is_named(application: Database, owner: str, role: str) -> None:
    give(application, role)
    execute(application, "ALTER TABLE app.source ENABLE ROW LEVEL SECURITY")
    assert facts(application, role).missing_privileges == ()  # its owner sees every row
    execute(application, "ALTER TABLE app.source FORCE ROW LEVEL SECURITY")
    assert facts(application, role).missing_privileges == (f'ALTER ROLE "{role}" BYPASSRLS',)
    give(application, role)
    assert facts(application, role).missing_privileges == ()


def test_what_is_given_is_enough_for_what_a_fold_does(application: Database, owner: str, role: str) -> None:
    give(application, role)
    with application.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        connection.execute(
            """
            SET session_replication_role = replica;
            CREATE SCHEMA archive;
            SELECT id FROM app.parent FOR KEY SHARE;
            ALTER TABLE public.target ADD COLUMN parent integer REFERENCES app.parent;
            ALTER TABLE app.child DROP CONSTRAINT child_source_fkey,
                ALTER COLUMN source TYPE bigint, ADD FOREIGN KEY (source) REFERENCES public.target;
            ALTER TABLE app.source SET SCHEMA archive;
            CREATE VIEW app.source AS SELECT id FROM public.target;
            DROP VIEW app.source;
            ALTER TABLE archive.source SET SCHEMA app;
            """
        )


def test_a_role_may_replicate_or_is_told_not_to(application: Database, role: str) -> None:
    assert not facts(application, role).may_replicate
    execute(application, "GRANT SET ON PARAMETER session_replication_role TO {}", role)
    assert facts(application, role).may_replicate
    with application.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        read_schema(connection, NAMES)
        assert connection.execute("SHOW session_replication_role").fetchone() == ("origin",)


def give(database: Database, role: str) -> None:
    """Run what is missing, as a superuser would."""
    missing = facts(database, role).missing_privileges
    with database.connect() as connection:
        for statement in missing:
            connection.execute(statement.encode())


def test_what_is_missing_is_refused_without_it(application: Database, role: str) -> None:
    with application.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE public.target ADD COLUMN x integer")
