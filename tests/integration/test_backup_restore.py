"""Tables come back with everything that belongs to them and is about them, and with no right more than they had."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.core.errors import BackupDamaged, DatabaseError
from pipelines.core.schema import TableName
from pipelines.database.backup_reader import read_entries
from pipelines.database.backup_restore import restore_tables
from pipelines.database.programs import ProgramName, find_program, program_environment
from tests.backups import back_up, restore
from tests.databases import Database, Templates
from tests.dump import dump

SURROUNDINGS = (Path(__file__).parent / "backup_surroundings.sql").read_text(encoding="utf-8")
TICKETS, OWNERS = TableName("app", "Tickets"), TableName("app", "owners")


@pytest.fixture
def app(templates_of_each_version: Templates) -> Iterator[Database]:
    with templates_of_each_version.clone(SURROUNDINGS) as database:
        yield database


def test_dropped_tables_come_back_with_all_that_was_about_them(app: Database, tmp_path: Path) -> None:
    before = dump(app)
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    app.run('DROP TABLE app."Tickets", app.owners CASCADE')
    restore(app, tmp_path / "backup", manifest)
    assert dump(app) == before


def test_a_dropped_schema_comes_back_with_its_types_and_functions(app: Database, tmp_path: Path) -> None:
    before = dump(app)
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    app.run("DROP SCHEMA app, measures CASCADE")
    restore(app, tmp_path / "backup", manifest)
    # FOR TABLES IN SCHEMA is about the schema, and a schema is more than its tables.
    app.run("ALTER PUBLICATION whole_schema ADD TABLES IN SCHEMA app")
    assert dump(app) == before


def test_psql_and_zstd_alone_restore_the_same(app: Database, tmp_path: Path) -> None:
    if shutil.which("zstd") is None:
        pytest.skip("the program zstd is not installed (Debian: apt-get install zstd)")
    before = dump(app)
    back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    app.run('DROP TABLE app."Tickets", app.owners CASCADE')
    psql = find_program(ProgramName.PSQL, 180000)
    ended = subprocess.run(
        [psql.path, "--no-psqlrc", "--quiet", "--file=restore.sql"],
        cwd=tmp_path / "backup", env=program_environment(app.url), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert dump(app) == before


def test_a_copy_binds_nothing_outside_and_takes_no_right(app: Database, tmp_path: Path) -> None:
    before = dump(app)
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    restore(app, tmp_path / "backup", manifest, into="The Copy")
    copied = app.rows(
        "SELECT conname::text, confrelid::regclass::text FROM pg_constraint JOIN pg_class c ON c.oid = conrelid"
        """ WHERE contype = 'f' AND c.relnamespace = '"The Copy"'::regnamespace ORDER BY 1"""
    )
    assert copied == [
        ("Tickets_owner_id_fkey", '"The Copy".owners'),
        ("Tickets_parent_fkey", '"The Copy"."Tickets"'),
    ]
    # Their own sequences, indexes, statistics and defaults went with them; all else is as if they were not there.
    assert app.value("SELECT pg_get_serial_sequence('\"The Copy\".\"Tickets\"', 'id')") == '"The Copy"."Tickets_id_seq"'
    assert app.value('INSERT INTO "The Copy"."Tickets" (external_key) VALUES (1) RETURNING id') == 51
    assert app.value("SELECT count(*) FROM pg_statistic_ext WHERE stxnamespace = '\"The Copy\"'::regnamespace") == 1
    app.run('DROP SCHEMA "The Copy" CASCADE')
    assert dump(app) == before.replace("'app.ticket_numbers', 140", "'app.ticket_numbers', 190")


def test_a_copy_of_one_table_leaves_out_what_would_bind_it_to_the_other(app: Database, tmp_path: Path) -> None:
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    with closing(app.connect_as_pgfold()) as connection:
        restore_tables(connection, tmp_path / "backup", manifest, {TICKETS: TableName("copies", "Tickets again")})
    found = app.rows(
        "SELECT conname::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
        " AND conrelid = 'copies.\"Tickets again\"'::regclass"
    )
    assert found == [("Tickets_parent_fkey", 'copies."Tickets again"')]


def test_one_table_comes_back_between_others_that_stayed(app: Database, tmp_path: Path) -> None:
    before = dump(app)
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    app.run('DROP TABLE app."Tickets" CASCADE')
    with closing(app.connect_as_pgfold()) as connection:
        restore_tables(connection, tmp_path / "backup", manifest, {TICKETS: TICKETS})
    assert dump(app) == before


def test_a_partitioned_table_comes_back_with_its_partitions(app: Database, tmp_path: Path) -> None:
    before = dump(app)
    parted = TableName("other App", "parted")
    manifest = back_up(app, tmp_path / "backup", parted)
    assert manifest.rows == 3
    app.run('DROP TABLE "other App".parted')
    restore(app, tmp_path / "backup", manifest)
    assert dump(app) == before
    restore(app, tmp_path / "backup", manifest, into="copies")
    rows = app.rows("SELECT tableoid::regclass::text, id, ticket_id FROM copies.parted ORDER BY id")
    assert rows == [("copies.part_1", 1, 2), ("copies.part_1", 2, 2), ("copies.part_21", 15, 1)]
    app.run("DROP SCHEMA copies CASCADE")
    assert dump(app) == before


def test_a_table_that_is_there_is_not_touched(app: Database, tmp_path: Path) -> None:
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    app.run("INSERT INTO app.owners (name) VALUES ('Cid')")
    before = dump(app)
    with pytest.raises(DatabaseError, match=r'restore TABLE app\."Tickets": relation "Tickets" already exists'):
        restore(app, tmp_path / "backup", manifest)
    assert dump(app) == before


def test_a_restore_within_a_transaction_is_part_of_it(app: Database, tmp_path: Path) -> None:
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    before = dump(app)
    with closing(app.connect_as_pgfold()) as connection, connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL lock_timeout = '321ms'")
        connection.execute('DROP TABLE app."Tickets", app.owners CASCADE')
        restore_tables(connection, tmp_path / "backup", manifest, {TICKETS: TICKETS, OWNERS: OWNERS})
        settings = connection.execute(
            "SELECT current_setting('lock_timeout'), current_setting('check_function_bodies')"
        )
        assert settings.fetchall() == [("321ms", "on")]
    assert dump(app) == before


def test_rows_that_do_not_come_back_are_not_kept(app: Database, tmp_path: Path) -> None:
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    app.run('DROP TABLE app."Tickets", app.owners CASCADE')
    app.run("CREATE OR REPLACE FUNCTION app.shout(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN lower($1)")
    before = dump(app)
    with pytest.raises(BackupDamaged, match=r'does not give back app\."Tickets".*generated column'):
        restore(app, tmp_path / "backup", manifest)
    assert dump(app) == before


def test_schema_sql_runs_through_the_driver_too(app: Database, tmp_path: Path) -> None:
    manifest = back_up(app, tmp_path / "backup", TICKETS, OWNERS)
    assert len({entry.kind for entry in read_entries(tmp_path / "backup", manifest)}) > 20
    app.run('DROP TABLE app."Tickets", app.owners CASCADE')
    text = (tmp_path / "backup" / "schema.sql").read_text(encoding="utf-8")
    assert "\\restrict" not in text
    with closing(app.connect()) as connection:
        connection.execute("BEGIN")
        # Without rows the children's keys cannot hold.
        connection.execute('TRUNCATE "other App".notes, "other App".parted')
        connection.execute(text.encode())
        assert connection.execute('SELECT count(*) FROM app."Tickets"').fetchall() == [(0,)]
