"""The ledger is made once, in the caller's transaction, and nothing that is not pgfold's is taken for it or touched."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipelines.core.errors import LockNotAvailable, Refused
from pipelines.database.connection import Connection
from pipelines.database.ledger import LedgerStanding, check_ledger, ensure_ledger
from pipelines.database.ledger_folds import fold_state, fold_states, load_recorded
from pipelines.database.ledger_reading import ledger_exists
from pipelines.database.ledger_runs import finish_run
from pipelines.database.ledger_tables import METADATA, REVISIONS, VERSION_TABLE
from pipelines.database.ledger_upgrade import alembic_config, borrowed
from pipelines.database.locks import lock_ledger
from pipelines.database.tracking import migrations_of
from tests.databases import Database, Templates
from tests.dump import dump
from tests.fix_ledger import BEGUN, begin_run

AS_DOCUMENTED = """CREATE TABLE schema_migrations (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    migration_name TEXT NOT NULL,
    migration_type TEXT CHECK (migration_type IN ('consolidation', 'schema_change', 'data_migration')),
    status TEXT DEFAULT 'pending' CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'rolled_back')),
    started_at TIMESTAMPTZ DEFAULT now(),
    completed_at TIMESTAMPTZ,
    error_message TEXT,
    backup_location TEXT,
    rollback_script TEXT,
    created_at TIMESTAMPTZ DEFAULT now()
);"""


def test_the_tables_are_those_of_the_metadata(ledger: Connection) -> None:
    with ledger.transaction(), borrowed(ledger) as borrower:
        context = MigrationContext.configure(
            borrower,
            opts={
                "version_table": VERSION_TABLE,
                "version_table_schema": METADATA.schema,
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == METADATA.schema,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, METADATA) == []
        checks = {
            str(name)
            for (name,) in ledger.execute(
                "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'pgfold'::regnamespace"
            )
        }
    named = {str(c.name) for table in METADATA.tables.values() for c in table.constraints if "check" in str(c.name)}
    assert checks == named != set()


def test_the_program_knows_every_revision_and_the_last_is_its_own() -> None:
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    assert tuple(script.revision for script in scripts) == REVISIONS[::-1]


def test_schema_migrations_is_the_documented_table(database: Database, new_database: Callable[..., Database]) -> None:
    theirs = new_database()
    theirs.run(AS_DOCUMENTED)
    with closing(database.connect_as_pgfold()) as connection:
        ensure_ledger(connection, "public")
    database.run("DROP SCHEMA pgfold CASCADE")
    assert dump(database, with_own=True) == dump(theirs, with_own=True)


def test_a_documented_table_that_is_there_is_used_with_its_rows(database: Database) -> None:
    database.run(AS_DOCUMENTED + "INSERT INTO schema_migrations (migration_name) VALUES ('older')")
    with closing(database.connect_as_pgfold()) as connection:
        ensure_ledger(connection, "public")
        (older,) = migrations_of(connection, "public", "older")
    assert older.status == "pending"


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)", "it has column version character varying NOT"),
        ("CREATE TABLE schema_migrations AS SELECT 1 AS id", "it has column id integer"),
        ("CREATE VIEW schema_migrations AS SELECT 1 AS id", "it is not a plain table"),
        (AS_DOCUMENTED + "ALTER TABLE schema_migrations ADD COLUMN note text", "it has column note text"),
        (
            AS_DOCUMENTED + "ALTER TABLE schema_migrations DROP COLUMN error_message",
            "it lacks column error_message text",
        ),
        (AS_DOCUMENTED + "ALTER TABLE schema_migrations ADD UNIQUE (migration_name)", "it has UNIQUE (migration_name)"),
    ],
)
def test_another_programs_table_of_that_name_is_refused_and_left_alone(
    database: Database, statement: str, difference: str
) -> None:
    database.run(statement)
    before = dump(database, with_own=True)
    with closing(database.connect_as_pgfold()) as connection:
        for ask in (check_ledger, ensure_ledger):
            with pytest.raises(Refused) as refusal:
                ask(connection, "public")
            assert difference in str(refusal.value)
            assert "public.schema_migrations" in str(refusal.value)
            assert "TRACKING_SCHEMA=pgfold" in str(refusal.value)
        assert dump(database, with_own=True) == before
        ensure_ledger(connection, "pgfold")  # the remedy
        assert check_ledger(connection, "pgfold") is LedgerStanding.CURRENT


def test_a_tracking_schema_that_is_not_there_is_refused(database: Database) -> None:
    before = dump(database, with_own=True)
    with closing(database.connect_as_pgfold()) as connection, pytest.raises(Refused, match='CREATE SCHEMA "Audit"'):
        ensure_ledger(connection, "Audit")
    assert dump(database, with_own=True) == before


def test_checking_and_ensuring_again_write_nothing(database: Database) -> None:
    with closing(database.connect_as_pgfold()) as connection:
        assert written(connection, check_ledger) is None
        assert check_ledger(connection, "public") is LedgerStanding.MISSING
        assert written(connection, ensure_ledger) is not None
        assert written(connection, ensure_ledger) is None
        assert written(connection, check_ledger) is None
        assert check_ledger(connection, "public") is LedgerStanding.CURRENT


def written(connection: Connection, ask: Callable[[Connection, str], object]) -> object:
    """The transaction's number, which PostgreSQL gives to the first one that writes; None: nothing was written."""
    with connection.transaction():
        ask(connection, "public")
        row = connection.execute("SELECT pg_catalog.pg_current_xact_id_if_assigned()::text").fetchone()
    assert row is not None
    return row[0]


def test_the_callers_rollback_undoes_all_of_it(database: Database) -> None:
    before = dump(database, with_own=True)
    with closing(database.connect_as_pgfold()) as connection:
        with connection.transaction(force_rollback=True):
            ensure_ledger(connection, "public")
            assert ledger_exists(connection)
        assert dump(database, with_own=True) == before
        ensure_ledger(connection, "public")
        assert ledger_exists(connection)


def test_many_processes_may_make_it_at_once(database: Database) -> None:
    together = Barrier(4)

    def ensure() -> LedgerStanding:
        with closing(database.connect_as_pgfold()) as connection:
            together.wait(timeout=30)
            ensure_ledger(connection, "public")
            return check_ledger(connection, "public")

    with ThreadPoolExecutor(4) as pool:
        standings = [future.result() for future in [pool.submit(ensure) for _ in range(4)]]
    assert standings == [LedgerStanding.CURRENT] * 4
    assert database.rows("SELECT version_num FROM pgfold.alembic_version") == [(REVISIONS[-1],)]


def test_a_ledger_that_another_process_keeps_locked_is_not_waited_for_without_end(database: Database) -> None:
    with closing(database.connect_as_pgfold()) as other, closing(database.connect_as_pgfold()) as connection:
        with other.transaction():
            lock_ledger(other)
            with pytest.raises(LockNotAvailable, match=r"schema pgfold .* another process .* 0\.05 s: run again"):
                ensure_ledger(connection, "public", lock_timeout_s=0.05)
        assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_a_newer_programs_ledger_is_refused_and_left_alone(ledger: Connection, database: Database) -> None:
    ledger.execute("UPDATE pgfold.alembic_version SET version_num = '9999'")
    before = dump(database, with_own=True)
    for ask in (check_ledger, ensure_ledger):
        with pytest.raises(Refused, match=r"at revision 9999.*newer pgfold"):
            ask(ledger, "public")
    assert dump(database, with_own=True) == before


def test_a_schema_pgfold_of_somebody_else_is_refused_and_left_alone(database: Database) -> None:
    database.run("CREATE SCHEMA pgfold; CREATE TABLE pgfold.runs (marathon text)")
    before = dump(database, with_own=True)
    with closing(database.connect_as_pgfold()) as connection:
        for ask in (check_ledger, ensure_ledger):
            with pytest.raises(Refused, match=r"schema pgfold holds runs but .* not pgfold's: rename it"):
                ask(connection, "public")
    assert dump(database, with_own=True) == before


def test_an_empty_schema_pgfold_is_used(database: Database) -> None:
    database.run("CREATE SCHEMA pgfold")
    with closing(database.connect_as_pgfold()) as connection:
        ensure_ledger(connection, "public")
        assert check_ledger(connection, "public") is LedgerStanding.CURRENT


@pytest.fixture
def weak_role(database: Database) -> str:
    """A role without any right of its own, on a server that outlives the test."""
    role = f"weak_{database.name}"
    database.run(f"CREATE ROLE {role}")
    return role


def test_a_role_that_may_not_create_a_schema_is_told_the_grant(database: Database, weak_role: str) -> None:
    with closing(database.connect_as_pgfold()) as connection:
        connection.execute(f"SET ROLE {weak_role}".encode())
        with pytest.raises(Refused, match=r"permission denied for database .* GRANT CREATE ON DATABASE"):
            ensure_ledger(connection, "public")


def test_a_role_that_may_not_create_schema_migrations_is_told_the_grant(database: Database, weak_role: str) -> None:
    database.run(f"GRANT CREATE ON DATABASE {database.name} TO {weak_role}")
    with closing(database.connect_as_pgfold()) as connection:
        connection.execute(f"SET ROLE {weak_role}".encode())
        with pytest.raises(Refused, match=r"may not create public\.schema_migrations: .*GRANT USAGE, CREATE ON SCHEMA"):
            ensure_ledger(connection, "public")
        assert not ledger_exists(connection)
        ensure_ledger(connection, "pgfold")
        assert check_ledger(connection, "pgfold") is LedgerStanding.CURRENT


def test_a_role_that_may_not_write_to_schema_migrations_is_told_the_grant(
    ledger: Connection, database: Database, weak_role: str
) -> None:
    database.run(
        f"GRANT USAGE ON SCHEMA pgfold TO {weak_role}; GRANT ALL ON ALL TABLES IN SCHEMA pgfold TO {weak_role}"
    )
    ledger.execute(f"SET ROLE {weak_role}".encode())
    with pytest.raises(Refused, match=r"GRANT SELECT, INSERT, UPDATE ON \"public\"\.\"schema_migrations\" TO"):
        ensure_ledger(ledger, "public")


def test_a_role_that_may_not_read_the_ledger_is_told_the_grant(ledger: Connection, weak_role: str) -> None:
    ledger.execute(f"SET ROLE {weak_role}".encode())
    with pytest.raises(Refused, match=r"permission denied for schema pgfold.*GRANT ALL ON SCHEMA pgfold"):
        check_ledger(ledger, "public")


def test_without_a_ledger_there_are_no_folds(database: Database) -> None:
    with closing(database.connect_as_pgfold()) as connection:
        assert fold_states(connection) == ()
        assert fold_state(connection, "issues").standing == "none"
        assert load_recorded(connection, "issues") is None
        assert migrations_of(connection, "public", "issues") == ()
        assert not ledger_exists(connection)


def test_a_failed_upgrade_reaches_the_caller_as_the_servers_error(database: Database) -> None:
    """The driver's error, not the one that SQLAlchemy wraps it in, so that callers can tell what happened."""
    database.run("CREATE SCHEMA pgfold; CREATE TYPE pgfold.runs AS (marathon text)")
    with closing(database.connect_as_pgfold()) as connection:
        with pytest.raises(psycopg.errors.DuplicateTable):
            ensure_ledger(connection, "public")
        assert not ledger_exists(connection)


def test_every_version_of_the_server_keeps_a_ledger_beside_a_documented_table(
    templates_of_each_version: Templates,
) -> None:
    with templates_of_each_version.clone() as database:
        database.run(AS_DOCUMENTED)
        with closing(database.connect_as_pgfold()) as connection:
            ensure_ledger(connection, "public")
            ensure_ledger(connection, "pgfold")
            assert check_ledger(connection, "public") is check_ledger(connection, "pgfold") is LedgerStanding.CURRENT
            finish_run(connection, begin_run(connection), BEGUN)
            assert [m.status for m in migrations_of(connection, "public", "issues")] == ["completed"]
